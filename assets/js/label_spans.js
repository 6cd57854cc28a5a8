/* Answers that are marked places: choose words, then a label key marks them. Places may overlap; clicking one changes or removes it.
   A draft holds spans as the data does: {start, end, label id}, offsets in code points. */
"use strict";
(() => {
  Hone.answering("spans", (me) => {
    const tiles = Hone.labelTiles(me, mark, { placeholder: t("Find a label: 0, a few letters, Enter") });
    const commit = Hone.commitButton(done);
    const list = h("ul.lb-places", { "aria-label": t("Marked places") });
    const picker = Hone.placePicker(me, { changed: () => redraw(), pressed: asked });
    let box = null, item = null, drawn = null, warned = false;
    const now = () => (me.drafted() || []).filter((span) => me.byId.has(span.label));
    const same = (a, b) => a.start === b.start && a.end === b.end && a.label === b.label;
    const ordered = (spans) => [...spans].sort((a, b) => a.start - b.start || a.end - b.end);

    function mark(label) {
      if (!item || !me.byId.has(label)) return;
      const place = picker.chosen;
      if (!place) return me.view.tell(t("First choose words: drag over them, tap them, or use the arrow keys."));
      const at = Hone.places(item.text);
      const span = { start: at.point(place[0]), end: at.point(place[1]), label };
      const there = now().some((one) => same(one, span));
      picker.clear();
      tiles.hit(label);
      put(there ? now().filter((one) => !same(one, span)) : [...now(), span]);
      const name = me.byId.get(label).name, words = item.text.slice(...place);
      me.view.say(there ? t("{label} taken off: {words}", { label: name, words }) : t("{label}: {words}", { label: name, words }));
    }

    function put(spans) {
      warned = false;
      me.draft(ordered(spans));
    }

    function done() {
      if (!item) return;
      if (picker.chosen && !warned) {
        warned = true;
        if (tiles.find()) return;
        return me.view.tell(t("The chosen words have no label yet: press its key, or Enter again to go on without."));
      }
      me.decide(now());
    }

    /* Backspace: the mark under the chosen words, the innermost first. */
    function rub() {
      if (!picker.chosen) return false;
      const at = Hone.places(item.text), [start, end] = picker.chosen.map(at.point);
      const under = now().filter((span) => span.start < end && start < span.end).sort((a, b) => a.end - a.start - (b.end - b.start));
      if (!under.length) return false;
      put(now().filter((span) => !same(span, under[0])));
    }

    /* A click on marks: one is changed or removed; of several, first which one. */
    function asked(marks, anchor) {
      const spans = marks.map((one) => one.span);
      if (spans.length === 1) return change(spans[0], anchor);
      Hone.menu(anchor, spans.map((span) => ({ title: me.byId.get(span.label).name, sub: words(span), onpick: () => change(span, anchor.isConnected ? anchor : box) })));
    }

    function change(span, anchor) {
      const others = () => now().filter((one) => !same(one, span));
      const changed = (spans) => {
        put(spans);
        document.activeElement.blur(); // or Enter would open the menu again instead of going on
      };
      const named = me.state.labels.map((label) => ({ title: label.name, current: label.id === span.label, onpick: () => changed([...others().filter((one) => !same(one, { ...span, label: label.id })), { ...span, label: label.id }]) }));
      Hone.menu(anchor, [{ title: t("Remove the mark"), danger: true, onpick: () => changed(others()) }, "-", ...named]);
    }

    const words = (span) => {
      const at = Hone.places(item.text);
      return item.text.slice(at.unit(span.start), at.unit(span.end)).slice(0, 60);
    };

    function redraw() {
      if (!box || !item) return;
      const spans = now(), at = Hone.places(item.text);
      const key = JSON.stringify([item.id, spans, picker.native ? null : picker.chosen, me.state.labels.map((l) => [l.id, l.name, l.colour])]);
      if (key === drawn) return;
      drawn = key;
      if (!picker.chosen) warned = false;
      const shown = spans.filter((span) => at.unit(span.start) < item.text.length);
      const marks = shown.map((span) => ({ from: at.unit(span.start), to: at.unit(span.end), colour: me.byId.get(span.label).colour, name: me.byId.get(span.label).name, span }));
      if (!picker.native) Hone.fill(box, item.text ? Hone.drawMarks(item.text, marks, picker.chosen) : t("(empty)"));
      Hone.fill(list, shown.map((span, i) => h("li", h("button", { class: Hone.colour(me.byId.get(span.label).colour), "data-key": `place-${i}`, "aria-haspopup": "menu", onclick: (event) => change(span, event.currentTarget) }, h("b", me.byId.get(span.label).name), h("span.said", words(span))))));
      const beyond = spans.length - shown.length;
      if (beyond) list.append(h("li.sub", t.plural(beyond, "{n} mark behind what is shown", "{n} marks behind what is shown")));
      list.hidden = !spans.length;
    }

    return {
      labels: 1,
      sentence: t("Choose words, then press the key of their label. Enter goes on."),
      keys: [["← →", t("choose a word; with shift several")], ["1 – 9", t("mark what is chosen; again takes the mark off")], ["0", t("find one of many labels by its name")], ["Alt", t("held while dragging: single characters instead of whole words")], ["Backspace", t("remove the mark under the chosen words")], ["Enter", t("save and go on")]],
      turns: "< >",
      node: [h("div.lb-hand", list), ...tiles.nodes],
      commit,
      relabel: tiles.draw,
      labelsIn: (value) => value.map((span) => span.label),
      brief: (value) => brief(me, value),
      dress(node) {
        box = node;
        picker.dress(node);
      },
      text(node, next) {
        if (item !== next) {
          item = next;
          drawn = null;
          picker.begin(item.text);
          me.view.say(item.text.slice(0, 400));
        }
        redraw();
      },
      draw(next) {
        if (!next) {
          item = null;
          list.hidden = true;
        }
        const n = next ? now().length : 0;
        tiles.show([], !next);
        commit.disabled = !next;
        commit.say(n ? t.plural(n, "save {n} mark", "save {n} marks") : t("nothing to mark"));
      },
      key(event, key) {
        if (key === "<" || key === ",") return me.move(-1);
        if (key === ">" || key === ".") return me.move(1);
        if (key === "Enter") return done();
        if (key === "0") return tiles.find();
        if (key === "Backspace" || key === "Delete") return rub();
        if (me.byKey.has(key)) return mark(me.byKey.get(key).id);
        return picker.arrow(event);
      },
    };
  });

  function brief(me, value) {
    const ids = [...new Set(value.map((span) => span.label))].filter((id) => me.byId.has(id));
    if (!ids.length) return h("span", t("nothing to mark"));
    return h("span.lb-chips", ids.slice(0, 3).map((id) => Hone.chip(me.byId.get(id))), h("span", t.plural(value.length, "{n} mark", "{n} marks")));
  }

  /* ---------- one place that answers the question, or none ---------- */

  Hone.answering("answer", (me) => {
    const commit = Hone.commitButton(done);
    const said = h("p.lb-said", { "aria-live": "polite" });
    const none = h("button.lb-key.lb-none", { "aria-pressed": false, onclick: () => item && me.decide([]) }, h("kbd", "0"), h("span", t("The text has no answer")));
    const picker = Hone.placePicker(me, { changed, pressed: (marks) => changed([marks[0].from, marks[0].to]) });
    let box = null, item = null, drawn = null;

    function changed(place) {
      if (!item) return;
      if (!place) {
        me.drafts.drop(item.id);
        return me.view.draw();
      }
      const [from, to] = place;
      me.draft([{ text: item.text.slice(from, to), start: Hone.places(item.text).point(from) }], { typing: true });
    }

    function done() {
      const value = me.drafted();
      if (!item) return;
      if (value) return me.decide(value);
      me.view.tell(t("Choose the answer in the text first, or press 0 when it has none."));
    }

    const place = (answer) => {
      const at = Hone.places(item.text), from = at.unit(answer.start);
      return answer.start >= 0 && item.text.startsWith(answer.text, from) ? [from, from + answer.text.length] : null;
    };

    function redraw() {
      if (!box || !item || picker.native) return;
      const value = me.drafted() || [];
      const key = JSON.stringify([item.id, value, picker.chosen]);
      if (key === drawn) return;
      drawn = key;
      const places = value.map(place).filter(Boolean), one = picker.chosen || (places.length === 1 ? places[0] : null);
      const marks = places.filter((p) => !one || p[0] !== one[0] || p[1] !== one[1]).map(([from, to]) => ({ from, to, colour: 0, name: "" }));
      Hone.fill(box, item.text ? Hone.drawMarks(item.text, marks, one) : t("(empty)"));
    }

    return {
      labels: 0,
      sentence: t("Choose the words that answer the question. Enter goes on."),
      keys: [["← →", t("choose a word; with shift several")], ["0", t("the text has no answer")], ["Alt", t("held while dragging: single characters instead of whole words")], ["Enter", t("save and go on")]],
      turns: "< >",
      node: h("div.lb-answering.lb-hand", said, none),
      commit,
      labelsIn: () => [],
      brief: (value) => (value.length ? Hone.said(value[0].text, { class: "lb-brief" }) : h("span", t("no answer"))),
      dress(node) {
        box = node;
        picker.dress(node);
      },
      text(node, next) {
        if (item !== next) {
          item = next;
          drawn = null;
          picker.begin(item.text);
          me.view.say(item.text.slice(0, 400));
        }
        redraw();
      },
      draw(next) {
        if (!next) item = null;
        const value = next ? me.drafted() : null, words = value && value.length ? [...new Set(value.map((one) => one.text))] : [];
        Hone.fill(said, words.length ? [h("span", t("Answer:")), words.map((one) => h("q.said", one))] : h("span", value ? t("No answer in this text.") : t("Nothing is chosen yet.")));
        none.setAttribute("aria-pressed", Boolean(value) && !value.length);
        none.disabled = commit.disabled = !next;
        commit.say(value && !value.length ? t("save: no answer") : t("save the answer"));
      },
      key(event, key) {
        if (key === "<" || key === ",") return me.move(-1);
        if (key === ">" || key === ".") return me.move(1);
        if (key === "Enter") return done();
        if (key === "0") return void (item && me.decide([]));
        return picker.arrow(event);
      },
    };
  });
})();
