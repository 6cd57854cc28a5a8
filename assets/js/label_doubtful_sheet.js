/* Doubtful labels, one after the other: the text, what stands there and what models would say, the evidence, and the keys of a decision.
   Knows nothing of the server: label_doubtful.js does. */
"use strict";
(() => {
  const NUMBERED = 9;

  Hone.doubtfulSheet = (me) => {
    const p = {};
    const view = { node: build(me, p), draw: () => draw(me, p), key: (event) => key(me, p, event) };
    Hone.help("label", help());
    return view;
  };

  const help = () => ({ sentences: [t("Keep a label that is right, change one that is wrong. Nothing is changed without your key."), t("What you keep is not shown again, unless its label changes."), t("Everything is saved as you go and can be undone.")],
    keys: [["K", t("keep the label; Enter too")], ["C", t("change to what is proposed; the space bar too")], ["1 – 9", t("another label")], ["X", t("remove the label")], ["L", t("leave the text out")], ["U", t("undo")], ["← →", t("back and forth")]] });

  function build(me, p) {
    p.bar = h("i");
    p.edge = h("div.lb-edge", { role: "progressbar", "aria-valuemin": 0, "aria-label": t("Doubtful labels looked at") }, p.bar);
    p.progress = h("span");
    p.number = h("span");
    p.text = h("div.said.lb-text", { tabindex: 0, "aria-live": "polite" });
    p.more = h("div.lb-more");
    p.why = h("div.ld-why", { "aria-live": "polite" });
    p.acts = h("div.ld-acts", { role: "group", "aria-label": t("What is right?") });
    p.others = h("div.ld-others");
    p.evidence = h("div.ld-near");
    p.hints = h("div.lb-hints",
      h("button", { "data-key": "out", onclick: () => act(me, p, "l") }, h("kbd", "L"), h("span", t("leave the text out"))),
      h("button", { "data-key": "undo", onclick: me.undo }, h("kbd", "U"), h("span", t("undo"))),
      h("button.lb-back", { onclick: () => me.move(-1), "aria-label": t("The text before") }, h("kbd", "←")),
      h("button.lb-forth", { onclick: () => me.move(1), "aria-label": t("The next text") }, h("kbd", "→"), h("span", t("back and forth"))));
    p.sheet = h("section.lb-sheet.ld-sheet", { "aria-label": t("The doubtful label") }, p.edge, h("div.lb-meta", p.progress, p.number), p.text, p.more, p.why, p.acts, p.others, p.evidence, p.hints);
    return p.sheet;
  }

  function draw(me, p) {
    const rows = me.rows(), looked = me.looked();
    p.progress.textContent = t("{done:,} of {n:,} looked at", { done: looked, n: rows.length });
    p.bar.style.width = (looked / rows.length) * 100 + "%";
    p.edge.setAttribute("aria-valuemax", rows.length);
    p.edge.setAttribute("aria-valuenow", looked);
    const row = me.row();
    for (const part of ["why", "acts", "others", "evidence", "more"]) p[part].hidden = !row;
    if (!row) return over(me, p);
    const whole = me.whole.get(row.row);
    ahead(me, p);
    if (!whole) return waiting(p);
    if (p.item !== whole) {
      p.item = whole;
      p.draft = whole.proposed;
      p.text.scrollTop = 0;
    }
    text(me, p, whole);
    Hone.fill(p.why, ...why(me, p, whole, row));
    acts(me, p, whole, row);
    Hone.fill(p.evidence, evidence(me, whole));
  }

  /* The rows that come next are there before they are needed. */
  function ahead(me, p) {
    const missing = me.rows().slice(me.at, me.at + 8).some((one) => !me.whole.has(one.row));
    if (!missing && me.whole.get(me.row().row) !== undefined) return;
    me.fetch(me.at).then(() => draw(me, p), (error) => {
      Hone.fill(p.text, h("span.lb-quiet", error.message));
      setTimeout(() => p.sheet.offsetParent && draw(me, p), 3000);
    });
  }

  function waiting(p) {
    p.item = null;
    p.number.textContent = "";
    for (const part of ["why", "acts", "others", "evidence", "more"]) p[part].hidden = true;
    Hone.fill(p.text, h("span.lb-quiet", t("Fetching texts …")));
  }

  function over(me, p) {
    p.item = null;
    p.number.textContent = "";
    const changed = me.rows().filter((one) => one.became === "changed").length;
    Hone.fill(p.text, h("div.lb-end", h("h2", t("You changed {k:,} of {n:,}.", { k: changed, n: me.rows().length })),
      h("p", changed ? t("A model that learns from the labels as they are now will be better for it.") : t("Your labels are as good as the models can tell.")),
      h("div.acts", Hone.button(t("Train again"), () => Hone.go("settings"), { primary: true }), Hone.button(t("Look again"), me.look), Hone.button(t("Undo"), me.undo, { link: true }))));
  }

  /* ---------- the text and what is said of it ---------- */

  function text(me, p, item) {
    const first = me.bench.state.inputs[0];
    p.number.textContent = t("row {n:,}", { n: item.n });
    p.text.classList.toggle("long", item.text.length > 420);
    if (me.kind() === "spans") Hone.fill(p.text, h("div.ld-both", marked(me, t("marked now"), item.text, item.value || []), marked(me, t("models would mark"), item.text, item.proposed || [])));
    else if (first && first.kind === "image") Hone.fill(p.text, Hone.picture(item.inputs[first.role], { large: true }));
    else p.text.textContent = item.text || t("(empty)");
    const rest = me.bench.state.inputs.slice(1);
    Hone.fill(p.more, rest.map((part) => h("div.lb-input", h("h3", part.title), Hone.value(part.kind, item.inputs[part.role], { text: item.text, labels: me.labels() }))));
    p.more.hidden = !rest.length;
  }

  const named = (me, spans) => spans.filter((one) => me.label(one.label)).map((one) => ({ ...one, label: me.label(one.label).name }));
  const marked = (me, title, words, spans) => h("div", h("h3", title), Hone.marked(words, named(me, spans), me.labels()));

  const percent = (p) => Hone.fmt.percent(Math.min(p, 0.99));

  /* What stands there, what the models say, and what became of it. */
  function why(me, p, item, row) {
    const lines = [];
    if (row.became === "kept") lines.push(h("p.ld-done", t("Kept. It is not shown again.")));
    if (row.became === "changed") lines.push(h("p.ld-done", t("Changed to"), " ", said(me, item.value)));
    if (row.became === "gone") lines.push(h("p.ld-done", t("Left out.")));
    if (me.kind() === "number") {
      lines.push(h("p", t("It says {n}. The models that did not see it would say about {m}.", { n: Hone.fmt.number(item.given, 4), m: Hone.fmt.number(item.proposed, 4) })));
      return lines;
    }
    if (me.kind() === "multi") return [...lines, ...flags(me, item)];
    if (me.kind() === "spans") return [...lines, ...places(me, item)];
    lines.push(h("p", h("span", t("Labelled")), " ", said(me, item.given), " ", h("span", t("the models would say")), " ", said(me, item.proposed), " ", h("b.num", `(${percent(item.p)})`)));
    const votes = t("{k} of {n} models that did not see it say so.", { k: item.votes, n: me.state.models });
    lines.push(h("p.sub", item.why === "twins" ? t("Nearly the same text has another label elsewhere.") + " " + votes : votes));
    return lines;
  }

  function said(me, value) {
    if (me.kind() === "number") return h("b.num", Hone.fmt.number(value, 4));
    const ids = value === null || value === undefined ? [] : Array.isArray(value) ? value : [value];
    if (me.kind() === "spans") return h("span", t.plural(ids.length, "{n} mark", "{n} marks"));
    const there = ids.filter((id) => me.label(id));
    return there.length ? h("span.lb-chips", there.map((id) => Hone.chip(me.label(id)))) : h("span.chip.none", t("no label"));
  }

  /* Which label too many, which missing. */
  function flags(me, item) {
    const extra = item.given.filter((id) => !item.proposed.includes(id) && me.label(id)), missing = item.proposed.filter((id) => !item.given.includes(id) && me.label(id));
    return [
      h("p", h("span", t("Labelled")), " ", said(me, item.given)),
      extra.length ? h("p", h("span", t("perhaps too many:")), " ", said(me, extra)) : null,
      missing.length ? h("p", h("span", t("perhaps missing:")), " ", said(me, missing)) : null,
      h("p.sub", t("{k} of {n} models that did not see it say so of the plainest one ({p}).", { k: item.votes, n: me.state.models, p: percent(item.p) })),
    ];
  }

  function places(me, item) {
    const points = Array.from(item.text), words = (one) => points.slice(one.start, one.end).join("");
    const line = (one, sentence) => h("li", h("span", sentence), " ", h("q.said", words(one)), " ", me.label(one.label) ? Hone.chip(me.label(one.label)) : null);
    const out = item.doubted.map((one) => line(one, t("doubtful:"))), instead = item.instead.map((one) => line(one, item.doubted.length ? t("rather:") : t("perhaps missing:")));
    const elsewhere = (item.elsewhere || []).slice(0, 3).map((one) => h("li", h("span", t("Elsewhere")), " ", h("q.said", one.words), " ", one.labels.map(([name, n]) => h("span", Hone.chip(me.labels().find((l) => l.name === name) || { name, colour: 7 }), " ", h("span.num", `${n}×`), " "))));
    return [h("ul", out, instead), elsewhere.length ? h("ul.sub", elsewhere) : null];
  }

  function evidence(me, item) {
    if (!item.similar || !item.similar.length) return null;
    const first = me.bench.state.inputs[0];
    const shown = (one) => (first && first.kind === "image" ? Hone.picture(one.inputs[first.role]) : Hone.said(one.text));
    const rest = (one) => me.bench.state.inputs.slice(1).filter((part) => part.kind === "text").map((part) => Hone.said(one.inputs[part.role] || ""));
    return [h("h3", t("The most similar labelled texts")), h("ul", item.similar.map((one) => h("li", h("div", shown(one), rest(one)), said(me, one.value))))];
  }

  /* ---------- decisions ---------- */

  function acts(me, p, item, row) {
    const many = me.kind() === "multi", spans = me.kind() === "spans", number = me.kind() === "number";
    const tile = (letter, words, value, onclick, off) => h("button.lb-key.ld-act", { "data-key": letter, disabled: off || false, onclick }, h("kbd", letter.toUpperCase()), h("span", words), value);
    const decided = row.became === "gone";
    Hone.fill(p.acts,
      tile("k", t("Keep"), spans ? null : said(me, item.value), () => act(me, p, "k"), decided),
      tile("c", number ? t("Change to what stands below") : t("Change to"), spans ? h("span", t("what models would mark")) : number ? null : said(me, p.draft), () => act(me, p, "c"), decided),
      tile("x", spans ? t("Remove all marks") : number ? t("Remove the number") : many ? t("Remove all labels") : t("Remove the label"), null, () => act(me, p, "x"), decided));
    Hone.fill(p.others, number ? numberField(me, p) : spans ? byHand(me, item) : otherLabels(me, p, many));
    p.others.hidden = decided;
  }

  function otherLabels(me, p, many) {
    const labels = me.labels(), on = (id) => many && (p.draft || []).includes(id);
    const button = (label, i) => h("button.lb-key", { class: Hone.colour(label.colour), "data-key": `other-${label.id}`, "aria-pressed": many ? on(label.id) : null, onclick: () => other(me, p, label.id) }, h("kbd", i < NUMBERED ? i + 1 : ""), h("span", label.name));
    if (labels.length <= 12) return [h("h3", many ? t("Or switch labels, then C") : t("Or another label")), h("div.lb-keys", labels.map(button))];
    const select = Hone.select({ label: t("Another label"), value: "", options: [{ value: "", title: many ? t("Switch another label …") : t("Another label …") }, ...labels.map((label) => ({ value: label.id, title: label.name }))], onchange: (id) => id && other(me, p, Number(id)) });
    return [select];
  }

  function other(me, p, id) {
    if (me.kind() !== "multi") return me.change(id);
    p.draft = (p.draft || []).includes(id) ? p.draft.filter((one) => one !== id) : [...(p.draft || []), id];
    return me.draw();
  }

  function numberField(me, p) {
    const field = h("input.text", { type: "number", step: "any", value: p.draft ?? "", "aria-label": t("The number"), "data-key": "number" });
    field.addEventListener("input", () => { p.draft = field.value === "" ? null : Number(field.value); });
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
      event.preventDefault();
      event.stopPropagation();
      field.blur();
      if (event.key === "Enter") act(me, p, "c");
    });
    return h("label.ld-number", h("span", t("The number")), field);
  }

  const byHand = (me, item) => Hone.button(t("Mark it by hand"), () => { me.bench.filtered({ show: "search", search: item.text.slice(0, 60), label: "" }); Hone.goPart("label", "one"); }, { link: true });

  function act(me, p, what) {
    const row = me.row();
    if (!row || !p.item || row.became === "gone") return;
    if (what === "k") { if (row.became === "changed") me.move(1); else me.keep(); }
    if (what === "c" && p.draft !== null && p.draft !== undefined) me.change(p.draft);
    if (what === "x") me.change(null);
    if (what === "l") me.leave();
  }

  function key(me, p, event) {
    const k = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (k === "ArrowLeft" || k === "ArrowRight") return me.move(k === "ArrowLeft" ? -1 : 1);
    if (event.repeat) return false;
    if (k === "u" || k === "Backspace") return me.undo();
    if (!me.row()) return false;
    if (k === "k" || k === "Enter") return act(me, p, "k");
    if (k === "c" || k === " ") return act(me, p, "c");
    if (k === "x" || k === "l") return act(me, p, k);
    const label = /^[1-9]$/.test(k) && ["single", "multi"].includes(me.kind()) ? me.labels()[Number(k) - 1] : null;
    if (!label) return false;
    return p.item && me.row().became !== "gone" ? other(me, p, label.id) : undefined;
  }
})();
