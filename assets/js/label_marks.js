/* Places of a text: offsets in code points (as the data has them) against those of a JavaScript string, words to which a selection
   snaps, and the text drawn with its marks. Knows nothing of labels as answers or of the loop. */
"use strict";
(() => {
  // Scripts written without spaces: there each character is a unit, since no rule knows where a word ends.
  const SOLID = "\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}";
  const WORD = `(?:(?![${SOLID}])[\\p{L}\\p{N}_]\\p{M}*)+`;
  const EMOJI = "\\p{RI}\\p{RI}|\\p{Extended_Pictographic}[\\uFE0F\\p{EMod}]*(?:\\u200D\\p{Extended_Pictographic}[\\uFE0F\\p{EMod}]*)*";
  const UNIT = new RegExp(`${WORD}(?:['’.·]${WORD})*|${EMOJI}|\\S\\p{M}*`, "gu");
  const WORDLIKE = new RegExp(`[\\p{L}\\p{N}]|${EMOJI}`, "u");

  const LOW = /[\uDC00-\uDFFF]/; // the second half of a character beyond the first 65,536

  let last = { text: null };

  /* {point(u), unit(p)}: from an offset of the string (UTF-16) to one in code points and back. */
  Hone.places = (text) => known(text).places;

  /* [{from, to, word}]: words, and whatever else is no white space, one by one. Offsets of the string. */
  Hone.units = (text) => known(text).units || (last.units = [...text.matchAll(UNIT)].map((m) => ({ from: m.index, to: m.index + m[0].length, word: WORDLIKE.test(m[0]) })));

  function known(text) {
    if (last.text !== text) last = { text, places: places(text), units: null };
    return last;
  }

  function places(text) {
    if (!/[\uD800-\uDFFF]/.test(text)) return { point: (at) => at, unit: (at) => Math.min(at, text.length) };
    const points = new Uint32Array(text.length + 1), units = [];
    let at = 0;
    for (const character of text) {
      points.fill(units.length, at, at + character.length);
      units.push(at);
      at += character.length;
    }
    points[text.length] = units.length;
    units.push(text.length);
    return { point: (at) => points[Math.min(at, text.length)], unit: (at) => units[Math.min(at, units.length - 1)] };
  }

  /* A selection without the white space at its ends, grown to whole words (`exact`: only to whole characters); null when nothing is left. */
  Hone.snapped = (text, from, to, exact = false) => {
    while (from < to && /\s/.test(text[from])) from += 1;
    while (from < to && /\s/.test(text[to - 1])) to -= 1;
    if (from >= to) return null;
    if (exact) return [LOW.test(text[from]) ? from - 1 : from, LOW.test(text[to] || "") ? to + 1 : to];
    const within = Hone.units(text).filter((one) => one.to > from && one.from < to);
    return [within[0].from, within[within.length - 1].to];
  };

  /* Which word stands at an offset, or the one behind it on the same spot. */
  Hone.unitAt = (text, at) => Hone.units(text).find((one) => one.from <= at && at < one.to) || Hone.units(text).find((one) => one.to === at) || null;

  /* The text as nodes. marks: [{from, to, colour, name, ...}] in offsets of the string; `chosen`: [from, to] or null. Its textContent stays
     the text itself: names of marks are drawn by the style sheet. A piece knows its marks as node.marks. */
  Hone.drawMarks = (text, marks, chosen) => {
    const sorted = [...marks].sort((a, b) => a.from - b.from || b.to - a.to);
    const levels = [];
    for (const mark of sorted) {
      let level = levels.findIndex((end) => end <= mark.from);
      if (level < 0) level = levels.length;
      levels[level] = mark.to;
      mark.level = level;
    }
    const edges = new Set([0, text.length, ...sorted.flatMap((mark) => [mark.from, mark.to]), ...(chosen || [])]);
    const stops = [...edges].filter((at) => at >= 0 && at <= text.length).sort((a, b) => a - b);
    const parts = document.createDocumentFragment();
    for (let i = 0; i + 1 < stops.length; i += 1) {
      const [from, to] = [stops[i], stops[i + 1]];
      const over = sorted.filter((mark) => mark.from <= from && to <= mark.to);
      const on = Boolean(chosen) && chosen[0] <= from && to <= chosen[1];
      parts.append(over.length || on ? piece(text.slice(from, to), over, on) : text.slice(from, to));
      for (const mark of sorted.filter((one) => one.to === to && one.name)) parts.append(h("i.lb-tag", { class: Hone.colour(mark.colour), "data-name": mark.name, "aria-hidden": true }));
    }
    return parts;
  };

  /* Lines under the words, one for each mark that covers them, the innermost one tinting the ground. */
  function piece(words, over, on) {
    const lines = [...over].sort((a, b) => a.level - b.level);
    const shadow = lines.flatMap((mark, i) => [`inset 0 -${i * 4 + 3}px 0 ${colour(mark)}`, `inset 0 -${i * 4 + 4}px 0 var(--h-surface)`]).join(", ");
    const inner = over.reduce((least, mark) => (!least || mark.to - mark.from <= least.to - least.from ? mark : least), null);
    const node = h("mark.lb-mark", { class: [on && "chosen", inner && Hone.colour(inner.colour), !inner && "bare"].filter(Boolean).join(" "), style: lines.length ? { boxShadow: shadow, paddingBottom: lines.length * 4 + "px" } : null }, words);
    node.marks = over;
    return node;
  }

  const colour = (mark) => `var(--h-l${((mark.colour % 8) + 8) % 8 + 1})`;

  /* Where a point of the page's tree lies in the text of `box`. */
  Hone.offsetIn = (box, node, offset) => {
    const range = document.createRange();
    range.setStart(box, 0);
    range.setEnd(node, offset);
    return range.toString().length;
  };
})();
