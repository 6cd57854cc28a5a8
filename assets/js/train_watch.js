/* Texts being watched: the answer to each at every check, as a strip of cells; and a sheet to choose others. */
(() => {
  "use strict";
  const { h, t, fill } = Hone;
  const MOST = 8; // texts at a time, as the server takes them
  const LONG = 90; // characters of an answer that are shown
  const CELLS = 12; // checks shown; earlier ones are thinned out
  const KEYS = "123456789abcdefghijklmnopqrtvwxyz"; // as on the Label tab, without s and u

  const key = (index) => KEYS[index] || "·";

  function draw(node, opened, track, now) {
    const watched = opened.watched || [];
    const place = new Map(opened.labels.map((label, i) => [label.name, i]));
    const checks = spread(track.checks.filter((c) => Object.keys(c.watched).length), CELLS);
    if (!watched.length || !checks.length) {
      const over = ["finished", "stopped", "failed", "discarded"].includes(now.state);
      return fill(node, h("p.sub", over ? t("No text was watched.") : t("Their answers appear here with the first check.")));
    }
    fill(node, h("ul.train-watch", watched.map((row) => {
      const answers = checks.map((c) => c.watched[row.id]);
      const last = answers.filter(Boolean).slice(-1)[0];
      const parts = opened.single ? [strip(answers, checks, opened.labels, place), answer(last, row, opened.labels, place)] : [marks(answers, checks), plainly(last, row)];
      return h("li", shown(row, opened), parts);
    })));
  }

  const shown = (row, opened) => (row.kind === "image" ? Hone.picture(row.text, { run: opened.run }) : Hone.said(row.text, { title: row.text }));

  function strip(answers, checks, labels, place) {
    const said = answers.filter(Boolean).map((a) => a.label).join(", ");
    return h("span.strip", { role: "img", "aria-label": t("Answers, oldest first: {labels}", { labels: said }) }, answers.map((a, i) => {
      if (!a) return h("i.none", "·");
      const index = place.get(a.label) ?? 0;
      const title = t("Step {s}: {label}, {p} %", { s: checks[i].step, label: a.label, p: Math.round(100 * a.probability) });
      return h("i", { class: Hone.colour(labels[index] ? labels[index].colour : index), title }, key(index));
    }));
  }

  function answer(last, row, labels, place) {
    if (!last) return h("span.train-answer", Hone.chip(null));
    const right = last.label === row.label;
    const label = (name) => labels[place.get(name)] || { name, colour: 0 };
    return h("span.train-answer", { title: last.label }, Hone.chip({ ...label(last.label), name: brief(last.label) }), right ? h("small.good", t("correct")) : h("small", { title: row.label }, t("right: {label}", { label: brief(row.label) })));
  }

  /* Answers may be whole texts; all of one is in its title. */
  const brief = (text) => (text && Array.from(text).length > LONG ? Array.from(text).slice(0, LONG).join("").trimEnd() + " …" : text);

  /** Answers that are no single label: how right each was, in tenths. */
  function marks(answers, checks) {
    const said = answers.filter(Boolean).map((a) => a.label || "–").join("; ");
    return h("span.strip", { role: "img", "aria-label": t("Answers, oldest first: {labels}", { labels: said }) }, answers.map((a, i) => (a
      ? h("i", { class: Hone.colour(a.credit > 0.999 ? 0 : a.credit > 0 ? 1 : 2), title: t("Step {s}: {label}", { s: checks[i].step, label: a.label || "–" }) }, a.credit > 0.999 ? "✓" : a.credit > 0 ? String(Math.floor(10 * a.credit)) : "✗")
      : h("i.none", "·"))));
  }

  function plainly(last, row) {
    if (!last) return h("span.train-answer", Hone.chip(null));
    return h("span.train-answer", h("span", { title: last.label }, brief(last.label) || "–"), last.credit > 0.999 ? h("small.good", t("correct")) : h("small", { title: row.label }, t("right: {label}", { label: brief(row.label) || "–" })));
  }

  /** The newest check and evenly spread earlier ones. */
  function spread(checks, most) {
    if (checks.length <= most) return checks;
    return Array.from({ length: most }, (_, i) => checks[Math.round((i * (checks.length - 1)) / (most - 1))]);
  }

  /** A sheet with the texts that could be watched. Resolves to the chosen row ids, or null. */
  function choose(ctx, opened, now) {
    return new Promise((resolve) => {
      const chosen = new Map(opened.watched.map((row) => [row.id, row]));
      const list = h("div.train-choose"), count = h("p.sub", { "aria-live": "polite" });
      const search = h("input.text", { type: "search", "aria-label": t("Search"), placeholder: t("Search") });
      const over = ["finished", "stopped", "failed", "discarded"].includes(now.state);
      let timer = 0, answer = null, asked = 0;
      const sheet = Hone.sheet({
        title: t("Choose what to watch"),
        body: [h("p.sub", over ? t("Up to {n} texts. They are watched in the next training; this one has ended.", { n: MOST }) : t("Up to {n} texts, from the next check on and in later trainings.", { n: MOST })), search, count, list],
        actions: [Hone.button(t("Watch these"), () => { if (chosen.size) { answer = [...chosen.keys()]; sheet.close(); } }, { primary: true })],
        onclose: () => resolve(answer),
      });
      search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(load, 250); });
      const tell = () => { count.textContent = t("{a} of {b} chosen", { a: chosen.size, b: MOST }); };
      async function load() {
        const mine = (asked += 1);
        const told = await ctx.call("watchable", { run: opened.run, search: search.value });
        if (mine !== asked) return;
        const rows = search.value ? told.rows : [...opened.watched, ...told.rows.filter((r) => !opened.watched.some((w) => w.id === r.id))];
        fill(list, rows.length ? rows.map(entry) : h("p.sub", t("No text holds that.")), told.total > told.rows.length && h("p.sub", t("{n:,} texts in all. Search for the others.", { n: told.total })));
        tell();
      }
      function entry(row) {
        const box = h("input", { type: "checkbox", checked: chosen.has(row.id), onchange: () => {
          if (box.checked && chosen.size >= MOST) { box.checked = false; return; }
          if (box.checked) chosen.set(row.id, row); else chosen.delete(row.id);
          tell();
        } });
        return h("label", box, shown(row, opened), opened.single ? Hone.chip(opened.labels.find((l) => l.name === row.label) || { name: row.label, colour: 0 }) : h("span.sub", row.label));
      }
      load().catch(Hone.toast);
    });
  }

  Hone.trainWatch = { draw, choose, key };
})();
