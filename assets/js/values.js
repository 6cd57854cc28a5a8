/* Values by kind as a person reads them: labels, a number, marked places, answers, a conversation, options, a picture's name.
   Offsets count code points, as on the server. Knows nothing of tasks or tabs. */
(function () {
  "use strict";
  const { h, t } = Hone;

  /** The value of a cell or an answer -> a node. `text`: the text in which places are marked; `labels`: [{name, colour}] for colours.
      `brief`: in a line, for tables. */
  Hone.value = (kind, value, about = {}) => {
    if (value === null || value === undefined || value === "") return h("span.chip.none", "–");
    return (KINDS[kind] || KINDS.text)(value, about);
  };

  const A_FEW = 3; // places or labels in a line of a table
  const few = (list, brief, draw) => [(brief ? list.slice(0, A_FEW) : list).map(draw), brief && list.length > A_FEW ? h("small.vl-none", `+${list.length - A_FEW}`) : null];

  const KINDS = {
    text: (value) => Hone.said(String(value)),
    category: (value, { labels }) => chip(value, labels),
    categories: (value, { labels, brief }) => (value.length ? h("span.vl-chips", few(value, brief, (name) => chip(name, labels))) : h("span.vl-none", t("no label"))),
    number: (value) => h("span.num", Hone.fmt.number(value, 4)),
    spans: (value, { text, labels, brief }) => {
      if (!value.length) return h("span.vl-none", t("nothing marked"));
      return text && !brief ? Hone.marked(text, value, labels) : h("span.vl-places", few(places(value, text), brief, ({ words, label }) => h("span.vl-place", Hone.said(words), " ", chip(label, labels))));
    },
    answers: (value) => (value.length ? h("span.vl-answers", unique(value.map((one) => one.text)).map((words) => Hone.said(words))) : h("span.vl-none", t("no answer in this text"))),
    messages: (value, { brief }) => (Array.isArray(value) ? turns(value, brief) : Hone.said(String(value))),
    choices: (value) => h("ol.vl-choices", value.map((one) => h("li", Hone.said(one)))),
    relevance: (value, { brief }) => h("span.vl-answers", few(typeof value === "object" ? Object.entries(value) : [[String(value), 1]], brief, ([words, grade]) => Hone.said(grade === 1 ? words : `${words} (${grade})`))),
    better: (value) => h("span", { 1: t("the first answer"), 2: t("the second answer"), same: t("no difference") }[value] || value),
    marked: (value) => h("span.said.vl-text", twoMarks(String(value))),
    image: (value, { large, run }) => Hone.picture(value, { large, run }),
  };

  const turns = (value, brief) => h("div.vl-turns", (brief ? value.slice(-2) : value).map((turn) => h("div.vl-turn", { class: turn.role }, h("small", who(turn.role)), Hone.said(turn.content))));

  /* <e1>..</e1> and <e2>..</e2> as places with their number; anything else that looks like a tag is text. */
  function twoMarks(text) {
    return text.split(/(<e1>[^]*?<\/e1>|<e2>[^]*?<\/e2>)/).map((piece) => {
      const found = /^<e([12])>([^]*)<\/e\1>$/.exec(piece);
      return found ? h("mark.vl-mark", { class: Hone.colour(found[1] === "1" ? 0 : 1) }, found[2], h("small", found[1])) : piece;
    });
  }

  const unique = (list) => [...new Set(list)];
  const chip = (name, labels) => Hone.chip({ name, colour: ((labels || []).find((one) => one.name === name) || { colour: 7 }).colour });
  const who = (role) => ({ system: t("system"), user: t("person"), assistant: t("model"), tool: t("tool") })[role] || role;
  Hone.speaker = who;

  function places(spans, text) {
    const points = Array.from(text || "");
    return spans.map((one) => ({ words: points.slice(one.start, one.end).join("") || `${one.start}–${one.end}`, label: one.label }));
  }

  /** A text with places marked: [{start, end, label?, probability?}]. Places may overlap; each shows its label behind its end. */
  Hone.marked = (text, spans, labels) => {
    const points = Array.from(text);
    const inside = spans.filter((one) => one.start < points.length && one.end > one.start);
    const edges = unique([0, points.length, ...inside.flatMap((one) => [one.start, Math.min(one.end, points.length)])]).sort((a, b) => a - b);
    const pieces = edges.slice(0, -1).map((from, i) => {
      const to = edges[i + 1];
      const over = inside.filter((one) => one.start <= from && one.end >= to).sort((a, b) => b.start - a.start || a.end - b.end);
      const words = points.slice(from, to).join("");
      if (!over.length) return words;
      const ending = over.filter((one) => Math.min(one.end, points.length) === to && one.label);
      return h("mark.vl-mark", { class: colour(over[0].label, labels) + (over.length > 1 ? " deep" : "") }, words, ending.map((one) => h("small", { class: colour(one.label, labels) }, one.label)));
    });
    return h("span.said.vl-text", pieces);
  };

  const colour = (name, labels) => {
    const found = (labels || []).find((one) => one.name === name);
    return found ? Hone.colour(found.colour) : "plain";
  };
})();
