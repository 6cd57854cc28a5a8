/* Without training: what is said of each label, the prompt with its variables, what a model would read of a real text, and prompts kept as recipes. */
"use strict";
(() => {
  const parts = (Hone.untrained = Hone.untrained || {});
  const KEEP_AFTER = 400;

  /* ---------- labels ---------- */

  /* Each label with what it is called in words and, where texts are compared with them, sentences. Kept label by label. */
  parts.labels = (me) => {
    const sentences = me.values.way === "similar";
    const numbers = me.told.labels.every((label) => /^[\d.\s-]+$/.test(label.words));
    const sub = sentences ? t("Say in a sentence what texts under a label are about; several sentences, one a line, help. Without any, its name counts.") : t("How each label is called in the prompt.");
    const body = [numbers ? Hone.notice({ tone: "warn", title: t("Your labels are numbers. Say what they mean, or nothing can be told from them.") }) : null, h("div.un-labels", { class: sentences ? "wide" : "" }, h("div.un-label.un-heads", h("span"), h("span", t("In words")), sentences ? h("span", t("What its texts are about")) : null), me.told.labels.map((label) => line(me, label, sentences)))];
    return Hone.card({ title: t("Your labels in words"), sub, body });
  };

  function line(me, label, sentences) {
    let timer = null;
    const save = () => me.call("untrained_label", { label: label.id, words: label.words === label.usual ? "" : label.words, sentences: label.sentences }).then(() => me.previewed && me.previewed(), Hone.toast);
    const soon = () => { clearTimeout(timer); timer = setTimeout(save, KEEP_AFTER); };
    const words = h("input.text", { value: label.words, maxlength: 600, "aria-label": t("{label} in words", { label: label.name }), "data-key": "words-" + label.id, placeholder: label.usual, oninput: () => { label.words = words.value.trim() || label.usual; soon(); }, onchange: () => { clearTimeout(timer); save(); } });
    const said = sentences ? h("textarea.text.un-area", { rows: Math.max(1, label.sentences.length), value: label.sentences.join("\n"), "aria-label": t("{label}: a sentence that describes it", { label: label.name }), "data-key": "sentences-" + label.id, placeholder: label.words,
      oninput: () => { label.sentences = said.value.split("\n").map((one) => one.trim()).filter(Boolean); said.rows = Math.min(6, said.value.split("\n").length); soon(); }, onchange: () => { clearTimeout(timer); save(); } }) : null;
    return h("div.un-label", Hone.chip(label), words, said);
  }

  /* ---------- the prompt ---------- */

  parts.prompt = (me) => {
    const { variables } = me.told;
    const row = variables.row;
    const areas = me.values.way === "entails"
      ? [area(me, "hypothesis", [...variables.example, ...row], 1)]
      : [area(me, "prompt", [...variables.prompt, ...row], 5), area(me, "example", [...variables.example, ...row], 2)];
    return Hone.card({ title: t("The prompt"), sub: t("Names in braces are filled in for every text."), body: h("div.stack.un-prompt", areas, preview(me)) });
  };

  /* A text with variables: a press puts one where the cursor is. */
  function area(me, name, variables, rows) {
    const knob = me.told.form.knobs[name];
    const input = h("textarea.text.un-area.mono", { rows, value: me.values[name], spellcheck: "false", "data-key": "un-" + name, oninput: () => me.set(name, input.value) });
    const put = (variable) => {
      input.setRangeText(`{${variable}}`, input.selectionStart, input.selectionEnd, "end");
      input.focus();
      me.set(name, input.value);
    };
    const field = Hone.field({ title: knob.title, term: knob.term, help: knob.help, input });
    const back = Hone.button(t("As it was at first"), () => { input.value = me.told.good[name]; me.set(name, input.value); }, { link: true });
    field.append(h("div.un-variables", variables.map((one) => h("button.un-variable", { onclick: () => put(one), "aria-label": t("Put in {name}", { name: one }) }, `{${one}}`)), back));
    me.controls[name] = {
      node: field,
      refresh() {
        field.error(me.problems[name] || null);
        if (document.activeElement !== input && input.value !== me.values[name]) input.value = me.values[name];
        back.hidden = me.values[name] === me.told.good[name];
      },
    };
    return field;
  }

  /* What a model would read, with a real text. Asked again whenever something is kept. */
  function preview(me) {
    const shown = h("div.un-preview", { "aria-live": "polite" });
    let at = Hone.store.get("untrained.at", 0);
    async function look() {
      const mine = (me.looked = {});
      let told;
      try { told = await me.call("untrained_preview", { values: me.values, at }); } catch { return; }
      if (me.looked !== mine || !shown.isConnected) return;
      if (!told.shown) return;
      const { lines, answers, labels, of } = told.shown;
      const more = labels > answers.length ? t("and {n} more", { n: labels - answers.length }) : "";
      const next = of > 1 ? Hone.button(t("Another text"), () => { at = (told.shown.at + 1) % of; Hone.store.set("untrained.at", at); return look(); }, { small: true, "data-key": "un-next" }) : null;
      const asks = me.values.way === "entails" ? t("Does one of these follow from it?") : t("How likely are these, right behind it?");
      const under = me.values.way === "entails" ? lines.slice(1) : answers;
      Hone.fill(shown, h("div.un-top", h("b", t("What the model reads")), next), h("pre.said.un-read", me.values.way === "entails" ? lines[0] : lines.join("\n")), h("p.sub", asks), h("ul.un-answers", under.map((one) => h("li.said", one)), more ? h("li.sub", more) : null));
    }
    me.previewed = look;
    look();
    return shown;
  }

  /* ---------- prompts that are kept ---------- */

  parts.recipes = (me) => {
    const button = Hone.button(t("Kept prompts"), () => {
      const items = [{ title: t("Keep this one …"), onpick: () => save(me) }, { title: t("Load a file …"), onpick: () => open(me) }];
      if (me.told.recipes.length) items.push("-", ...me.told.recipes.map((one) => ({ title: one.name, sub: one.way, onpick: () => kept(me, one) })));
      Hone.menu(button, items);
    }, { "aria-haspopup": "menu", "data-key": "un-kept" });
    return button;
  };

  async function save(me) {
    const name = await Hone.ask({ title: t("Keep this prompt"), body: t("With the way, its settings and what you said of the labels; no texts are in it."), input: t("Name"), yes: t("Keep") });
    if (!name) return;
    try {
      me.told.recipes = await me.call("untrained_save", { name, values: me.values });
      Hone.toast(t("Kept as {name}.", { name: me.told.recipes[0].name }));
    } catch (error) { Hone.toast(error.problems && error.problems.length ? new Hone.Trouble({ message: error.problems[0].message }) : error); }
  }

  /* One kept prompt: use it, rename it, take it away, delete it. */
  function kept(me, recipe) {
    const act = async (name, args) => { me.told.recipes = await me.call(name, { recipe: recipe.id, ...args }); };
    const use = async () => { await me.call("untrained_use", { recipe: recipe.id }); Hone.store.set("untrained.typed", null); sheet.close(); await me.reload(); };
    const rename = async () => { sheet.close(); const name = await Hone.ask({ title: t("Rename"), input: t("Name"), value: recipe.name, yes: t("Rename") }); if (name) await act("untrained_rename", { name }); };
    const away = async (kind) => { const told = await me.call("untrained_recipe", { recipe: recipe.id, kind }); download(told); };
    const gone = async () => { sheet.close(); if (await Hone.ask({ title: t("Delete “{name}”?", { name: recipe.name }), yes: t("Delete"), danger: true })) await act("untrained_delete"); };
    const body = h("div.stack", h("p.sub", recipe.way), h("div.acts", Hone.button(t("Use it"), use, { primary: true }), Hone.button(t("Rename"), () => rename().catch(Hone.toast)), Hone.button("YAML", () => away("yaml")), Hone.button("JSON", () => away("json")), Hone.button(t("Delete"), () => gone().catch(Hone.toast), { danger: true })));
    const sheet = Hone.sheet({ title: recipe.name, body });
  }

  function download({ name, text }) {
    const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    Hone.download(url, name);
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  function open(me) {
    const file = h("input", { type: "file", accept: ".yaml,.yml,.json", hidden: true, onchange: async () => {
      if (!file.files[0]) return;
      try {
        await me.call("untrained_load", { text: await file.files[0].text() });
        Hone.store.set("untrained.typed", null);
        await me.reload();
      } catch (error) { Hone.toast(error.problems && error.problems.length ? new Hone.Trouble({ message: error.problems.map((one) => `${one.field}: ${one.message}`).join(" ") }) : error); }
      file.remove();
    } });
    document.body.append(file);
    file.click();
  }
})();
