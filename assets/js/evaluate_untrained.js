/* Without training: the part of Evaluate where texts are answered by descriptions, similar texts or a prompt, and stand beside the runs.
   Here are the frame, the choice of the way and what is kept; labels, prompts and the table are files of their own (Hone.untrained). */
"use strict";
(() => {
  const KEEP_AFTER = 350; // milliseconds without typing before it is sent
  const TYPED = "untrained.typed"; // in the browser's store until the server has it
  const parts = (Hone.untrained = Hone.untrained || {});

  Hone.part("evaluate", "untrained", {
    title: () => t("Without training"),
    place: 7,
    when: (state) => state.untrained,
    make(host, ctx) {
      const me = { ctx, host, call: (name, args) => ctx.call(name, args), stale: true };
      me.set = (name, value) => set(me, name, value);
      me.reload = () => load(me);
      for (const what of ["project", "data", "labels", "runs"]) Hone.bus.on(what, () => { me.stale = true; if (host.offsetParent) load(me); });
      return { shown: () => (me.stale || !me.told ? load(me) : me.table && me.table.shown()), hidden: () => me.table && me.table.hidden() };
    },
  });

  async function load(me) {
    const asked = (me.asked = {});
    try {
      const told = await me.call("untrained");
      if (asked !== me.asked) return undefined;
      me.stale = false;
      me.told = told;
      if (told.why) return nothing(me);
      me.values = { ...told.values, ...Hone.store.get(TYPED) };
      me.problems = {};
      draw(me);
      return keep(me);
    } catch (error) {
      if (asked === me.asked) Hone.fill(me.host, Hone.notice({ error, actions: [Hone.button(t("Try again"), () => load(me), { small: true })] }));
      return undefined;
    }
  }

  const head = (actions) => Hone.head({ title: t("How far without training?"), sentence: t("A description of each label, a few similar texts or a prompt may be enough. Scored on the same test texts as every run."), actions });

  function nothing(me) {
    const { counts } = me.told;
    const empty = !counts.unlabelled && !counts.train && !counts.test;
    const way = empty ? Hone.button(t("Add your texts"), () => Hone.go("data"), { primary: true }) : Hone.button(t("Go to labelling"), () => Hone.goPart("label", "one"), { primary: true });
    Hone.fill(me.host, head([way]), Hone.empty({ title: me.told.why, body: t("With two names, texts can be sorted by them at once: no text has to be labelled for that.") }));
  }

  /* ---------- the page ---------- */

  function draw(me) {
    me.live = { head: h("div"), trouble: h("div.un-trouble", { "aria-live": "polite" }), ways: h("div.un-ways", { role: "radiogroup", "aria-label": t("Way") }), columns: h("div.un-columns"), table: h("div") };
    me.table = parts.table(me, me.live.table);
    Hone.fill(me.host, h("div.un.h-form.stack", me.live.head, me.live.trouble, me.live.ways, me.live.columns, me.live.table));
    drawHead(me);
    drawWays(me);
    drawWay(me);
    me.table.shown();
  }

  function drawHead(me) {
    const { split, rows } = me.values;
    const there = me.told.counts[split] || 0;
    const n = Math.min(there, Number(rows) > 0 ? Number(rows) : there);
    const title = split === "test" ? t.plural(n, "Ask {n} test text", "Ask {n:,} test texts") : split === "validation" ? t.plural(n, "Ask {n} validation text", "Ask {n:,} validation texts") : t.plural(n, "Ask {n} text without a label", "Ask {n:,} texts without a label");
    Hone.fill(me.live.head, head([parts.recipes(me), Hone.button(title, () => start(me), { primary: true, "data-key": "un-start" })]));
  }

  function drawWays(me) {
    Hone.fill(me.live.ways, me.told.ways.map((way) => {
      const chosen = way.name === me.values.way;
      const input = h("input", { type: "radio", name: "un-way", id: "un-way-" + way.name, checked: chosen, disabled: way.blocked, onchange: () => choose(me, way.name) });
      return h("label.un-way", { class: [chosen && "chosen", way.blocked && "off"].filter(Boolean).join(" ") }, input, h("span", h("b", way.title), h("span", way.sentence), h("em", way.why || way.needs)));
    }));
  }

  /* What belongs to the chosen way: its model, its labels or prompt, which texts are asked. */
  function drawWay(me) {
    me.controls = {};
    const { way } = me.values;
    const nearest = way === "nearest"; // without labels to describe there is room for what is asked
    const left = [nearest ? null : parts.labels(me), way === "likely" || way === "entails" ? parts.prompt(me) : null, details(me), nearest ? asked(me) : null];
    Hone.fill(me.live.columns, h("div.stack", left), h("div.stack", model(me), nearest ? null : asked(me)));
    refresh(me);
  }

  function model(me) {
    const knob = me.told.form.knobs.base;
    const draw = Hone.baseChooser({ prefix: "un-base", ctx: me.ctx, bases: () => me.told.bases, known: () => me.told.known, uploads: () => Hone.facts.mode !== "demo", folders: () => Hone.facts.mode === "local",
      found: (base) => { if (!me.told.bases.some((one) => one.id === base.id)) me.told.bases = [...me.told.bases, base]; me.told.known = me.told.known.filter((one) => one.id !== base.id); } });
    me.controls.base = draw(knob, { value: () => me.told.base, sentence: () => me.problems.base || null, change: (id) => pickBase(me, id) });
    return Hone.card({ title: t("Model"), body: me.controls.base.node });
  }

  function pickBase(me, id) {
    me.told.base = id;
    Hone.store.set("untrained.base." + me.values.way, id);
    set(me, "base", id);
    refresh(me);
  }

  const OF_WAY = { similar: ["mixed", "weight", "temperature"], nearest: ["neighbours", "pool"], entails: [], likely: ["examples", "choose", "calibrate", "pool"] };

  function details(me) {
    const names = OF_WAY[me.values.way];
    if (!names.length) return null;
    return Hone.card({ title: t("How it answers"), body: knobs(me, names) });
  }

  function asked(me) {
    return Hone.card({ title: t("Which texts are asked"), body: knobs(me, ["split", "rows", "seed"]) });
  }

  /* Knobs as the Settings tab draws them, the rarer ones folded away. */
  function knobs(me, names) {
    const { form, good } = me.told;
    const made = names.map((name) => {
      const knob = form.knobs[name];
      const api = { value: () => me.values[name], good: () => good[name], sentence: () => me.problems[name] || null, differs: () => !Hone.form.same(me.values[name], good[name]), change: (value) => { set(me, name, value); refresh(me); } };
      me.controls[name] = Hone.form.control(knob, api);
      return { knob, node: me.controls[name].node };
    });
    const those = (advanced) => made.filter((one) => one.knob.advanced === advanced).map((one) => one.node);
    return [h("div.set-knobs.un-knobs", those(false)), those(true).length ? h("details.un-more", h("summary", t("More ({n})", { n: those(true).length })), h("div.set-knobs.un-knobs", those(true))) : null];
  }

  function refresh(me) {
    for (const one of Object.values(me.controls)) one.refresh();
    drawHead(me);
  }

  /* ---------- changes ---------- */

  function choose(me, way) {
    me.values = { ...me.values, way, base: Hone.store.get("untrained.base." + way) || "" };
    me.problems = {};
    me.told.base = "";
    drawWays(me);
    drawWay(me);
    Hone.store.set(TYPED, me.values);
    return keep(me);
  }

  function set(me, name, value) {
    me.values = { ...me.values, [name]: value };
    delete me.problems[name];
    Hone.store.set(TYPED, me.values);
    clearTimeout(me.timer);
    me.timer = setTimeout(() => keep(me), KEEP_AFTER);
    if (name === "split" || name === "rows") drawHead(me);
  }

  /* The server keeps what is typed, and says what is off and which models serve. */
  async function keep(me) {
    clearTimeout(me.timer);
    const { values } = me;
    try {
      const told = await me.call("untrained_keep", { values });
      if (me.values !== values) return;
      Hone.store.set(TYPED, null);
      Object.assign(me.told, { base: told.base, bases: told.bases, known: told.known });
      me.problems = told.problems;
      refresh(me);
      if (!told.bases.length) me.controls.base.node.querySelector("details").open = true;
      if (me.previewed) me.previewed();
    } catch (error) {
      if (me.values === values && !error.offline) Hone.toast(error);
    }
  }

  async function start(me) {
    await keep(me);
    Hone.fill(me.live.trouble);
    try {
      await me.call("untrained_start", { values: me.values });
    } catch (error) {
      const fields = error.problems || [];
      for (const one of fields) me.problems[one.field] = one.message;
      refresh(me);
      Hone.fill(me.live.trouble, Hone.notice({ tone: "bad", title: fields.length ? fields[0].message : error.message, body: fields.length ? null : error.fix }));
      return;
    }
    await me.table.look();
    me.live.table.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  Object.assign(parts, { load });
})();
