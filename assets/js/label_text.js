/* An answer that is written: a new text, or the one that stands there put right. Enter makes a new line, Ctrl and Enter go on. */
"use strict";
(() => {
  Hone.answering("text", (me) => {
    const box = h("textarea.text.said.lb-write", { rows: 4, dir: "auto", "aria-label": t("Your text"), placeholder: t("Write here") });
    const note = h("p.sub", { "aria-live": "polite" });
    const commit = Hone.commitButton(done, "Ctrl Enter");
    let shown = null;
    box.addEventListener("input", () => {
      note.textContent = "";
      me.draft(box.value, { typing: true });
    });
    box.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) done();
      else if (event.key === "Escape") box.blur();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });

    function done() {
      const text = box.value.trim();
      if (text && me.list.current) return me.decide(text);
      note.textContent = t("Write something first, or skip.");
      box.focus();
    }

    return {
      labels: 0,
      sentence: t("Write what should stand there, or put right what does. Ctrl and Enter go on."),
      keys: [["Enter", t("into the field")], ["Ctrl Enter", t("save and go on")]],
      node: h("div.lb-writing.lb-hand", box, note),
      commit,
      labelsIn: () => [],
      brief: (value) => Hone.said(value, { class: "lb-brief" }),
      draw(item) {
        const text = item ? me.drafted() || "" : "";
        if (box.value !== text) box.value = text;
        box.disabled = commit.disabled = !item;
        commit.say(t("save and go on"));
        if (shown === item) return;
        const first = shown === null;
        shown = item;
        note.textContent = "";
        if (item && first && me.root.offsetParent && matchMedia("(pointer: fine)").matches) box.focus({ preventScroll: true });
      },
      key(event, key) {
        if (key !== "Enter") return false;
        box.focus();
      },
    };
  });
})();
