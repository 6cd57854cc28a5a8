/* Choosing a place of the text on the sheet: by dragging, by tapping the first and the last word, or with the arrow keys word by word.
   What is chosen snaps to whole words; with Alt held while dragging, to characters. `changed(place)` hears of it; `pressed(marks, node)`
   when marks are clicked. Knows nothing of what the place is chosen for. */
"use strict";
(() => {
  Hone.placePicker = (me, { changed, pressed }) => {
    let box = null;
    let text = "";
    let chosen = null; // [from, to], offsets of the string
    let anchor = null; // the word from which shift extends
    let origin = 0; // where the arrows go on when nothing is chosen
    let down = null; // the pointer that went down on the text
    let touch = false; // the last pointer on the text was a finger
    let native = false; // the browser shows the selection itself, as after a long press

    function dress(node) {
      box = node;
      box.removeAttribute("aria-live"); // or every mark would read the whole text again; view.say tells what matters
      box.classList.add("lb-marked");
      box.setAttribute("role", "textbox"); // so that a screen reader hands the arrow keys on
      box.setAttribute("aria-readonly", "true");
      box.setAttribute("dir", "auto"); // Arabic and Hebrew read from the right
      box.setAttribute("aria-multiline", "true");
      box.setAttribute("aria-label", t("The text. Arrows move by word, shift and arrows extend."));
      box.addEventListener("pointerdown", (event) => {
        touch = event.pointerType !== "mouse";
        down = event.button === 0 ? { shift: event.shiftKey } : null;
      });
    }
    document.addEventListener("pointercancel", () => (down = null)); // the page scrolls, or a long press begins
    document.addEventListener("pointerup", (event) => down && setTimeout(() => released(event)));
    document.addEventListener("selectionchange", () => {
      const place = touch && me.root.offsetParent ? selected(false) : null;
      if (!place) return;
      native = true;
      choose(place, place, true);
    });

    function released(event) {
      const was = down;
      down = null;
      if (!was || !box || !me.list.current || !box.isConnected) return;
      const place = selected(event.altKey);
      if (place && touch) return; // the handles of a long press stay as they are
      if (place) {
        getSelection().removeAllRanges();
        return choose(place, place);
      }
      if (!box.contains(event.target)) return;
      clicked(event, was);
    }

    /* A click or a tap without dragging. */
    function clicked(event, was) {
      const piece = event.target.closest(".lb-mark");
      if (piece && piece.marks.length && !was.shift && !piece.classList.contains("chosen")) return pressed(piece.marks, piece);
      const at = offsetAt(event.clientX, event.clientY);
      const unit = at === null ? null : Hone.unitAt(text, at);
      if (!unit) return choose(null);
      const word = [unit.from, unit.to];
      const inside = chosen && chosen[0] <= unit.from && unit.to <= chosen[1];
      if (touch && inside) return choose(null);
      if (chosen && (was.shift || touch)) return choose(joined(anchor || chosen, word), anchor || chosen);
      choose(word, word);
    }

    /* What the browser has selected, as far as it lies in the text. */
    function selected(exact) {
      const now = getSelection();
      if (!box || !now.rangeCount || now.isCollapsed) return null;
      const range = now.getRangeAt(0);
      if (!range.intersectsNode(box) || !(box.contains(range.startContainer) || box.contains(range.endContainer))) return null;
      const from = box.contains(range.startContainer) ? Hone.offsetIn(box, range.startContainer, range.startOffset) : 0;
      const to = box.contains(range.endContainer) ? Hone.offsetIn(box, range.endContainer, range.endOffset) : text.length;
      return from < to ? Hone.snapped(text, from, to, exact) : null;
    }

    function offsetAt(x, y) {
      const spot = document.caretPositionFromPoint ? document.caretPositionFromPoint(x, y) : null;
      const range = !spot && document.caretRangeFromPoint ? document.caretRangeFromPoint(x, y) : null;
      const [node, offset] = spot ? [spot.offsetNode, spot.offset] : range ? [range.startContainer, range.startOffset] : [null, 0];
      return node && box.contains(node) ? Hone.offsetIn(box, node, offset) : null;
    }

    function choose(place, from = place, silent = false) {
      chosen = place;
      anchor = from;
      if (place) origin = place[1];
      if (!silent) native = false;
      changed(place);
      if (place && !silent) {
        me.view.say(text.slice(...place));
        const node = box.querySelector(".chosen");
        if (node) node.scrollIntoView({ block: "nearest" });
      }
    }

    /* Arrows: the word before or behind; up and down a line; with shift the place grows or shrinks at its end. */
    function arrow(event) {
      if (event.key === "Escape") return chosen ? choose(null) : false;
      const side = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!side || !box) return false;
      const head = !chosen ? null : anchor && chosen[0] < anchor[0] ? [chosen[0], chosen[0]] : anchor && chosen[1] > anchor[1] ? [chosen[1], chosen[1]] : chosen;
      const upright = event.key === "ArrowUp" || event.key === "ArrowDown";
      const unit = upright ? line(head || [origin, origin], side) : event.shiftKey && chosen ? grown(side) : beside(head || [origin, origin], side);
      if (!unit) return undefined;
      const word = [unit.from, unit.to];
      if (event.shiftKey && chosen) return choose(joined(anchor || chosen, word), anchor || chosen);
      choose(word, word);
    }

    function beside(place, side) {
      const words = Hone.units(text).filter((one) => one.word);
      if (side > 0) return words.find((one) => one.from >= place[1]) || words[words.length - 1];
      return words.findLast((one) => one.to <= place[0]) || words[0];
    }

    /* The unit that a place extended by shift reaches to next. */
    function grown(side) {
      const units = Hone.units(text), first = anchor || chosen;
      const first_at = units.findIndex((one) => one.from >= first[0]);
      const left = chosen[0] < first[0];
      const end = left ? units.findIndex((one) => one.from === chosen[0]) : units.findIndex((one) => one.to === chosen[1]);
      return units[Math.min(units.length - 1, Math.max(0, (end < 0 ? first_at : end) + side))];
    }

    /* The word above or below: what stands a line away on the page. */
    function line(place, side) {
      const at = node(Math.min(place[0], text.length - 1));
      if (!at) return null;
      const range = document.createRange();
      range.setStart(at.node, at.offset);
      range.setEnd(at.node, at.offset + 1);
      const now = range.getBoundingClientRect();
      const height = parseFloat(getComputedStyle(box).lineHeight) || now.height * 1.5;
      const frame = box.getBoundingClientRect(), before = box.scrollTop;
      const y = now.top + now.height / 2 + side * height;
      if (y < frame.top || y > frame.bottom) box.scrollTop += side * height * 2;
      const found = offsetAt(now.left + 2, y - (box.scrollTop - before));
      const unit = found === null ? null : Hone.units(text).find((one) => one.to > found && one.word);
      return unit || beside(place, side);
    }

    function node(at) {
      const walk = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
      for (let one = walk.nextNode(), before = 0; one; before += one.length, one = walk.nextNode()) if (at < before + one.length) return { node: one, offset: at - before };
      return null;
    }

    const joined = (a, b) => [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

    return {
      dress,
      arrow,
      /* A new text: nothing is chosen in it. */
      begin(now) {
        text = now;
        chosen = anchor = null;
        origin = 0;
        native = false;
        if (box) getSelection().removeAllRanges();
      },
      clear() {
        if (native) getSelection().removeAllRanges();
        chosen = anchor = null;
        native = false;
      },
      get chosen() {
        return chosen;
      },
      get native() {
        return native;
      },
    };
  };
})();
