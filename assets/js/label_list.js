/* The texts of the Label tab in the order in which they are shown: fetched ahead of the person, kept for going back.

`at` may stand one past the last text: then the next ones are on their way (`waiting`) or there are none (`ended`).
Knows nothing of keys, labels' names or the page; `fetch` brings rows, `changed` hears when some have come. */
(function () {
  "use strict";
  const FAR = { ahead: 60, count: 100 }; // fetch more when fewer than this are left: a burst of keys never meets the end of the window

  /* `fetch({after, count})` -> Promise of {rows, next}: `next` is the place to go on from, null at the end. `reach()` says how far ahead. */
  function textList({ fetch, changed, reach = () => FAR }) {
    let items = [];
    let at = 0;
    let place = null;
    let ended = false;
    let loading = null;
    let failed = false;
    let generation = 0;
    let passes = () => true;

    /* Start over from `after`. `keep` says of a fetched row whether it is still to be shown. */
    function reset(after, keep) {
      generation += 1;
      items = [];
      at = 0;
      place = after;
      ended = false;
      loading = null;
      failed = false;
      passes = keep || (() => true);
      return ensure();
    }

    function ensure() {
      if (loading || ended || items.length - at >= reach().ahead) return loading || Promise.resolve();
      const mine = generation;
      loading = fetch({ after: place, count: reach().count })
        .then((answer) => {
          if (mine !== generation) return;
          const have = new Set(items.map((item) => item.id));
          items.push(...answer.rows.filter((row) => !have.has(row.id) && passes(row)));
          place = answer.next;
          ended = answer.next === null;
          failed = false;
        })
        .catch(() => {
          if (mine === generation) failed = true;
        })
        .finally(() => {
          if (mine !== generation) return;
          loading = null;
          const short = !ended && !failed && items.length - at < reach().ahead;
          changed();
          if (short) ensure();
        });
      return loading;
    }

    /* Other texts are to come after the next one; what is shown, and the text behind it, stay. */
    function renew(rows, next) {
      items.length = Math.min(items.length, at + 2);
      const have = new Set(items.map((item) => item.id));
      items.push(...rows.filter((row) => !have.has(row.id) && passes(row)));
      place = next;
      ended = next === null;
      generation += 1; // an answer that is under way is older than this
      loading = null;
    }

    /* On to the next text; `over` says which ones to pass by (labelled meanwhile in another window). */
    function next(over) {
      if (at < items.length) at += 1;
      while (over && at < items.length && over(items[at])) at += 1;
      ensure();
    }

    function back() {
      if (at > 0) at -= 1;
    }

    /* Stand on the text with this id; a text that is not here any more is put in at this place. */
    function show(item) {
      const found = items.findIndex((other) => other.id === item.id);
      if (found >= 0) at = found;
      else items.splice(at, 0, item);
      return items[at];
    }

    return {
      reset,
      ensure,
      renew,
      next,
      back,
      show,
      find: (id) => items.find((item) => item.id === id),
      get current() {
        return items[at] || null;
      },
      /* The text that is shown and up to `count` behind it. */
      coming: (count) => items.slice(at, at + count + 1),
      get first() {
        return at === 0;
      },
      get empty() {
        return items.length === 0;
      },
      get ended() {
        return ended && at >= items.length;
      },
      get waiting() {
        return !ended && at >= items.length;
      },
      get failed() {
        return failed;
      },
    };
  }

  window.Hone = window.Hone || {};
  window.Hone.textList = textList;
})();
