/* Answers that are labels: one of them (single), any number of them (multi), one of the options the row itself brings. */
"use strict";
(() => {
  const KEYS = "123456789abcdefghijklmnopqrtvwxyz"; // without s (skip) and u (undo)

  Hone.answering("single", (me) => (me.state.inputs.some((part) => part.kind === "choices") ? options(me) : single(me)));

  function single(me) {
    const choose = (id) => {
      if (!me.byId.has(id)) return;
      tiles.hit(id);
      me.decide(id);
    };
    const tiles = Hone.labelTiles(me, choose);
    return {
      labels: 2, // as many must there be before one can begin
      sentence: t("One text, one key. The next text is there before your finger is up."),
      keys: [["1 – 9", t("choose a label; letters from the tenth on")], ["Enter", t("find one of many labels by its name")]],
      node: tiles.nodes,
      relabel: tiles.draw,
      labelsIn: (value) => [value],
      brief: (value) => me.byId.has(value) && Hone.chip(me.byId.get(value)),
      draw: (item) => tiles.show(item ? [item.value] : [], !item),
      guess: (value) => tiles.guess(value === null ? [] : [value]),
      key(event, key) {
        if (key === "Enter") return tiles.find();
        return me.byKey.has(key) ? choose(me.byKey.get(key).id) : false;
      },
    };
  }

  Hone.answering("multi", (me) => {
    const tiles = Hone.labelTiles(me, toggle, { placeholder: t("Find a label: 0, a few letters, Enter") });
    const commit = Hone.commitButton(done);
    const now = () => (me.drafted() || []).filter((id) => me.byId.has(id));

    function toggle(id) {
      if (!me.byId.has(id)) return;
      const on = !now().includes(id);
      me.draft(me.state.labels.map((l) => l.id).filter((one) => (one === id ? on : now().includes(one))));
      me.view.say(on ? t("{label}: on", { label: me.byId.get(id).name }) : t("{label}: off", { label: me.byId.get(id).name }));
    }

    function done() {
      if (me.list.current) me.decide(now());
    }

    return {
      labels: 1,
      sentence: t("Keys switch labels on and off, Enter goes on. No label at all is an answer too."),
      keys: [["1 – 9", t("switch a label on or off; letters from the tenth on")], ["0", t("find one of many labels by its name")], ["Enter", t("save and go on")]],
      node: tiles.nodes,
      commit,
      relabel: tiles.draw,
      labelsIn: (value) => value,
      brief: (value) => several(me, value),
      draw(item) {
        const on = item ? now() : [];
        tiles.show(on, !item);
        commit.disabled = !item;
        commit.say(on.length ? t.plural(on.length, "save {n} label", "save {n} labels") : t("none of them"));
      },
      guess: (value) => tiles.guess(value || []),
      key(event, key) {
        if (key === "Enter") return done();
        if (key === "0") return tiles.find();
        return me.byKey.has(key) ? toggle(me.byKey.get(key).id) : false;
      },
    };
  });

  function several(me, value) {
    const there = value.filter((id) => me.byId.has(id));
    if (!there.length) return h("span", t("none of them"));
    const more = there.length - 4;
    return h("span.lb-chips", there.slice(0, 4).map((id) => Hone.chip(me.byId.get(id))), more > 0 ? h("span", t("and {n} more", { n: more })) : null);
  }

  /* The row's own options stand where labels stand elsewhere. */
  function options(me) {
    const role = me.state.inputs.find((part) => part.kind === "choices").role;
    const list = h("div.lb-keys.lb-options", { role: "group", "aria-label": t("Options") });
    const there = () => (me.list.current && me.list.current.inputs[role]) || [];
    const picked = (value) => (value && typeof value === "object" ? Object.keys(value) : [String(value)]); // {option: grade} where a file says several
    let drawn = null;
    const choose = (at) => at < there().length && me.decide(there()[at]);
    return {
      labels: 0,
      sentence: t("One question, one key: the option that is right."),
      keys: [["1 – 9", t("choose an option; letters from the tenth on")]],
      node: list,
      labelsIn: () => [],
      shows: (part) => part.role === role,
      brief: (value) => Hone.said(picked(value).join(" | "), { class: "lb-brief" }),
      draw(item) {
        if (drawn !== item) {
          drawn = item;
          Hone.fill(list, there().map((option, i) => h("button.lb-key", { class: Hone.colour(i), title: option, onclick: () => choose(i) }, h("kbd", (KEYS[i] || "").toUpperCase()), h("span.said", option))));
        }
        [...list.children].forEach((node, i) => node.setAttribute("aria-pressed", Boolean(item) && picked(item.value).includes(there()[i])));
      },
      key(event, key) {
        const at = key.length === 1 ? KEYS.indexOf(key) : -1;
        return at >= 0 && at < there().length ? choose(at) : false;
      },
    };
  }
})();
