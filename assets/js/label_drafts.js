/* What a person has begun to answer and not yet decided: labels switched on, places marked, words written. One draft a row, with the
   steps that led to it, so that undo goes back one step. Kept in the window's own storage, so a reload loses nothing.
   Knows nothing of what the values mean. */
(function () {
  "use strict";
  const ROWS = 40; // begun and left; the oldest are let go
  const STEPS = 60;

  function drafts(project, storage = window.sessionStorage) {
    const key = `hone:${project}:drafts`;
    const begun = new Map(read()); // row -> {value, past: [values before]}
    let timer = null;
    window.addEventListener("pagehide", write);

    /* `before` stood there until now. `typing`: the same step goes on, there is no step to go back to. */
    function set(row, value, before, { typing = false } = {}) {
      const had = begun.get(row);
      const past = had ? had.past : [];
      if (!typing) past.push(before === undefined ? null : before);
      if (past.length > STEPS) past.shift();
      begun.delete(row); // so that the newest stands last
      begun.set(row, { value, past });
      while (begun.size > ROWS) begun.delete(begun.keys().next().value);
      later();
    }

    /* One step back; false when there is none. */
    function back(row) {
      const had = begun.get(row);
      if (!had || !had.past.length) return false;
      if (had.past.length > 1) had.value = had.past.pop();
      else begun.delete(row); // the first step back leads to the answer in force
      later();
      return true;
    }

    function drop(row) {
      if (begun.delete(row)) later();
    }

    function later() {
      clearTimeout(timer);
      timer = setTimeout(write, 150);
    }

    function write() {
      clearTimeout(timer);
      try {
        if (begun.size) storage.setItem(key, JSON.stringify([...begun]));
        else storage.removeItem(key);
      } catch {
        /* full or forbidden: what is begun then ends with the page */
      }
    }

    function read() {
      try {
        const list = JSON.parse(storage.getItem(key) || "[]");
        return Array.isArray(list) ? list.filter((one) => Array.isArray(one) && one[1] && Array.isArray(one[1].past)) : [];
      } catch {
        return [];
      }
    }

    return { set, back, drop, get: (row) => (begun.has(row) ? begun.get(row).value : undefined) };
  }

  window.Hone = window.Hone || {};
  window.Hone.drafts = drafts;
})();
