/* Many at once: texts that belong together are picked (on the map, as a group, by a search, as nearly equal, by a rule) and get one label in one
   step, which can be taken back. Here are the frame, what is picked and what it gets; each way to pick is a file of its own (Hone.manyWay). */
"use strict";
(() => {
  const LISTED = 50;
  const STEPS = 20; // that can still be taken back after a reload
  const ways = []; // {name, title(), when(state), make(me)} in the order of `place`

  /* Declare a way to pick. make(me) gives {node, shown?(), labelled?(), say?()}. */
  Hone.manyWay = (name, way) => {
    ways.push({ name, ...way });
    ways.sort((a, b) => a.place - b.place);
  };

  Hone.part("label", "many", {
    title: () => t("Many at once"),
    place: 1,
    when: (state) => !state.guest,
    make(host, ctx) {
      const me = frame(host, ctx);
      return { shown: () => refresh(me), hidden: () => me.hidden && me.hidden() };
    },
  });

  function frame(host, ctx) {
    const me = {
      ctx,
      host,
      state: null,
      pick: null, // what the server is told: see core.labelling.picks
      look: null, // what it says of it
      steps: Hone.store.get("label.many.steps", []), // what can be taken back: {step or group, sentence}, newest last
      made: new Map(),
      way: Hone.store.get("label.many", "map"),
      over: false,
      adding: "add",
    };
    if (me.steps.length) me.last = { sentence: t("The last step: {sentence}", { sentence: me.steps[me.steps.length - 1].sentence }), undo: true };
    me.call = (name, args) => ctx.call(name, args);
    me.choose = (pick, title) => choose(me, pick, title);
    me.give = (how, value, pick) => give(me, how, value, pick);
    me.done = (step, sentence, more) => done(me, step, sentence, more);
    me.go = (name) => go(me, name);
    me.label = (id) => me.state.labels.find((one) => one.id === id) || null;
    me.refresh = () => refresh(me);
    me.row = (row, extra) => textRow(me, row, extra);
    me.mix = (mix) => h("span.ma-mix", mix.map(({ label, n }) => h("span", Hone.chip(me.label(label)), " ", h("span.num", Hone.fmt.number(n)))));
    Hone.bus.on("data", () => { choose(me, null); if (host.offsetParent) refresh(me); });
    Hone.keys(host, { "*": (event) => pressed(me, event) });
    host.addEventListener("change", ({ target }) => { if (target.matches("[type=checkbox]:not(:focus-visible)")) target.blur(); }, true); // the keys of the labels are for what was just ticked
    return me;
  }

  /* Counts, labels and what there is, anew. */
  async function refresh(me) {
    try {
      me.state = await me.call("many", {});
    } catch (error) {
      Hone.fill(me.host, Hone.notice({ error, actions: [Hone.button(t("Try again"), () => refresh(me), { small: true })] }));
      return;
    }
    me.state.labels.forEach((label, i) => { label.key = "123456789abcdefghijklmnopqrtvwxyz"[i] || ""; });
    if (!me.state.applies) return Hone.fill(me.host, Hone.empty({ title: t("Many at once does not fit here."), body: me.state.why }));
    if (!me.built || !me.host.contains(me.built)) build(me);
    drawCounts(me);
    drawAside(me);
    open(me);
  }

  const offered = (me) => ways.filter((way) => way.when(me.state));

  function build(me) {
    me.counts = h("p.sub.ma-counts", { "aria-live": "polite" });
    me.main = h("div.ma-main");
    me.aside = h("aside.ma-side", { "aria-label": t("What is picked") });
    const titles = offered(me).map((way) => ({ value: way.name, title: way.title() }));
    if (!titles.some((one) => one.value === me.way)) me.way = titles[0].value;
    me.bar = Hone.choice({ options: titles, value: me.way, label: t("Ways to pick"), onchange: (name) => { choose(me, null); go(me, name); } });
    const head = Hone.head({ title: t("Many at once"), sentence: t("Pick texts that belong together and label them in one step. Every step can be undone."), actions: [Hone.button(t("Done for now"), () => Hone.go("settings"), { primary: true })] });
    me.built = h("div.ma", h("div.ma-bar", me.bar, me.counts), h("div.ma-grid", me.main, me.aside));
    Hone.fill(me.host, head, me.built);
  }

  function go(me, name) {
    if (!offered(me).some((way) => way.name === name)) return;
    me.way = name;
    Hone.store.set("label.many", name);
    me.bar.pick(name);
    open(me);
  }

  function open(me) {
    const way = ways.find((one) => one.name === me.way);
    if (!me.made.has(me.way)) me.made.set(me.way, way.make(me));
    const view = me.made.get(me.way);
    if (me.main.firstChild !== view.node) me.main.replaceChildren(view.node);
    me.hidden = view.hidden;
    if (view.shown) view.shown();
    drawAside(me);
  }

  function drawCounts(me) {
    const { labelled, unlabelled, guessed } = me.state.counts;
    Hone.fill(me.counts, [t("{n:,} labelled", { n: labelled }), guessed ? t("{n:,} guessed by rules", { n: guessed }) : null, t("{n:,} without a label", { n: unlabelled })].filter(Boolean).join(" · "));
  }

  // ---------- what is picked ----------

  /* null: nothing any more. The list beside follows. */
  async function choose(me, pick, title = "") {
    me.pick = pick;
    me.title = title;
    me.look = null;
    const mine = (me.asked = {});
    if (!me.built || !me.state) return;
    if (pick) {
      try {
        const look = await me.call("many_look", { pick, count: LISTED });
        if (me.asked !== mine) return;
        me.look = look;
      } catch (error) {
        if (me.asked !== mine) return;
        me.pick = null;
        Hone.toast(error);
      }
    }
    drawAside(me);
    const view = me.made.get(me.way);
    if (me.look && !(view && view.ticks) && matchMedia("(max-width: 1100px)").matches) me.aside.scrollIntoView({ block: "start", behavior: "smooth" }); // it stands above there, out of sight
  }

  function drawAside(me) {
    const parts = [lastStep(me)], alone = Boolean((me.made.get(me.way) || {}).alone); // a way that needs the width while nothing is picked
    me.aside.hidden = alone && !me.pick && !me.last;
    me.built.classList.toggle("alone", me.aside.hidden);
    if (!me.pick) parts.push(alone ? null : nothing(me));
    else if (!me.look) parts.push(Hone.card({ title: me.title, body: h("p.sub", t("Looking …")) }));
    else parts.push(picked(me));
    me.built.classList.toggle("picked", Boolean(me.pick || me.last));
    Hone.fill(me.aside, parts);
  }

  function nothing(me) {
    const view = me.made.get(me.way);
    return Hone.card({ title: t("Nothing is picked yet"), body: h("p.sub", (view && view.say && view.say()) || t("Pick some texts, and give them a label here.")) });
  }

  function picked(me) {
    const { look } = me;
    const side = Hone.button(t("Let go"), () => { choose(me, null); const view = me.made.get(me.way); if (view.letGo) view.letGo(); }, { link: true });
    const facts = h("div.ma-facts", look.mix.length ? me.mix(look.mix) : null, h("p.sub", t.plural(look.unlabelled, "{n:,} of them has no label.", "{n:,} of them have no label.")));
    const title = t.plural(look.total, "{n:,} text picked", "{n:,} texts picked");
    const list = h("ul.ma-rows", look.rows.map((row) => textRow(me, row)));
    const more = look.total > look.rows.length ? h("p.sub", t("and {n:,} more", { n: look.total - look.rows.length })) : null;
    return Hone.card({ title, sub: me.title, side, body: h("div.stack.ma-stack", facts, look.total ? gifts(me) : null, list, more) });
  }

  /* What it can be given. */
  function gifts(me) {
    const { look, state } = me;
    const body = [];
    if (state.number) body.push(numberField(me));
    else if (!state.labels.length) body.push(Hone.button(t("Make labels first"), () => Hone.goPart("label", "one")));
    else {
      if (state.several) body.push(Hone.choice({ options: [{ value: "add", title: t("Add a label") }, { value: "take", title: t("Take a label off") }], value: me.adding, label: t("What to do"), onchange: (value) => { me.adding = value; drawAside(me); } }));
      else if (look.labelled) body.push(h("label.ma-tick", h("input", { type: "checkbox", checked: me.over, "data-key": "over", onchange: (event) => { me.over = event.target.checked; drawAside(me); } }), h("span", t.plural(look.labelled, "Also change the {n:,} that has a label already", "Also change the {n:,} that have a label already"))));
      body.push(Hone.manyKeys(me, (label) => give(me, state.several ? me.adding : "set", label.id)));
    }
    const excluded = look.excluded === look.total;
    const links = h("div.acts.ma-links",
      look.labelled ? Hone.button(t("Take their labels away"), () => give(me, "clear", null), { link: true }) : null,
      Hone.button(excluded ? t("Take them back in") : t("Leave these out"), () => leave(me, excluded), { link: true }));
    return h("div.ma-gifts", body, links);
  }

  /* The labels as buttons with their keys; many of them with a field to find one. */
  Hone.manyKeys = (me, onpick) => {
    const { labels } = me.state;
    const box = h("div.ma-keys", { role: "group", "aria-label": t("Give them a label") });
    const draw = (wanted = "") => Hone.fill(box, labels.filter((label) => label.name.toLowerCase().includes(wanted)).map((label) =>
      h("button.lb-key", { class: Hone.colour(label.colour), "data-key": `give-${label.id}`, title: label.name, onclick: () => onpick(label) }, h("kbd", label.key.toUpperCase()), h("span", label.name))));
    draw();
    if (labels.length <= 12) return box;
    return h("div.ma-find", h("input.text", { type: "search", placeholder: t("Find a label …"), "aria-label": t("Find a label …"), oninput: (event) => draw(event.target.value.trim().toLowerCase()) }), box);
  };

  function numberField(me) {
    const input = h("input.text", { type: "number", step: "any", "aria-label": t("Number") });
    const set = () => (input.value === "" ? input.focus() : give(me, "set", Number(input.value)));
    const over = me.look.labelled ? h("label.ma-tick", h("input", { type: "checkbox", checked: me.over, onchange: (event) => { me.over = event.target.checked; } }), h("span", t.plural(me.look.labelled, "Also change the {n:,} that has a number already", "Also change the {n:,} that have a number already"))) : null;
    return h("div.ma-number", over, h("form.ma-inline", { onsubmit: (event) => { event.preventDefault(); set(); } }, input, Hone.button(t("Give them this number"), set)));
  }

  // ---------- steps ----------

  async function give(me, how, value, pick = me.pick) {
    let told;
    try {
      told = await me.call("many_give", { pick, how, value, over: me.over });
    } catch (error) {
      return Hone.toast(error);
    }
    const name = me.state.number ? String(value) : value === null ? "" : me.label(value).name;
    const sentence = { set: () => t.plural(told.changed, "{n:,} text is “{label}” now.", "{n:,} texts are “{label}” now.", { label: name }), add: () => t.plural(told.changed, "{n:,} text has “{label}” now.", "{n:,} texts have “{label}” now.", { label: name }), take: () => t.plural(told.changed, "“{label}” is off {n:,} text.", "“{label}” is off {n:,} texts.", { label: name }), clear: () => t.plural(told.changed, "{n:,} text has no label now.", "{n:,} texts have no label now.") }[how]();
    const kept = told.kept ? t.plural(told.kept, "{n:,} kept the label it had.", "{n:,} kept the label they had.") : "";
    const near = told.near && how === "set" ? { n: told.near, value, pick: { beside: pick } } : null;
    me.over = false;
    await done(me, told.changed ? { step: told.step } : null, [sentence, kept].filter(Boolean).join(" "), near);
  }

  async function leave(me, back) {
    const told = await me.call("many_leave", { pick: me.pick, back }).catch(Hone.toast);
    if (!told || !told.rows) return;
    await done(me, { group: told.group }, back ? t.plural(told.rows, "{n:,} text takes part again.", "{n:,} texts take part again.") : t.plural(told.rows, "{n:,} text is left out.", "{n:,} texts are left out."));
  }

  /* Something was done: it can be taken back, and everything that shows labels is drawn anew. */
  async function done(me, step, sentence, near = null) {
    if (step) me.steps.push({ ...step, sentence });
    Hone.store.set("label.many.steps", me.steps.slice(-STEPS));
    me.last = { sentence, near, undo: Boolean(step) };
    if (me.pick && step && step.group) me.pick = null;
    await after(me);
  }

  async function undo(me) {
    const step = me.steps.pop();
    if (!step) return;
    Hone.store.set("label.many.steps", me.steps);
    try {
      if (step.group) await me.call("many_unleave", { group: step.group });
      else await me.call("many_undo", { step: step.step });
    } catch (error) {
      return Hone.toast(error);
    }
    me.last = { sentence: t("Taken back: {sentence}", { sentence: step.sentence }), undo: me.steps.length > 0 };
    await after(me);
  }

  async function after(me) {
    Hone.bus.emit("labels");
    me.state = { ...me.state, ...(await me.call("many", {}).catch(() => ({}))) };
    me.state.labels.forEach((label, i) => { label.key = "123456789abcdefghijklmnopqrtvwxyz"[i] || ""; });
    drawCounts(me);
    for (const view of me.made.values()) if (view.labelled) view.labelled(view.node.isConnected);
    await choose(me, me.pick, me.title);
    if (me.look && !me.look.total) await choose(me, null); // what was asked for (those without a label, say) has none any more
  }

  function lastStep(me) {
    if (!me.last) return null;
    const { sentence, near, undo: can } = me.last;
    return h("div.ma-last", { role: "status" }, h("p", sentence),
      near ? h("p.ma-near", t.plural(near.n, "{n:,} more text is nearly equal.", "{n:,} more texts are nearly equal."), " ", Hone.button(t("Give them the same label"), () => give(me, "set", near.value, near.pick), { link: true })) : null,
      can ? Hone.button(t("Undo"), () => undo(me), { small: true, "data-key": "undo" }) : null);
  }

  function pressed(me, event) {
    if (!me.built || !me.state || !me.state.applies || event.repeat) return false;
    const key = event.key.toLowerCase();
    if (key === "u") return undo(me);
    if (!me.pick || !me.look || !me.look.total || me.state.number) return false;
    const label = me.state.labels.find((one) => one.key === key);
    return label ? give(me, me.state.several ? me.adding : "set", label.id) : false;
  }

  // ---------- rows ----------

  /* One text with its label or guess; `extra` stands before it (a tick). */
  function textRow(me, row, extra) {
    const body = row.image ? Hone.picture(row.image) : Hone.said(row.text + (row.cut ? " …" : ""));
    const label = row.label ? Hone.chip(me.label(row.label)) : row.shown ? h("span.sub", row.shown) : row.guessed ? Hone.guessChip(row.guessed, me.state.labels) : null;
    return h("li.ma-row", { class: row.excluded ? "out" : "" }, extra || null, h("div", body, h("div.ma-under", label, row.excluded ? h("span.sub", t("left out")) : null)));
  }

  /* What rules guessed: a dashed chip that says so. */
  Hone.guessChip = ({ label, p }, labels) => {
    const known = labels.find((one) => one.name === label);
    return h("span.chip.ma-guess", { class: known ? Hone.colour(known.colour) : "" }, h("i", { "aria-hidden": true }), h("span", label), h("small", t("guessed by rules, {p:%}", { p })));
  };

  /* See a job of the server to its end; draw(state) is told how far it is. */
  Hone.manyFollow = async (me, what, first, draw) => {
    let job = first;
    while (job && (job.state === "running" || job.state === "waiting")) {
      draw(job);
      await Hone.sleep(job.seconds < 2 ? 0.3 : 1);
      try { job = await me.call("many_job", { what }); } catch (error) { if (!error.offline) throw error; }
    }
    return job;
  };
})();
