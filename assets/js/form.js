/* Draws a form out of a declaration (webui/form.py) and keeps what is typed. Knows no setting by name: title, help, range,
   default, choices and "shown when" all come with the declaration.

   const form = Hone.form(spec, { onchange(values), draw: { name: (api) => node } });
   form.set({ values, good, more, said });   // values now, values that suit, what is no field, sentences from the server
   form.problems();                          // [{name, sentence}] of the fields that count
   form.jump(name);                          // opens the fold and puts the cursor there                                   */
"use strict";
(() => {
  const plain = (n) => {
    if (typeof n !== "number" || !Number.isFinite(n)) return n === null || n === undefined ? "" : String(n);
    if (Number.isInteger(n)) return String(n);
    return n.toFixed(10).replace(/0+$/, "").replace(/\.$/, "");
  };
  const brief = (n) => (typeof n === "number" && n !== 0 && Math.abs(n) < 0.001 ? n.toExponential().replace("e-0", "e-") : plain(n));
  const empty = (v) => v === null || v === undefined || v === "";
  const same = (a, b) => (Array.isArray(a) || Array.isArray(b) ? String(a || "") === String(b || "") : alike(a, b));
  const alike = (a, b) => (empty(a) && empty(b)) || a === b || (!empty(a) && !empty(b) && typeof a !== "boolean" && Number(a) === Number(b) && a !== "" && b !== "");

  /* The sentence beside a field, or null: the same rules and words as the server's (core.settings, webui.form). */
  function check(knob, value, good) {
    const suits = empty(good) ? knob.default : good;
    if (empty(value)) return knob.optional ? null : t("{title} is empty. {good} is usual.", { title: knob.title, good: plain(suits) });
    if (knob.kind === "int" || knob.kind === "float") {
      const number = Number(value);
      if (!Number.isFinite(number) || (knob.kind === "int" && !Number.isInteger(number)))
        return t("“{value}” is not a number. {good} is usual.", { value: String(value).slice(0, 40), good: plain(suits) });
      if ((knob.low !== null && number < knob.low) || (knob.high !== null && number > knob.high))
        return t("{v} is outside {a} to {b}. {good} suits this model.", { v: plain(number), a: plain(knob.low), b: plain(knob.high), good: plain(suits) });
    }
    return null;
  }

  /* What is typed, as the value it stands for; text that is no number stays text, so that it can be shown again. */
  function parsed(knob, text) {
    if (knob.kind !== "int" && knob.kind !== "float") return text;
    const trimmed = text.trim().replace(",", ".");
    if (trimmed === "") return knob.optional ? null : "";
    const number = Number(trimmed);
    return Number.isFinite(number) ? number : text;
  }

  function words(knob, value) {
    if (knob.kind === "choice") return (knob.choices.find((c) => c.value === value) || { title: String(value) }).title;
    if (knob.kind === "several") return knob.choices.filter((c) => (value || []).includes(c.value)).map((c) => c.title).join(", ") || t("nothing");
    if (knob.kind === "bool") return value ? knob.title : "";
    if (empty(value)) return knob.optional ? knob.title + " " + t("by itself") : "";
    return knob.title + " " + (typeof value === "number" ? brief(value) : value);
  }

  /* Whether a number says all that the choice above it says: "3 rounds" needs no "counted in rounds". */
  const explains = (number, choice) => choice.kind === "choice" && (number.kind === "int" || number.kind === "float") && choice.name in number.shown_when && !number.advanced && number.group === choice.group && !choice.term;

  function form(spec, options) {
    const state = { values: {}, good: {}, more: {}, said: {} };
    const controls = {};
    const folds = spec.groups.map((group) => fold(group));
    const node = h("div", { class: "set-folds" }, folds.map((f) => f.node));

    const value = (name) => (name in state.values ? state.values[name] : name in state.more ? state.more[name] : (spec.knobs[name] || {}).default);
    const counts = (knob) => Object.entries(knob.shown_when).every(([name, wanted]) => wanted.includes(name in state.more ? state.more[name] : value(name)));
    const differs = (name) => name in state.good && !same(value(name), state.good[name]);
    const sentence = (knob) => check(knob, value(knob.name), state.good[knob.name]) || state.said[knob.name] || null;

    function change(name, next) {
      state.values = { ...state.values, [name]: next };
      delete state.said[name];
      refresh();
      options.onchange(state.values, name);
    }

    function refresh() {
      for (const f of folds) f.refresh();
    }

    function fold(group) {
      const id = "set-fold-" + group.id;
      const now = h("span", { class: "set-now" });
      const count = h("span", { class: "set-count" });
      const button = h("button", { type: "button", "aria-expanded": "false", "aria-controls": id, onclick: () => open(body.hidden) },
        h("span", { class: "set-name" }, h("b", {}, group.title), now), count, h("i", { class: "set-chevron", "aria-hidden": "true" }));
      const first = h("div", { class: "set-knobs" });
      const rest = h("div", { class: "set-knobs", hidden: true });
      const more = h("button", { type: "button", class: "set-more", "aria-expanded": "false", onclick: () => unfold(rest.hidden) });
      const body = h("div", { id, class: "set-body", hidden: true }, first, more, rest);
      const knobs = group.knobs.map((name) => spec.knobs[name]);
      let drawn = false;

      function draw() {
        if (drawn) return;
        drawn = true;
        for (const knob of knobs) {
          const own = options.draw && options.draw[knob.name];
          controls[knob.name] = (own || control)(knob, { value: () => value(knob.name), good: () => state.good[knob.name], sentence: () => sentence(knob), differs: () => differs(knob.name), change: (v) => change(knob.name, v) });
          (knob.advanced ? rest : first).append(controls[knob.name].node);
        }
      }
      function open(yes) {
        if (yes) draw();
        body.hidden = !yes;
        button.setAttribute("aria-expanded", String(yes));
        element.classList.toggle("open", yes);
        if (yes) me.refresh();
      }
      function unfold(yes) {
        rest.hidden = !yes;
        me.refresh();
      }
      const element = h("section", { class: "set-fold" }, h("h2", {}, button), body);
      const me = {
        node: element,
        holds: (name) => group.knobs.includes(name),
        open: (name) => {
          open(true);
          if (spec.knobs[name] && spec.knobs[name].advanced) unfold(true);
        },
        refresh() {
          const counted = knobs.filter(counts);
          element.hidden = counted.length === 0;
          const told = counted.filter((k) => (!k.advanced || differs(k.name)) && !counted.some((other) => explains(other, k)));
          const saying = told.length ? told : counted;
          now.textContent = saying.map((k) => (options.words && options.words[k.name] ? options.words[k.name](value(k.name)) : k.kind === "several" && empty(String(value(k.name) || "")) ? "" : words(k, value(k.name)))).filter(Boolean).join(" · ") || t("nothing");
          const bad = counted.filter(sentence).length;
          const changed = counted.filter((k) => differs(k.name)).length;
          count.textContent = bad ? t.plural(bad, "{n} needs a look", "{n} need a look") : changed ? t.plural(changed, "{n} changed", "{n} changed") : "";
          count.classList.toggle("bad", bad > 0);
          const hiddenOnes = counted.filter((k) => k.advanced);
          const all = hiddenOnes.length === counted.length; // nothing else is there: then there is nothing to fold away
          if (all) rest.hidden = false;
          more.hidden = all || hiddenOnes.length === 0;
          more.textContent = rest.hidden ? t("More ({n})", { n: hiddenOnes.length }) : t("Less");
          more.setAttribute("aria-expanded", String(!rest.hidden));
          if (body.hidden || !drawn) return;
          for (const knob of knobs) {
            controls[knob.name].node.hidden = !counts(knob);
            if (counts(knob)) controls[knob.name].refresh();
          }
        },
      };
      return me;
    }

    return {
      node,
      set(next) {
        Object.assign(state, next);
        state.values = { ...state.values };
        state.said = { ...state.said };
        refresh();
      },
      values: () => state.values,
      value,
      counts: (name) => counts(spec.knobs[name]),
      problems: () => Object.values(spec.knobs).filter(counts).map((k) => ({ name: k.name, sentence: sentence(k) })).filter((p) => p.sentence),
      open: (id) => folds[spec.groups.findIndex((g) => g.id === id)].open(),
      jump(name) {
        const f = folds.find((one) => one.holds(name));
        if (!f) return;
        f.open(name);
        const target = controls[name].focus;
        target.scrollIntoView({ block: "center" });
        target.focus({ preventScroll: true });
      },
    };
  }

  /* One control with its words, its way back, and its sentence. Each maker gives {node, focus, refresh}. */
  let made = 0;
  function control(knob, api) {
    const id = "set-knob-" + ++made;
    const parts = (MAKERS[knob.kind] || entry)(knob, api, id);
    const back = h("button", { type: "button", class: "set-back", title: t("Back to {value}", { value: "" }), onclick: () => api.change(api.good()) }, "↺");
    const help = h("p", { class: "set-help", id: id + "-help" }, knob.help, knob.term ? h("span", { class: "set-term" }, t(" ({term})", { term: knob.term })) : null);
    const bad = h("p", { class: "set-bad", id: id + "-bad", role: "alert", hidden: true });
    const title = h("label", { class: "set-title", for: id }, knob.title);
    const node = h("div", { class: "set-knob set-" + knob.kind + (knob.kind === "several" ? " wide" : "") }, h("div", { class: "set-row" }, title, h("span", { class: "set-field" }, parts.field, back)), help, parts.below, bad);
    node.dataset.knob = knob.name;
    return {
      node,
      focus: parts.focus,
      refresh() {
        parts.refresh();
        const sentence = api.sentence();
        bad.hidden = !sentence;
        if (bad.textContent !== (sentence || "")) bad.textContent = sentence || "";
        parts.focus.setAttribute("aria-invalid", String(!!sentence));
        parts.focus.setAttribute("aria-describedby", sentence ? id + "-bad" : id + "-help");
        node.classList.toggle("invalid", !!sentence);
        node.classList.toggle("changed", api.differs());
        back.hidden = !api.differs();
        const usual = knob.kind === "choice" || knob.kind === "several" ? words(knob, api.good()) : knob.kind === "bool" ? (api.good() ? t("on") : t("off")) : empty(api.good()) ? t("empty") : plain(api.good());
        back.title = t("Back to {value}", { value: usual });
        back.setAttribute("aria-label", t("{title}: back to {value}", { title: knob.title, value: usual }));
      },
    };
  }

  function entry(knob, api, id) {
    const number = knob.kind !== "text";
    const input = h("input", { id, type: "text", class: "text set-input", inputmode: number ? "decimal" : "text", autocomplete: "off", spellcheck: "false",
      placeholder: knob.optional ? t("by itself") : "", oninput: () => api.change(parsed(knob, input.value)) });
    const slide = number && knob.stops.length ? slider(knob, api) : null;
    return {
      field: input,
      below: slide && slide.node,
      focus: input,
      refresh() {
        const value = api.value();
        if (document.activeElement !== input || !same(parsed(knob, input.value), value)) input.value = typeof value === "number" ? plain(value) : empty(value) ? "" : String(value);
        if (slide) slide.refresh();
      },
    };
  }

  function slider(knob, api) {
    const stops = knob.stops;
    const input = h("input", { type: "range", min: "0", max: String(stops.length - 1), step: "1", class: "set-slider", "aria-label": knob.title, oninput: () => api.change(stops[Number(input.value)]) });
    return {
      node: h("div", { class: "set-slide" }, h("small", {}, plain(knob.low)), input, h("small", {}, plain(knob.high))),
      refresh() {
        const value = Number(empty(api.value()) ? NaN : api.value());
        const known = Number.isFinite(value);
        let nearest = 0;
        if (known) stops.forEach((stop, i) => { if (Math.abs(stop - value) < Math.abs(stops[nearest] - value)) nearest = i; });
        if (Number(input.value) !== nearest || !known) input.value = String(nearest);
        input.classList.toggle("none", !known);
        input.style.setProperty("--at", (100 * nearest) / (stops.length - 1) + "%");
        input.setAttribute("aria-valuetext", known ? plain(value) : t("by itself"));
      },
    };
  }

  function choice(knob, api, id) {
    const select = h("select", { id, class: "select set-select", onchange: () => api.change(select.value) }, knob.choices.map((c) => h("option", { value: c.value }, c.title)));
    return { field: null, below: h("div", { class: "set-choose" }, select), focus: select, refresh: () => { select.value = String(api.value()); } };
  }

  function toggle(knob, api, id) {
    const box = h("input", { id, type: "checkbox", role: "switch", class: "set-switch", onchange: () => api.change(box.checked) });
    return { field: box, below: null, focus: box, refresh: () => { box.checked = !!api.value(); } };
  }

  /* Any number of the choices, in the order of their declaration. */
  function several(knob, api, id) {
    const boxes = knob.choices.map((c, i) => h("input", { type: "checkbox", value: c.value, id: i ? `${id}-${i}` : id, onchange: () => api.change(boxes.filter((b) => b.checked).map((b) => b.value)) }));
    const below = h("div", { class: "set-ticks", role: "group", "aria-label": knob.title }, knob.choices.map((c, i) => h("label", {}, boxes[i], h("span", {}, c.title))));
    return { field: null, below, focus: boxes[0], refresh: () => boxes.forEach((b) => { b.checked = (api.value() || []).includes(b.value); }) };
  }

  const MAKERS = { choice, several, bool: toggle };
  Hone.form = form;
  Hone.form.control = control;
  Hone.form.plain = plain;
  Hone.form.brief = brief;
  Hone.form.same = same;
})();
