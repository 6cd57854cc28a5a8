/* Settling: one text on which people differ, with everybody's answers side by side; a key chooses the right one. What is settled stands
   whatever people say later, until it is taken back. */
"use strict";
(() => {
  const { h, t } = Hone;
  const KEPT = 50; // steps that can be undone

  Hone.teamSettle = (me, filter) => {
    const { ctx, host } = me;
    const client = `settle-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
    const kind = me.state.kind, single = () => me.bench.state && me.bench.state.single;
    const labels = () => (me.bench.state ? me.bench.state.labels : []);
    let rows = [], at = 0, total = 0, seq = 0, only = "all", busy = false, ended = false;
    const done = []; // {row, put}: newest last
    let part = {};
    build();
    fetch(null);
    if (!host.dataset.keys) {
      host.dataset.keys = "1";
      Hone.keys(host, { "*": (event) => (me.settling ? me.settling.key(event) : false) });
    }

    async function fetch(after) {
      busy = true;
      try {
        const found = await ctx.call("to_settle", { only, ...filter, after });
        rows = after === null ? found.rows : [...rows, ...found.rows];
        total = found.total;
        ended = !found.rows.length || rows.length >= total;
        me.state.settling = found.settling;
      } catch (error) { Hone.toast(error); }
      busy = false;
      draw();
    }

    function build() {
      part.progress = h("span", { "aria-live": "polite" });
      part.sheet = h("section.lb-sheet.lt-sheet", { "aria-label": t("The text to settle") });
      part.last = h("div.lb-last");
      part.spoken = h("span.sr", { "aria-live": "polite" });
      part.only = Hone.choice({ label: t("Which texts"), value: only, onchange: (value) => { only = value; at = 0; fetch(null); }, options: [{ value: "all", title: t("All that differ") }, { value: "open", title: t("Only ties") }] });
      const what = filter.labels ? h("span.lt-filter", t("Only:"), filter.labels.map((name) => (name === null ? h("span.sub", t("not given")) : Hone.value("category", name, { labels: labels() }))))
        : filter.of ? h("span.lt-filter", t("Only:"), t("{a} and {b}", { a: filter.of[0], b: filter.of[1] })) : null;
      Hone.fill(host, Hone.head({ title: t("Which answer is right?"), sentence: t("People differ on these texts. One key settles a text for good; the answers stay."), actions: [Hone.button(t("Back to the team"), me.back, { id: "lt-back" })] }),
        h("div.lt-bar", kind === "number" ? null : part.only, what && h("div.acts", what, Hone.button(t("Show all"), () => me.settle({}), { link: true })), part.progress), part.sheet, h("div.lb-under", part.last), part.spoken);
    }

    const now = () => rows[at] || null;

    function draw() {
      const row = now();
      const left = me.state.settling;
      part.progress.textContent = left ? t("{a:,} settled, {b:,} to go", { a: left.settled, b: left.differ }) : "";
      if (!row) return nothing();
      const text = h("div.said.lb-text", { tabindex: 0, class: row.text.length > 420 ? "long" : "" }, first(row));
      Hone.fill(part.sheet, h("div.lb-meta", h("span", state(row)), h("span", t("row {n:,}", { n: row.n }))), further(row, true), text, further(row, false),
        h("div.lt-answers", { role: "group", "aria-label": t("Answers") }, row.answers.slice(0, 9).map((one, i) => answer(row, one, i))), other(row),
        h("div.lb-hints", h("button", { onclick: skip }, h("kbd", "S"), h("span", t("leave open"))), h("button", { onclick: undo }, h("kbd", "U"), h("span", t("undo"))),
          h("button.lb-back", { onclick: () => step(-1), "aria-label": t("The text before") }, h("kbd", "←")), h("button.lb-forth", { onclick: () => step(1), "aria-label": t("The next text") }, h("kbd", "→"), h("span", t("back and forth")))));
    }

    /* What stands there while nobody settles it. */
    function state(row) {
      if (row.settled !== undefined) return t("settled");
      return row.now === null || row.now === undefined ? t("A tie: no answer is in force.") : t("In force for now: {label}", { label: row.now });
    }

    function first(row) {
      const role = me.bench.state && me.bench.state.inputs[0];
      return role && role.kind !== "text" ? Hone.value(role.kind, row.inputs[role.role], { large: true }) : row.text || t("(empty)");
    }

    /* What else the row brings: a question above the text, everything else below. */
    function further(row, above) {
      const rest = (me.bench.state ? me.bench.state.inputs.slice(1) : []).filter((one) => (one.role === "question") === above && one.kind !== "choices");
      return rest.length ? h("div.lb-more", rest.map((one) => h("div.lb-input", h("h3", one.title), Hone.value(one.kind, row.inputs[one.role], { text: row.text, labels: labels() })))) : null;
    }

    function answer(row, one, i) {
      const right = row.settled !== undefined && JSON.stringify(row.settled) === JSON.stringify(one.value);
      const shown = kind === "category" || kind === "option" ? Hone.value(kind === "option" ? "text" : "category", one.value, { labels: labels() }) : Hone.value(kind, one.value, { text: row.text, labels: labels() });
      return h("button.lt-answer", { "data-key": "answer-" + i, "aria-pressed": right, onclick: () => choose(one.value) }, h("kbd", String(i + 1)), h("div", shown, h("small", one.who.join(", "))), h("span.num", t.plural(one.who.length, "{n} person", "{n} people")));
    }

    /* None of them: another label of the list. */
    function other(row) {
      if (kind !== "category") return null;
      const rest = labels().filter((label) => !row.answers.some((one) => one.value === label.name));
      if (!rest.length) return null;
      return h("div.lt-other", Hone.select({ label: t("None of these, but"), value: "", options: [{ value: "", title: t("None of these, but …") }, ...rest.map((label) => ({ value: label.name, title: label.name }))], onchange: (name) => name && choose(name) }));
    }

    function nothing() {
      const left = me.state.settling || { differ: 0 };
      if (busy || !ended) return Hone.fill(part.sheet, h("div.lb-text", h("span.lb-quiet", t("Fetching texts …"))));
      const title = left.differ ? t("That was the last text in this list.") : t("Nothing is left to settle.");
      const more = left.differ ? t.plural(left.differ, "{n} text is still open.", "{n:,} texts are still open.") : t("Wherever people differed, one answer is right now.");
      Hone.fill(part.sheet, h("div.lb-text", h("div.lb-end", h("h2", title), h("p", more), h("div.acts", left.differ ? Hone.button(t("Start again from the top"), () => me.settle({})) : null, Hone.button(t("Back to the team"), me.back, { link: true })))));
    }

    async function choose(value) {
      const row = now();
      if (!row || busy) return;
      busy = true;
      seq += 1;
      const entry = { row: row.id, ...(single() ? { label: value } : { value }), client, seq };
      try {
        const said = await ctx.call("settle", { entries: [entry] });
        if (said.refused.length) throw new Hone.Trouble({ message: said.refused[0].message });
      } catch (error) { busy = false; Hone.toast(error); return; }
      busy = false;
      if (row.settled === undefined) count(-1);
      done.push({ row, put: { client, seq }, was: row.settled });
      row.settled = value;
      if (done.length > KEPT) done.shift();
      told(row);
      Hone.bus.emit("labels");
      step(1);
    }

    function count(by) {
      if (!me.state.settling) return;
      me.state.settling.differ += by;
      me.state.settling.settled -= by;
    }

    async function undo() {
      const last = done[done.length - 1];
      if (!last || busy) { if (!last) part.spoken.textContent = t("There is nothing to undo."); return; }
      busy = true;
      seq += 1;
      try { await ctx.call("settle", { entries: [{ row: last.row.id, client, seq, takes_back: last.put }] }); }
      catch (error) { busy = false; Hone.toast(error); return; }
      busy = false;
      done.pop();
      last.row.settled = last.was;
      if (last.was === undefined) count(1);
      at = Math.max(0, rows.indexOf(last.row));
      Hone.fill(part.last);
      part.spoken.textContent = t("Undone.");
      Hone.bus.emit("labels");
      draw();
    }

    function told(row) {
      Hone.fill(part.last, h("span", t("Before this:")), kind === "category" ? Hone.value("category", row.settled, { labels: labels() }) : null, h("q.said", row.text.slice(0, 60)), Hone.button(t("Undo"), undo, { link: true }));
    }

    const skip = () => step(1);

    function step(by) {
      at = Math.max(0, Math.min(rows.length, at + by));
      draw();
      if (rows.length - at < 5 && !ended && !busy) fetch(rows.length ? rows[rows.length - 1].id : null);
    }

    return {
      key(event) {
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        const row = now();
        if (event.repeat && key !== "ArrowRight" && key !== "ArrowLeft") return undefined;
        if (row && /^[1-9]$/.test(key) && row.answers[key - 1]) return void choose(row.answers[key - 1].value);
        if (key === "s" || key === "ArrowRight") return void step(1);
        if (key === "ArrowLeft") return void step(-1);
        if (key === "u" || key === "Backspace") return void undo();
        if (key === "Escape") return void me.back();
        return false;
      },
    };
  };
})();
