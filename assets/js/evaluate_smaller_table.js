/* Smaller and faster: what was made of a run, measured beside it: a sentence each, the figures, and a plot of score against speed or size. */
"use strict";
(() => {
  const { fmt } = Hone;
  const parts = (Hone.smaller = Hone.smaller || {});
  const AXES = () => [{ value: "rate", title: t("Speed") }, { value: "size", title: t("Size") }];

  parts.table = (me, host) => {
    const { told } = me;
    const known = told.lines.filter((line) => line.measured);
    const key = JSON.stringify([told.lines, told.job, told.stale]);
    if (me.drawn === key && host.firstChild) return;
    me.drawn = key;
    if (me.plot) { me.plot.purge(); me.plot = null; }
    const job = progress(me);
    const others = told.lines.length > 1;
    if (!others && !known.length) return Hone.fill(host, Hone.card({ title: t("What it brought"), body: [h("p.sub", t("Nothing has been made of this run yet. When something is done, it stands here beside the run: score, file, speed and memory.")), job] }));
    const body = [
      known.length > 1 ? h("ul.sm-said", known.slice(1).map((line) => h("li", h("b", line.title), h("span", line.sentence)))) : null,
      told.stale && !job ? Hone.notice({ tone: "info", title: t("Some models have not been measured yet."), actions: [Hone.button(t("Measure them"), () => measure(me), { small: true, "data-key": "sm-measure" })] }) : null,
      job,
      known.length ? table(me, told.lines) : null,
    ];
    const side = known.length && !told.stale && !job ? Hone.button(t("Measure again"), () => measure(me, true), { small: true }) : null;
    Hone.fill(host, Hone.card({ title: t("What it brought"), sub: known.length ? measuredOn(told) : null, side, body }), known.length > 1 ? plotted(me, known) : null);
  };

  const measuredOn = (told) => {
    const on = told.split === "test" ? t.plural(told.total, "Asked the same test text, on this machine.", "Asked the same {n:,} test texts, on this machine.") : t.plural(told.total, "Asked the same validation text, on this machine.", "Asked the same {n:,} validation texts, on this machine.");
    return told.machine ? [on, " ", t.plural(told.machine.threads, "{n} processor core, {name}.", "{n} processor cores, {name}.", { name: told.machine.processor })].join("") : on;
  };

  function progress(me) {
    const { job } = me.told;
    if (!job) return null;
    if (job.state === "failed") return Hone.notice({ tone: "bad", title: job.error.message, body: job.error.fix, actions: [Hone.button(t("Try again"), () => measure(me), { small: true })] });
    if (job.state !== "waiting" && job.state !== "running") return null;
    return Hone.progress({ text: t("Measuring, each in turn with the run. Other work on this machine makes the times longer."), done: job.done, total: job.total, seconds_left: job.seconds_left, cancel: () => me.call("smaller_cancel", { run: me.told.run }).then(() => Hone.bus.emit("runs")) });
  }

  parts.measure = measure;

  async function measure(me, again = false) {
    try {
      await me.call("smaller_measure", { run: me.told.run, again });
      Hone.bus.emit("runs");
    } catch (error) { Hone.toast(error); }
  }

  const score = (me, value) => (value === null || value === undefined ? "–" : me.told.share ? fmt.percent(value, 1) : fmt.fixed(value, 3));
  const time = (seconds) => (seconds === null || seconds === undefined ? "–" : seconds < 1 ? t("{n} ms", { n: fmt.number(seconds * 1000, seconds < 0.01 ? 1 : 0) }) : t("{n} s", { n: fmt.number(seconds, 1) }));
  const within = (me, line) => (line.low === null || line.low === undefined ? null : h("small.sm-small", t("{a} to {b}", { a: score(me, line.low), b: score(me, line.high) })));
  const times = (line) => (line.way && line.speed ? h("small.sm-small", t("{x} times", { x: line.speed < 20 ? line.speed.toFixed(1) : fmt.number(Math.round(line.speed)) })) : null);
  const part = (line) => (line.way && line.of_size ? h("small.sm-small", fmt.percent(line.of_size, line.of_size < 0.1 ? 1 : 0)) : null);

  const colour = (i) => (i ? "l" + (((i - 1) % 8) + 1) : "");

  function table(me, lines) {
    return Hone.table({
      caption: t("The run and what was made of it"),
      rows: lines,
      columns: [
        { title: t("Model"), class: "sm-name", cell: (line) => h("span.sm-model", h("i.sm-number", { class: colour(lines.indexOf(line)) }, String(lines.indexOf(line) + 1)), h("button.btn.link", { onclick: () => { Hone.store.set("evaluate.run", line.id); Hone.goPart("evaluate", "one"); } }, line.title)) },
        { title: me.told.measure, class: "num", cell: (line) => h("span", score(me, line.value), within(me, line)) },
        { title: t("File"), class: "num", cell: (line) => h("span", fmt.bytes(line.size), part(line)) },
        { title: t("Zipped"), class: "num", cell: (line) => fmt.bytes(line.zipped) },
        { title: t("Texts a second"), class: "num", cell: (line) => h("span", fmt.number(line.rate === null || line.rate === undefined ? null : Math.round(line.rate)), times(line)) },
        { title: t("One text alone"), class: "num", cell: (line) => time(line.one) },
        { title: t("Memory"), class: "num", cell: (line) => fmt.bytes(line.memory) },
      ],
    });
  }

  /* ---------- the plot ---------- */

  function plotted(me, lines) {
    me.axis = me.axis || "rate";
    const node = h("div.sm-plot");
    const choice = Hone.choice({ options: AXES(), value: me.axis, label: t("What the score stands against"), onchange: (axis) => { me.axis = axis; me.plot.update(() => traces(me, lines), () => layout(me, lines)); } });
    me.plot = Hone.plot(node, () => traces(me, lines), () => layout(me, lines), { say: () => t("Score of {n} models against their speed or size. The table holds the same figures.", { n: lines.length }) });
    return Hone.card({ title: me.told.measure, side: choice, body: node });
  }

  function traces(me, lines) {
    const scale = me.told.share ? 100 : 1;
    const xs = (line) => (me.axis === "rate" ? line.rate : line.size / 1e6);
    return lines.map((line, i) => ({
      x: [xs(line)], y: [line.value * scale], name: line.title, mode: "markers+text", text: [String(number(me, line))], customdata: [short(line.title)], textposition: i % 2 ? "middle right" : "middle left", textfont: { color: Hone.colourOf("ink"), size: 13 }, cliponaxis: false,
      marker: { size: line.way ? 10 : 13, symbol: line.way ? "circle" : "diamond", color: Hone.colourOf(line.way ? "l" + (((number(me, line) - 2) % 8) + 1) : "accent") },
      error_y: { type: "data", symmetric: false, array: [line.high === null ? 0 : (line.high - line.value) * scale], arrayminus: [line.low === null ? 0 : (line.value - line.low) * scale], color: Hone.colourOf("line-strong"), thickness: 1, width: 4 },
      hovertemplate: "%{customdata}: %{x:.3~s}, %{y:.3~f}<extra></extra>",
    }));
  }

  const short = (title) => title.split(", ").slice(-1)[0].slice(0, 28).replace(/</g, "‹");
  const number = (me, line) => me.told.lines.indexOf(line) + 1;

  /* 1, 2 and 5 of every power of ten from a little below the least to a little above the most. */
  function ticks(values) {
    const low = Math.min(...values) / 1.6, high = Math.max(...values) * 1.6, found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) for (const step of [1, 2, 5]) found.push(step * 10 ** power);
    return { range: [Math.log10(low), Math.log10(high)], tickvals: found.filter((x) => x >= low && x <= high) };
  }

  const layout = (me, lines) => ({
    margin: { l: 52, r: 40, t: 28, b: 42 },
    xaxis: { title: me.axis === "rate" ? t("texts a second") : t("size of the file, MB"), type: "log", ...ticks(lines.map((line) => (me.axis === "rate" ? line.rate : line.size / 1e6))), tickformat: "~s" },
    yaxis: { title: me.told.share ? t("per cent") : "" },
  });
})();
