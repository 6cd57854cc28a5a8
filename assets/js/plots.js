/* Plots: plotly.js, fetched at the first one, in the page's own palette; drawn when visible, recoloured when the theme turns.
   Knows nothing of what is plotted. */
(function () {
  "use strict";
  const { h, t } = Hone;
  let loading = null;
  const drawn = new Set();

  /** Resolves to Plotly. */
  Hone.plotly = () => (loading = loading || new Promise((resolve, reject) => {
    const script = h("script", { src: Hone.facts.plotly });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { loading = null; script.remove(); reject(new Error("plotly.js did not load")); };
    document.head.append(script);
  }));

  /** A token's present value: token("accent") -> "#0b5f6e". */
  Hone.colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue("--h-" + name).trim();

  /** `#rrggbb` with an opacity, for fills and raw lines. */
  Hone.faded = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");

  /** Draw into `node` (give it a height). `traces` and `layout` may be functions, called again when the theme turns, so that colours
      are read anew. Returns {update(traces, layout), extend(update, indices, most), purge()}. `table`: {columns, rows()} for
      "Show as table"; `say`: the sentence for those who do not see it. */
  Hone.plot = function (node, traces, layout = {}, { table, say } = {}) {
    const value = (x) => (typeof x === "function" ? x() : x);
    let ready = false, gone = false, ranges = null;
    node.classList.add("plot");
    node.setAttribute("role", "img");
    if (say) node.setAttribute("aria-label", value(say));
    if (table) node.after(asTable(table));
    const draw = async () => {
      if (gone || node.offsetParent === null) return;
      const Plotly = await Hone.plotly();
      if (gone || node.offsetParent === null) return;
      if (!ready) {
        await Plotly.newPlot(node, value(traces), framed(value(layout)), { displayModeBar: false, responsive: true, doubleClick: "reset" });
        ready = true;
      } else await Plotly.react(node, value(traces), kept(node, framed(value(layout))));
    };
    const seen = new ResizeObserver(() => { if (!ready) draw(); else if (node.offsetParent !== null) window.Plotly.Plots.resize(node); });
    seen.observe(node);
    const recolour = () => { if (ready) draw(); };
    drawn.add(recolour);
    const plot = {
      node,
      get ready() { return ready; },
      /** New data or layout; the person's zoom stays. */
      update(newTraces, newLayout) { if (newTraces) traces = newTraces; if (newLayout) layout = newLayout; if (say) node.setAttribute("aria-label", value(say)); return draw(); },
      /** Add points, as Plotly.extendTraces. False when it is not drawn yet: then give everything to update(). */
      extend(points, indices, most = 2000) { if (!ready || node.offsetParent === null) return false; window.Plotly.extendTraces(node, points, indices, most); return true; },
      png: (name) => Hone.plotly().then((P) => P.downloadImage(node, { format: "png", scale: 2, filename: name || "plot" })),
      purge() { gone = true; seen.disconnect(); drawn.delete(recolour); if (ready) window.Plotly.purge(node); },
    };
    draw();
    return plot;
  };

  Hone.bus.on("theme", () => { for (const fn of drawn) fn(); });

  /** The house style under whatever the caller asks for. */
  function framed(layout) {
    const ink = Hone.colourOf("ink2"), line = Hone.colourOf("line"), strong = Hone.colourOf("line-strong"), surface = Hone.colourOf("surface");
    const axis = { gridcolor: line, linecolor: strong, zeroline: false, tickfont: { size: 12, color: ink }, title: { font: { size: 12, color: ink }, standoff: 8 }, nticks: 7, automargin: true, fixedrange: false };
    const font = { family: Hone.colourOf("sans"), size: 12, color: ink };
    const base = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 44, r: 12, t: 6, b: 34 }, font, showlegend: false, dragmode: "zoom", bargap: 0.35,
      hoverlabel: { bgcolor: surface, bordercolor: line, font: { ...font, size: 13, color: Hone.colourOf("ink") } }, colorway: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => Hone.colourOf("l" + i)),
      uirevision: "hone", autosize: true,
    };
    const out = { ...base, ...layout, xaxis: merged({ ...axis, showgrid: false }, layout.xaxis), yaxis: merged(axis, layout.yaxis) };
    return out;
  }

  function merged(axis, over = {}) {
    const title = typeof over.title === "string" ? { text: over.title } : over.title || {};
    return { ...axis, ...over, title: { ...axis.title, ...title } };
  }

  /** Keep what the person zoomed to. */
  function kept(node, layout) {
    for (const name of ["xaxis", "yaxis"]) {
      const now = node.layout && node.layout[name];
      if (now && now.autorange === false && !(layout[name] && layout[name].range)) { layout[name].range = now.range.slice(); layout[name].autorange = false; }
    }
    return layout;
  }

  function asTable({ columns, rows }) {
    const body = h("div");
    const details = h("details.as-table", h("summary", t("Show as table")), body);
    details.addEventListener("toggle", () => { if (details.open) Hone.fill(body, Hone.table({ columns, rows: rows() })); });
    return details;
  }
})();
