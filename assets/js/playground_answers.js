/* How an answer is drawn, by its kind. Each takes the answer and what it was asked with and gives the lines of a block.
   Knows nothing of runs' folders or of how an answer is made. */
(function () {
  "use strict";
  const { h, t } = Hone;
  const BARS = 6; // labels shown at first
  const LONG = 240; // characters of a text found that are shown at first
  const FIRST = 5; // of the found; the others on request

  /** about: {run, open, turn(): show all or fewer, inputs: what was asked} -> {top: node, below: node}; `answer` null: nothing asked yet. */
  Hone.playgroundAnswer = (kind, answer, about) => (KINDS[kind] || KINDS.text)(answer, about);

  const top = (words, { none, colour } = {}) => h("p.ans", { class: none ? "none" : colour || "" }, words);

  function labelScores(answer, { run, open, turn }) {
    const list = answer ? answer.labels : run.labels.map((label) => ({ ...label, probability: 0 }));
    const more = list.length > BARS + 2;
    const shown = open || !more ? list : list.slice(0, BARS);
    const best = answer ? answer.labels[0] : null;
    return {
      top: h("p.ans", { class: best ? Hone.colour(best.colour) : "none" }, h("i", { "aria-hidden": true }), best ? best.name : "–"),
      below: [h("div.pg-bars", shown.map((one, i) => bar(one, best && i === 0))), more ? all(run, list, open, turn) : null],
    };
  }

  const all = (run, list, open, turn) => Hone.button(open ? t("Fewer labels") : t("All {n} labels", { n: list.length }), turn, { link: true, "data-key": "all-" + run.id });

  /* A bar; `threshold` is where the label begins to be said. */
  function bar(one, first, threshold) {
    const percent = one.probability > 0 && one.probability < 0.01 ? "< 1 %" : Hone.fmt.percent(one.probability);
    const mark = typeof threshold === "number" ? h("u", { style: { left: 100 * threshold + "%" }, title: t("said from {p} on", { p: Hone.fmt.percent(threshold) }) }) : null;
    return h("div.pb", { class: first ? "top1" : "" }, Hone.chip(one), h("div.t", h("i", { style: { width: 100 * one.probability + "%" } }), mark), h("span.v", percent));
  }

  function labelSet(answer, { run, open, turn }) {
    const said = answer ? answer.said : { labels: [], probabilities: {}, thresholds: {} };
    const list = run.labels.map((label) => ({ ...label, probability: said.probabilities[label.name] || 0 }));
    const from = (one) => said.thresholds[one.name] ?? 0.5;
    const inSet = (one) => said.labels.includes(one.name);
    if (answer) list.sort((a, b) => inSet(b) - inSet(a) || b.probability - a.probability);
    const most = Math.max(BARS, said.labels.length + 2);
    const more = list.length > most + 2;
    const shown = open || !more ? list : list.slice(0, most);
    const set = said.labels.length ? h("p.ans.set", list.filter(inSet).map((one) => Hone.chip(one))) : top(answer ? t("None of the labels") : "–", { none: true });
    return {
      top: set,
      below: [h("div.pg-bars", shown.map((one) => bar(one, answer && inSet(one), answer ? from(one) : null))), answer ? h("p.sub", t("A label is said when its bar reaches the line, which was chosen on the validation texts.")) : null, more ? all(run, list, open, turn) : null],
    };
  }

  function number(answer) {
    if (!answer) return { top: top("–", { none: true }), below: null };
    const { value, low, high } = answer.said;
    const scaled = typeof low === "number" && typeof high === "number" && high > low;
    const at = scaled ? Math.min(100, Math.max(0, (100 * (value - low)) / (high - low))) : 0;
    const scale = scaled ? h("div.pg-scale", { role: "img", "aria-label": t("{value} on a scale from {low} to {high}", { value: short(value), low: short(low), high: short(high) }) }, h("div.t", h("i", { style: { left: at + "%" } })), h("div.ends", h("span", short(low)), h("span", short(high)))) : null;
    return { top: top(short(value)), below: scale };
  }

  const short = (n) => Hone.fmt.number(n, Math.abs(n) < 100 ? 2 : 0);

  function spans(answer, { run, inputs }) {
    if (!answer) return { top: top("–", { none: true }), below: null };
    const found = answer.said.spans;
    const text = Object.values(inputs || {}).find((value) => typeof value === "string") || "";
    const points = Array.from(text);
    const row = (one) => h("li", Hone.said(points.slice(one.start, one.end).join("")), Hone.chip(run.labels.find((label) => label.name === one.label) || { name: one.label, colour: 7 }), typeof one.probability === "number" ? h("span.v", Hone.fmt.percent(one.probability)) : null);
    return {
      top: top(found.length ? t.plural(found.length, "{n} place found", "{n} places found") : t("Nothing found"), { none: !found.length }),
      below: [h("div.pg-marked", Hone.marked(text, found, run.labels)), found.length ? h("ul.pg-found", found.map(row)) : null],
    };
  }

  function place(answer, { inputs }) {
    if (!answer) return { top: top("–", { none: true }), below: null };
    const { text: words, start, probability, others } = answer.said;
    const context = (inputs && inputs.text) || "";
    const size = Array.from(words).length;
    const row = (one) => h("li", one.text ? Hone.said(one.text) : h("span.vl-none", t("no answer in this text")), h("span.v", Hone.fmt.percent(one.probability)));
    return {
      top: words ? h("p.ans", Hone.said(words)) : top(t("No answer in this text"), { none: true }),
      below: [
        h("p.sub", t("{p} sure.", { p: Hone.fmt.percent(probability) })),
        words ? h("div.pg-marked", Hone.marked(context, [{ start, end: start + size }], [])) : null,
        others && others.length ? [h("p.sub.pg-next", t("Next best:")), h("ul.pg-found", others.slice(0, 4).map(row))] : null,
      ],
    };
  }

  function written(answer) {
    if (!answer) return { top: top("–", { none: true }), below: null };
    const said = answer.said.text;
    return { top: null, below: said ? h("div.pg-written.said", said) : h("p.ans.none", t("It wrote nothing.")) };
  }

  /* A long text shows its beginning, and the rest when asked. */
  function inFull(text) {
    const signs = Array.from(text);
    if (signs.length <= LONG) return Hone.said(text);
    const box = h("div");
    const more = Hone.button(t("The whole text"), () => Hone.fill(box, Hone.said(text)), { link: true });
    Hone.fill(box, Hone.said(signs.slice(0, LONG).join("").trimEnd() + " …"), " ", more);
    return box;
  }

  function ranking(answer) {
    if (!answer) return { top: top("–", { none: true }), below: null };
    const { items } = answer.said;
    const scores = items.map((one) => one.score);
    const [least, most] = [Math.min(0, ...scores), Math.max(...scores)];
    const row = (one) => h("li", inFull(one.text), h("div.t", { title: short(one.score) }, h("i", { style: { width: (100 * (one.score - least)) / (most - least || 1) + "%" } })), h("span.v", Hone.fmt.number(one.score, 3)));
    if (!items.length) return { top: null, below: h("p.ans.none", t("Nothing found")) };
    const list = h("ol.pg-ranking", items.slice(0, FIRST).map(row));
    const rest = items.slice(FIRST);
    const more = rest.length && Hone.button(t("Show {n} more", { n: rest.length }), () => { list.append(...rest.map(row)); more.remove(); }, { small: true });
    return { top: null, below: [list, more || null] };
  }

  const KINDS = { label_scores: labelScores, label_set: labelSet, number, spans, answer: place, text: written, ranking };
})();
