/* Kinds of studies as the page knows them: each is declared by a script of its own (compare ways, check by folds, search for settings), and
   train_several.js offers them. Here are the table and what their results have in common. */
"use strict";
(() => {
  const kinds = []; // in the order of `place`

  /* Declare a kind. title(), sentence() say what it is for. form(host, me) fills `host` with what it asks before the start and gives
     {refresh?()}; me: {ctx, state, started(study)} — call `started(id)` once the server has begun it. result(host, me) fills `host` and gives
     {update(told)}; me: {ctx, study, openRun(id), useRun(id), away(id), again()}; `told` is what the call "several_look" answers, anew whenever
     something has changed. `starts(state)` says whether the form is offered. */
  Hone.studyKind = (name, { title, sentence, form, result, place = 9, starts = () => true }) => {
    kinds.push({ name, title, sentence, form, result, place, starts });
    kinds.sort((a, b) => a.place - b.place);
  };
  Hone.studyKinds = () => kinds;

  /* A score as it is said: a share in percent, else three digits. */
  Hone.scored = (value, measure, digits = 1) => (typeof value !== "number" ? "–" : measure.share ? Hone.fmt.percent(value, digits) : Hone.fmt.fixed(value));

  /* A score with its interval under it. */
  Hone.scoredCell = (figure, measure) => {
    if (!figure || typeof figure.value !== "number") return "–";
    const range = typeof figure.low === "number" ? h("small.sv-range", { title: t("With other rows of this kind, it would fall between these 95 times of 100.") }, `${bare(figure.low, measure)}–${bare(figure.high, measure)}`) : null;
    return h("span.sv-score", h("b", Hone.scored(figure.value, measure)), range);
  };

  const bare = (value, measure) => (measure.share ? (100 * value).toFixed(1) : value.toFixed(3));

  /* How one member, or a line of them, stands. */
  Hone.memberState = (row) => {
    const words = {
      waiting: () => t("waits"), queued: () => t("in line"), preparing: () => t("preparing"), running: () => t("learning, {p} %", { p: Math.floor(100 * row.share) }),
      paused: () => t("paused"), interrupted: () => t("interrupted"), finished: () => t("finished"), stopped: () => t("stopped, kept"), discarded: () => t("discarded"), failed: () => t("failed"), gone: () => t("run deleted"),
    };
    return (words[row.state] || words.running)();
  };

  /* The curves of all members in one plot: the main measure on validation against rounds. members: [{key, label, curve: [[round, value], ...]}]. */
  Hone.memberCurves = (host, measure) => {
    const node = h("div.sv-plot"), legend = h("div.legend");
    let members = [], plot = null;
    const dashes = ["solid", "dash", "dot", "dashdot"];
    Hone.fill(host, node, legend);
    function traces() {
      return members.map((one, i) => ({
        x: one.curve.map((p) => p[0]), y: one.curve.map((p) => (measure().share ? 100 * p[1] : p[1])), name: one.label, mode: one.curve.length > 1 ? "lines+markers" : "markers",
        line: { color: Hone.colourOf("l" + (1 + (i % 8))), dash: dashes[Math.floor(i / 8) % 4], width: 2 }, marker: { size: one.curve.length > 1 ? 4 : 9, color: Hone.colourOf("l" + (1 + (i % 8))) },
        hovertemplate: "%{fullData.name}: %{y:.3~f}<extra></extra>",
      }));
    }
    const layout = () => ({ xaxis: { title: t("rounds"), rangemode: "tozero" }, yaxis: { title: measure().title + (measure().share ? " (%)" : "") } });
    return {
      update(all) {
        members = all.filter((one) => one.curve.length);
        host.hidden = !members.length;
        Hone.fill(legend, members.map((one, i) => h("span", h("i", { class: ["", "dash", "dot", "dashdot"][Math.floor(i / 8) % 4], style: { color: `var(--h-l${1 + (i % 8)})` } }), one.label)));
        if (!members.length) return;
        if (!plot) plot = Hone.plot(node, traces, layout, { say: () => t("{measure} on validation, way by way, round by round.", { measure: measure().title }) });
        else plot.update(traces, layout);
      },
    };
  };
})();
