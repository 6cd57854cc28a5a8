/* Evaluate, part "Old and new": of a chain of runs that continue one another, how well each does on what came with each. */
(() => {
  "use strict";
  const { h, fill } = Hone;

  Hone.part("evaluate", "forgetting", {
    title: () => t("Old and new"),
    place: 6,
    when: (state) => state.runs.some((run) => run.continues),
    make(host, ctx) {
      let run = null;
      const me = { shown: () => look().catch((error) => fill(host, Hone.notice({ error }))) };
      async function look() {
        const { runs } = await ctx.call("judged");
        const those = runs.filter((one) => one.continues);
        if (!those.some((one) => one.id === run)) run = ((those.find((one) => one.id === Hone.store.get("evaluate.run")) || those[0]) || { id: null }).id;
        if (!run) return fill(host, Hone.empty({ title: t("No run continues another yet.") }));
        draw(await ctx.call("remembered", { run }), those);
      }
      function draw(told, those) {
        const select = Hone.select({ label: t("Run"), options: those.map((one) => ({ value: one.id, title: one.title })), value: run, onchange: (id) => { run = id; look().catch(Hone.toast); }, id: "forgetting-run" });
        fill(host,
          Hone.head({ title: t("What is left of what it knew?"), sentence: t("Each run of the chain, asked about the test texts that came with each."), actions: [select] }),
          h("p.fg-verdict", told.verdict || t("The figures come when the run has finished.")),
          told.matrix.length ? Hone.card({ id: "forgetting-matrix", title: told.measure, sub: told.split === "test" ? t("Rows: the runs, one continuing the other. Columns: the test texts that came with each.") : t("Rows: the runs, one continuing the other. Columns: the texts for validation that came with each; there is no test."), body: table(told) }) : null,
          told.lost.length ? h("p.sub", t("Lost is the best score of an earlier run on these texts less that of the last one; their mean is the figure above (forgetting, Chaudhry et al. 2018).")) : null);
      }
      return me;
    },
  });

  const shown = (told, x) => (typeof x !== "number" ? "–" : told.share ? (100 * x).toFixed(1) + " %" : x.toFixed(3));

  function table(told) {
    const names = told.chain.map((one, i) => (i ? t("{n}. {name}", { n: i + 1, name: one.name }) : t("1. {name}", { name: one.name })));
    const head = h("tr", h("th", { scope: "col" }, t("Run")), names.map((name, i) => h("th.r", { scope: "col" }, name, h("span.sub", t.plural(told.rows[i] || 0, "one text", "{n:,} texts")))));
    const rows = told.matrix.map((row, i) => h("tr", h("th", { scope: "row" }, names[i]), names.map((_, j) => h("td.r", { class: i === j ? "fg-own" : "" }, j < row.length ? shown(told, row[j]) : ""))));
    const lost = h("tr.fg-lost", h("th", { scope: "row" }, t("Lost")), names.map((_, j) => h("td.r", j < told.lost.length ? away(told, told.lost[j]) : "")));
    return h("div.fg-scroll", h("table.fg", h("thead", head), h("tbody", rows, lost)));
  }

  function away(told, x) {
    if (typeof x !== "number") return "–";
    const n = told.share ? (100 * x).toFixed(1) : x.toFixed(3);
    return told.share ? t("{n} points", { n }) : n;
  }
})();
