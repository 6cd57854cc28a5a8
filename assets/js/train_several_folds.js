/* Several at once: check by folds (cross-validation). How steady is what these settings reach? */
"use strict";
(() => {
  const { fill, button, fmt } = Hone;
  const KEPT = "several.folds";

  Hone.studyKind("folds", {
    place: 2,
    title: () => t("Check by folds"),
    sentence: () => t("How steady is the result? The texts are dealt into equal parts; each part is set aside once, and the same training learns from the others."),
    form,
    result,
  });

  function form(host, me) {
    const own = { facts: null, choice: { folds: Hone.store.get(KEPT, 5) } };
    const load = async () => {
      try {
        own.facts = (await me.ctx.call("several_form", {})).folds;
        draw();
      } catch (error) {
        fill(host, Hone.notice({ error, actions: [button(t("Try again"), load, { small: true })] }));
      }
    };
    const estimate = Hone.studyEstimate(me.ctx, "folds", () => own);

    function draw() {
      const { facts, choice } = own;
      own.line = h("p.sub.sv-estimate", { "aria-live": "polite" });
      own.go = button(t("Start the check"), start, { primary: true });
      fill(host,
        h("p", t("Settings: {title} on {base}, as on the Settings tab.", { title: facts.title, base: facts.base }), " ", button(t("Change them"), () => Hone.go("settings"), { link: true })),
        facts.problems ? Hone.notice({ tone: "warn", title: t("A value on the Settings tab is off."), actions: [button(t("Go to Settings"), () => Hone.go("settings"), { small: true })] }) : null,
        h("fieldset.sv-set", h("legend", t("How many folds")),
          Hone.choice({ label: t("How many folds"), value: choice.folds, options: facts.choices.map((n) => ({ value: n, title: String(n) })), onchange: (n) => { choice.folds = n; Hone.store.set(KEPT, n); draw(); } }),
          h("p.sub", t("Each training learns from {a:,} texts and is checked on about {b:,}. Every label has its share in every fold, equal texts stay together, and the test texts stay aside.", { a: Math.round(facts.texts * (1 - 1 / choice.folds)), b: Math.round(facts.texts / choice.folds) }))),
        h("div.sv-go", own.go, own.line));
      if (facts.problems) own.go.disabled = true;
      else estimate();
    }

    async function start() {
      const told = await me.ctx.call("several_start", { kind: "folds", choice: own.choice });
      me.started(told.study);
    }

    load();
    return { refresh: load };
  }

  function result(host, me) {
    const words = h("div"), table = h("div"), lines = h("div"), curvesHost = h("div");
    let told = null;
    const card = Hone.card({ id: "several-curves", title: t("How they learnt"), sub: t("The measure on the part set aside, at each check."), body: curvesHost });
    fill(host, words, table, lines, card);
    const curves = Hone.memberCurves(curvesHost, () => told.result.measure);

    function columns() {
      const { measure } = told.result;
      return [
        { title: t("Fold"), cell: (row) => h("span", h("b", t("Fold {n}", { n: row.fold })), h("small.sv-best", row.failure ? row.failure.message : row.state === "finished" ? "" : Hone.memberState(row))) },
        { title: h("span", { title: measure.title }, t("on the part set aside")), class: "r", cell: (row) => (row.ended ? Hone.scoredCell(row.validation, measure) : "–") },
        { title: t("test"), class: "r", cell: (row) => (row.ended ? Hone.scored(row.test.value, measure) : "–") },
        { title: t("texts"), class: "r nop", cell: (row) => fmt.number(row.validation.n) },
        { title: t("time"), class: "r", cell: (row) => (row.seconds ? fmt.seconds(row.seconds) : "–") },
        { title: h("span.sr", t("More")), class: "r", cell: (row) => (row.runs.length ? button(t("Open"), () => me.openRun(row.runs[0]), { link: true, "data-key": "open-" + row.key }) : "") },
      ];
    }

    /* What the folds say together: mean, spread, interval, and the same on the test. */
    function together() {
      const { spread, test, measure } = told.result;
      if (!spread || spread.n < 2) return null;
      const value = (x) => Hone.scored(x, measure);
      const rows = [
        [t("mean over the folds"), value(spread.mean)],
        [t("spread of one fold (standard deviation)"), value(spread.deviation)],
        [t("where the mean lies, 95 of 100 times"), t("{a} to {b}", { a: value(spread.low), b: value(spread.high) })],
        test ? [t("the same trainings on the test"), t("{a}, spread {b}", { a: value(test.mean), b: value(test.deviation) })] : null,
      ].filter(Boolean);
      return h("dl.sv-facts", rows.map(([name, said]) => [h("dt", name), h("dd", said)]));
    }

    return {
      update(now) {
        told = now;
        const { result } = told;
        fill(words, h("section.card.sv-answer", h("p.sv-sentence", { "aria-live": "polite" }, result.sentence), together(),
          h("p.sub", t("The folds share most of their training texts, so the true spread is a little wider than they show.")),
          result.gathered ? h("div.acts", button(t("Answers for every text ({n:,})", { n: result.gathered }), () => me.ctx.call("several_gathered", { study: me.study }).then((file) => Hone.download(file.url)), {})) : null));
        fill(table, Hone.card({ id: "several-table", body: Hone.table({ rows: result.rows, columns: columns(), caption: t("Fold by fold"), empty: t("The first fold is about to begin.") }) }));
        curves.update(told.members);
        card.hidden = !told.members.some((one) => one.curve.length > 1); // a fit in one go has no course
      },
    };
  }
})();
