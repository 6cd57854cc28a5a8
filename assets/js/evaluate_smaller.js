/* Smaller and faster: the part of Evaluate where a finished run is made smaller, and stands beside what was made of it. Here are the frame, the
   choice of the way and how far things are; the table and the plot are in evaluate_smaller_table.js (Hone.smaller). */
"use strict";
(() => {
  const EVERY = 1.5; // seconds between two looks while something is at work
  const AT_WORK = ["queued", "preparing", "running"];
  const parts = (Hone.smaller = Hone.smaller || {});

  Hone.part("evaluate", "smaller", {
    title: () => t("Smaller and faster"),
    place: 5,
    when: (state) => state.runs.length > 0,
    make(host, ctx) {
      const me = { ctx, host, told: null, way: Hone.store.get("smaller.way", null), values: {} };
      me.call = (name, args) => ctx.call(name, args);
      for (const what of ["project", "runs"]) Hone.bus.on(what, () => { if (host.offsetParent) load(me); });
      me.poll = ctx.poll(() => (atWork(me) ? load(me) : 5), EVERY);
      return { shown: () => load(me) };
    },
  });

  const atWork = (me) => me.host.offsetParent && me.told && me.told.run && (me.told.made.some((one) => AT_WORK.includes(one.state)) || measuring(me));
  const measuring = (me) => me.told.job && ["waiting", "running"].includes(me.told.job.state);

  async function load(me) {
    const asked = (me.asked = {});
    try {
      const told = await me.call("smaller", { run: Hone.store.get("smaller.run") || Hone.store.get("evaluate.run") });
      if (asked !== me.asked) return;
      const fresh = !me.told || me.told.run !== told.run || !me.live || !me.host.contains(me.live.root);
      me.told = told;
      if (!told.run) return nothing(me);
      if (fresh) build(me);
      drawMade(me);
      parts.table(me, me.live.table);
      measureOnce(me);
    } catch (error) {
      if (asked !== me.asked) return;
      me.live = null;
      Hone.fill(me.host, Hone.notice({ error, actions: [Hone.button(t("Try again"), () => load(me), { small: true })] }));
    }
  }

  /* What has just been made is measured without being asked for: once, when nothing of it is at work any more. Not after it failed or was cancelled. */
  function measureOnce(me) {
    const what = me.told.run + ":" + me.told.made.filter((one) => one.has_model).map((one) => one.id).join();
    const busy = me.told.made.some((one) => AT_WORK.includes(one.state)) || measuring(me);
    if (!me.told.stale || busy || me.began === what) return;
    me.began = what;
    parts.measure(me);
  }

  const head = (actions) => Hone.head({ title: t("Smaller and faster"), sentence: t("Make a finished run smaller and quicker, and see on the same test texts what that costs."), actions });

  function nothing(me) {
    me.live = null;
    Hone.fill(me.host, head([]), Hone.empty({ title: t("Needs a finished run"), body: t("What has been trained can be made smaller afterwards."), actions: [Hone.button(t("Go to training"), () => Hone.go("train"), { primary: true })] }));
  }

  /* ---------- the page ---------- */

  function build(me) {
    me.live = { ways: h("div.sm-ways", { role: "radiogroup", "aria-label": t("Way") }), form: h("div.sm-form"), made: h("div.sm-made", { "aria-live": "polite" }), table: h("div.sm-table"), trouble: h("div") };
    const run = Hone.select({ label: t("Run"), options: me.told.runs.map((one) => ({ value: one.id, title: one.title })), value: me.told.run, onchange: (id) => { Hone.store.set("smaller.run", id); me.live = null; load(me); } });
    const open = me.told.ways.filter((way) => !way.why_not);
    if (!open.some((way) => way.name === me.way)) me.way = open.length ? open[0].name : null;
    const start = open.length ? [Hone.button(t("Make it smaller"), () => start_(me), { primary: true, "data-key": "sm-start" })] : [];
    const body = open.length
      ? [me.live.ways, me.live.form]
      : [Hone.notice({ tone: "info", title: me.told.ways[0].why_not })];
    me.live.root = h("div.sm.stack",
      head(start), me.live.trouble,
      h("div.sm-run", h("span", t("Run")), run),
      Hone.card({ title: t("How"), sub: t("The rows, labels and splits stay the same. The result is a run of its own."), body }),
      me.live.made, me.live.table);
    Hone.fill(me.host, me.live.root);
    if (open.length) { drawWays(me); drawForm(me); }
  }

  const chosen = (me) => me.told.ways.find((way) => way.name === me.way);
  const valuesOf = (me) => { const way = chosen(me); return { ...Object.fromEntries(way.options.map((one) => [one.name, one.default])), ...(me.values[way.name] || {}) }; };

  function drawWays(me) {
    Hone.fill(me.live.ways, me.told.ways.map((way) => {
      const on = way.name === me.way;
      const input = h("input", { type: "radio", name: "sm-way", id: "sm-way-" + way.name, checked: on, disabled: Boolean(way.why_not), onchange: () => choose(me, way.name) });
      return h("label.sm-way", { class: [on && "chosen", way.why_not && "off"].filter(Boolean).join(" ") }, input,
        h("span", h("b", way.title), h("small", way.term), h("span", way.help), h("em", way.why_not || way.expected || "")));
    }));
  }

  function choose(me, name) {
    me.way = name;
    Hone.store.set("smaller.way", name);
    for (const label of me.live.ways.children) label.classList.toggle("chosen", label.querySelector("input").id === "sm-way-" + name);
    drawForm(me);
  }

  function drawForm(me) {
    const way = chosen(me), values = valuesOf(me);
    me.fields = {};
    const fields = way.options.map((one) => {
      const input = control(me, one, values[one.name]);
      const field = Hone.field({ title: one.title, help: one.values.length || one.low === null ? null : range(one), input });
      me.fields[one.name] = field;
      return field;
    });
    Hone.fill(me.live.form, fields);
    me.live.form.hidden = !fields.length;
  }

  const range = (one) => (one.share ? t("{a} to {b} %", { a: Math.round(one.low * 100), b: Math.round(one.high * 100) }) : t("{a} to {b}", { a: one.low, b: one.high }));

  function control(me, one, value) {
    if (one.values.length) return Hone.select({ options: one.values.map((v) => ({ value: String(v.value), title: v.title })), value: String(value), onchange: (said) => keep(me, one, one.values.find((v) => String(v.value) === said).value) });
    const shown = one.share ? Math.round(value * 100) : value;
    return h("input.text", { type: one.low === null ? "text" : "number", step: one.whole || one.share ? 1 : "any", value: shown, maxlength: 200, inputmode: one.low === null ? null : "decimal",
      onchange: (event) => { const said = event.target.value.trim(); keep(me, one, one.low === null ? said : one.share ? Number(said) / 100 : Number(said)); } });
  }

  /* Remember a value, and say anew what is expected. */
  async function keep(me, one, value) {
    const way = me.way;
    me.values[way] = { ...(me.values[way] || {}), [one.name]: value };
    me.fields[one.name].error(null);
    try {
      const expected = await me.call("smaller_expected", { run: me.told.run, way, values: valuesOf(me) });
      chosen(me).expected = expected;
      const node = document.querySelector(`#sm-way-${way} + span em`);
      if (node) node.textContent = expected || "";
    } catch (error) { if (me.fields[one.name]) me.fields[one.name].error(error.message); }
  }

  async function start_(me) {
    Hone.fill(me.live.trouble);
    try {
      await me.call("smaller_start", { run: me.told.run, way: me.way, values: valuesOf(me) });
      Hone.toast(t("It is in line. You may leave; it goes on."));
      Hone.bus.emit("runs");
      await load(me);
      me.live.made.scrollIntoView({ block: "nearest" });
    } catch (error) {
      Hone.fill(me.live.trouble, Hone.notice({ error }));
    }
  }

  /* ---------- what is at work ---------- */

  const STATES = () => ({ queued: t("waits in line"), preparing: t("is prepared"), running: t("is at work"), paused: t("is paused"), interrupted: t("was interrupted"), failed: t("has failed"), stopped: t("was stopped"), finished: t("is done") });

  function drawMade(me) {
    const open = me.told.made.filter((one) => !one.has_model);
    Hone.fill(me.live.made, open.map((one) => {
      const line = h("div.sm-line", h("b", one.title), h("span.sub", STATES()[one.state] || one.state), Hone.button(t("Watch on Train"), () => { Hone.store.set("run:started", one.id); Hone.goPart("train", "one"); }, { small: true }));
      const edge = AT_WORK.includes(one.state) ? Hone.progress({ done: Math.round(one.share * 100), total: one.share ? 100 : 0, seconds_left: one.seconds_left }) : null;
      return h("div.card.sm-open", line, edge);
    }));
  }
})();
