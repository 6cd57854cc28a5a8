/* The cards of the Evaluate tab where a task has measures of its own: scores with what they mean, contenders, figures by kind, the worst
   answers. Each takes the view and its part of the report and gives a node. Knows figures by their kind, never by their task. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const PAGE = 10; // answers fetched at a time
  const FIRST = 4; // of a figure's samples; the others on request
  const MOST_BARS = 30;
  const cards = (Hone.evaluate = Hone.evaluate || {});
  const SLOTS = { verdict: "verdict", contenders: "contenders", scores: "scores", figures: "figures", rows: "worst" };
  const titles = { verdict: () => t("The verdict"), contenders: () => t("Is it better than simpler ways?"), scores: () => t("What it reaches"), figures: () => t("A closer look"), rows: () => t("Worst answers") };

  function waiting(part) {
    const lines = Array.from({ length: part === "verdict" ? 2 : 4 }, () => h("i"));
    return Hone.card({ title: titles[part](), body: h("div.ev-wait", { "aria-label": t("Not ready yet"), role: "img" }, lines) });
  }

  /** A measure as people read it: shares in percent. */
  function shown(value, share) {
    if (value === null || value === undefined) return "–";
    if (share) return Hone.fmt.percent(value, 1);
    return Math.abs(value) < 100 ? value.toFixed(3) : Hone.fmt.number(value, 1);
  }

  function scores(view, made) {
    const one = (score) => h("li", { class: score.main ? "main" : "" }, h("b.num", shown(score.value, score.share)), h("span", score.title, score.lower ? h("small", t("less is better")) : null), h("p.sub", score.help));
    return Hone.card({ title: titles.scores(), side: Hone.button("CSV", () => cards.get(view, "scores"), { link: true }), body: h("ul.ms-scores", made.map(one)) });
  }

  /* Points with their intervals on one scale: 0 to 1 where all lie there, else as wide as they are. */
  function contenders(view, made) {
    const all = made.lines.flatMap((one) => [one.value, one.low, one.high]).filter((n) => typeof n === "number");
    const [from, to] = scale(all);
    const at = (n) => (100 * (n - from)) / (to - from || 1);
    const line = (one) => [
      h("div.nm", { class: one.me ? "me" : "" }, one.title, h("small", one.sub)),
      h("div.v", h("span", { class: one.me ? "me" : "" }, shown(one.value, made.share)), one.low === null ? null : h("small", `${shown(one.low, made.share)} – ${shown(one.high, made.share)}`)),
      axis(one, at, made.share),
    ];
    const tick = (n) => h("span", made.share ? Hone.fmt.percent(n) : Hone.fmt.number(n, 2));
    return Hone.card({ title: titles.contenders(), sub: made.sub, body: h("div.cmpr", made.lines.map(line), h("div.scale", { "aria-hidden": true }, tick(from), tick((from + to) / 2), tick(to))) });
  }

  function scale(all) {
    const [least, most] = [Math.min(0, ...all), Math.max(0, ...all)];
    if (least >= 0 && most <= 1) return [0, 1];
    if (least >= -1 && most <= 1) return [-1, 1];
    const step = 10 ** Math.floor(Math.log10(most - least || 1));
    return [Math.floor(least / step) * step, Math.ceil(most / step) * step];
  }

  function axis(one, at, share) {
    if (one.value === null) return h("div.ax");
    const says = one.low === null ? shown(one.value, share) : t("{share}, between {low} and {high}", { share: shown(one.value, share), low: shown(one.low, share), high: shown(one.high, share) });
    return h("div.ax", { class: one.colour, role: "img", "aria-label": says, title: says },
      one.low === null ? null : h("i.ci", { style: { left: at(one.low) + "%", width: at(one.high) - at(one.low) + "%" } }), h("i.pt", { style: { left: at(one.value) + "%" } }));
  }

  // ---------- figures ----------

  function figures(view, made) {
    return made.map((figure) => {
      const body = (FIGURES[figure.kind] || (() => null))(figure.data, view, figure);
      if (!body) return null;
      const csv = figure.kind === "samples" ? null : Hone.button("CSV", () => cards.get(view, figure.name), { link: true });
      return Hone.card({ title: figure.title, side: csv, body, class: "ms-figure " + figure.kind + (broad(figure) ? " broad" : "") });
    });
  }

  const broad = ({ kind, data }) => kind === "samples" || (kind === "table" && data.columns.length > 4) || (kind === "matrix" && (data.rows.length > 8 || data.columns.length > 8));
  const nothing = () => h("p.sub", t("There is nothing to show here."));

  const FIGURES = {
    matrix({ rows, columns, cells, pictures }, view) {
      const names = [...new Set([...rows, ...columns])];
      if (!cells.length) return nothing();
      const place = (list) => list.map((name) => names.indexOf(name));
      const [down, across] = [place(rows), place(columns)];
      return Hone.matrix({ names, cells: cells.map(([i, j, n]) => [down[i], across[j], n]), open: (right, said) => behind(view, names, right, said, pictures, down, across) });
    },
    table({ columns, rows }) {
      if (!rows.length) return nothing();
      const numeric = columns.map((_, i) => rows.every((row) => row[i] === null || typeof row[i] === "number"));
      const cell = (value) => (typeof value === "number" ? Hone.fmt.number(value, 3) : value === null ? "–" : value);
      const made = columns.map((title, i) => ({ title, class: numeric[i] ? "r num" : "", cell: (row) => cell(row[i]) }));
      return h("div.ev-table", { tabindex: 0, role: "region" }, Hone.table({ columns: made, rows }));
    },
    bars({ names, values }, view, figure) {
      if (!names.length) return nothing();
      const numbers = names.every((name) => name.trim() !== "" && !Number.isNaN(Number(name)));
      return numbers ? upright(names, values, figure) : lying(names.slice(0, MOST_BARS), values.slice(0, MOST_BARS), figure, names.length);
    },
    scatter({ x, y, x_title: xTitle, y_title: yTitle }) {
      if (!x.length) return nothing();
      const node = h("div.plot", { style: { height: "320px" } });
      const [low, high] = [Math.min(...x, ...y), Math.max(...x, ...y)];
      const alike = Math.min(Math.max(...x), Math.max(...y)) - Math.max(Math.min(...x), Math.min(...y)) > 0.25 * (high - low);
      const points = () => ({ type: "scatter", mode: "markers", x, y, marker: { color: Hone.faded(Hone.colourOf("accent"), 0.45), size: 6 }, hovertemplate: "%{x} → %{y}<extra></extra>" });
      const diagonal = () => ({ type: "scatter", mode: "lines", x: [low, high], y: [low, high], line: { color: Hone.colourOf("line-strong"), width: 1, dash: "dot" }, hoverinfo: "skip" });
      const layout = () => ({ xaxis: { title: xTitle || "" }, yaxis: { title: yTitle || "" }, margin: { l: 52, r: 12, t: 6, b: 44 } });
      Hone.plot(node, () => (alike ? [diagonal(), points()] : [points()]), layout, { say: t("{n:,} points.", { n: x.length }) });
      return node;
    },
    samples({ rows }, view) {
      if (!rows.length) return nothing();
      const items = h("ul.ev-texts.ms-rows", rows.slice(0, FIRST).map((row) => answer(view, row)));
      const rest = rows.slice(FIRST);
      const more = h("div.ev-more", rest.length ? Hone.button(t("Show {n} more", { n: rest.length }), () => { items.append(...rest.map((row) => answer(view, row))); more.remove(); }, { small: true }) : null);
      return [items, more];
    },
  };

  /* The pictures behind a cell of the matrix, where the task gives any. */
  function behind(view, names, right, said, pictures, down, across) {
    const found = (pictures || []).find(([i, j]) => down[i] === right && across[j] === said);
    if (found) Hone.pictures(right === said ? t("{label}, read rightly", { label: names[right] }) : t("{right} read as {said}", { right: names[right], said: names[said] }), found[2], { run: view.run });
  }

  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"); // Plotly reads a little HTML
  const brief = (name) => (Array.from(name).length > 26 ? Array.from(name).slice(0, 25).join("") + "…" : name);

  function lying(names, values, figure, total) {
    const node = h("div.plot", { style: { height: Math.max(80, names.length * 24 + 24) + "px" } });
    const traces = () => [{ type: "bar", orientation: "h", x: values, y: names.map((_, i) => i), text: values.map((n) => Hone.fmt.number(n, 3)), textposition: "outside", cliponaxis: false, marker: { color: Hone.colourOf("accent") }, customdata: names.map(plain), hovertemplate: "%{customdata}: %{x}<extra></extra>" }];
    const layout = () => ({ xaxis: { visible: false, rangemode: "tozero", range: [Math.min(0, ...values), Math.max(...values, 0) * 1.14 || 1] }, yaxis: { autorange: "reversed", tickvals: names.map((_, i) => i), ticktext: names.map((name) => plain(brief(name))), nticks: undefined, ticklabelstandoff: 6, showgrid: false, fixedrange: true }, margin: { l: 20, r: 34, t: 0, b: 4 }, bargap: 0.34, dragmode: false });
    Hone.plot(node, traces, layout, { say: figure.title });
    return [node, names.length < total ? h("p.sub", t("The first {n} of {total}. All are in the CSV.", { n: names.length, total })) : null];
  }

  function upright(names, values, figure) {
    const node = h("div.plot", { style: { height: "240px" } });
    const traces = () => [{ type: "bar", x: names.map((_, i) => i), y: values, marker: { color: Hone.colourOf("accent") }, customdata: names, hovertemplate: "%{customdata}: %{y:,}<extra></extra>" }];
    const every = Math.ceil(names.length / 7);
    const ticks = names.map((_, i) => i).filter((i) => i % every === Math.floor(names.length / 2) % every);
    const layout = () => ({ xaxis: { tickvals: ticks, ticktext: ticks.map((i) => names[i]), nticks: undefined }, yaxis: { rangemode: "tozero" }, margin: { l: 44, r: 12, t: 6, b: 30 } });
    Hone.plot(node, traces, layout, { say: figure.title });
    return node;
  }

  // ---------- answers one by one ----------

  function rows(view, made) {
    view.order = view.order || "worst";
    const box = h("div.ev-texts-box", { tabindex: 0, role: "region", "aria-label": titles.rows() });
    const draw = () => fill(box, list(view, view.order));
    const which = Hone.choice({ label: t("Which answers"), options: [{ value: "worst", title: t("Worst") }, { value: "best", title: t("Best") }], value: view.order, onchange: (order) => { view.order = order; draw(); } });
    draw();
    return Hone.card({ title: t("Answers one by one"), sub: t.plural(made.total, "{n} row, with what is right and what it said.", "{n:,} rows, with what is right and what it said."), side: which, body: box });
  }

  /* A list that fetches PAGE answers at a time. */
  function list(view, kind) {
    const items = h("ul.ev-texts.ms-rows");
    const foot = h("div.ev-more");
    const run = view.run;
    let shownSoFar = 0;
    const next = async () => {
      try {
        const page = await view.ctx.call("texts", { run, what: { kind }, start: shownSoFar, count: PAGE });
        shownSoFar += page.rows.length;
        items.append(...page.rows.map((row) => answer(view, row)));
        fill(foot, shownSoFar < page.total && page.rows.length ? Hone.button(t("Show {n} more", { n: Math.min(PAGE, page.total - shownSoFar) }), next, { small: true }) : null);
      } catch (error) {
        fill(foot, Hone.notice({ error, actions: [Hone.button(t("Try again"), next, { small: true })] }));
      }
    };
    next();
    return [items, foot];
  }

  /* One row: what the model read, and what is right beside what it said. */
  function answer(view, row) {
    const { columns, labels } = view.report;
    const inputs = columns.filter((one) => !one.target && row.inputs[one.role] !== null && row.inputs[one.role] !== undefined && row.inputs[one.role] !== "");
    const marks = row.prediction && row.prediction.kind === "spans" ? row.prediction.spans : null;
    const first = columns.find((one) => !one.target);
    const given = inputs.map((one) => {
      const value = one === first && marks ? Hone.marked(row.inputs[one.role], marks, labels) : Hone.value(one.kind, row.inputs[one.role], { labels, run: view.run });
      return inputs.length > 1 ? h("div.ms-input", h("small", one.title), value) : h("div.ms-input", value);
    });
    const right = row.gold ? h("div", h("small", t("The right answer")), h("p.said", row.gold)) : null;
    const said = h("div", { class: row.credit >= 0.999 ? "good" : row.credit <= 0.001 ? "bad" : "" }, h("small", t("It said")), h("p.said", row.said || "–"));
    return h("li", h("div.ms-given", given), h("div.ms-two", right, said));
  }

  function downloads(view) {
    const item = (title, what) => ({ title, onpick: () => cards.get(view, what).catch(Hone.toast) });
    const button = Hone.button(t("Download the report"), () => {
      Hone.menu(button, [item(t("Everything in one zip"), "all"), "-", item(t("The measures (CSV)"), "scores"), item(t("Compared with simpler ways (CSV)"), "contenders"), item(t("Every row with its answer (CSV)"), "rows")]);
    });
    return button;
  }

  cards.measures = { SLOTS, waiting, verdict: (view, made) => cards.verdict(view, made), scores, contenders, figures, rows, downloads };
})();
