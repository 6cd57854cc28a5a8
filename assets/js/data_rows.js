/* The rows: fifty a page from the server, searched and filtered there; one row at a time left out, put back or moved by hand.
   Knows nothing of how they are stored. */
"use strict";
(() => {
  const PAGE = 50;

  Hone.dataRows = (me) => {
    const ask = { start: 0, search: "", label: "", split: "", only: "" };
    const range = h("span.sub.num", { "aria-live": "polite" });
    const back = Hone.button("‹", () => turn(-1), { small: true, "aria-label": t("The page before") });
    const forth = Hone.button("›", () => turn(1), { small: true, "aria-label": t("The next page") });
    const query = h("input.text", { type: "search", placeholder: t("Search in the texts"), "aria-label": t("Search in the texts") });
    const picks = h("div.dt-picks");
    const told = h("div.dt-told");
    const body = h("div.dt-table");
    const foot = h("div.dt-foot");
    const node = Hone.card({ title: t("Rows"), side: h("div.dt-pager", range, back, forth), body: [h("div.dt-filter", query, picks), told, body, foot, h("div.acts", Hone.button(t("Take the labels away"), () => Hone.labelsAway(me.ctx), { link: true }))], class: "dt-rows", id: "dt-rows" });
    let asked = 0;
    let total = 0;
    let looking = null; // the finding whose rows are shown, in words
    let timer = null;

    query.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => filter({ search: query.value }), 250);
    });
    query.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key !== "Escape") return;
      event.preventDefault(); // or it would empty the field
      query.blur();
    });

    function refresh() {
      drawPicks();
      return load();
    }

    async function load() {
      const mine = (asked += 1);
      body.setAttribute("aria-busy", "true");
      let page;
      try {
        page = await me.ctx.call("rows", { ...ask, count: PAGE });
      } catch (error) {
        if (mine === asked) Hone.fill(body, Hone.notice({ error, actions: [Hone.button(t("Try again"), load, { small: true })] }));
        return;
      } finally {
        if (mine === asked) body.removeAttribute("aria-busy");
      }
      if (mine !== asked) return;
      total = page.total;
      if (ask.start >= total && ask.start > 0) {
        ask.start = Math.max(0, Math.floor((total - 1) / PAGE) * PAGE);
        return load();
      }
      draw(page.rows);
    }

    function draw(rows) {
      const last = Math.min(ask.start + PAGE, total);
      range.textContent = total ? `${Hone.fmt.number(ask.start + 1)}–${Hone.fmt.number(last)} / ${Hone.fmt.number(total)}` : "";
      back.disabled = ask.start === 0;
      forth.disabled = last >= total;
      const target = me.state.task.columns.find((one) => one.target);
      const inputs = me.state.task.columns.filter((one) => !one.target);
      const columns = [
        { title: "#", class: "num dt-n", cell: (r) => Hone.fmt.number(r.n) },
        { title: called(inputs[0]), class: "dt-text", cell: (r) => given(r, inputs) },
        target ? { title: called(target), class: "dt-label", cell: (r) => answer(r, target) } : null,
        { title: t("used for"), class: "nop dt-use", cell: (r) => use(r) },
        { title: "", class: "r dt-more", cell: (r) => more(r) },
      ].filter(Boolean);
      const filtered = ask.search || ask.label || ask.split || ask.only;
      const table = rows.length ? Hone.table({ columns, rows, onrow: open, caption: t("Rows") }) : h("p.sub", filtered ? t("No row fits this search.") : t("There are no rows."));
      Hone.fill(body, table);
      body.querySelectorAll("tbody tr").forEach((tr, i) => {
        tr.classList.toggle("out", rows[i].excluded);
        tr.setAttribute("aria-expanded", "false");
      });
      const pages = total > PAGE ? [Hone.button(t("The page before"), () => turn(-1, true), { small: true, disabled: back.disabled }), Hone.button(t("The next page"), () => turn(1, true), { small: true, disabled: forth.disabled })] : null;
      Hone.fill(foot, pages);
      Hone.fill(told, looking ? h("p", h("span", looking), Hone.button(t("Show all rows"), () => only("", null), { link: true })) : null);
    }

    /* What the file calls a role; several columns go by the task's word for them. */
    function called(one) {
      const { column } = me.state.roles[one.role];
      return typeof column === "string" && column ? column : one.title;
    }

    /* The inputs of a row in two lines; further ones stand under the first. */
    function given(row, inputs) {
      const first = inputs[0].kind === "text" ? h("div.said.dt-clamp", row.text) : h("div.dt-clamp", value(inputs[0].kind, row.inputs[inputs[0].role], { brief: true }));
      const rest = inputs.slice(1).filter((one) => full(row.inputs[one.role])).map((one) => h("div.dt-also", h("small", called(one)), h("div.dt-clamp", value(one.kind, row.inputs[one.role], { brief: true }))));
      return rest.length ? h("div.dt-given", first, rest) : first;
    }

    const full = (value) => value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && !value.length);
    const value = (kind, value, about) => Hone.value(kind, value, { labels: me.state.counts.labels, ...about });
    const answer = (row, target) => (row.guessed && !row.excluded ? Hone.guessChip(row.guessed, me.state.counts.labels) : target.kind === "category" ? Hone.chip(row.label) : h("div.dt-clamp.dt-answer", value(target.kind, row.value, { text: row.text, brief: true })));

    function use(row) {
      if (row.excluded) return t("left out");
      return { train: t("learning"), validation: t("steering"), test: t("final test") }[row.split] || "–";
    }

    /* The whole text and every other cell, under the row. */
    function open(row, tr) {
      const next = tr.nextElementSibling;
      const shown = next && next.classList.contains("dt-open");
      tr.setAttribute("aria-expanded", String(!shown));
      tr.classList.toggle("on", !shown);
      if (shown) return next.remove();
      const { task, roles } = me.state;
      const roled = new Set([...(task.target === "category" ? [] : task.columns), { role: task.columns[0].role }].flatMap((one) => roles[one.role].column));
      const cells = Object.entries(row.cells || {}).filter(([name]) => !roled.has(name));
      const rest = cells.length ? h("dl", cells.map(([name, cell]) => [h("dt", name), h("dd.said", cell || "–")])) : null;
      const whole = h("div", roledly(row), rest, h("p.sub", [use(row), row.by ? t("label by {who}", { who: row.by }) : null].filter(Boolean).join(" · ")));
      tr.after(h("tr.dt-open", h("td"), h("td", { colspan: tr.cells.length - 1 }, whole)));
    }

    /* Every role of the task in full: marks in their text, all turns of a conversation. */
    function roledly(row) {
      const { columns, target } = me.state.task;
      if (target === "category" && columns.length === 2) return columns[0].kind === "text" ? h("p.said", row.text) : value(columns[0].kind, row.inputs[columns[0].role], { large: true });
      const marks = target === "spans" && row.value;
      const one = (part) => {
        if (part.target && (target === "category" || marks)) return target === "category" ? [h("dt", called(part)), h("dd", Hone.chip(row.label))] : null;
        const now = part.target ? row.value : row.inputs[part.role];
        if (!part.target && part === columns[0] && marks) return [h("dt", called(part)), h("dd", value("spans", row.value, { text: row.text }))];
        return part.required || full(now) ? [h("dt", called(part)), h("dd", value(part.kind, now, { text: row.text }))] : null;
      };
      return h("dl.dt-roles", columns.map(one));
    }

    function more(row) {
      const button = h("button.ico", { "aria-label": t("More for row {n:,}", { n: row.n }), "aria-haspopup": "menu" }, "⋯");
      button.addEventListener("click", () => {
        const move = (split, title) => ({ title, current: !row.excluded && row.split === split, onpick: () => edit("move", { rows: [row.id], split }, t("Row {n:,} is moved.", { n: row.n })) });
        const out = row.excluded ? { title: t("Put it back"), onpick: () => edit("restore", { rows: [row.id] }, t("Row {n:,} is back.", { n: row.n })) } : { title: t("Leave it out"), onpick: () => edit("exclude", { rows: [row.id] }, t("Row {n:,} is left out.", { n: row.n })) };
        Hone.menu(button, [me.state.task.target === "category" ? { title: t("Give it another label …"), onpick: () => relabel(row) } : null, out, "-", move("train", t("Use it to learn from")), move("validation", t("Use it to steer by (validation)")), move("test", t("Use it for the final test"))]);
      });
      return button;
    }

    function relabel(row) {
      const pick = (label) => {
        sheet.close();
        edit("relabel", { row: row.id, label: label && label.id }, label ? t("Row {n:,} is “{label}” now.", { n: row.n, label: label.name }) : t("Row {n:,} has no label now.", { n: row.n }));
      };
      const button = (label) => h("button.dt-example", { "aria-current": (row.label && row.label.id) === (label && label.id) ? "true" : null, onclick: () => pick(label) }, label ? Hone.chip(label) : h("span", t("No label")));
      const sheet = Hone.sheet({ title: t("Row {n:,}", { n: row.n }), body: h("div.stack.dt-second", h("p.said.lm-text", row.text), me.state.counts.labels.map(button), row.label ? button(null) : null) });
    }

    async function edit(name, args, sentence) {
      const done = await me.act(name, args);
      if (done) Hone.toast(sentence, { action: { title: t("Undo"), onpick: () => (done.back ? me.act("take_back", { back: done.back }) : me.act("undo", { group: done.group })) } });
    }

    function drawPicks() {
      const { counts, task } = me.state;
      const labels = !task.named ? [{ value: "", title: t("Any answer") }, { value: "none", title: t("Without an answer") }] : [{ value: "", title: t("Any label") }, { value: "none", title: t("Without a label") }, ...counts.labels.map((l) => ({ value: String(l.id), title: `${l.name} (${Hone.fmt.number(l.count)})` }))];
      const splits = [{ value: "", title: t("Used for anything") }, { value: "train", title: t("learning") }, { value: "validation", title: t("steering") }, { value: "test", title: t("final test") }, { value: "out", title: t("left out") }];
      Hone.fill(picks, !task.target ? null : Hone.select({ label: task.named ? t("label") : t("answer"), options: labels, value: ask.label, onchange: (label) => filter({ label }), "data-key": "label" }), Hone.select({ label: t("Used for"), options: splits, value: ask.split, onchange: (split) => filter({ split }), "data-key": "split" }));
    }

    function filter(change) {
      Object.assign(ask, change, { start: 0 });
      return load();
    }

    function only(what, words) {
      looking = words;
      Object.assign(ask, { start: 0, only: what, search: "", label: "", split: "" });
      query.value = "";
      drawPicks();
      load();
      if (what) node.scrollIntoView({ block: "start", behavior: "smooth" });
    }

    function turn(step, top) {
      const start = ask.start + step * PAGE;
      if (start < 0 || start >= total) return undefined;
      ask.start = start;
      load();
      if (top) node.scrollIntoView({ block: "start" });
      return undefined;
    }

    return { node, refresh, turn, only, search: () => query.focus() };
  };
})();
