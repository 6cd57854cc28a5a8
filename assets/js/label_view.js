/* What the Label tab looks like: the sheet with the text and its keys, what is shown next, the list of labels.
   Built once and then only touched where something changed, so that a key costs less than a frame. Decides nothing: label.js does. */
"use strict";
(() => {
  const FEW = 16; // more labels than this: smaller keys and a field to find one by its name
  const BEFORE = 60; // characters of the text before this one

  Hone.labelView = (me) => {
    const view = { built: false, me, part: {} };
    view.build = () => build(view);
    view.draw = () => view.built === "bench" && draw(view);
    view.saved = () => saved(view);
    view.hit = (label) => hit(view, label);
    view.say = (text) => (view.part.spoken ? (view.part.spoken.textContent = text) : Hone.toast(text));
    view.search = () => search(view);
    view.find = () => find(view);
    view.failed = (error) => Hone.fill(me.root, Hone.notice({ error, actions: [Hone.button(t("Try again"), me.refresh, { small: true })] }));
    return view;
  };

  function build(view) {
    const { me } = view;
    if (me.state.empty) return empty(view);
    if (!me.state.labels.length) return firstLabels(view);
    const p = (view.part = {});
    p.title = h("h1", me.state.question);
    const head = h("div.head", h("div.head-words", p.title, h("p", t("One text, one key. The next text is there before your finger is up."))),
      h("div.acts", Hone.button(t("Labels"), () => Hone.labelSheet(me)), Hone.button(t("Done for now"), () => Hone.go("settings"), { primary: true })));
    p.problem = h("div");
    p.sheet = sheet(view);
    p.before = h("div.lb-last");
    p.save = h("span.lb-saved", { "aria-live": "polite" });
    p.spoken = h("span.sr", { "aria-live": "polite" });
    const main = h("div.lb-main", p.problem, p.sheet, h("div.lb-under", p.before, p.save), p.spoken);
    Hone.fill(me.root, head, h("div.lb-grid", main, h("aside.lb-side", showMe(view), labelList(view))));
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

  /* ---------- the sheet ---------- */

  function sheet(view) {
    const { me, part: p } = view;
    p.bar = h("i");
    p.edge = h("div.lb-edge", { role: "progressbar", "aria-valuemin": 0, "aria-label": t("Texts with a label") }, p.bar);
    p.progress = h("span");
    p.row = h("span");
    p.text = h("div.said.lb-text", { "aria-live": "polite", tabindex: 0 });
    p.now = h("div.lb-now");
    p.finder = finder(view);
    p.keys = h("div.lb-keys", { role: "group", "aria-label": t("Labels") });
    p.hints = h("div.lb-hints",
      h("button", { onclick: me.skip }, h("kbd", "S"), h("span", t("skip"))),
      h("button", { onclick: me.undo }, h("kbd", "U"), h("span", t("undo"))),
      h("button.lb-back", { onclick: () => me.move(-1), "aria-label": t("The text before") }, h("kbd", "←")),
      h("button.lb-forth", { onclick: () => me.move(1), "aria-label": t("The next text") }, h("kbd", "→"), h("span", t("back and forth"))),
      h("button.lb-slash", { onclick: () => search(view) }, h("kbd", "/"), h("span", t("search"))));
    keys(view);
    return h("section.lb-sheet", { "aria-label": t("The text to label") }, p.edge, h("div.lb-meta", p.progress, p.row), p.text, p.now, p.finder, p.keys, p.hints);
  }

  function keys(view) {
    const { me, part: p } = view;
    p.tile = new Map();
    p.drawn = signature(me);
    p.keys.classList.toggle("many", me.state.labels.length > FEW);
    p.finder.hidden = me.state.labels.length <= FEW;
    Hone.fill(p.keys, me.state.labels.map((label) => {
      const tile = h("button.lb-key", { class: Hone.colour(label.colour), "aria-pressed": false, title: label.name }, h("kbd", label.key ? label.key.toUpperCase() : ""), h("span", breakable(label.name)));
      tile.addEventListener("click", () => me.choose(label.id));
      p.tile.set(label.id, tile);
      return tile;
    }));
  }

  /* snake_case_names may break behind their underscores rather than anywhere. */
  const breakable = (name) => name.split(/(?<=[_/.-])/).flatMap((part, i) => (i ? [h("wbr"), part] : [part]));

  /* With many labels: Enter, a few letters, Enter. */
  function finder(view) {
    const { me, part: p } = view;
    const box = h("input.text", { type: "search", placeholder: t("Find a label: Enter, a few letters, Enter"), "aria-label": t("Find a label") });
    const narrow = () => {
      const wanted = box.value.trim().toLowerCase();
      const fits = me.state.labels.filter((label) => label.name.toLowerCase().includes(wanted));
      fits.sort((a, b) => starts(b, wanted) - starts(a, wanted));
      p.match = wanted && fits.length ? fits[0].id : null;
      for (const label of me.state.labels) {
        const tile = p.tile.get(label.id);
        tile.hidden = !fits.includes(label);
        tile.classList.toggle("match", label.id === p.match);
      }
    };
    box.addEventListener("input", narrow);
    box.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape" || (event.key === "Enter" && p.match)) {
        event.preventDefault();
        event.stopPropagation();
        const chosen = event.key === "Enter" ? p.match : null;
        box.value = "";
        narrow();
        box.blur();
        if (chosen) me.choose(chosen);
      }
    });
    return h("div.lb-find", box);
  }

  const starts = (label, wanted) => (label.name.toLowerCase().startsWith(wanted) ? 1 : 0);

  function find(view) {
    const box = view.part.finder && !view.part.finder.hidden && view.part.finder.querySelector("input");
    if (!box) return false;
    box.focus();
    return true;
  }

  function hit(view, label) {
    const tile = view.part.tile && view.part.tile.get(label);
    if (!tile) return;
    tile.classList.remove("hit");
    void tile.offsetWidth; // so that the same key twice flashes twice
    tile.classList.add("hit");
  }

  /* ---------- drawing ---------- */

  function draw(view) {
    const { me, part: p } = view;
    if (p.drawn !== signature(me)) {
      keys(view);
      p.labels.replaceWith((p.labels = rows(view)));
    }
    const item = me.list.current;
    p.sheet.classList.toggle("over", me.list.ended);
    p.sheet.classList.remove("waiting");
    if (item) text(view, item);
    else pause(view);
    counts(view);
    before(view);
    chosen(view, item);
  }

  function text(view, item) {
    const { part: p } = view;
    if (p.shown !== item) {
      p.shown = item;
      p.text.textContent = item.text || t("(empty)");
      p.text.scrollTop = 0;
      p.text.classList.toggle("long", item.text.length > 420);
      p.row.textContent = t("row {n:,}", { n: item.n });
    }
    provenance(view, item);
  }

  /* Who gave the label that stands now. */
  function provenance(view, item) {
    const { me, part: p } = view;
    const label = me.byId.get(item.label);
    if (!label) return Hone.fill(p.now);
    const who = item.origin === "file" ? t("from the file") : item.by && item.by !== me.state.me ? t("by {name}", { name: item.by }) : t("by you");
    const when = item.origin === "human" && item.at ? Hone.fmt.ago(item.at) : null;
    Hone.fill(p.now, Hone.chip(label), h("span", [who, when].filter(Boolean).join(", ")), Hone.button(t("History"), () => Hone.labelHistory(me, item), { link: true }));
  }

  function chosen(view, item) {
    const { me, part: p } = view;
    for (const [id, tile] of p.tile) {
      const on = Boolean(item) && item.label === id;
      if ((tile.getAttribute("aria-pressed") === "true") !== on) tile.setAttribute("aria-pressed", on);
      tile.disabled = !item;
    }
    for (const [id, node] of p.number) {
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
    if (me.list.failed) return Hone.fill(p.text, h("span.lb-quiet", t("The next texts come when the connection is back.")));
    const left = me.state.counts.unlabelled;
    if (me.filter.show === "unlabelled" && left <= 0) {
      return Hone.fill(p.text, h("div.lb-end", h("h2", t("Every text has a label.")), h("div.acts",
        Hone.button(t("Choose settings"), () => Hone.go("settings")), Hone.button(t("Look through all texts"), () => me.filtered({ show: "all" }), { link: true }))));
    }
    const none = me.list.empty && me.filter.show === "search";
    const title = none ? t("No text fits this search.") : t("That was the last text in this list.");
    const still = me.filter.show === "unlabelled" && left > 0 ? t.plural(left, "{n} text is still without a label.", "{n:,} texts are still without a label.") : null;
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
    const label = last.skipped ? null : me.byId.get(last.label);
    const said = last.item.text.length > BEFORE ? last.item.text.slice(0, BEFORE).trimEnd() + " …" : last.item.text;
    Hone.fill(p.before, h("span", t("Before this:")), label ? Hone.chip(label) : h("span", t("skipped")), h("q.said", said), Hone.button(t("Undo"), me.undo, { link: true }));
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
    Hone.fill(p.choices, choice("unlabelled", t("Without a label"), p.left), choice("all", t("All texts")), choice("search", t("Search or filter")));
    p.fields.hidden = false;
    const order = Hone.select({ label: t("Order"), value: me.filter.order, onchange: (order) => me.filtered({ order }), options: [{ value: "file", title: t("In file order") }, { value: "random", title: t("Mixed") }] });
    Hone.fill(p.fields, me.filter.show === "search" ? filters(view) : null, h("label.lb-order", h("span", t("Order")), order));
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
    const labels = [{ value: "", title: t("Any label") }, { value: "none", title: t("Without a label") }, ...me.state.labels.map((l) => ({ value: l.id, title: l.name }))];
    p.found = h("p.sub", { "aria-live": "polite" });
    return [p.query, Hone.select({ label: t("label"), options: labels, value: me.filter.label, onchange: (label) => me.filtered({ label }) }), p.found];
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
    return Hone.card({ title: t("Labels"), side: Hone.button(t("Edit"), () => Hone.labelSheet(me), { link: true }), body: p.labels, class: "lb-labels" });
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

  /* ---------- no labels yet ---------- */

  function firstLabels(view) {
    view.built = "first";
    const { me } = view;
    const boxes = [t("First label"), t("Second label")].map((name) => h("input.text", { "aria-label": name, placeholder: name, maxlength: 100 }));
    const error = h("p.error", { role: "alert", hidden: true });
    const make = async () => {
      const names = boxes.map((box) => box.value.trim());
      const missing = names.findIndex((name) => !name);
      if (missing >= 0) return boxes[missing].focus();
      try {
        await me.ctx.call("create", { names });
      } catch (trouble) {
        error.hidden = false;
        error.textContent = trouble.message;
        return;
      }
      Hone.bus.emit("labels");
      await me.refresh();
    };
    const form = h("form.lb-first", { onsubmit: (e) => { e.preventDefault(); make(); } }, boxes, error, h("button.btn.primary", { type: "submit" }, t("Start labelling")));
    form.querySelector("button").type = "submit";
    Hone.fill(me.root, Hone.head({ title: me.state.question, sentence: t("One text, one key. The next text is there before your finger is up.") }),
      h("div.g2", Hone.card({ title: t("No labels yet: name the first two"), sub: t("More can be added at any time, and a name can be changed later."), body: form }), samples(me)));
    boxes[0].focus({ preventScroll: true });
  }

  /* A few of the texts, so that a person knows what to tell apart. */
  function samples(me) {
    const list = h("ul.lb-samples");
    me.ctx.call("texts", { show: "all", order: "random", count: 5 }).then((answer) => Hone.fill(list, answer.rows.map((row) => h("li.said", row.text))), () => {});
    return Hone.card({ title: t("Some of your texts"), body: list });
  }
})();
