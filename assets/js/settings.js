/* The Settings tab: three choices, six folds, what it will cost on this machine, and why.
   Every name, range and default comes from the server's declaration; the draft lives there too and survives a reload. */
"use strict";
(() => {
  const KEEP_AFTER = 350; // milliseconds without typing before the draft is sent
  const TYPED = "settings.typed"; // in the browser's store: the draft until the server has it
  let ctx, root, form, state, live = {};
  let keepTimer = 0, keeping = null, measureTimer = 0, stale = true, visible = false;

  const { fill, button } = Hone;

  function mount(node, context) {
    root = node;
    ctx = context;
    for (const name of ["project", "data", "labels"]) Hone.bus.on(name, () => { stale = true; if (visible) load(); });
    Hone.bus.on("runs", () => { if (visible && state) measureSoon(); });
  }

  function shown() {
    visible = true;
    if (stale || !state) load();
    else measureSoon();
  }

  function hidden() {
    visible = false;
    clearTimeout(measureTimer);
  }

  async function load() {
    stale = false;
    try {
      const answer = await ctx.call("settings", {});
      const typed = Hone.store.get(TYPED); // what did not reach the server before the page was left
      state = { ...answer, changed: answer.changed || {}, ...typed };
      draw();
      if (typed) keep();
      else measureSoon();
    } catch (error) {
      stale = true;
      fill(root, Hone.notice({ error, actions: [button(t("Try again"), load, { small: true })] }));
    }
  }

  /* ---------- the page ---------- */

  function draw() {
    form = Hone.form(state.form, { onchange: changed, draw: { base: Hone.baseChooser({ ctx, bases: () => state.bases, known: () => state.known, found: foundBase, uploads: () => Hone.facts.mode !== "demo", folders: () => Hone.facts.mode === "local" }), cleaning: Hone.cleaningField({ ctx }), method: Hone.wayChooser({ ways: () => state.ways, kinds: () => state.kinds }), learning_rate: Hone.rateField }, words: { base: baseWords } });
    live = {
      head: h("div"), notice: h("div", { class: "set-notice" }), presets: h("div", { class: "set-presets", role: "radiogroup", "aria-label": t("How hard should it try?") }),
      estimate: h("div", { class: "set-estimate", "aria-live": "polite" }), why: h("ul", { class: "set-why" }), links: h("div", { class: "set-links" }),
    };
    const aside = h("aside", { class: "set-aside" },
      Hone.card({ body: [h("div", { class: "set-machine" }, t("On this machine")), live.estimate, h("h3", {}, t("Why these settings")), live.why, live.links] }));
    fill(root, live.head, live.notice, live.presets, h("div", { class: "set-columns" }, form.node, aside));
    refresh();
  }

  function refresh() {
    const values = { ...state.good, ...state.changed };
    form.set({ values, good: state.good, more: state.more, said: state.problems || {} });
    drawHead();
    drawPresets();
    drawEstimate();
    fill(live.why, state.why.map((sentence) => h("li", sentence)));
    drawLinks();
    const needs = state.needs;
    fill(live.notice, needs && Hone.notice({ tone: "info", title: needs.title, body: needs.body, actions: [button(needs.action, () => Hone.go(needs.tab), { small: true })] }));
  }

  function drawHead() {
    const bad = form.problems();
    const title = bad.length === 0 ? t("Start training") : t.plural(bad.length, "One value needs a look", "{n} values need a look");
    fill(live.head, Hone.head({
      title: t("How hard should it try?"),
      sentence: state.texts ? t.plural(state.texts, "Choose one. Everything below is set from it, your one text and this machine; change only what you want.", "Choose one. Everything below is set from it, your {n:,} texts and this machine; change only what you want.") : t("Choose one. Everything below is set from it, your texts and this machine; change only what you want."),
      actions: [button(t("Save as recipe"), save, { id: "set-save" }), button(title, start, { id: "set-start", primary: true })],
    }));
  }

  function drawPresets() {
    const edited = Object.keys(state.changed).length > 0;
    fill(live.presets, state.presets.map((preset) => {
      const chosen = preset.id === state.preset;
      const input = h("input", { type: "radio", name: "set-preset", id: "set-preset-" + preset.id, value: preset.id, checked: chosen, onchange: () => choose(preset.id) });
      const name = chosen && edited ? t("{preset}, changed", { preset: preset.title }) : preset.title;
      const known = chosen && edited ? state.estimate && state.estimate.seconds : preset.seconds; // of what was changed only its own measurement tells
      const minutes = known ? t("about {t}", { t: Hone.fmt.duration(known) }) : "";
      return h("label", { class: "set-preset" + (chosen ? " chosen" : "") }, input, h("span", h("b", name), h("span", preset.sentence), minutes && h("em", minutes)));
    }));
  }

  function drawLinks() {
    const links = [{ title: t("Load a recipe"), run: loadRecipe, id: "set-load" }];
    const preset = state.presets.find((p) => p.id === state.preset);
    if (preset && Object.keys(state.changed).length) links.push({ title: t("Back to {preset}", { preset: preset.title }), run: () => choose(state.preset), id: "set-undo" });
    fill(live.links, links.map((link) => button(link.title, link.run, { link: true, id: link.id })));
  }

  function baseWords(id) {
    const base = state.base.id === id ? state.base : state.bases.find((b) => b.id === id);
    return base ? [base.title, ...base.facts.slice(0, 1)].join(t(", ")) : String(id);
  }

  /* ---------- changes ---------- */

  function changed(values) {
    state.changed = Object.fromEntries(Object.entries(values).filter(([name, value]) => !Hone.form.same(value, state.good[name])));
    drawHead();
    drawPresets();
    drawLinks();
    keepSoon();
  }

  function foundBase(base) {
    if (!state.bases.some((b) => b.id === base.id)) state.bases = [...state.bases, base];
    state.known = state.known.filter((b) => b.id !== base.id);
  }

  function choose(preset) {
    state.preset = preset;
    state.changed = {};
    drawPresets();
    keep();
  }

  function keepSoon() {
    Hone.store.set(TYPED, { preset: state.preset, changed: state.changed });
    clearTimeout(keepTimer);
    clearTimeout(measureTimer);
    keepTimer = setTimeout(keep, KEEP_AFTER);
  }

  /* Send the draft; what comes back (settings that suit, why, sentences) is shown unless something newer was typed meanwhile. */
  async function keep() {
    clearTimeout(keepTimer);
    keepTimer = 0;
    const sent = { preset: state.preset, changed: state.changed };
    Hone.store.set(TYPED, sent);
    const mine = (keeping = ctx.call("keep", sent));
    try {
      const answer = await mine;
      if (keeping !== mine || keepTimer) return;
      Hone.store.set(TYPED, null);
      const moved = answer.base.id !== state.base.id || state.presets.every((p) => p.id !== sent.preset);
      Object.assign(state, answer);
      state.changed = answer.changed;
      if (moved) state.estimate = null;
      refresh();
      measureSoon();
      Hone.bus.emit("settings");
    } catch (error) {
      if (!error.offline) Hone.store.set(TYPED, null);
      Hone.toast(error);
    }
  }

  /* ---------- what it costs ---------- */

  function measureSoon() {
    clearTimeout(measureTimer);
    measureTimer = setTimeout(() => measure(false), 700);
  }

  async function measure(anyway) {
    if (!visible || state.needs || form.problems().length) return drawEstimate();
    try {
      state.estimate = await ctx.call("estimate", { anyway });
      for (const preset of state.presets) if (state.estimate.presets && preset.id in state.estimate.presets) preset.seconds = state.estimate.presets[preset.id];
      drawEstimate();
      drawPresets();
      if (state.estimate.state === "measuring") measureTimer = setTimeout(() => measure(anyway), 1000);
      else if (state.estimate.state === "done") Hone.bus.emit("settings");
    } catch (error) {
      state.estimate = { state: "failed", message: error.message, fix: error.fix };
      drawEstimate();
    }
  }

  function drawEstimate() {
    const told = state.estimate || {};
    fill(live.estimate, (ESTIMATES[told.state] || unmeasured)(told));
  }

  const ESTIMATES = {
    done: (told) => [
      h("div.set-big", t("About {t}", { t: Hone.fmt.duration(told.seconds) })),
      h("p.set-sub", t.plural(told.measured_steps, "between {a} and {b}, from one real step just now", "between {a} and {b}, from {n} real steps just now", { a: Hone.fmt.duration(told.low), b: Hone.fmt.duration(told.high) })),
      told.memory ? memory(told) : null,
    ],
    measuring: (told) => [h("div.set-big", t("Measuring a few steps…")), Hone.progress({ done: told.done, total: told.total })],
    busy: () => [h("p.set-sub", t("A training is under way. Measuring now would slow it down.")), button(t("Measure anyway"), () => measure(true), { link: true })],
    failed: (told) => Hone.notice({ tone: "warn", title: told.message, body: told.fix, actions: [told.repair ? button(told.repair.title, () => repair(told.repair.values), { small: true }) : button(t("Measure again"), () => measure(true), { small: true })] }),
  };

  function unmeasured() {
    return h("p.set-sub", state.needs ? t("The time is measured with a few real steps, once there are texts to learn from.") : t("The time is measured with a few real steps, once all values are in range."));
  }

  function memory(told) {
    const share = told.memory_total ? told.memory / told.memory_total : 0;
    const sizes = { a: Hone.fmt.bytes(told.memory), b: Hone.fmt.bytes(told.memory_total) };
    return [
      h("div.set-memory", h("span", t("Memory")), h("span", told.memory_total ? t("{a} of {b}", sizes) : sizes.a)),
      told.memory_total ? h("div", { class: "set-bar" + (share > 1 ? " over" : "") }, h("i", { style: { width: Math.min(100, 100 * share).toFixed(1) + "%" } })) : null,
      share > 1 && told.repair ? Hone.notice({ tone: "warn", title: t("Needs {a} of {b}.", sizes), body: told.repair.sentence, actions: [button(told.repair.title, () => repair(told.repair.values), { small: true })] }) : null,
    ];
  }

  function repair(values) {
    state.changed = { ...state.changed, ...values };
    refresh();
    keep();
  }

  /* ---------- start ---------- */

  async function start() {
    const bad = form.problems();
    if (bad.length) return form.jump(bad[0].name);
    if (state.needs) return live.notice.querySelector("button").focus();
    if (keepTimer || keeping) await keep();
    try {
      const run = await ctx.call("start", {});
      Hone.store.set("run:started", run.run);
      Hone.bus.emit("runs");
      Hone.goPart("train", "one");
    } catch (error) {
      if (error.problems && error.problems.length) {
        state.problems = Object.fromEntries(error.problems.map((p) => [p.field, p.message]));
        refresh();
        return form.jump(error.problems[0].field);
      }
      fill(live.notice, Hone.notice({ error }));
      live.notice.scrollIntoView({ block: "center" });
    }
  }

  /* ---------- recipes ---------- */

  async function save() {
    if (keepTimer || keeping) await keep();
    const recipe = await ctx.call("recipe", {});
    const text = h("textarea.set-recipe", { readonly: true, rows: 16, "aria-label": t("The recipe"), value: recipe.text });
    const sheet = Hone.sheet({
      title: t("Save as recipe"),
      body: [h("p.sub", t("A recipe holds the settings, not your texts. Load it in another project, or give it to somebody.")), text],
      actions: [button(t("Copy"), () => copy(text)), button(t("Download"), () => { download(recipe.name, recipe.text); sheet.close(); }, { primary: true })],
    });
  }

  function copy(text) {
    const done = () => Hone.toast(t("Copied"));
    if (navigator.clipboard && window.isSecureContext) navigator.clipboard.writeText(text.value).then(done, () => { text.select(); });
    else { text.select(); if (document.execCommand("copy")) done(); }
  }

  function download(name, text) {
    const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/yaml" })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 5000);
  }

  function loadRecipe() {
    const text = h("textarea.set-recipe", { rows: 12, spellcheck: "false", "aria-label": t("The recipe"), placeholder: t("Paste a recipe here") });
    const file = h("input.set-file", { type: "file", accept: ".yaml,.yml,.txt,.json", "aria-label": t("Choose a file"), onchange: async () => { if (file.files[0]) text.value = (await file.files[0].text()).slice(0, 250000); } });
    const bad = h("div", { role: "alert" });
    const sheet = Hone.sheet({ title: t("Load a recipe"), body: [h("p.sub", t("Choose the file of a recipe, or paste its text.")), file, text, bad], actions: [button(t("Load"), read, { primary: true })] });
    async function read() {
      try {
        Object.assign(state, await ctx.call("load_recipe", { text: text.value }));
      } catch (error) {
        fill(bad, Hone.notice({ tone: "bad", title: error.message, body: [error.fix, ...(error.problems || []).map((p) => p.message)].filter(Boolean).join(" ") }));
        return;
      }
      sheet.close();
      refresh();
      measureSoon();
      Hone.bus.emit("settings");
    }
  }

  Hone.tab("settings", { mount, shown, hidden });
})();
