/* What the Label tab looks like: the sheet with the text and what belongs to it, the part with which one answers (me.hand), what is shown
   next, the list of labels. Built once and then only touched where something changed, so that a key costs less than a frame.
   Decides nothing: label.js does. */
"use strict";
(() => {
  const BEFORE = 60; // characters of the text before this one

  Hone.labelView = (me) => {
    const view = { built: false, me, part: {} };
    view.build = () => build(view);
    view.draw = () => view.built === "bench" && draw(view);
    view.saved = () => saved(view);
    view.say = (text) => (view.part.spoken ? (view.part.spoken.textContent = text) : Hone.toast(text));
    view.tell = (text) => tell(view, text);
    view.search = () => search(view);
    view.failed = (error) => Hone.fill(me.root, Hone.notice({ error, actions: [Hone.button(t("Try again"), me.refresh, { small: true })] }));
    return view;
  };

  function build(view) {
    const { me } = view;
    if (me.state.empty) return empty(view);
    if (!me.hand) return nothing(view);
    if (me.hand.labels && !me.state.labels.length) return me.state.guest ? unnamed(view) : Hone.firstLabels(view);
    const p = (view.part = {});
    p.title = h("h1", me.state.question);
    const head = h("div.head", h("div.head-words", p.title, h("p", me.hand.sentence)),
      me.state.guest ? null : h("div.acts", Hone.button(t("Take the labels away"), () => Hone.labelsAway(me.ctx), { link: true }), me.hand.labels ? Hone.button(t("Labels"), () => Hone.labelSheet(me)) : null, Hone.button(t("Done for now"), () => Hone.go("settings"), { primary: true })));
    p.problem = h("div");
    p.sheet = sheet(view);
    p.before = h("div.lb-last");
    p.save = h("span.lb-saved", { "aria-live": "polite" });
    p.spoken = h("span.sr", { "aria-live": "polite" });
    const main = h("div.lb-main", p.problem, p.sheet, h("div.lb-under", p.before, p.save), p.spoken);
    Hone.fill(me.root, head, h("div.lb-grid", main, h("aside.lb-beside", showMe(view), me.guide.card(), me.hand.labels ? labelList(view) : null)));
    Hone.help("label", help(me));
    view.built = "bench";
    draw(view);
    saved(view);
  }

  function empty(view) {
    view.built = "empty";
    Hone.fill(view.me.root, Hone.head({ title: t("Label") }), Hone.empty({
      title: t("Needs texts"), body: t("A table with one text per row is enough. Labels can already be in it, or you add them in the next step."),
      actions: [Hone.button(t("Add texts"), () => Hone.go("data"), { primary: true })],
    }));
  }

  /* Shared before there are labels to give. */
  function unnamed(view) {
    view.built = "first";
    Hone.fill(view.me.root, Hone.head({ title: view.me.state.question }), Hone.empty({
      title: t("There are no labels yet."), body: t("The person who shares this project names them first. This page shows them as soon as they are there."),
      actions: [Hone.button(t("Look again"), view.me.refresh)],
    }));
  }

  /* The task learns from the texts as they are. */
  function nothing(view) {
    const { me } = view;
    view.built = "none";
    Hone.fill(me.root, Hone.head({ title: t("Label"), actions: [Hone.button(t("Choose settings"), () => Hone.go("settings"), { primary: true })] }), Hone.empty({
      title: t("There is nothing to label here."),
      body: t("For this task the model learns from what stands in your rows as it is. Look at them under Data, or go on to the settings."),
      actions: [Hone.button(t("Look at the rows"), () => Hone.go("data"))],
    }));
  }

  const help = (me) => ({ sentences: [me.hand.sentence, t("Everything is saved as you go, also when the connection is gone for a while."), t("What you began and did not finish is still there when you come back to it.")],
    keys: [...(me.hand.keys || []), [t("Space"), t("accept the guess")], ["S", t("skip")], ["U", t("undo")], [me.hand.turns || "← →", t("back and forth")], ["/", t("search")], ["Esc", t("leave a field")]] });

  /* ---------- the sheet ---------- */

  function sheet(view) {
    const { me, part: p } = view;
    const answers = me.hand.labels ? t("Texts with a label") : t("Texts with an answer");
    p.bar = h("i");
    p.edge = h("div.lb-edge", { role: "progressbar", "aria-valuemin": 0, "aria-label": answers }, p.bar);
    p.progress = h("span");
    p.row = h("span");
    p.above = h("div.lb-more", { "aria-live": "polite" });
    p.text = h("div.said.lb-text", { "aria-live": "polite", tabindex: 0 });
    p.below = h("div.lb-more", { "aria-live": "polite" });
    p.now = h("div.lb-now");
    p.guess = h("div.lb-guess", { "aria-live": "polite", hidden: true });
    p.accept = h("button.lb-accept", { onclick: () => me.guide.accept(), hidden: true }, h("kbd", t("Space")), h("span", t("accept the guess")));
    p.told = h("p.lb-told", { role: "status", hidden: true });
    p.hints = h("div.lb-hints", me.hand.commit, p.accept,
      h("button", { onclick: me.skip }, h("kbd", "S"), h("span", t("skip"))),
      h("button", { onclick: me.undo }, h("kbd", "U"), h("span", t("undo"))),
      h("button.lb-back", { onclick: () => me.move(-1), "aria-label": t("The text before") }, h("kbd", (me.hand.turns || "← →").split(" ")[0])),
      h("button.lb-forth", { onclick: () => me.move(1), "aria-label": t("The next text") }, h("kbd", (me.hand.turns || "← →").split(" ")[1]), h("span", t("back and forth"))),
      h("button.lb-slash", { onclick: () => search(view) }, h("kbd", "/"), h("span", t("search"))));
    if (me.hand.dress) me.hand.dress(p.text);
    return h("section.lb-sheet", { class: "lb-by-" + me.state.kind, "aria-label": t("The text to label") },
      p.edge, h("div.lb-meta", p.progress, p.row), p.above, p.text, p.below, p.now, p.guess, me.hand.node, p.told, p.hints);
  }

  /* What is missing before the answer can be taken; gone with the next thing that is done. */
  function tell(view, text) {
    view.part.told.hidden = false;
    view.part.told.textContent = text;
  }

  /* ---------- drawing ---------- */

  function draw(view) {
    const { me, part: p } = view;
    if (p.drawn !== signature(me)) {
      p.drawn = signature(me);
      if (me.hand.relabel) me.hand.relabel();
      if (p.labels) p.labels.replaceWith((p.labels = rows(view)));
    }
    const item = me.list.current;
    p.told.hidden = true;
    p.sheet.classList.toggle("over", me.list.ended);
    p.sheet.classList.remove("waiting");
    if (item) text(view, item);
    else pause(view);
    counts(view);
    before(view);
    me.hand.draw(item);
    me.guide.draw(p, item);
    numbers(view);
  }

  function text(view, item) {
    const { me, part: p } = view;
    if (p.shown !== item) {
      p.shown = item;
      me.clock.begin(item.id);
      if (!me.hand.text) body(view, item);
      p.text.scrollTop = 0;
      p.text.classList.toggle("long", item.text.length > 420);
      p.row.textContent = t("row {n:,}", { n: item.n });
      further(view, item);
    }
    if (me.hand.text) me.hand.text(p.text, item);
    provenance(view, item);
  }

  /* The first input: nearly always a text. */
  function body(view, item) {
    const { me, part: p } = view;
    const first = me.state.inputs[0];
    if (!first || first.kind === "text") p.text.textContent = item.text || t("(empty)");
    else Hone.fill(p.text, Hone.value(first.kind, item.inputs[first.role], { large: true }));
  }

  /* What else the row brings: a question stands above its text, everything else below it. */
  function further(view, item) {
    const { me, part: p } = view;
    const rest = me.state.inputs.slice(1).filter((part) => !me.hand.shows || !me.hand.shows(part));
    const drawn = (part) => h("div.lb-input", h("h3", part.title), Hone.value(part.kind, item.inputs[part.role], { text: item.text, labels: me.state.labels }));
    const paired = rest.some((part) => part.kind === "text" && part.role !== "question");
    p.sheet.classList.toggle("lb-paired", paired);
    p.text.dataset.called = paired ? me.state.inputs[0].title : "";
    Hone.fill(p.above, rest.filter((part) => part.role === "question").map(drawn));
    Hone.fill(p.below, item.cut ? h("p.sub", t("Only the first {n:,} characters are shown.", { n: me.state.longest })) : null, rest.filter((part) => part.role !== "question").map(drawn));
  }

  /* Who gave the answer that stands now; without one, what rules guess. */
  function provenance(view, item) {
    const { me, part: p } = view;
    const brief = item.value === null ? null : me.hand.brief(item.value, item);
    if (!brief) return Hone.fill(p.now, item.ruled && Hone.guessChip(item.ruled, me.state.labels));
    const who = item.origin === "file" ? t("from the file") : item.by && item.by !== me.state.me ? t("by {name}", { name: item.by }) : t("by you");
    const when = item.origin === "human" && item.at ? Hone.fmt.ago(item.at) : null;
    Hone.fill(p.now, brief, h("span", [who, when].filter(Boolean).join(", ")), Hone.button(t("History"), () => Hone.labelHistory(me, item), { link: true }));
  }

  function numbers(view) {
    const { me, part: p } = view;
    for (const [id, node] of p.number || []) {
      const count = me.byId.get(id) ? Hone.fmt.number(me.byId.get(id).count) : "";
      if (node.textContent !== count) node.textContent = count;
    }
  }

  function counts(view) {
    const { me, part: p } = view;
    const { rows, labelled, unlabelled } = me.state.counts;
    p.progress.textContent = t("{done:,} of {n:,}", { done: labelled, n: rows });
    p.bar.style.width = rows ? (labelled / rows) * 100 + "%" : "0";
    p.edge.setAttribute("aria-valuemax", rows);
    p.edge.setAttribute("aria-valuenow", labelled);
    p.left.textContent = Hone.fmt.number(unlabelled);
    if (p.found) p.found.textContent = me.found === null || me.filter.show !== "search" ? "" : t.plural(me.found, "{n} text", "{n:,} texts");
  }

  /* There is no text to show: the next ones are coming, the connection is gone, or this was the last. */
  function pause(view) {
    const { me, part: p } = view;
    if (me.list.waiting && !me.list.failed) return fetching(view);
    p.shown = null;
    p.row.textContent = "";
    Hone.fill(p.now);
    Hone.fill(p.above);
    Hone.fill(p.below);
    if (me.list.failed) return Hone.fill(p.text, h("span.lb-quiet", t("The next texts come when the connection is back.")));
    const left = me.state.counts.unlabelled;
    if (me.filter.show === "unlabelled" && left <= 0) {
      return Hone.fill(p.text, h("div.lb-end", h("h2", me.hand.labels ? t("Every text has a label.") : t("Every text has its answer.")), h("div.acts",
        me.state.guest ? null : Hone.button(t("Choose settings"), () => Hone.go("settings")), Hone.button(t("Look through all texts"), () => me.filtered({ show: "all" }), { link: true }))));
    }
    const none = me.list.empty && me.filter.show === "search";
    const title = none ? t("No text fits this search.") : t("That was the last text in this list.");
    const missing = me.hand.labels ? t.plural(left, "{n} text is still without a label.", "{n:,} texts are still without a label.") : t.plural(left, "{n} text is still without an answer.", "{n:,} texts are still without an answer.");
    const still = me.filter.show === "unlabelled" && left > 0 ? missing : null;
    const again = none ? Hone.button(t("Show all texts"), () => me.filtered({ show: "all", search: "", label: "" })) : Hone.button(t("Start again from the top"), me.restart);
    Hone.fill(p.text, h("div.lb-end", h("h2", title), still && h("p", still), h("div.acts", again)));
  }

  /* The text before stays, paled, until it is clear that the next one takes a while: nothing flickers. */
  function fetching(view) {
    const { me, part: p } = view;
    p.sheet.classList.add("waiting");
    clearTimeout(p.slow);
    p.slow = setTimeout(() => {
      if (!me.list.waiting || me.list.failed) return;
      p.shown = null;
      Hone.fill(p.text, h("span.lb-quiet", t("Fetching texts …")));
    }, 400);
  }

  function before(view) {
    const { me, part: p } = view;
    const last = me.before;
    if (!last) return Hone.fill(p.before);
    const brief = last.skipped ? null : me.hand.brief(last.value, last.item);
    const first = me.state.inputs[0];
    const seen = first && first.kind === "image" ? Hone.picture(last.item.inputs[first.role]) : null;
    const said = last.item.text.length > BEFORE ? last.item.text.slice(0, BEFORE).trimEnd() + " …" : last.item.text;
    Hone.fill(p.before, h("span", t("Before this:")), brief || h("span", t("skipped")), seen || h("q.said", said), Hone.button(t("Undo"), me.undo, { link: true }));
  }

  function saved(view) {
    const { me, part: p } = view;
    if (!p.save) return;
    const n = me.keep.waiting;
    const text = !n ? t("All saved") : me.keep.offline ? t("{n} kept here, sent when the connection is back", { n }) : t("{n} to save", { n });
    if (p.save.textContent !== text) p.save.textContent = text;
    p.save.classList.toggle("warn", n > 0 && me.keep.offline);
    const trouble = me.problem || (n && !me.keep.safe ? t("This browser keeps nothing, so leave the page open until all is saved.") : null);
    if (p.trouble === trouble) return;
    p.trouble = trouble;
    Hone.fill(p.problem, trouble && Hone.notice({ tone: "warn", title: trouble, actions: [Hone.button(t("Close"), () => { me.problem = null; saved(view); }, { small: true })] }));
  }

  /* ---------- beside the sheet ---------- */

  function showMe(view) {
    const { me, part: p } = view;
    p.left = h("span.num");
    p.choices = h("div.lb-show", { role: "radiogroup", "aria-label": t("Show me") });
    p.fields = h("div.lb-fields");
    drawShow(view);
    return Hone.card({ title: t("Show me"), body: [p.choices, p.fields] });
  }

  function drawShow(view) {
    const { me, part: p } = view;
    const pick = (show) => {
      me.filtered({ show });
      drawShow(view);
    };
    const choice = (show, title, extra) => h("button", { role: "radio", "aria-checked": me.filter.show === show, "data-key": show, onclick: () => pick(show) }, title, extra);
    Hone.fill(p.choices, choice("unlabelled", me.hand.labels ? t("Without a label") : t("Without an answer"), p.left), choice("all", t("All texts")), choice("search", t("Search or filter")));
    p.fields.hidden = false;
    Hone.fill(p.fields, me.filter.show === "search" ? filters(view) : null, me.guide.orders());
  }

  function filters(view) {
    const { me, part: p } = view;
    p.query = h("input.text", { type: "search", value: me.filter.search, placeholder: t("Words in the text"), "aria-label": t("Words in the text") });
    let timer = null;
    p.query.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => me.filtered({ search: p.query.value }), 250);
    });
    p.query.addEventListener("keydown", (e) => {
      if (e.isComposing || e.keyCode === 229) return;
      if (e.key === "Enter" || e.key === "Escape") {
        e.preventDefault(); // or Escape would empty the field
        e.stopPropagation();
        p.query.blur();
        if (e.key === "Enter" && p.query.value !== me.filter.search) {
          clearTimeout(timer);
          me.filtered({ search: p.query.value });
        }
      }
    });
    const labels = me.hand.labels && [{ value: "", title: t("Any label") }, { value: "none", title: t("Without a label") }, ...me.state.labels.map((l) => ({ value: l.id, title: l.name }))];
    p.found = h("p.sub", { "aria-live": "polite" });
    return [p.query, labels && Hone.select({ label: t("label"), options: labels, value: me.filter.label, onchange: (label) => me.filtered({ label }) }), p.found];
  }

  function search(view) {
    const { me } = view;
    if (me.filter.show !== "search") {
      me.filtered({ show: "search" });
      drawShow(view);
    }
    view.part.query.focus();
    view.part.query.select();
  }

  function labelList(view) {
    const { me, part: p } = view;
    p.labels = rows(view);
    return Hone.card({ title: t("Labels"), side: me.state.guest ? null : Hone.button(t("Edit"), () => Hone.labelSheet(me), { link: true }), body: p.labels, class: "lb-labels" });
  }

  function rows(view) {
    const { me, part: p } = view;
    p.number = new Map();
    return h("ul.lb-list", me.state.labels.map((label) => {
      const number = h("span.num", Hone.fmt.number(label.count));
      p.number.set(label.id, number);
      return h("li", Hone.chip(label), number);
    }));
  }

  const signature = (me) => JSON.stringify(me.state.labels.map((label) => [label.id, label.name, label.colour, label.key]));
})();
