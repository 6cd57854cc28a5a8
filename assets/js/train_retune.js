/* Going on from a finished run: what has arrived since it, the sheet in which it is chosen how, and the two curves of a run that continues
   another. The Train and Evaluate tabs give it a place; it asks the calls of webui/tabs/retune.py. */
(() => {
  "use strict";
  const { h, fill, button, fmt } = Hone;

  /** A line with the button where something has arrived since `run`; nothing else. ctx is the tab's. */
  async function offer(node, ctx, run, begun) {
    node.dataset.run = run || "";
    const told = run ? await ctx.call("arrived", { run }) : { sentence: null };
    if (node.dataset.run !== (run || "")) return; // meanwhile another run was opened
    if (!told.sentence) return fill(node);
    const go = button(t("Retune with what arrived since"), () => sheet(ctx, run, begun), { small: true, id: `${ctx.name || "page"}-retune` });
    fill(node, Hone.notice({ title: told.sentence, body: t("The model can go on from where it is, without learning everything anew."), actions: [go] }));
  }

  /** How it is done, what it keeps, how long it takes; then Start. */
  async function sheet(ctx, run, begun) {
    const body = h("div.rt-sheet"), ask = { run, remember: "" };
    const start = button(t("Start"), async () => {
      const told = await ctx.call("retune", { run, remember: ask.remember, share: ask.share });
      layer.close();
      begun(told.run);
    }, { primary: true, id: "retune-start" });
    const layer = Hone.sheet({ title: t("Retune with what arrived since"), body, actions: [start] });
    await look();

    async function look() {
      const told = await ctx.call("retuning_of", ask);
      ask.remember = told.remember;
      ask.share = told.share;
      fill(body,
        h("p.rt-what", told.sentence),
        told.notes.length ? h("ul.rt-notes", told.notes.map((note) => h("li", note))) : null,
        told.fixed ? null : h("fieldset.rt-ways", h("legend", t("What is done against forgetting")), told.ways.map((way) => choice(way, told))),
        !told.fixed && told.remember === "replay" ? share(told) : null,
        h("p.rt-time", t("About {t}.", { t: fmt.duration(told.seconds) })),
        told.why.length ? h("details.rt-why", h("summary", t("Why these settings")), h("ul", told.why.map((why) => h("li", why)))) : null);
    }

    function choice(way, told) {
      const input = h("input", { type: "radio", name: "rt-way", value: way.value, checked: way.value === told.remember, onchange: () => { ask.remember = way.value; look().catch(Hone.toast); } });
      return h("label.rt-way", input, h("span", h("b", way.title), h("span.sub", way.keeps)));
    }

    function share(told) {
      const shares = [...new Set([0.05, 0.1, 0.2, 0.5, 1, told.share])].sort((a, b) => a - b);
      const options = shares.map((value) => ({ value: String(value), title: t("{p:%} of {n:,} old texts", { p: value, n: told.known }) }));
      const select = Hone.select({ options, value: String(told.share), onchange: (value) => { ask.share = Number(value); look().catch(Hone.toast); }, id: "retune-share" });
      return Hone.field({ title: t("Share of old texts it sees again"), term: t("replay"), input: select });
    }
  }

  /** The card of a run that continues another: old and new texts at each check. Gives {show(track, stamp)}; null for any other run, undefined
      where it was asked again meanwhile. */
  async function card(node, ctx, run) {
    const asked = (node.dataset.asked = String(1 + Number(node.dataset.asked || 0)));
    const told = await ctx.call("remembered", { run });
    if (node.dataset.asked !== asked) return undefined; // asked again meanwhile
    fill(node);
    if (!told.chain.length) return null;
    const place = h("div.small"), words = h("p.rt-verdict", { "aria-live": "polite" }), before = told.chain[told.chain.length - 2];
    fill(node, Hone.card({
      id: "train-memory", title: t("Old texts and new ones"), side: legend(told),
      sub: t("{measure} at each check. It goes on from “{name}”, with {n:,} new texts and {m:,} old ones seen again.", { measure: told.measure, name: before.name, n: told.new, m: told.replayed }),
      body: [words, place],
    }));
    const line = (name, checks, part, look) => ({ type: "scatter", mode: "lines+markers", name, x: checks.map((c) => c.step), y: checks.map((c) => (c.parts && c.parts[part] ? c.parts[part][told.score] : null)), connectgaps: true, hovertemplate: name + " %{y:.3f}<extra></extra>", ...look });
    let checks = [];
    const traces = () => [
      line(t("old texts"), checks, "old", { line: { color: Hone.colourOf("accent"), width: 2.6 }, marker: { color: Hone.colourOf("accent"), size: 7 } }),
      line(t("new texts"), checks, "new", { line: { color: Hone.colourOf("l2"), width: 2.2, dash: "dot" }, marker: { color: Hone.colourOf("l2"), size: 7, symbol: "square" } }),
      ...(told.knew === null || !checks.length ? [] : [{ type: "scatter", mode: "lines", name: t("old texts, before"), x: [0, checks[checks.length - 1].step], y: [told.knew, told.knew], line: { color: Hone.colourOf("ink3"), width: 1.6, dash: "dash" }, hovertemplate: t("old texts, before") + " %{y:.3f}<extra></extra>" }]),
    ];
    const layout = () => ({ hovermode: "x unified", xaxis: { title: t("step"), rangemode: "tozero" }, yaxis: { tickformat: ".2~f" } });
    const at = (check, part) => (check && check.parts && check.parts[part] ? check.parts[part][told.score] : null);
    const say = () => t("At each check, on old and on new texts: now {a} and {b}.", { a: figure(at(checks[checks.length - 1], "old")), b: figure(at(checks[checks.length - 1], "new")) });
    const plot = Hone.plot(place, traces, layout, { say, table: { columns: [{ title: t("step"), class: "r", cell: (r) => r.step }, { title: t("old texts"), class: "r", cell: (r) => figure(at(r, "old")) }, { title: t("new texts"), class: "r", cell: (r) => figure(at(r, "new")) }], rows: () => checks } });
    return {
      show(track) {
        if (track.checks.length === checks.length && checks.length) return;
        checks = track.checks.filter((check) => check.parts);
        plot.update(traces, layout);
        words.textContent = lost(told, at(checks.filter((c) => c.best).slice(-1)[0] || checks[checks.length - 1], "old"));
      },
      /** Asked again once more is known (what the earlier model knew is told before the first step). */
      stale: () => told.knew === null,
    };
  }

  const figure = (x) => (typeof x === "number" ? x.toFixed(3) : "–");

  /** What is lost on the old texts that steer, at the best moment so far. */
  function lost(told, now) {
    if (told.knew === null || now === null) return "";
    const away = told.share ? 100 * (told.knew - now) : told.knew - now;
    const n = told.share ? t("{p} points", { p: Math.abs(away).toFixed(1) }) : Math.abs(away).toFixed(3);
    if (Math.abs(away) < (told.share ? 0.05 : 0.0005)) return t("At its best moment it has lost nothing of what it knew.");
    return away > 0 ? t("At its best moment it has lost {n} on what it knew.", { n }) : t("At its best moment it has even gained {n} on what it knew.", { n });
  }

  const legend = (told) => h("div.legend", key("accent", t("old texts"), "dots"), key("l2", t("new texts"), "dot"), told.knew === null ? null : key("ink3", t("old texts, before"), "dash"));
  const key = (colour, name, look) => h("span", h("i", { class: look, style: { color: `var(--h-${colour})` }, "aria-hidden": true }), name);

  Hone.retune = { offer, card };
})();
