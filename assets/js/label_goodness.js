/* How good a model would be by now, and whether more labels are worth the work: a share with its interval, a curve that is continued, the
   labels that lack texts. Draws what core.labelling.stopping says; decides nothing. */
"use strict";
(() => {
  const SHOWN = 5; // labels that lack texts
  const SURE = 40; // texts set aside, under which nothing is said of what more labels bring
  const LITTLE = 0.005; // a gain that is not worth a hundred labels

  Hone.labelGoodness = (me, guide, { rare }) => {
    const told = guide.estimate;
    if (!told) return h("p.sub", guide.learnt ? t("Working it out …") : t("After the first few labels a small model begins to learn and to guess."));
    return [told.score === undefined ? early(told) : known(told), lacking(told, rare)];
  };

  /* Too few of the texts that are set aside. */
  function early(told) {
    if (told.enough === undefined) return h("p.sub", t("For numbers there is no estimate here yet; train to find out."));
    const edge = h("div.edge", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": told.enough, "aria-valuenow": told.aside, "aria-label": t("Texts set aside for measuring") }, h("i", { style: { width: (100 * told.aside) / told.enough + "%" } }));
    return h("div.lb-early", edge, h("p.sub", t("One text in eight is set aside by chance for measuring. {n} of {most} of them have a label; then an estimate stands here.", { n: told.aside, most: told.enough })));
  }

  function known(told) {
    const of = (share) => Math.round(share * 100);
    const points = told.link === "softmax" ? t("of 100 right") : t("of 100 (micro F1)");
    const plot = h("div.lb-curve");
    requestAnimationFrame(() => curve(plot, told));
    return h("div.lb-known",
      h("p.lb-score", h("b", String(of(told.score))), h("span", points), h("span.sub", t("between {a} and {b}", { a: of(told.low), b: of(told.high) }))),
      h("p.sub", t("From {n} labelled texts that were set aside by chance, each told by a model that had not seen it.", { n: told.aside })),
      plot, ahead(told));
  }

  function ahead(told) {
    const next = told.ahead[0];
    if (!next || told.aside < SURE) return h("p", t("What more labels bring can be told from {n} texts set aside.", { n: SURE }));
    const points = (x) => (x * 100).toFixed(Math.abs(x) < 0.0995 ? 1 : 0).replace(/\.0$/, "");
    const words = { more: next.more, gain: points(Math.max(0, next.gain)), a: points(Math.max(0, next.low)), b: points(Math.max(0, next.high)) };
    if (next.high < 2 * LITTLE || next.gain < LITTLE)
      return h("p", t("{more} more labels would change little (about {gain} points). A good moment to train.", words), " ", Hone.button(t("Choose settings"), () => Hone.go("settings"), { link: true }));
    return h("p", t("{more} more labels: about +{gain} points ({a} to {b}).", words));
  }

  function curve(node, told) {
    if (!node.isConnected || told.curve.length < 3) return;
    const last = told.curve[told.curve.length - 1];
    const further = told.aside < SURE ? [] : told.ahead;
    const ahead = [last, ...further.map((one) => ({ n: last.n + one.more, score: one.score }))];
    const side = (key) => further.map((one) => last.score + one[key]);
    const traces = () => [
      { x: [last.n, ...ahead.slice(1).map((p) => p.n), ...ahead.slice(1).map((p) => p.n).reverse(), last.n], y: [last.score, ...side("high"), ...side("low").reverse(), last.score].map((y) => y * 100), fill: "toself", fillcolor: Hone.faded(Hone.colourOf("accent"), 0.14), line: { width: 0 }, hoverinfo: "skip", mode: "lines" },
      { x: ahead.map((p) => p.n), y: ahead.map((p) => p.score * 100), mode: "lines", line: { color: Hone.colourOf("accent"), dash: "dash", width: 2 }, hoverinfo: "skip" },
      { x: told.curve.map((p) => p.n), y: told.curve.map((p) => p.score * 100), mode: "lines+markers", line: { color: Hone.colourOf("accent"), width: 2.6 }, marker: { size: 7 }, hovertemplate: "%{x} · %{y:.0f}<extra></extra>" },
    ];
    Hone.plot(node, traces, () => ({ margin: { l: 32, r: 8, t: 6, b: 34 }, xaxis: { title: { text: t("labels"), font: { size: 12 } }, nticks: 4 }, yaxis: { nticks: 4, ticksuffix: "" } }), {
      say: () => t("With {n} labels about {score} of 100 are right; the line goes on to {more} more.", { n: Math.round(last.n), score: Math.round(last.score * 100), more: further.length ? further[further.length - 1].more : 0 }),
    });
  }

  function lacking(told, rare) {
    const few = told.labels || [];
    if (!few.length) return null;
    const more = few.length - SHOWN;
    return h("details.lb-lack", h("summary", t.plural(few.length, "{n} label has too few texts", "{n:,} labels have too few texts")),
      h("ul", few.slice(0, SHOWN).map((one) => h("li", h("span", one.name), h("span.num", t.plural(one.missing, "{n} more", "{n} more")))), more > 0 ? h("li.sub", t("and {n} more", { n: more })) : null),
      Hone.button(t("Show me likely ones first"), rare, { small: true }));
  }
})();
