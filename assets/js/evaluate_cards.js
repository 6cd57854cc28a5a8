/* The cards of the Evaluate tab: verdict, contenders, label by label, what it confuses, and the list of texts.
   Each takes the view and its part of the report and gives a node. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const PAGE = 20; // texts fetched at a time
  const cards = (Hone.evaluate = Hone.evaluate || {});
  const titles = {
    verdict: () => t("The verdict"),
    contenders: () => t("Was the tuning worth it?"),
    table: () => t("Label by label"),
    confusion: () => t("What it confuses"),
    mistakes: () => t("Surest mistakes"),
  };

  /* A card whose part is not there yet: it keeps the place. */
  function waiting(part) {
    const lines = Array.from({ length: part === "verdict" ? 2 : 4 }, () => h("i"));
    return Hone.card({ title: titles[part](), body: h("div.ev-wait", { "aria-label": t("Not ready yet"), role: "img" }, lines) });
  }

  function verdict(view, made) {
    const lead = [made.caution, made.answers, made.mind].filter(Boolean);
    const more = [made.expect, made.tuning].filter(Boolean);
    return h("section.card.verdict", h("p.say", joined(lead)), more.length ? h("p.more", joined(more)) : null);
  }

  const joined = (sentences) => sentences.map((one, i) => [i ? joint(sentences[i - 1]) : "", marked(one)]);

  // A Chinese sentence ends in a full-width stop that brings its own space.
  function joint(before) {
    if (/[。！？]$/.test(before)) return "";
    if (/[.!?]$/.test(before)) return " ";
    return Hone.language === "zh" ? "。" : ". ";
  }

  /* The server wraps what counts in \x01 … \x02; "of" between two such pieces belongs to them. */
  function marked(sentence) {
    const pieces = sentence.replace(/\x02( of )\x01/g, "$1").split(/(\x01[^\x02]*\x02)/);
    return pieces.map((piece) => (piece[0] === "\x01" ? h("em", piece.slice(1, -1)) : piece));
  }

  function contenders(view, made) {
    const line = (one) => [
      h("div.nm", { class: one.me ? "me" : "" }, one.title, h("small", one.sub)),
      h("div.v", h("span", { class: one.me ? "me" : "" }, Hone.fmt.fixed(one.share)), h("small", one.wrong)),
      axis(one),
    ];
    const scale = h("div.scale", { "aria-hidden": true }, h("span", "0"), h("span", "0.5"), h("span", "1"));
    const tuned = made.lines.some((one) => one.id === "before");
    return Hone.card({
      title: tuned ? titles.contenders() : t("Is it better than simpler ways?"),
      sub: made.sub,
      body: [h("div.cmpr", made.lines.map(line), scale), made.change ? change(view, made.change) : null],
    });
  }

  function axis(one) {
    const { share, low, high } = one;
    if (share === null) return h("div.ax");
    const says = t("{share}, between {low} and {high}", { share: Hone.fmt.fixed(share), low: Hone.fmt.fixed(low), high: Hone.fmt.fixed(high) });
    return h(
      "div.ax",
      { class: one.colour, role: "img", "aria-label": says, title: says },
      h("i.ci", { style: { left: 100 * low + "%", width: 100 * (high - low) + "%" } }),
      h("i.pt", { style: { left: 100 * share + "%" } }),
    );
  }

  function change(view, { mended, broken, luck, by_tuning: tuning }) {
    const all = mended + broken;
    const became = tuning ? t.plural(mended, "text became right through tuning", "texts became right through tuning") : t.plural(mended, "text is right that word counting gets wrong", "texts are right that word counting gets wrong");
    const lost = tuning ? t("became wrong") : t("the other way round");
    const read = () => sheetOfChanges(view, { mended, broken, tuning });
    return h(
      "div.fixed",
      h("div", h("b", mended), became),
      h("div", h("b", broken), lost),
      luck && all ? h("div.luck", luck) : null,
      all ? Hone.button(t("Read all {n}", { n: all }), read, { small: true }) : null,
    );
  }

  function sheetOfChanges(view, { mended, broken, tuning }) {
    const below = (row) => (tuning ? t("{before} before, {after} now", { before: row.before, after: row.said }) : t("Word counting says {before}, this run {after}", { before: row.before, after: row.said }));
    const group = (title, kind) => h("section", h("h3", title), texts(view, { kind }, below));
    const right = mended ? group(tuning ? t("Became right") : t("Right here only"), "mended") : null;
    const wrong = broken ? group(tuning ? t("Became wrong") : t("Right by word counting only"), "broken") : null;
    Hone.sheet({ title: tuning ? t("What tuning changed") : t("This run and word counting"), body: h("div.ev-changes", right, wrong), wide: true });
  }

  const columns = () => [
    { key: "", title: t("label"), term: "" },
    { key: "precision", title: t("trust"), term: t("precision") },
    { key: "recall", title: t("found"), term: t("recall") },
    { key: "f1", title: t("both"), term: "F1" },
    { key: "support", title: t("texts"), term: t("support") },
  ];

  /* Every label with its figures; a click on a heading sorts, the weakest first. */
  function table(view, made) {
    const order = (view.order = view.order || { key: "", down: false });
    const body = h("tbody");
    const head = h("tr", columns().map(({ key, title, term }) =>
      h("th", { class: key ? "r" : "", scope: "col", "data-sort": key }, h("button", { onclick: () => sort(key) }, title, term && h("small", term)))));
    const draw = () => {
      const rows = [...made.rows];
      if (order.key) rows.sort((a, b) => ((a[order.key] ?? -1) - (b[order.key] ?? -1)) * (order.down ? -1 : 1));
      fill(body, rows.map((row) => h("tr", h("td", Hone.chip(row)), figures(row))));
      for (const th of head.cells) th.setAttribute("aria-sort", order.key && th.dataset.sort === order.key ? (order.down ? "descending" : "ascending") : "none");
    };
    const sort = (key) => {
      if (order.key === key) order.down = !order.down;
      else Object.assign(order, { key, down: key === "support" });
      draw();
    };
    draw();
    const foot = h("tfoot", made.averages.map((row) => h("tr.sum", h("td", row.title), figures(row))));
    return Hone.card({
      title: titles.table(),
      sub: t("Trust: how often this answer is right. Found: how many of this label it caught."),
      side: Hone.button("CSV", () => cards.get(view, "labels"), { link: true }),
      body: h("div.ev-table", { tabindex: 0, role: "region", "aria-label": titles.table() }, h("table.tb", h("thead", head), body, foot)),
    });
  }

  const figures = (row) => [
    h("td.r", Hone.fmt.fixed(row.precision, 2)),
    h("td.r", Hone.fmt.fixed(row.recall, 2)),
    h("td.r.both", Hone.fmt.fixed(row.f1, 2)),
    h("td.r", Hone.fmt.number(row.support)),
  ];

  function confusion(view, made) {
    view.board = Hone.matrix({ names: made.names, cells: made.cells, open: (right, said) => showCell(view, right, said) });
    const run = view.runs.find((one) => one.id === view.run);
    const title = [t("What it confuses"), run && run.title].filter(Boolean).join(" · ");
    const draw = (kind) => Hone.matrix.save(Hone.matrix.drawn({ ...made, title }), "confusion", kind).catch(() => Hone.toast(t("The picture could not be made.")));
    const side = Hone.button(t("Picture"), () => {
      Hone.menu(side, [
        { title: t("Picture (PNG)"), onpick: () => draw("png") },
        { title: t("Drawing (SVG)"), onpick: () => draw("svg") },
        { title: t("Numbers (CSV)"), onpick: () => cards.get(view, "confusion").catch(Hone.toast) },
      ]);
    }, { link: true });
    return Hone.card({ title: titles.confusion(), sub: t("Rows: what is right. Columns: what it said. Choose a cell to read its texts."), side, body: view.board });
  }

  /* With many labels nobody scans the matrix: what is confused most, in words. */
  function pairs(view, made) {
    const one = ([right, said, n]) => h("li", h("button.ev-pair", { onclick: () => showCell(view, right, said) },
      h("span", Hone.chip(view.report.labels[right]), h("span.as", t("read as")), Hone.chip(view.report.labels[said])), h("b", n)));
    const body = made.pairs.length ? h("ol.ev-pairs", made.pairs.map(one)) : h("p.sub", t("No two labels were confused."));
    return Hone.card({ title: t("Confused most"), sub: t("What is right, and what it said instead."), body });
  }

  function showCell(view, right, said) {
    view.list = { kind: "cell", right, said };
    view.board.choose(right, said);
    fill(view.slots.list, mistakes(view, view.report.mistakes || { total: 0 }));
    const box = view.slots.list.getBoundingClientRect();
    if (box.top > innerHeight - 160 || box.top < 0) view.slots.list.scrollIntoView({ block: "start", behavior: "smooth" });
  }

  function showMistakes(view) {
    view.list = { kind: "mistakes" };
    if (view.board) view.board.choose(null);
    fill(view.slots.list, mistakes(view, view.report.mistakes || { total: 0 }));
  }

  /* The texts of the chosen cell; without one, all mistakes with the surest first. */
  function mistakes(view, made) {
    const { list, report } = view;
    if (list.kind === "cell" && report.confusion) {
      const [right, said] = [report.confusion.names[list.right], report.confusion.names[list.said]];
      const same = right === said;
      const sub = (n) => (same ? t.plural(n, "{n} text, surest first", "{n:,} texts, surest first") : t.plural(n, "{n} text, surest mistake first", "{n:,} texts, surest mistake first"));
      const title = same ? t("{label}, read rightly", { label: right }) : t("{right} read as {said}", { right, said });
      return listCard(view, title, sub, { kind: "cell", right, said }, made.total ? allMistakes(view, made.total) : null);
    }
    if (!made.total) return Hone.card({ title: titles.mistakes(), body: h("p.sub", t("Every text was read rightly. Choose a cell to read its texts.")) });
    const sub = (n) => t.plural(n, "{n} text it got wrong. Sometimes it is the label that is wrong: put it right here.", "{n:,} texts it got wrong. Sometimes it is the label that is wrong: put it right here.");
    return listCard(view, titles.mistakes(), sub, { kind: "mistakes" }, Hone.button(t("Are these labels right? Look at doubtful labels"), () => Hone.goPart("label", "doubtful"), { link: true }));
  }

  function allMistakes(view, total) {
    const words = t.plural(total, "{n} mistake in all, surest first:", "All {n:,} mistakes, surest first:");
    return h("p.ev-all", words, " ", Hone.button(t("read them"), () => showMistakes(view), { link: true }));
  }

  function listCard(view, title, sub, what, foot) {
    const line = h("span", " ");
    const list = texts(view, what, null, (total) => fill(line, sub(total)));
    return Hone.card({ title, sub: line, body: h("div.ev-texts-box", { tabindex: 0, role: "region", "aria-label": title }, list, foot) });
  }

  /* A list that fetches PAGE texts at a time; `below` says what stands under a text. */
  function texts(view, what, below = null, counted = () => {}) {
    const items = h("ul.ev-texts");
    const foot = h("div.ev-more");
    const run = view.run;
    let shown = 0;
    const next = async () => {
      try {
        const page = await view.ctx.call("texts", { run, what, start: shown, count: PAGE });
        shown += page.rows.length;
        counted(page.total);
        items.append(...page.rows.map((row) => textOf(view, row, below)));
        fill(foot, shown < page.total && page.rows.length ? Hone.button(t("Show {n} more", { n: Math.min(PAGE, page.total - shown) }), next, { small: true }) : null);
      } catch (error) {
        fill(foot, Hone.notice({ error, actions: [Hone.button(t("Try again"), next, { small: true })] }));
      }
    };
    next();
    return h("div", items, foot);
  }

  function textOf(view, row, below) {
    const p = Hone.fmt.percent(row.probability);
    const sure = below ? below(row) : row.right === row.said ? t("{p} sure of {label}", { p, label: row.said }) : t("{p} sure of {said}. Its label: {right}", { p, said: row.said, right: row.right });
    const side = h("div.ev-side");
    relabelling(view, row, side);
    return h("li", h("p.said", row.text), h("div.ev-under", h("small", sure), side));
  }

  /* Relabelling writes to the labels of the data set, never to the run: the report then says that it is out of date. */
  function relabelling(view, row, side) {
    if (row.gone) return fill(side, h("small", t("no longer in the data")));
    const put = async (label) => {
      await view.ctx.call("relabel", { run: view.run, row: row.id, label, client: client(), seq: Date.now() });
      row.now = label;
      relabelling(view, row, side);
      Hone.bus.emit("labels");
    };
    if (row.now !== row.right) {
      const now = row.now ? t("Now {label}", { label: row.now }) : t("Now without a label");
      return fill(side, h("small", now), Hone.button(t("Undo"), () => put(row.right), { link: true }));
    }
    const button = Hone.button(t("Relabel"), () => {
      const items = view.report.labels.map((label) => ({ title: label.name, current: label.name === row.now, onpick: () => label.name !== row.now && put(label.name).catch(Hone.toast) }));
      Hone.menu(button, items);
    }, { link: true, "aria-haspopup": "menu" });
    fill(side, button);
  }

  let own = null;
  const client = () => (own = own || "evaluate-" + Math.random().toString(36).slice(2, 12));

  Object.assign(cards, { axis, waiting, verdict, contenders, table, confusion, pairs, mistakes });
})();
