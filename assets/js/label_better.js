/* An answer that says which of two texts is the better one: side by side, stacked on a phone. Which of them stands first is chance, and the
   same for a row every time, so that nobody's habit of taking the first one teaches the model anything. */
"use strict";
(() => {
  const ROLES = { 1: "chosen", 2: "rejected" }; // the value -> the role of that answer in the data set
  const BRIEF = 60;

  /* FNV-1a over a row's id: a fair and lasting coin (Fowler, Noll and Vo). */
  Hone.swapped = (id) => {
    let sum = 0x811c9dc5;
    for (const character of String(id)) sum = Math.imul(sum ^ character.codePointAt(0), 0x01000193) >>> 0;
    sum = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d) >>> 0;
    return ((sum >>> 16) & 1) === 1;
  };

  Hone.answering("better", (me) => {
    const box = h("div.lb-better", { role: "group", "aria-label": t("Two answers") });
    const same = h("button.lb-key.lb-same", { onclick: () => choose("same") }, h("kbd", "0"), h("span", t("no difference")));
    const order = (item) => (Hone.swapped(item.id) ? ["2", "1"] : ["1", "2"]);
    const words = (item, value) => String(item.inputs[ROLES[value]] ?? "");
    let drawn = null;
    const choose = (value) => value && me.list.current && me.decide(value);

    function side(item, value, i) {
      return h("button.lb-candidate", { "data-value": value, onclick: () => choose(value) }, h("small", h("kbd", String(i + 1)), t("Answer {n}", { n: i + 1 })), h("span.said", { dir: "auto" }, words(item, value)));
    }

    return {
      labels: 0,
      sentence: t("One question, two answers: press 1 or 2 for the better one. Which stands first is chance."),
      keys: [["1 2", t("the better answer")], ["0", t("no difference; such rows teach nothing")]],
      node: h("div.lb-judge.lb-hand", box, same),
      labelsIn: () => [],
      shows: (part) => Object.values(ROLES).includes(part.role),
      brief: (value, item) => (value === "same" ? h("span", t("no difference")) : Hone.said(words(item, value).slice(0, BRIEF), { class: "lb-brief" })),
      draw(item) {
        if (drawn !== item) {
          drawn = item;
          Hone.fill(box, item ? order(item).map((value, i) => side(item, value, i)) : null);
        }
        for (const node of box.children) node.setAttribute("aria-pressed", Boolean(item) && item.value === node.dataset.value);
        same.disabled = !item;
        same.setAttribute("aria-pressed", Boolean(item) && item.value === "same");
      },
      key(event, key) {
        const item = me.list.current;
        if (key === "1" || key === "2") return choose(order(item)[Number(key) - 1]);
        return key === "0" || key === "=" ? choose("same") : false;
      },
    };
  });
})();
