/* The labels as tiles with their keys, and a field to find one of many by its name. `chosen(id)` hears which one was meant.
   Knows nothing of what a label does to a text: one answer, one of several, the name of a mark. */
"use strict";
(() => {
  const FEW = 16; // more labels than this: smaller keys and a field to find one by its name

  Hone.labelTiles = (me, chosen, { placeholder } = {}) => {
    const tile = new Map();
    let match = null;
    const keys = h("div.lb-keys", { role: "group", "aria-label": t("Labels") });
    const box = h("input.text", { type: "search", placeholder: placeholder || t("Find a label: Enter, a few letters, Enter"), "aria-label": t("Find a label") });
    const finder = h("div.lb-find", box);
    box.addEventListener("input", narrow);
    box.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape" || (event.key === "Enter" && match)) {
        event.preventDefault();
        event.stopPropagation();
        const meant = event.key === "Enter" ? match : null;
        box.value = "";
        narrow();
        box.blur();
        if (meant) chosen(meant);
      }
    });

    function draw() {
      tile.clear();
      keys.classList.toggle("many", me.state.labels.length > FEW);
      finder.hidden = me.state.labels.length <= FEW;
      Hone.fill(keys, me.state.labels.map((label) => {
        const node = h("button.lb-key", { class: Hone.colour(label.colour), "aria-pressed": false, title: label.name }, h("kbd", label.key ? label.key.toUpperCase() : ""), h("span", breakable(label.name)));
        node.addEventListener("click", () => chosen(label.id));
        tile.set(label.id, node);
        return node;
      }));
    }

    function narrow() {
      const wanted = box.value.trim().toLowerCase();
      const fits = me.state.labels.filter((label) => label.name.toLowerCase().includes(wanted));
      fits.sort((a, b) => starts(b, wanted) - starts(a, wanted));
      match = wanted && fits.length ? fits[0].id : null;
      for (const label of me.state.labels) {
        const node = tile.get(label.id);
        node.hidden = !fits.includes(label);
        node.classList.toggle("match", label.id === match);
      }
    }

    /* Which ones are on; all rest while there is no text. */
    function show(on, disabled) {
      for (const [id, node] of tile) {
        const now = on.includes(id);
        if ((node.getAttribute("aria-pressed") === "true") !== now) node.setAttribute("aria-pressed", now);
        node.disabled = disabled;
      }
    }

    /* What the model would say: dashed, never pressed. */
    function guess(ids) {
      for (const [id, node] of tile) node.classList.toggle("guess", ids.includes(id));
    }

    function hit(id) {
      const node = tile.get(id);
      if (!node) return;
      node.classList.remove("hit");
      void node.offsetWidth; // so that the same key twice flashes twice
      node.classList.add("hit");
    }

    /* Into the field, where there is one. */
    function find() {
      if (finder.hidden) return false;
      box.focus();
      return true;
    }

    return { nodes: [finder, keys], draw, show, guess, hit, find, few: () => finder.hidden };
  };

  /* snake_case_names may break behind their underscores rather than anywhere. */
  const breakable = (name) => name.split(/(?<=[_/.-])/).flatMap((part, i) => (i ? [h("wbr"), part] : [part]));

  const starts = (label, wanted) => (label.name.toLowerCase().startsWith(wanted) ? 1 : 0);

  /* The button at the head of the hints that ends a text whose answer has several parts. say(words) changes it. */
  Hone.commitButton = (act, key = "Enter") => {
    const words = h("span");
    const node = h("button.lb-commit", { onclick: act }, h("kbd", key), words);
    node.say = (text) => words.textContent !== text && (words.textContent = text);
    return node;
  };
})();
