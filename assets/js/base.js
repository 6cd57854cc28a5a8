/* The chooser of the base model: those of the list, and any other by Hub name or folder, looked up before it is taken. */
(() => {
  "use strict";
  const { h, t, fill, button } = Hone;

  /** For Hone.form's `draw`: options are {ctx, bases() -> list, found(base), folders, prefix: of its ids, where a page has several}. */
  Hone.baseChooser = (options) => (knob, api) => {
    const list = h("div.set-bases", { role: "radiogroup", "aria-label": knob.title });
    const other = h("input.text.set-input", { type: "text", id: prefix(options) + "-other", spellcheck: "false", autocomplete: "off", "aria-label": t("Another model"), placeholder: options.folders() ? t("owner/model, or a folder") : t("owner/model") });
    const said = h("div", { "aria-live": "polite" });
    const bad = h("p.set-bad", { role: "alert", hidden: true });
    const known = h("details.set-known", { hidden: true });
    /* A base that `ask` gives is in the list from now on, and chosen. */
    const take = async (ask) => {
      fill(said);
      try {
        const base = await ask();
        options.found(base);
        fill(said);
        api.change(base.id);
        return true;
      } catch (error) {
        fill(said, Hone.notice({ error }));
        return false;
      }
    };
    const lookUp = (name) => take(() => options.ctx.call("look_up_base", { name }));
    const look = button(t("Look it up"), async () => { if (await lookUp(other.value)) other.value = ""; });
    const file = h("input", { type: "file", accept: ".zip", hidden: true, "aria-label": t("Upload a model (zip)"), onchange: () => { if (file.files[0]) upload(file.files[0]); file.value = ""; } });
    const upload = (zip) => take(async () => {
      const bar = Hone.progress({ cancel: () => sending.abort() });
      const begun = Date.now();
      fill(said, bar);
      const sending = Hone.upload(zip, (done, total) => {
        const left = done ? ((Date.now() - begun) / 1000) * (total / done - 1) : null;
        bar.update({ done, total, text: done < total ? t("Uploading {name}…", { name: zip.name }) : t("Unpacking and checking the model…"), seconds_left: left });
      });
      return options.ctx.call("upload_base", { upload: await sending });
    });
    other.addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.isComposing) look.click(); });
    const node = h("div.set-knob.wide", { "data-knob": knob.name }, h("p.set-help", knob.help, knob.term && h("span.set-term", t(" ({term})", { term: knob.term }))), list, known, bad,
      h("div.set-other", other, look, file, options.uploads() ? button(t("Upload a model (zip)"), () => file.click(), { small: true }) : null), said);
    return {
      node,
      get focus() { return list.querySelector("input:checked") || other; },
      refresh() {
        const chosen = api.value();
        fill(list, options.bases().map((base) => entry(base, base.id === chosen, () => api.change(base.id), prefix(options))));
        const more = options.known();
        known.hidden = more.length === 0;
        fill(known, h("summary", t("Good models of the Hugging Face Hub, for these texts and this machine")), more.map((base) => entry(base, false, () => lookUp(base.id), prefix(options))));
        const sentence = api.sentence();
        bad.hidden = !sentence;
        bad.textContent = sentence || "";
        if (sentence && !options.bases().some((b) => b.id === chosen) && document.activeElement !== other) other.value = String(chosen || "");
      },
    };
  };

  const prefix = (options) => options.prefix || "set-base";

  function entry(base, chosen, pick, prefixed) {
    return h("label.set-base", { class: chosen ? "chosen" : "" }, h("input", { type: "radio", name: prefixed, id: `${prefixed}-${base.id}`, checked: chosen, onchange: pick }),
      h("span", h("b", base.title), h("small", base.note), base.facts.length ? h("small.set-facts", base.facts.join(" · ")) : null));
  }
})();
