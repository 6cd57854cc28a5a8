/* The Data tab once there are texts: what was read, what each column is, how the rows are shared out, how many and how long.
   Cards are built once and filled again when the data's version moves. The check-up is data_checkup.js, the table data_rows.js. */
"use strict";
(() => {
  const MOST_LABELS = 12; // bars shown before "Show all"

  Hone.dataPage = (me) => {
    if (!me.parts.page) build(me);
    const p = me.parts;
    Hone.fill(p.head, head(me));
    Hone.fill(p.top, me.busy ? h("div.card", me.busy) : null, Hone.dataTrouble(me));
    if (p.version === me.state.version) return;
    p.version = me.state.version;
    Hone.fill(p.files, files(me));
    Hone.fill(p.task, Hone.dataTask(me));
    Hone.fill(p.columns, Hone.dataColumns(me));
    Hone.fill(p.split, split(me));
    p.rows.refresh();
    p.checkup.refresh();
    labels(me);
    facts(me);
  };

  function build(me) {
    const p = (me.parts = { page: true, head: h("div"), top: h("div.stack.dt-top"), files: h("div"), task: h("div"), columns: h("div.dt-columns"), split: h("div"), facts: h("div.facts.dt-facts") });
    p.checkup = Hone.dataCheckup(me);
    p.counted = () => facts(me); // once the check-up has counted what was too long
    p.rows = Hone.dataRows(me);
    p.balance = h("div.plot.small");
    p.balanceSub = h("span");
    p.balanceMore = h("div");
    p.length = h("div.plot.small");
    p.lengthSub = h("span");
    p.balanceTitle = h("span");
    p.balanceCard = Hone.card({ title: p.balanceTitle, sub: p.balanceSub, body: [h("div.dt-balance", p.balance), p.balanceMore] });
    p.lengthCard = Hone.card({ title: t("How long the texts are"), sub: p.lengthSub, body: p.length });
    const plots = h("div.g2e", p.balanceCard, p.lengthCard);
    Hone.fill(me.root, p.head, p.top, h("div.g2", h("section.card.dt-file", p.files, p.task, p.columns, p.split, p.facts), p.checkup.node), plots, p.rows.node);
  }

  function head(me) {
    const { counts, imports, task } = me.state;
    const waits = task.target && (counts.unlabelled > 0 || (task.named && counts.labels.length < 2));
    const next = waits ? Hone.button(t("Go to labelling"), () => Hone.go("label"), { primary: true }) : Hone.button(t("Choose settings"), () => Hone.go("settings"), { primary: true });
    const other = imports.length === 1 ? Hone.button(t("Replace the file"), () => replace(me, imports[0])) : null;
    return Hone.head({ title: t("Your texts"), sentence: t("What Hone read, what it makes of each column, and what deserves a look before training."),
      actions: [Hone.button(t("Add a file"), () => Hone.dataSecond(me, null)), other, next] });
  }

  /* Asked first: the rows of the old file are gone afterwards. */
  async function replace(me, one) {
    const body = t.plural(one.rows, "{n} row goes once the next file is read. Labels given by hand stay with texts that are the same.", "{n:,} rows go once the next file is read. Labels given by hand stay with texts that are the same.");
    if (await Hone.ask({ title: t("Put another file in the place of {file}?", { file: one.name }), body, yes: t("Choose a file") })) me.choose({ replace: true });
  }

  /* ---------- files ---------- */

  function files(me) {
    return me.state.imports.map((one) => {
      const more = h("button.ico", { "aria-label": t("More for {file}", { file: one.name }), "aria-haspopup": "menu" }, "⋯");
      more.addEventListener("click", () => Hone.menu(more, fileMenu(me, one)));
      const reread = one.rereadable ? Hone.button(t("Read it differently"), () => Hone.dataReread(me, one), { link: true }) : null;
      const use = one.split ? h("span.sub.dt-use", " · " + (one.split === "test" ? t("for the final test") : t("to steer by (validation)"))) : null;
      const notes = one.warnings.map((text) => h("p.sub.dt-warn", text));
      return h("div.dt-import", h("header.cap", h("div", h("h2", one.name), h("p.sub", one.said, use)), h("div.side", reread, me.state.imports.length > 1 ? more : null)), notes);
    });
  }

  function fileMenu(me, one) {
    const use = (split, title) => ({ title, current: (one.split || null) === split, onpick: () => me.act("use", { file: one.id, split }) });
    const remove = async () => {
      const body = t.plural(one.rows, "{n} row and its labels go with it.", "{n:,} rows and their labels go with it.");
      if (await Hone.ask({ title: t("Take {file} out?", { file: one.name }), body, yes: t("Take it out"), danger: true })) await me.act("remove", { file: one.id });
    };
    return [use(null, t("More texts")), use("test", t("For the final test")), use("validation", t("To steer by (validation)")), "-", { title: t("Take it out"), danger: true, onpick: remove }];
  }

  /* ---------- split ---------- */

  function split(me) {
    const { counts, plan } = me.state;
    const parts = [
      { n: counts.train, words: t("to learn from") },
      { n: counts.validation, words: t("to steer by"), term: t("(validation)") },
      { n: counts.test, words: t("for the final test") },
    ];
    const all = Math.max(1, counts.train + counts.validation + counts.test);
    const bar = h("div.dt-bar", { "aria-hidden": true }, parts.map((part) => h("i", { style: { flexGrow: String(part.n / all), display: part.n ? null : "none" } })));
    const say = (part) => h("span", h("b.num", Hone.fmt.number(part.n)), " ", part.words, part.term ? h("span.sub", " " + part.term) : null);
    const rest = [
      counts.unlabelled ? h("span.sub", t("{n:,} without a label", { n: counts.unlabelled })) : null,
      counts.excluded ? h("span.sub", t("{n:,} left out", { n: counts.excluded })) : null,
    ];
    if (!counts.labelled) return [bar, h("div.dt-legend", h("span", t.plural(counts.unlabelled, "{n} text, none with a label yet.", "{n:,} texts, none with a label yet."), " ", promised(plan)), plan.shares ? Hone.button(t("Change the shares"), () => shares(me), { link: true }) : null)];
    return [bar, h("div.dt-legend", parts.map(say), rest, plan.shares ? Hone.button(t("Change the shares"), () => shares(me), { link: true }) : null)];
  }

  function promised(plan) {
    const [validation, test] = [plan.validation, plan.test].map((share) => Math.round(share * 100));
    return t("Of 100 labelled ones, {train} will be to learn from, {validation} to steer by and {test} for the final test.", { train: 100 - validation - test, validation, test });
  }

  function shares(me) {
    const { plan } = me.state;
    const box = (share) => h("input.text", { type: "number", min: 0, max: 80, step: 1, value: String(Math.round(share * 100)) });
    const validation = box(plan.validation);
    const test = box(plan.test);
    const seed = h("input.text", { type: "number", min: 0, max: 999999, step: 1, value: String(plan.seed) });
    const told = h("p.sub", { "aria-live": "polite" });
    const fields = { validation: Hone.field({ title: t("To steer by, of 100 texts"), term: t("validation"), input: validation }), test: Hone.field({ title: t("For the final test, of 100 texts"), term: t("test"), input: test }), seed: Hone.field({ title: t("Shuffled with"), term: t("seed"), help: t("The same number gives the same shares again."), input: seed }) };
    const value = (input) => (input.value.trim() === "" ? NaN : Number(input.value));
    const check = () => {
      const v = value(validation);
      const s = value(test);
      const whole = (n) => Number.isInteger(n) && n >= 0 && n <= 80;
      fields.validation.error(whole(v) ? null : t("A whole number from 0 to 80."));
      fields.test.error(whole(s) ? null : t("A whole number from 0 to 80."));
      fields.seed.error(Number.isInteger(value(seed)) && value(seed) >= 0 ? null : t("A whole number from 0 on."));
      const fits = whole(v) && whole(s) && v + s <= 80;
      if (whole(v) && whole(s) && !fits) fields.test.error(t("Together at most 80, so that something is left to learn from."));
      told.textContent = fits ? (me.state.task.target === "category" ? t("{n} of 100 are left to learn from. Every label is shared out alike.", { n: 100 - v - s }) : t("{n} of 100 are left to learn from.", { n: 100 - v - s })) : "";
      return fits && Number.isInteger(value(seed)) && value(seed) >= 0;
    };
    for (const input of [validation, test, seed]) input.addEventListener("input", check);
    const go = async () => {
      if (!check()) return;
      const done = await me.act("shares", { validation: value(validation) / 100, test: value(test) / 100, seed: value(seed) });
      if (done !== null) sheet.close();
    };
    const sheet = Hone.sheet({ title: t("Change the shares"), body: h("div.stack", fields.validation, fields.test, told, fields.seed), actions: [Hone.button(t("Share out anew"), go, { primary: true })] });
    check();
  }

  /* ---------- plots and facts ---------- */

  function labels(me) {
    const p = me.parts;
    const { named, target } = me.state.task;
    p.balanceCard.hidden = !named && target !== "number";
    if (!named) return; // numbers come with the facts
    p.balanceTitle.textContent = t("How many texts per label");
    const all = [...me.state.counts.labels].sort((a, b) => b.count - a.count);
    const shown = p.allLabels ? all : all.slice(0, MOST_LABELS);
    const rare = all[all.length - 1];
    const quiet = all.length ? (rare && all.length > 1 && rare.count < 10 ? t("Rare labels are harder to learn. {label} has only {n}.", { label: rare.name, n: rare.count }) : t.plural(all.length, "{n} label.", "{n} labels.")) : t("No text has a label yet. They appear here as you give them.");
    p.balanceSub.textContent = quiet;
    p.balance.hidden = !all.length;
    p.balance.style.height = Math.max(80, shown.length * 26 + 20) + "px";
    const more = all.length > MOST_LABELS ? Hone.button(p.allLabels ? t("Show fewer") : t("Show all {n}", { n: all.length }), () => { p.allLabels = !p.allLabels; labels(me); }, { link: true }) : null;
    Hone.fill(p.balanceMore, more);
    if (!all.length) return;
    const brief = (name) => (Array.from(name).length > 24 ? Array.from(name).slice(0, 23).join("") + "…" : name);
    const traces = () => [{ type: "bar", orientation: "h", x: shown.map((l) => l.count), y: shown.map((_, i) => i), text: shown.map((l) => Hone.fmt.number(l.count)), textposition: "outside", cliponaxis: false, marker: { color: Hone.colourOf("accent") }, customdata: shown.map((l) => plain(l.name)), hovertemplate: "%{customdata}: %{x:,}<extra></extra>" }];
    const layout = () => ({ xaxis: { visible: false, rangemode: "tozero", range: [0, Math.max(1, shown[0].count) * 1.12] }, yaxis: { autorange: "reversed", tickvals: shown.map((_, i) => i), ticktext: shown.map((l) => plain(brief(l.name))), nticks: undefined, ticklabelstandoff: 6, showgrid: false, fixedrange: true }, margin: { l: 20, r: 34, t: 0, b: 4 }, bargap: 0.34, dragmode: false });
    const say = () => t("{n} labels; the most frequent is {label} with {count:,} texts.", { n: all.length, label: all[0].name, count: all[0].count });
    const table = { columns: [{ title: t("label"), cell: (l) => Hone.chip(l) }, { title: t("Texts"), class: "r", cell: (l) => Hone.fmt.number(l.count) }], rows: () => [...me.state.counts.labels].sort((a, b) => b.count - a.count) };
    draw(p, "labels", traces, layout, { say, table, name: "labels" });
  }

  async function facts(me) {
    const p = me.parts;
    const version = me.state.version;
    if (!p.factsDrawn) Hone.fill(p.facts, fact(Hone.fmt.number(me.state.counts.rows), t("rows")), fact("…", t("words on average")), fact("…", t("words at most")), fact("…", t("language")));
    let told;
    try {
      told = await me.ctx.call("facts", {});
    } catch (error) {
      p.lengthSub.textContent = error.message;
      return;
    }
    if (version !== me.state.version) return;
    p.factsDrawn = true;
    if (told.numbers) numbers(me, told.numbers);
    p.lengthCard.hidden = !told.mean;
    const words = told.unit === "words";
    if (!told.mean) Hone.fill(p.facts, fact(Hone.fmt.number(me.state.counts.rows), t("rows")));
    else Hone.fill(p.facts, fact(Hone.fmt.number(me.state.counts.rows), t("rows")), fact(Hone.fmt.number(told.mean, 1), words ? t("words on average") : t("characters on average")),
      fact(Hone.fmt.number(told.most), words ? t("words at most") : t("characters at most")), fact(told.language, t("language")));
    p.lengthSub.textContent = told.fit || "";
    if (told.mean) lengths(me, told);
  }

  /* How the numbers lie that are to be learnt: [{low, high, count}], a value a bar where there are few. */
  function numbers(me, bins) {
    const p = me.parts;
    p.balanceTitle.textContent = t("How the numbers lie");
    p.balance.hidden = !bins.length;
    p.balance.style.height = "220px";
    Hone.fill(p.balanceMore);
    p.balanceSub.textContent = bins.length ? t("From {low} to {high}.", { low: short(bins[0].low), high: short(bins[bins.length - 1].high) }) : t("No text has a number yet. They appear here as you give them.");
    if (!bins.length) return;
    const name = (b) => (b.low === b.high ? short(b.low) : `${short(b.low)} – ${short(b.high)}`);
    const apart = bins.length > 1 ? Math.min(...bins.slice(1).map((b, i) => b.low - bins[i].low)) : 1;
    me.numbers = bins;
    const traces = () => [{ type: "bar", x: bins.map((b) => (b.low + b.high) / 2), y: bins.map((b) => b.count), width: bins.map((b) => (b.high - b.low || apart) * 0.72), marker: { color: Hone.colourOf("accent") }, customdata: bins.map(name), hovertemplate: "%{customdata}: %{y:,}<extra></extra>" }];
    const layout = () => ({ xaxis: { title: t("number") }, yaxis: { rangemode: "tozero" }, margin: { l: 44, r: 12, t: 6, b: 40 } });
    const table = { columns: [{ title: t("number"), cell: name }, { title: t("Texts"), class: "r", cell: (b) => Hone.fmt.number(b.count) }], rows: () => me.numbers };
    const say = () => t("Numbers from {low} to {high}.", { low: short(bins[0].low), high: short(bins[bins.length - 1].high) });
    draw(p, "numbers", traces, layout, { say, table, name: "numbers" });
  }

  const short = (n) => Hone.fmt.number(n, Math.abs(n) < 100 ? 2 : 0);

  /* One plot stands there at a time: of labels or of numbers. */
  function draw(p, what, traces, layout, rest) {
    if (p.balanceOf === what) return p.balancePlot.update(traces, layout);
    if (p.balancePlot) {
      p.balancePlot.purge();
      p.balance.parentNode.querySelectorAll(".as-table").forEach((node) => node.remove());
      const fresh = h("div.plot.small", { style: { height: p.balance.style.height } });
      p.balance.replaceWith(fresh);
      p.balance = fresh;
    }
    p.balanceOf = what;
    p.balancePlot = Hone.plot(p.balance, traces, layout, rest);
  }

  const fact = (value, words) => h("div", h("b", value), h("span", words));

  function lengths(me, told) {
    const p = me.parts;
    const bins = told.histogram; // [{low, high, count}]
    p.length.hidden = !bins.length;
    if (!bins.length) return;
    const unit = told.unit === "words" ? t("words per text") : t("characters per text");
    const traces = () => [{ type: "bar", x: bins.map((b) => (b.low + b.high) / 2), y: bins.map((b) => b.count), width: bins.map((b) => (b.high - b.low) * 0.72), marker: { color: Hone.colourOf("accent") }, customdata: bins.map((b) => (b.high - b.low > 1 ? `${b.low}–${b.high - 1}` : String(b.low))), hovertemplate: "%{customdata}: %{y:,}<extra></extra>" }];
    const layout = () => ({ xaxis: { title: unit, rangemode: "tozero" }, yaxis: { rangemode: "tozero", ...(Math.max(...bins.map((b) => b.count)) < 6 ? { dtick: 1 } : {}) }, margin: { l: 44, r: 12, t: 6, b: 40 } });
    const table = { columns: [{ title: unit, cell: (b) => (b.high - b.low > 1 ? `${b.low}–${b.high - 1}` : String(b.low)) }, { title: t("Texts"), class: "r", cell: (b) => Hone.fmt.number(b.count) }], rows: () => me.told.histogram };
    me.told = told;
    const say = () => t("Texts have {mean} {unit} on average and {most} at most.", { mean: Hone.fmt.number(me.told.mean, 1), unit: me.told.unit === "words" ? t("words") : t("characters"), most: Hone.fmt.number(me.told.most) });
    if (p.lengthPlot) p.lengthPlot.update(traces, layout);
    else p.lengthPlot = Hone.plot(p.length, traces, layout, { say, table, name: "lengths" });
  }

  /* Plotly reads a little HTML in texts; an uploaded label must stay a text. */
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
})();
