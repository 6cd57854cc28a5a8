/* Several at once: compare ways (the shoot-out). Which methods on which bases with which budget; then a sentence, a table and a plot. */
"use strict";
(() => {
  const { fill, button, fmt } = Hone;
  const KEPT = "several.compare";

  Hone.studyKind("shootout", {
    place: 1,
    title: () => t("Compare ways"),
    sentence: () => t("Which way of tuning serves best here? Each learns from the same texts with the same budget and answers the same test."),
    form,
    result,
  });

  /* ---------- the form ---------- */

  function form(host, me) {
    const own = { facts: null, choice: null, again: null };
    const load = async () => {
      try {
        own.facts = (await me.ctx.call("several_form", {})).compare;
        own.choice = chosen(own.facts);
        draw();
      } catch (error) {
        fill(host, Hone.notice({ error, actions: [button(t("Try again"), load, { small: true })] }));
      }
    };

    function draw() {
      const { facts, choice } = own;
      const ticks = (list) => list.map((one) => tick(one.title, one.why_not || one.sentence || "", choice.methods.includes(one.name), Boolean(one.why_not), (on) => put("methods", one.name, on), one.term, one.learns ? t("{n:,} numbers learn", { n: one.learns }) : null));
      const usual = facts.methods.filter((one) => one.usual || one.ticked), others = facts.methods.filter((one) => !usual.includes(one));
      own.line = h("p.sub.sv-estimate", { "aria-live": "polite" });
      own.go = button(t("Start the comparison"), start, { primary: true });
      fill(host,
        h("fieldset.sv-set", h("legend", t("How much of it learns")), h("div.sv-ticks", ticks(usual)), others.length ? h("details.sv-more", { open: others.some((one) => choice.methods.includes(one.name)) }, h("summary", t.plural(others.length, "One more way", "{n} more ways")), h("div.sv-ticks", ticks(others))) : null),
        facts.bases.length > 1 ? h("fieldset.sv-set", h("legend", t("Starting from")), h("div.sv-ticks", facts.bases.map((one) => tick(one.title, one.kind === "classic" ? t("No network; a yardstick that takes seconds.") : "", choice.bases.includes(one.id), false, (on) => put("bases", one.id, on))))) : null,
        h("fieldset.sv-set", h("legend", t("Budget of each way")), h("div.sv-budget",
          Hone.choice({ label: t("Budget of each way"), value: choice.unit, options: [{ value: "rounds", title: t("Rounds") }, { value: "minutes", title: t("Minutes") }], onchange: (unit) => { choice.unit = unit; choice.value = unit === "rounds" ? facts.rounds : 5; keep(); draw(); } }),
          h("input.text.sv-number", { type: "number", min: 0.1, step: choice.unit === "rounds" ? 1 : 0.5, value: String(choice.value), "aria-label": t("How many"), onchange: (e) => { choice.value = Number(e.target.value); keep(); estimate(); } }),
          Hone.select({ label: t("How often each"), value: String(choice.folds), options: [{ value: "0", title: t("each once") }, { value: "3", title: t("each on 3 folds") }, { value: "5", title: t("each on 5 folds") }], onchange: (v) => { choice.folds = Number(v); keep(); estimate(); } })),
          h("p.sub", choice.unit === "rounds" ? t("Fair by what is learnt from: every way sees each text equally often, and how long it took is part of the answer. It stops early when nothing improves.") : t("Fair by the clock: every way takes steps for so long; quick ways see the texts more often."))),
        facts.test ? null : Hone.notice({ tone: "warn", title: t("No texts are kept aside for a test."), body: t("The ways are compared on the texts they were steered by, which flatters all of them.") }),
        h("div.sv-go", own.go, own.line));
      estimate();
    }

    function put(list, name, on) {
      const { choice } = own;
      choice[list] = on ? [...choice[list].filter((one) => one !== name), name] : choice[list].filter((one) => one !== name);
      keep();
      estimate();
    }
    const keep = () => Hone.store.set(KEPT, own.choice);
    const estimate = Hone.studyEstimate(me.ctx, "shootout", () => own);

    async function start() {
      const told = await me.ctx.call("several_start", { kind: "shootout", choice: own.choice });
      me.started(told.study);
    }

    fill(host, Hone.progress({}));
    load();
    return { refresh: load };
  }

  /* What is ticked: what was ticked last, as far as it can still be had, else what is proposed. */
  function chosen(facts) {
    const can = facts.methods.filter((one) => !one.why_not).map((one) => one.name);
    const fresh = { methods: facts.methods.filter((one) => one.ticked).map((one) => one.name), bases: facts.bases.filter((one) => one.ticked).map((one) => one.id), unit: "rounds", value: facts.rounds, folds: 0 };
    const kept = Hone.store.get(KEPT);
    if (!kept || !Array.isArray(kept.methods)) return fresh;
    const bases = facts.bases.map((one) => one.id);
    return { ...fresh, ...kept, methods: kept.methods.filter((name) => can.includes(name)), bases: facts.bases.length > 1 ? kept.bases.filter((id) => bases.includes(id)) : fresh.bases };
  }

  function tick(title, sentence, on, off, onchange, term, counted) {
    const box = h("input", { type: "checkbox", checked: on, disabled: off, onchange: (e) => onchange(e.target.checked) });
    return h("label.sv-tick", { class: off ? "off" : null, title: term || null }, box, h("span", h("b", title), sentence ? h("small", sentence) : null, counted ? h("small.num", counted) : null));
  }

  /* How long a choice will take, asked until all of it is known: gives a function that asks anew. own: {choice, line, go}. */
  Hone.studyEstimate = (ctx, kind, of) => {
    let asked = 0, timer = null;
    async function ask() {
      const own = of();
      clearTimeout(timer);
      const mine = (asked += 1);
      own.go.disabled = false;
      try {
        const told = await ctx.call("several_estimate", { kind, choice: own.choice });
        if (mine !== asked) return;
        const trainings = t.plural(told.ways * told.each, "{n} training", "{n} trainings");
        const about = told.known ? t("about {t}", { t: fmt.duration(told.known) }) : null;
        if (told.told === told.ways) own.line.textContent = [trainings, about].filter(Boolean).join(" · ");
        else {
          const part = told.told ? t("{t} for {n} of {m}", { t: about, n: told.told, m: told.ways }) : null;
          own.line.textContent = [trainings, part, told.measuring ? t("measuring a few real steps of the others") : t("the time is measured when nothing else runs")].filter(Boolean).join(" · ");
          if (own.line.isConnected) timer = setTimeout(() => { if (own.line.offsetParent) ask(); }, told.measuring ? 1500 : 6000);
        }
      } catch (error) {
        if (mine !== asked || error.offline) return;
        own.line.textContent = [error.message, error.fix].filter(Boolean).join(" ");
        own.go.disabled = error.kind !== "TypeError";
      }
    }
    return () => { clearTimeout(timer); timer = setTimeout(ask, 250); };
  };

  /* ---------- the result ---------- */

  const AXES = {
    seconds: { title: () => t("minutes"), of: (row) => row.seconds / 60, say: (row) => fmt.seconds(row.seconds) },
    learns: { title: () => t("numbers that learn"), of: (row) => row.learns, say: (row) => fmt.number(row.learns), log: true },
    bytes: { title: () => t("file size (MB)"), of: (row) => row.bytes / 1e6, say: (row) => fmt.bytes(row.bytes), log: true },
    memory: { title: () => t("most memory (MB)"), of: (row) => row.memory / 1e6, say: (row) => fmt.bytes(row.memory) },
  };

  function result(host, me) {
    const parts = { words: h("div"), table: h("div"), plot: h("div.sv-plot"), curves: h("div") };
    let told = null, plot = null, axis = Hone.store.get("several.axis", "seconds");
    if (!AXES[axis]) axis = "seconds";
    const choose = Hone.choice({ label: t("Against what"), value: axis, options: [{ value: "seconds", title: t("Time") }, { value: "learns", title: t("What learns") }, { value: "bytes", title: t("File size") }, { value: "memory", title: t("Memory") }], onchange: (v) => { axis = v; Hone.store.set("several.axis", v); drawPlot(); } });
    const plotCard = Hone.card({ id: "several-plot", title: t("What it costs, what it brings"), sub: t("Up and to the left is better. The bars are the ranges in which chance moves a score."), side: choose, body: parts.plot });
    const curvesCard = Hone.card({ id: "several-curves", title: t("How they learnt"), sub: t("The measure on validation at each check."), body: parts.curves });
    fill(host, parts.words, parts.table, plotCard, curvesCard);
    const curves = Hone.memberCurves(parts.curves, () => told.result.measure);

    const figure = (row) => row[told.result.split];

    function drawPlot() {
      const rows = told.result.rows.slice().sort((a, b) => AXES[axis].of(a) - AXES[axis].of(b)).filter((row) => row.ended && figure(row) && typeof figure(row).value === "number" && AXES[axis].of(row) > 0);
      plotCard.hidden = !rows.length;
      if (!rows.length) return;
      const { measure } = told.result, times = measure.share ? 100 : 1;
      const traces = () => [{
        x: rows.map((row) => AXES[axis].of(row)), y: rows.map((row) => times * figure(row).value), text: rows.map((row) => short(row, rows)), mode: "markers+text", textposition: rows.map((row, i) => (i % 2 ? "bottom right" : "top right")), textfont: { size: 12, color: Hone.colourOf("ink") }, cliponaxis: false,
        marker: { size: 11, color: rows.map((row) => Hone.colourOf(row.good ? "accent" : "ink3")) },
        error_y: { type: "data", symmetric: false, array: rows.map((row) => times * ((figure(row).high ?? figure(row).value) - figure(row).value)), arrayminus: rows.map((row) => times * (figure(row).value - (figure(row).low ?? figure(row).value))), color: Hone.colourOf("line-strong"), thickness: 1.5, width: 4 },
        customdata: rows.map((row) => [AXES[axis].say(row), Hone.scored(figure(row).value, measure)]), hovertemplate: "%{text}: %{customdata[1]}, %{customdata[0]}<extra></extra>",
      }];
      const values = rows.map((row) => AXES[axis].of(row)), low = Math.min(...values), high = Math.max(...values);
      const log = AXES[axis].log && high > 20 * low;
      const range = log ? [Math.log10(low) - 0.2, Math.log10(high) + 0.3 * Math.max(1, Math.log10(high / low))] : [0, high * (matchMedia("(max-width: 760px)").matches ? 1.9 : 1.35)];
      const layout = () => ({ xaxis: { title: AXES[axis].title(), type: log ? "log" : "linear", range, tickformat: log ? "~s" : undefined }, yaxis: { title: measure.title + (measure.share ? " (%)" : "") }, uirevision: axis });
      if (plot) plot.update(traces, layout);
      else plot = Hone.plot(parts.plot, traces, layout, { say: () => told.result.sentence });
    }

    /** A dot's name, without what stands in brackets where the names differ all the same. */
    function short(row, rows) {
      const bare = (label) => label.replace(/\s*[(（][^)）]*[)）]/g, "");
      return new Set(rows.map((one) => bare(one.label))).size === rows.length ? bare(row.label) : row.label;
    }

    function verdict(row) {
      if (!row.ended) return "–";
      if (row.best) return h("b.sv-first", t("best"));
      if (row.p === null || row.p === undefined) return "–";
      const p = row.p < 0.001 ? "p < 0.001" : "p = " + row.p.toFixed(3);
      return h("span", { title: p }, row.good ? t("no clear difference") : t("clearly worse"), h("small.sv-range", p));
    }

    function columns() {
      const { measure, split, folds } = told.result;
      const both = split === "test";
      return [
        { title: t("Way"), cell: (row) => h("span", h("b", row.label), h("small.sv-best", row.failure ? row.failure.message : row.state !== "finished" ? Hone.memberState(row) : row.at_start ? t("kept as it was before the steps: they made it no better") : "")) },
        { title: h("span", { title: measure.title }, both ? t("test") : folds ? t("set aside, mean") : t("validation")), class: "r", cell: (row) => (row.ended ? Hone.scoredCell(figure(row), measure) : "–") },
        both ? { title: t("validation"), class: "r nop", cell: (row) => Hone.scored(row.validation.value, measure) } : null,
        { title: t("against the best"), cell: verdict },
        { title: t("time"), class: "r", cell: (row) => (row.seconds ? fmt.seconds(row.seconds) : "–") },
        { title: h("span", { title: t("Numbers inside the model that moved, of all it has (trained parameters).") }, t("learns")), class: "r", cell: (row) => (row.learns ? h("span", fmt.number(row.learns), row.weights > row.learns ? h("small.sv-range", fmt.percent(row.learns / row.weights, row.learns / row.weights < 0.1 ? 2 : 0)) : null) : "–") },
        { title: t("file"), class: "r nop", cell: (row) => fmt.bytes(row.bytes) },
        { title: h("span", { title: t("The most the training held at any moment, with all it needs beside the model.") }, t("memory")), class: "r nop", cell: (row) => fmt.bytes(row.memory) },
        { title: h("span.sr", t("More")), class: "r", cell: more },
      ].filter(Boolean);
    }

    function more(row) {
      if (!row.runs.length) return "";
      const run = row.runs[row.runs.length - 1];
      const node = button("⋯", () => Hone.menu(node, [
        { title: t("Open the run"), onpick: () => me.openRun(run) },
        { title: t("Use these settings"), onpick: () => me.useRun(run).catch(Hone.toast) },
        row.state === "finished" || row.state === "stopped" ? { title: t("Take this model away"), onpick: () => me.takeRun(run) } : null,
      ]), { small: true, class: "train-more", "data-key": "more-" + row.key, "aria-label": t("More about {name}", { name: row.label }), "aria-haspopup": "menu" });
      return node;
    }

    return {
      update(now) {
        told = now;
        const { result } = told;
        const best = result.rows.find((row) => row.best && row.runs.length);
        const budget = result.budget ? (result.budget.unit === "rounds" ? t("Budget: {n} rounds each.", { n: result.budget.value }) : t("Budget: {n} minutes each.", { n: result.budget.value })) : null;
        fill(parts.words, h("section.card.sv-answer", h("p.sv-sentence", { "aria-live": "polite" }, result.sentence), result.caution ? h("p.sub", result.caution) : null,
          h("p.sub", [budget, result.folds ? t("Each on {k} folds; figures are means.", { k: result.folds }) : null, t("Differences are tested row by row (McNemar, or flipped signs), and more carefully the more ways there are (Holm).")].filter(Boolean).join(" ")),
          best && told.study.state !== "open" ? h("div.acts", button(t("Take the best away"), () => me.takeRun(best.runs[0]), { primary: told.study.state === "over" }), button(t("Use its settings"), () => me.useRun(best.runs[0]))) : null));
        fill(parts.table, Hone.card({ id: "several-table", body: Hone.table({ rows: result.rows, columns: columns(), caption: t("The ways side by side") }) }));
        drawPlot();
        curves.update(told.members);
        curvesCard.hidden = !told.members.some((one) => one.curve.length > 1); // a fit in one go has no course
      },
    };
  }
})();
