/* What the model should learn from these texts: the task with its reason, the other tasks to choose from, and the column of each role.
   The server guesses and says why; here a person decides. Knows nothing of what a task does. */
"use strict";
(() => {
  /* The line above the columns: what is learnt, why, and the way to another task. */
  Hone.dataTask = (me) => {
    const { task } = me.state;
    const other = Hone.button(t("Something else"), () => choose(me), { small: true, "aria-haspopup": "dialog", "data-key": "task" });
    return h("div.dt-task", h("div", h("p.sub", t("What should the model learn?")), h("h3", task.title), h("p.dt-help", task.help), h("p.sub", task.why)), other);
  };

  /* All tasks, the likeliest first, each with what it is for and how it fits these columns. */
  async function choose(me) {
    const found = await me.ctx.call("choices", {});
    const pick = async (one) => {
      sheet.close();
      if (one.name !== me.state.task.name || !one.seen) await learn(me, one);
    };
    const likely = found.filter((one, i) => one.seen || i === 0);
    const rest = found.filter((one) => !likely.includes(one));
    const entry = (one) => h("button.dt-example", { "aria-current": one.name === me.state.task.name ? "true" : null, onclick: () => pick(one) }, h("b", one.title), h("span", one.help), h("span.dt-why", one.why));
    const group = (title, list) => (list.length ? h("section.stack", h("h3.dt-group", title), list.map(entry)) : null);
    const sheet = Hone.sheet({ title: t("What should the model learn?"), wide: true, body: h("div.stack.dt-second.dt-tasks", h("p.sub", t("You can change this at any time. Answers given so far are kept and count wherever the new task can read them.")), group(t("Fits these columns"), likely), group(t("Also possible"), rest)) });
  }

  async function learn(me, one) {
    const done = await me.act("learn", { task: one.name });
    if (!done) return;
    Hone.bus.emit("labels");
    const back = { title: t("Undo"), onpick: () => me.act("learn", { task: done.before }).then(() => Hone.bus.emit("labels")) };
    Hone.toast(t("Now: {task}. Answers given so far are kept.", { task: one.title }), { action: done.before === one.name ? null : back });
  }

  /* ---------- which column is what ---------- */

  Hone.dataColumns = (me) => {
    const { task } = me.state;
    const split = { role: "split", title: t("Kept aside for testing"), nothing: t("Hone splits for me") };
    return [...task.columns.map((one) => ({ ...one, nothing: nothing(one) })), split].map((one) => column(me, one));
  };

  function nothing(one) {
    if (one.target) return t("No column: I label by hand");
    return one.required ? null : t("No column");
  }

  function column(me, one) {
    const { roles, columns: names } = me.state;
    const now = roles[one.role];
    const chosen = Array.isArray(now.column) ? now.column : now.column === null ? [] : [now.column];
    const set = (list) => me.act("roles", { roles: { [one.role]: list.length > 1 ? list : list.length ? list[0] : null } });
    const id = "dt-role-" + one.role;
    const title = h("label", { for: id, title: one.help || null }, one.title, one.required && !one.target ? h("span.dt-must", { title: t("needed") }, " *") : null);
    const body = chosen.length > 1 || now.template ? [several(me, one, chosen, set, id), one.kind === "text" ? together(me, one, now, chosen) : null] : single(one, names, chosen, set, id);
    return h("div.dt-column", title, h("p.sub", now.reason || ""), h("div.dt-body", body));
  }

  function single(one, names, chosen, set, id) {
    const missing = !chosen.length && !one.nothing;
    const options = [...(one.nothing || missing ? [{ value: "", title: one.nothing || t("Choose a column"), disabled: missing }] : []), ...names.map((name) => ({ value: "=" + name, title: name }))]; // a column may be called anything, "" too
    const select = Hone.select({ label: one.title, options, value: chosen.length ? "=" + chosen[0] : "", onchange: (value) => set(value ? [value.slice(1)] : []), id });
    const more = one.several && chosen.length && names.length > 1 ? another(names, chosen, set) : null;
    return h("div.dt-pick", { class: missing ? "missing" : "" }, select, more);
  }

  /* Several columns together: each with its way out, and the way to one more. */
  function several(me, one, chosen, set, id) {
    const names = me.state.columns;
    const chip = (name) => h("li", h("span", name), h("button.ico", { "aria-label": t("Without {column}", { column: name }), onclick: () => set(chosen.filter((other) => other !== name)) }, Hone.cross()));
    const shown = chosen.slice(0, 12);
    const rest = chosen.length - shown.length;
    return h("div.dt-pick", h("ul.dt-many", { id, tabindex: -1 }, shown.map(chip), rest ? h("li", t("and {n} more", { n: rest })) : null), chosen.length < names.length ? another(names, chosen, set) : null);
  }

  /* How the columns become one text: line by line, or by a template that somebody writes. */
  function together(me, one, now, chosen) {
    const act = (column) => me.act("roles", { roles: { [one.role]: column } });
    if (!now.template) return Hone.button(t("put together by a template"), () => act(chosen.map((name) => `${name}: {${name}}`).join("\n")), { link: true });
    const box = h("textarea.text", { rows: Math.min(6, now.template.split("\n").length + 1), "aria-label": t("Template"), onchange: () => act(box.value.trim() || chosen) });
    box.value = now.template;
    return h("div.dt-template", box, h("p.sub", t("The name of a column in braces stands for its cell.")), Hone.button(t("line by line instead"), () => act(chosen), { link: true }));
  }

  function another(names, chosen, set) {
    const button = Hone.button(t("and another column"), () => Hone.menu(button, names.filter((name) => !chosen.includes(name)).slice(0, 60).map((name) => ({ title: name, onpick: () => set([...chosen, name]) }))), { link: true, "aria-haspopup": "menu" });
    return button;
  }
})();
