/* What a person gives to a model in the Playground: a field for each input role, by kind. What is written stays in this browser tab, so that a
   reload keeps it. Knows nothing of models or answers. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const LONGEST = 20000; // characters asked about

  /** inputs: [{role, kind, title, required}] -> {node, value(), put(row), empty(), focus(), changed: fn(by hand, or put there)}.
      value() is {role: value}, or null while something needed is missing. */
  Hone.playgroundFields = (inputs, view, changed) => {
    const keep = "hone:playground:" + Hone.project;
    const alone = inputs.length === 1;
    const made = inputs.map((one, i) => {
      const place = i ? keep + ":" + one.role : one.kind === "text" ? keep : keep + ":" + one.kind;
      const field = (FIELDS[one.kind] || FIELDS.text)({ ...one, view, id: i ? "playground-" + one.role : "playground-text", alone }, (byHand) => {
        try { sessionStorage.setItem(place, field.keep()); } catch { /* full or forbidden: a reload then forgets it */ }
        if (byHand) changed();
      });
      try { field.restore(sessionStorage.getItem(place) || ""); } catch { /* as above */ }
      return { ...one, field };
    });
    const title = (one) => (alone && !one.called && (one.kind === "text" || one.kind === "marked") ? t("Your text") : alone && one.kind === "image" ? t("Your picture") : one.title);
    const missing = () => made.some((one) => one.required && !one.field.full());
    return {
      node: made.map((one) => [h("label.pg-word", { for: one.field.id }, title(one)), one.field.node]),
      value: () => (missing() ? null : Object.fromEntries(made.map((one) => [one.role, one.field.value()]))),
      put(row) {
        for (const one of made) one.field.put(row.inputs ? row.inputs[one.role] : one === made[0] ? row.text : null);
      },
      /** Add a turn to the conversation that is asked about; false where there is none. */
      answered(text) {
        const talk = made.find((one) => one.kind === "messages");
        if (talk) talk.field.answered(text);
        return Boolean(talk);
      },
      empty: () => made.every((one) => !one.field.full()),
      focus: () => made[0].field.focus(),
    };
  };

  function text({ id, alone }, changed) {
    const area = h("textarea.pg-text", { id, rows: alone ? 7 : 3, maxlength: LONGEST, spellcheck: "false", class: alone ? "" : "less", placeholder: t("Write or paste a text") });
    area.addEventListener("input", () => changed(true));
    return {
      id, node: area, full: () => Boolean(area.value.trim()), value: () => area.value.slice(0, LONGEST), focus: () => area.focus(), keep: () => area.value,
      restore: (kept) => { area.value = kept; },
      put: (value) => { area.value = value ?? ""; changed(false); },
    };
  }

  const lines = (value) => value.split("\n").map((line) => line.trim()).filter(Boolean);

  function choices(about, changed) {
    const field = text(about, changed);
    field.node.placeholder = t("One option a line");
    return { ...field, full: () => lines(field.node.value).length > 1, value: () => lines(field.node.value), put: (value) => field.put((value || []).join("\n")) };
  }

  function marked(about, changed) {
    const field = text(about, changed);
    field.node.placeholder = t("Mark the two, as in: The <e1>fire</e1> was caused by <e2>lightning</e2>.");
    return field;
  }

  /* Turns so far, and the field for what the person says next. */
  function messages({ id }, changed) {
    let turns = [];
    const said = h("div.pg-turns");
    const area = h("textarea.pg-text.less", { id, rows: 3, maxlength: LONGEST, spellcheck: "false", placeholder: t("Say something to the model") });
    const told = () => {
      fill(said, turns.length ? Hone.value("messages", turns) : null, turns.length ? Hone.button(t("Begin anew"), () => { turns = []; told(); changed(true); }, { link: true }) : null);
      said.scrollTop = said.scrollHeight;
    };
    area.addEventListener("input", () => changed(true));
    const whole = () => (area.value.trim() ? [...turns, { role: "user", content: area.value.slice(0, LONGEST) }] : turns);
    return {
      id, node: h("div.pg-talk", said, area), full: () => whole().length > 0 && whole()[whole().length - 1].role !== "assistant", value: whole, focus: () => area.focus(),
      keep: () => JSON.stringify({ turns, now: area.value }),
      restore(kept) {
        const read = kept ? JSON.parse(kept) : {};
        turns = Array.isArray(read.turns) ? read.turns : [];
        area.value = read.now || "";
        told();
      },
      put(value) {
        const given = value || [];
        const last = given[given.length - 1];
        turns = last && last.role === "user" ? given.slice(0, -1) : given;
        area.value = last && last.role === "user" ? last.content : "";
        told();
        changed(false);
      },
      answered(answer) {
        turns = [...whole(), { role: "assistant", content: answer }];
        area.value = "";
        told();
        changed(false);
        area.focus();
      },
    };
  }

  /* A picture of one's own, or one that was kept aside. A reload keeps only the latter: the former stays where it came from. */
  function image({ id, view }, changed) {
    let now = null; // {name} of a kept one, {upload} of one's own
    const input = h("input", { id, type: "file", accept: "image/*", onchange: () => take(input.files[0]) });
    const face = h("div");
    const drop = h("label.pg-drop", input, face);
    const told = (node) => fill(face, node || [h("b", t("Drop a picture here, or choose one")), h("span", "png jpg webp gif bmp")]);
    for (const kind of ["dragover", "dragleave", "drop"]) {
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", kind === "dragover");
        if (kind === "drop") take(event.dataTransfer.files[0]);
      });
    }
    async function take(file) {
      if (!file) return;
      const own = URL.createObjectURL(file);
      const shown = h("img.pic.large", { src: own, alt: file.name, onload: () => URL.revokeObjectURL(own) });
      now = null;
      told(shown);
      try {
        now = { upload: await view.ctx.upload(file) };
        changed(true);
      } catch (error) {
        told(Hone.notice({ error }));
      }
      input.value = "";
    }
    function put(name) {
      now = name ? { name } : null;
      told(name ? Hone.picture(name, { large: true, run: view.run }) : null);
    }
    told();
    return {
      id, node: drop, full: () => now !== null, value: () => now, focus: () => input.focus(), keep: () => (now && now.name) || "",
      restore: put,
      put(name) {
        put(name);
        changed(false);
      },
    };
  }

  const FIELDS = { text, marked, choices, messages, image };
})();
