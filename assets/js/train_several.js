/* Train: several at once. Studies of a project: what to find out and its form, the list of those there are, and one that is looked at, followed
   while it works. What a kind asks for and shows stands in its own script (Hone.studyKind in studies.js). */
"use strict";
(() => {
  const { fill, button } = Hone;
  const SHOWN = "several.study", KIND = "several.kind"; // in the browser's store

  Hone.part("train", "several", {
    title: () => t("Several at once"),
    place: 4,
    when: (state) => !(state.draft && state.draft.needs),
    make(host, ctx) {
      const me = { ctx, host, studies: null, view: null, forms: new Map() };
      me.poll = ctx.poll(() => tick(me), 2);
      Hone.bus.on("data", () => { me.forms.clear(); if (me.desk) drawKind(me); });
      return { shown: () => { me.asleep = false; me.poll.now(); if (me.desk) refreshForm(me); }, hidden: () => { me.asleep = true; } };
    },
  });

  const known = (one) => Hone.studyKinds().some((kind) => kind.name === one.kind);

  /* One look: the study that is open, else the list. Gives the seconds until the next. */
  async function tick(me) {
    if (me.asleep || !me.host.offsetParent) return 3;
    const wanted = Hone.store.get(SHOWN);
    try {
      if (wanted) return await follow(me, wanted);
      if (!me.desk) desk(me);
      const told = await me.ctx.call("several", {});
      me.studies = told.studies.filter(known);
      drawList(me);
      return me.studies.some((one) => one.state === "open" || one.state === "stopping") ? 2 : 6;
    } catch (error) {
      if (error.kind === "Missing" && wanted) { show(me, null); return 1; } // deleted in another window
      if (!error.offline && !me.desk && !me.view) fill(me.host, Hone.notice({ error, actions: [button(t("Try again"), () => me.poll.now(), { small: true })] }));
      throw error;
    }
  }

  function show(me, id) {
    Hone.store.set(SHOWN, id);
    me.desk = me.view = null;
    fill(me.host);
    me.poll.now();
    window.scrollTo(0, 0);
  }

  /* ---------- what to find out, and what there is ---------- */

  function desk(me) {
    me.view = null;
    me.form = h("div");
    me.list = h("div");
    me.listed = "";
    me.desk = h("div.stack", Hone.head({ title: t("Several at once"), sentence: t("A group of trainings that answers one question. They run one after another on the server; you may close this page.") }), me.form, me.list);
    fill(me.host, me.desk);
    drawKind(me);
  }

  function drawKind(me) {
    const kinds = Hone.studyKinds().filter((kind) => kind.form);
    const kind = kinds.find((one) => one.name === Hone.store.get(KIND)) || kinds[0];
    const choice = kinds.length > 1 ? Hone.choice({ label: t("What to find out"), value: kind.name, options: kinds.map((one) => ({ value: one.name, title: one.title() })), onchange: (name) => { Hone.store.set(KIND, name); drawKind(me); } }) : null;
    if (!me.forms.has(kind.name)) {
      const host = h("div.sv-form");
      me.forms.set(kind.name, { host, form: kind.form(host, { ctx: me.ctx, started: (id) => { Hone.bus.emit("runs"); show(me, id); } }) });
    }
    me.kind = kind.name;
    fill(me.form, h("section.card.sv-ask", choice, h("p.sv-what", kind.sentence()), me.forms.get(kind.name).host));
  }

  function refreshForm(me) {
    const entry = me.forms.get(me.kind);
    if (entry && entry.form && entry.form.refresh) entry.form.refresh();
  }

  function drawList(me) {
    const shown = JSON.stringify(me.studies);
    if (me.listed === shown) return;
    me.listed = shown;
    if (!me.studies.length) return fill(me.list);
    fill(me.list, Hone.card({
      id: "several-list",
      title: t("Begun so far"),
      body: Hone.table({
        rows: me.studies,
        caption: t("Begun so far"),
        onrow: (one) => show(me, one.id),
        columns: [
          { title: t("Name"), cell: (one) => h("span", h("b", one.name), h("span.when", " · " + one.title), one.best ? h("small.sv-best", t("best so far: {way}", { way: one.best.label })) : null) },
          { title: t("State"), cell: (one) => h("span.sv-state", { class: one.state }, state(one)) },
          { title: t("done"), class: "r nop", cell: (one) => (one.planned ? t("{n} of {m}", { n: one.done, m: one.planned }) : String(one.done)) },
          { title: t("time left"), class: "r nop", cell: (one) => (one.seconds_left ? t("about {t}", { t: Hone.fmt.duration(one.seconds_left) }) : "–") },
        ],
      }),
    }));
  }

  const state = (one) => {
    const words = {
      open: () => (one.at_work ? t("at work: {way}", { way: one.at_work }) : t("begins")), paused: () => t("paused"), stopping: () => t("ends after this one"),
      stopped: () => (one.failure ? t("could not go on") : t("stopped")), over: () => t("finished"),
    };
    return words[one.state]();
  };

  /* ---------- one study ---------- */

  async function follow(me, id) {
    if (!me.view || me.view.id !== id) {
      me.desk = null;
      me.view = { id, stamp: "" };
    }
    const view = me.view;
    const told = await me.ctx.call("several_look", { study: id, stamp: view.stamp });
    if (me.view !== view) return 1;
    view.stamp = told.stamp;
    if (told.study) drawStudy(me, view, told);
    return view.told && ["open", "stopping"].includes(view.told.study.state) ? 2 : 5;
  }

  function drawStudy(me, view, told) {
    const before = view.told;
    view.told = told;
    const kind = Hone.studyKinds().find((one) => one.name === told.study.kind);
    if (!view.parts) {
      view.parts = { head: h("div"), notice: h("div.sv-notice"), live: h("div"), result: h("div.stack") };
      fill(me.host, h("div.stack", h("div", button("‹ " + t("All studies"), () => show(me, null), { link: true, "data-key": "back" })), view.parts.head, view.parts.notice, view.parts.live, view.parts.result));
      view.result = kind && kind.result(view.parts.result, { ctx: me.ctx, study: view.id, openRun, useRun: (run) => useRun(me, view, run), takeRun, again: () => me.poll.now() });
    }
    drawHead(me, view);
    if (view.result) view.result.update(told);
    if (before && before.study.done !== told.study.done) Hone.bus.emit("runs");
  }

  function drawHead(me, view) {
    const { study } = view.told, { head, notice, live } = view.parts;
    const act = (word) => me.ctx.call("several_control", { study: view.id, word }).then(() => { view.stamp = ""; return me.poll.now(); });
    const actions = [];
    if (study.state === "open" || study.state === "paused") actions.push(button(t("Stop"), () => stop(study, act), {}));
    if (study.state === "stopped" || study.state === "paused") actions.push(button(t("Continue"), () => act("continue"), { primary: true }));
    if (study.state === "stopping") actions.push(button(t("Discard what is at work"), () => act("discard"), {}));
    const more = button("⋯", () => Hone.menu(more, [
      { title: t("Rename"), onpick: () => rename(me, view) },
      "-",
      { title: t("Delete"), danger: true, onpick: () => remove(me, view, act) },
    ]), { "aria-label": t("More about {name}", { name: study.name }), "aria-haspopup": "menu" });
    const facts = [study.title, study.about.base, t.plural(study.texts || 0, "{n} text to learn from", "{n:,} texts to learn from")].filter(Boolean).join(" · ");
    fill(head, Hone.head({ title: study.name, sentence: facts, actions: [...actions, more] }));
    fill(notice, study.failure ? Hone.notice({ tone: "bad", title: t("It could not go on."), body: study.failure.message, actions: [button(t("Try again"), () => act("continue"), { small: true })] })
      : study.state === "paused" ? Hone.notice({ tone: "warn", title: t("The training at work is paused, so the others wait."), actions: [button(t("Resume"), () => act("continue"), { small: true })] }) : null);
    if (study.state === "open" || study.state === "stopping" || study.state === "paused") {
      if (!view.progress) { view.progress = Hone.progress({}); fill(live, h("section.card", view.progress)); }
      const text = [state(study), study.planned ? t("{n} of {m} done", { n: study.done, m: study.planned }) : null].filter(Boolean).join(" · ");
      view.progress.update({ done: Math.round(1000 * (study.share || 0)), total: study.planned ? 1000 : 0, text, seconds_left: study.seconds_left });
    } else { view.progress = null; fill(live); }
  }

  async function stop(study, act) {
    if (!study.at_work) return act("stop");
    const discard = h("label.sv-tick", h("input", { type: "checkbox" }), h("span", t("Discard “{way}”, which is at work now", { way: study.at_work })));
    const yes = await Hone.ask({ title: t("Stop {name}?", { name: study.name }), body: h("div.stack", h("p", t("No further training begins; what is at work goes to its end. You can continue later.")), discard), yes: t("Stop") });
    return yes ? act(discard.querySelector("input").checked ? "discard" : "stop") : null;
  }

  async function rename(me, view) {
    const name = await Hone.ask({ title: t("Rename this study"), input: t("Name"), value: view.told.study.name, yes: t("Rename") });
    if (name) await me.ctx.call("several_rename", { study: view.id, name }).then(() => { view.stamp = ""; return me.poll.now(); }).catch(Hone.toast);
  }

  async function remove(me, view, act) {
    const { study } = view.told;
    if (study.state !== "over" && study.state !== "stopped") return Hone.toast(t("Stop it first; then it can be deleted."), { action: { title: t("Stop"), onpick: () => act("discard") } });
    const options = [{ value: "worse", title: t("and its runs, but keep the best one") }, { value: "all", title: t("and all its runs") }, { value: "none", title: t("and keep all its runs") }];
    let runs = "worse";
    const yes = await Hone.ask({ title: t("Delete {name}?", { name: study.name }), body: h("div.stack", h("p", t("Its table and its curves are removed. This cannot be undone.")), Hone.select({ label: t("What becomes of its runs"), options, value: runs, onchange: (v) => { runs = v; } })), yes: t("Delete"), danger: true });
    if (!yes) return null;
    return me.ctx.call("several_delete", { study: view.id, runs }).then(() => { Hone.bus.emit("runs"); show(me, null); }).catch(Hone.toast);
  }

  /* ---------- what can be done with one of its runs ---------- */

  function openRun(run) {
    Hone.store.set("run:started", run);
    Hone.goPart("train", "one");
  }

  async function useRun(me, view, run) {
    await me.ctx.call("several_use", { study: view.id, run });
    Hone.bus.emit("settings");
    Hone.toast(t("These settings are on the Settings tab now."), { action: { title: t("Go to Settings"), onpick: () => Hone.go("settings") } });
  }

  function takeRun(run) {
    Hone.store.set("playground.run", run);
    Hone.bus.emit("runs");
    Hone.takeAway();
  }

  Hone.openStudy = (id) => { Hone.store.set(SHOWN, id); Hone.goPart("train", "several"); };
})();
