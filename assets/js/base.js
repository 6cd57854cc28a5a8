/* The chooser of the base model: those of the list, and any other by Hub name or folder, looked up before it is taken. */
(() => {
  "use strict";
  const { h, t, fill, button } = Hone;

  /** For Hone.form's `draw`: options are {ctx, bases() -> list, found(base), folders}. */
  Hone.baseChooser = (options) => (knob, api) => {
    const list = h("div.set-bases", { role: "radiogroup", "aria-label": knob.title });
    const other = h("input.text.set-input", { type: "text", id: "set-base-other", spellcheck: "false", autocomplete: "off", "aria-label": t("Another model"), placeholder: options.folders() ? t("owner/model, or a folder") : t("owner/model") });
    const said = h("div", { "aria-live": "polite" });
    const bad = h("p.set-bad", { role: "alert", hidden: true });
    const look = button(t("Look it up"), async () => {
      fill(said);
      try {
        const base = await options.ctx.call("look_up_base", { name: other.value });
        options.found(base);
        other.value = "";
        api.change(base.id);
      } catch (error) {
        fill(said, Hone.notice({ error }));
      }
    });
    other.addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.isComposing) look.click(); });
    const node = h("div.set-knob.wide", { "data-knob": knob.name }, h("p.set-help", knob.help, knob.term && h("span.set-term", t(" ({term})", { term: knob.term }))), list, bad, h("div.set-other", other, look), said);
    return {
      node,
      get focus() { return list.querySelector("input:checked") || other; },
      refresh() {
        const chosen = api.value();
        fill(list, options.bases().map((base) => entry(base, base.id === chosen, () => api.change(base.id))));
        const sentence = api.sentence();
        bad.hidden = !sentence;
        bad.textContent = sentence || "";
        if (sentence && !options.bases().some((b) => b.id === chosen) && document.activeElement !== other) other.value = String(chosen || "");
      },
    };
  };

  function entry(base, chosen, pick) {
    return h("label.set-base", { class: chosen ? "chosen" : "" }, h("input", { type: "radio", name: "set-base", id: "set-base-" + base.id, checked: chosen, onchange: pick }),
      h("span", h("b", base.title), h("small", base.note), base.facts.length ? h("small.set-facts", base.facts.join(" · ")) : null));
  }
})();
