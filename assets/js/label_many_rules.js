/* Many at once, by rules: words or a pattern, and the label that texts with them have. What rules say is a guess: shown as one, never counted as a
   label, learnt from only where somebody switches it on. Here rules are made, judged by the labelled texts, and what they guess is accepted. */
"use strict";
(() => {
  const LEVELS = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

  Hone.manyWay("rules", { title: () => t("Rules"), place: 5, when: (state) => state.rules, make: (me) => rulesView(me) });

  function rulesView(me) {
    const view = { me, told: null, draft: { kind: "words", any: "", all: "", none: "", pattern: "", label: null }, least: 0.8, node: h("div.stack"), alone: true };
    view.shown = () => load(view);
    view.labelled = (visible) => visible && load(view);
    return view;
  }

  async function load(view) {
    try {
      view.told = await view.me.call("many_rules", {});
    } catch (error) {
      return Hone.fill(view.node, Hone.notice({ error, actions: [Hone.button(t("Try again"), () => load(view), { small: true })] }));
    }
    draw(view);
    return undefined;
  }

  function draw(view) {
    const { me, told } = view;
    if (!me.state.labels.length) return Hone.fill(view.node, Hone.empty({ title: t("Rules need labels"), body: t("A rule gives texts a label; make some first."), actions: [Hone.button(t("Make labels first"), () => Hone.goPart("label", "one"))] }));
    if (!view.form) view.form = form(view);
    view.fields.draw();
    Hone.fill(view.node, [view.form, told.suggested.length ? suggestions(view) : null, told.rules.length ? list(view) : null, told.rules.length ? outcome(view) : null]);
    return undefined;
  }

  // ---------- a new rule ----------

  function form(view) {
    const { draft, me } = view;
    let typing = null;
    const changed = () => { clearTimeout(typing); typing = setTimeout(() => attempt(view), 250); };
    const field = (name, title, help) => Hone.field({ title, help, input: h("input.text", { value: draft[name], "data-key": `rule-${name}`, autocomplete: "off", oninput: (event) => { draft[name] = event.target.value; changed(); } }) });
    const words = h("div.ma-words", field("any", t("One of these words"), t("separated by commas")), field("all", t("And all of these"), t("may stay empty")), field("none", t("And none of these"), t("may stay empty")));
    const pattern = field("pattern", t("A pattern"), t("a regular expression, such as order \\d+"));
    const kind = Hone.choice({ options: [{ value: "words", title: t("Words") }, { value: "pattern", title: t("Pattern") }], value: draft.kind, label: t("What is looked for"), onchange: (value) => { draft.kind = value; which(); attempt(view); } });
    const which = () => { words.hidden = draft.kind !== "words"; pattern.hidden = draft.kind !== "pattern"; };
    which();
    const label = h("div");
    view.result = h("div.ma-result", { "aria-live": "polite" });
    view.add = Hone.button(t("Add the rule"), () => keep(view, asked(draft)));
    view.fields = {
      draw() {
        if (!me.label(draft.label)) draft.label = me.state.labels[0].id;
        Hone.fill(label, Hone.field({ title: t("Then the label is"), input: Hone.select({ value: String(draft.label), options: me.state.labels.map((one) => ({ value: String(one.id), title: one.name })), "data-key": "rule-label", onchange: (value) => { draft.label = Number(value); attempt(view); } }) }));
      },
      clear() {
        for (const name of ["any", "all", "none", "pattern"]) draft[name] = "";
        for (const input of view.form.querySelectorAll("input.text")) input.value = "";
        Hone.fill(view.result);
      },
    };
    const body = h("form.stack.ma-stack", { onsubmit: (event) => { event.preventDefault(); keep(view, asked(draft)); } }, kind, words, pattern, label, view.result, h("div.acts", view.add));
    return Hone.card({ title: t("A new rule"), sub: t("Whole words, large or small letters alike. Its guesses are shown as guesses and are no labels."), body });
  }

  const asked = (draft) => ({ ...(draft.kind === "words" ? { any: draft.any, all: draft.all, none: draft.none } : { pattern: draft.pattern }), label: draft.label });
  const isEmpty = (draft) => !(draft.kind === "words" ? draft.any.trim() || draft.all.trim() : draft.pattern.trim());

  async function attempt(view) {
    const mine = (view.tried = {});
    if (isEmpty(view.draft)) return Hone.fill(view.result);
    let told = null, trouble = null;
    try { told = await view.me.call("many_try", { rule: asked(view.draft) }); } catch (error) { trouble = error; }
    if (view.tried !== mine) return undefined;
    Hone.fill(view.result, trouble ? Hone.notice({ error: trouble }) : [h("p", verdict(told)), told.examples.length ? h("ul.ma-rows", told.examples.map((row) => view.me.row(row))) : null]);
    return undefined;
  }

  /* How far a rule can be trusted, in a sentence. */
  function verdict(rule) {
    const covers = t.plural(rule.covers, "It is about {n:,} text, {open:,} without a label.", "It is about {n:,} texts, {open:,} without a label.", { open: rule.open });
    return [covers, judged(rule)].join(" ");
  }

  const judged = ({ right, labelled, low, high }) => (labelled ? t("Right on {k:,} of {n:,} labelled ones (expect {low:%} to {high:%}).", { k: right, n: labelled, low, high }) : t("No labelled text tells yet whether it is right."));

  async function keep(view, rule, quiet = false) {
    try {
      const { id } = await view.me.call("many_rule", { rule });
      if (!quiet) view.fields.clear();
      await changed(view);
      Hone.toast(t("The rule guesses now."), { action: { title: t("Undo"), onpick: () => remove(view, id, true) } });
    } catch (error) {
      Hone.fill(view.result, Hone.notice({ error }));
    }
  }

  async function remove(view, id, quiet = false) {
    await view.me.call("many_unrule", { rule: id }).catch(Hone.toast);
    await changed(view);
    if (!quiet) Hone.toast(t("The rule is gone, and its guesses with it."), { action: { title: t("Undo"), onpick: async () => { await view.me.call("many_unrule", { rule: id, back: true }).catch(Hone.toast); await changed(view); } } });
  }

  async function changed(view) {
    await view.me.refresh();
    if (view.me.way !== "rules") await load(view);
  }

  // ---------- what is there ----------

  function suggestions(view) {
    const { me, told } = view;
    const one = (rule) => h("li.ma-suggestion", h("p", Hone.said(`“${rule.any[0]}”`), " → ", Hone.chip(me.label(rule.label))), h("p.sub", t("right on {k:,} of {n:,} labelled, {open:,} without a label", { k: rule.right, n: rule.labelled, open: rule.open })), Hone.button(t("Add"), () => keep(view, { any: rule.any, label: rule.label }, true), { small: true, "aria-label": t("Add the rule {word}", { word: rule.any[0] }) }));
    return Hone.card({ title: t("Worth a try"), sub: t("Words that nearly only stand in texts of one label, as far as texts are labelled."), body: h("ul.ma-suggestions", told.suggested.map(one)) });
  }

  function list(view) {
    const { me, told } = view;
    const one = (rule, i) => {
      const facts = [verdict(rule), rule.alone && told.rules.length > 1 ? t("On {n:,} of them no other rule says anything.", { n: rule.alone }) : null].filter(Boolean);
      const conflicts = rule.conflicts.map((other) => t.plural(other.rows, "Says otherwise than rule {number} on {n:,} text.", "Says otherwise than rule {number} on {n:,} texts.", { number: told.rules.findIndex((r) => r.id === other.rule) + 1 }));
      return h("li.ma-rule", h("div", h("p", h("b.num", `${i + 1}. `), looks(rule), " → ", Hone.chip(me.label(rule.label))), h("p.sub", facts.join(" ")), conflicts.length ? h("p.ma-conflict", conflicts.join(" ")) : null),
        h("div.acts", Hone.button(t("Show its texts"), () => me.choose({ rule: rule.id }, t("By rule {number}", { number: i + 1 })), { small: true, "data-key": `rule-${rule.id}` }), Hone.button(t("Remove"), () => remove(view, rule.id), { link: true })));
    };
    return Hone.card({ title: t("Rules"), body: h("ul.ma-rules", told.rules.map(one)) });
  }

  function looks(rule) {
    const said = (words) => words.map((word) => `“${word}”`).join(", ");
    if (rule.pattern) return h("code", rule.pattern);
    const parts = [];
    if (rule.any.length) parts.push(t("one of {words}", { words: said(rule.any) }));
    if (rule.all.length) parts.push(t("all of {words}", { words: said(rule.all) }));
    if (rule.none.length) parts.push(t("none of {words}", { words: said(rule.none) }));
    return Hone.said(rule.any.length === 1 && parts.length === 1 ? said(rule.any) : parts.join(", "));
  }

  /* What came of all rules together, and what may become of it. */
  function outcome(view) {
    const { me, told } = view;
    const n = (told.sure.find((one) => one.from === view.least) || { n: 0 }).n;
    const level = Hone.select({ label: t("How sure"), value: String(view.least), options: LEVELS.map((x) => ({ value: String(x), title: t("at least {p:%} sure", { p: x }) })), "data-key": "least", onchange: (value) => { view.least = Number(value); draw(view); } });
    const accept = Hone.button(t.plural(n, "Accept {n:,} as label", "Accept {n:,} as labels"), () => acceptAll(view), { small: true, disabled: !n });
    const learn = h("input", { type: "checkbox", checked: told.learn.on, "data-key": "learn", onchange: (event) => setLearn(view, event.target.checked, told.learn.least) });
    const from = Hone.select({ label: t("How sure"), value: String(told.learn.least), options: LEVELS.map((x) => ({ value: String(x), title: t("at least {p:%} sure", { p: x }) })), "data-key": "learn-least", onchange: (value) => setLearn(view, told.learn.on, Number(value)) });
    return Hone.card({ title: t("What the rules guess together"), sub: t("Each rule counts by how often it is right, which follows from the labelled texts and from where rules agree."), body: h("div.stack.ma-stack",
      h("p", t.plural(told.guessed, "{n:,} text without a label has a guess.", "{n:,} texts without a label have a guess.")),
      told.guessed ? h("div.ma-inline", level, accept, Hone.button(t("Look at them"), () => me.choose({ search: "", only: "guessed" }, t("Guessed by rules")), { link: true })) : null,
      h("label.ma-tick", learn, h("span", h("b", t("Let the model learn from guessed labels too")), h("br"), h("span.sub", t("Only in the part to learn from, never where it is measured. The report says how many there were.")))),
      told.learn.on ? h("div.ma-inline", from, h("p.sub", t.plural(told.learn.n, "The next training learns from {n:,} guessed text.", "The next training learns from {n:,} guessed texts."))) : null) });
  }

  async function acceptAll(view) {
    const told = await view.me.call("many_accept", { least: view.least }).catch(Hone.toast);
    if (told && told.step) await view.me.done(told.changed ? { step: told.step } : null, t.plural(told.changed, "{n:,} guess is a label now.", "{n:,} guesses are labels now."));
  }

  async function setLearn(view, on, least) {
    const learn = await view.me.call("many_learn", { on, least }).catch(Hone.toast);
    if (learn && learn.least) view.told.learn = learn;
    Hone.bus.emit("labels");
    draw(view);
  }
})();
