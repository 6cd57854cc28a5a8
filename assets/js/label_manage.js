/* The sheet of labels: add, rename, recolour, merge, delete; each says how many rows change and can be undone.
   And the history of one row: who gave it which label, and when. Knows nothing of the loop in label.js. */
"use strict";
(() => {
  const COLOURS = 8;

  Hone.labelSheet = (me) => {
    const told = h("div.lm-told", { "aria-live": "polite" });
    const list = h("div.lm-list");
    const box = h("input.text", { placeholder: t("New label"), "aria-label": t("New label"), maxlength: 100 });
    const add = h("form.lm-add", { onsubmit: (e) => { e.preventDefault(); create(); } }, box, h("button.btn", { type: "submit" }, t("Add")));
    add.querySelector("button").type = "submit";
    let labels = me.state.labels;

    async function create() {
      const name = box.value.trim();
      if (!name) return box.focus();
      const done = await edit("create", { names: [name] }, () => t("“{name}” is there now.", { name }));
      if (done) box.value = "";
      box.focus();
    }

    /* One change: sent, told with its Undo, and everything that shows labels follows. */
    async function edit(name, args, sentence) {
      let answer;
      try {
        await me.keep.flush(); // labels given before this change belong before it
        answer = await me.ctx.call(name, args);
      } catch (error) {
        Hone.fill(told, Hone.notice({ error }));
        draw();
        return false;
      }
      labels = answer.labels;
      const undo = answer.undo ? Hone.button(t("Undo"), () => edit("revert", { change: answer.undo }, () => t("Undone.")), { link: true }) : null;
      Hone.fill(told, h("p", h("span", sentence(answer.rows)), undo));
      draw();
      Hone.bus.emit("labels-edited");
      Hone.bus.emit("labels");
      return true;
    }

    function draw() {
      Hone.fill(list, labels.map((label, i) => row(label, i)));
    }

    function row(label, i) {
      const name = h("input.text", { value: label.name, "aria-label": t("Name of the label"), maxlength: 100, "data-key": "name-" + label.id });
      const rename = () => {
        const wanted = name.value.trim();
        if (!wanted) name.value = label.name;
        else if (wanted !== label.name) edit("rename", { label: label.id, name: wanted }, (n) => changed(t("“{old}” is now called “{name}”.", { old: label.name, name: wanted }), n));
      };
      name.addEventListener("blur", rename);
      name.addEventListener("keydown", (e) => {
        if (e.isComposing || e.keyCode === 229) return;
        if (e.key === "Enter") name.blur();
        if (e.key === "Escape") {
          e.preventDefault();
          e.stopPropagation();
          name.value = label.name;
          name.blur();
        }
      });
      const swatch = h("button.lm-swatch", { class: Hone.colour(label.colour), "aria-label": t("Colour of {label}", { label: label.name }), onclick: () => colours(swatch, label) }, h("i"));
      const more = h("button.ico", { "aria-label": t("More for {label}", { label: label.name }), "aria-haspopup": "menu", onclick: () => menu(more, label) }, "⋯");
      return h("div.lm-row", swatch, name, h("kbd", { title: t("Key") }, me.keyOf(i)), h("span.num", Hone.fmt.number(label.count)), more);
    }

    function colours(anchor, label) {
      const pick = (colour) => {
        popup.close();
        edit("recolour", { label: label.id, colour }, () => t("“{name}” has its new colour. No row changes.", { name: label.name }));
      };
      const dots = h("div.lm-colours", Array.from({ length: COLOURS }, (_, i) => h("button.lm-swatch", { role: "menuitem", class: Hone.colour(i), "aria-label": t("Colour {n}", { n: i + 1 }), "aria-current": i === label.colour % COLOURS ? "true" : null, onclick: () => pick(i) }, h("i"))));
      const popup = Hone.menu(anchor, [dots]);
    }

    function menu(anchor, label) {
      const others = labels.filter((other) => other.id !== label.id);
      const sub = t.plural(label.count, "{n} row changes", "{n:,} rows change");
      const merge = { title: t("Merge into another label …"), sub, onpick: () => into(label, others) };
      const remove = { title: t("Delete"), danger: true, sub: t.plural(label.count, "{n} row will be without a label", "{n:,} rows will be without a label"),
        onpick: () => edit("delete", { label: label.id }, (n) => changed(t("“{name}” is deleted.", { name: label.name }), n)) };
      Hone.menu(anchor, [others.length ? merge : null, remove]);
    }

    async function into(label, others) {
      const select = Hone.select({ label: t("Merge into"), options: others.map((o) => ({ value: o.id, title: o.name })), value: others[0].id });
      const sentence = t.plural(label.count, "{n} row changes its label, and “{name}” is gone. It can be undone.", "{n:,} rows change their label, and “{name}” is gone. It can be undone.", { name: label.name });
      const body = h("div.lm-merge", select, h("p", sentence));
      if (!(await Hone.ask({ title: t("Merge “{name}” into", { name: label.name }), body, yes: t("Merge") }))) return;
      const other = others.find((o) => String(o.id) === select.value);
      await edit("merge", { label: label.id, into: other.id }, (n) => changed(t("“{old}” is now part of “{name}”.", { old: label.name, name: other.name }), n));
    }

    const changed = (sentence, n) => sentence + " " + (n ? t.plural(n, "{n} row changed.", "{n:,} rows changed.") : t("No row changed."));

    draw();
    const sheet = Hone.sheet({ title: t("Labels"), body: h("div.lm", told, list, add), onclose: () => me.refresh() });
    return sheet;
  };

  Hone.labelHistory = async (me, item) => {
    const body = h("div.lm-history", h("p.sub", t("Looking …")));
    Hone.sheet({ title: t("Row {n:,}: who labelled it", { n: item.n }), body: h("div.stack", h("p.said.lm-text", item.text), body) });
    try {
      await me.keep.flush();
      const entries = await me.ctx.call("history", { row: item.id });
      const columns = [
        { title: me.hand.labels ? t("label") : t("answer"), cell: (e) => (e.label ? Hone.chip(e.label) : e.said !== null ? Hone.said(e.said || "–") : h("span.sub", t("taken off"))) },
        { title: t("by"), cell: (e) => (e.origin === "settled" ? t("{who}, settled", { who: e.who }) : e.who) },
        { title: t("when"), cell: (e) => h("time", { datetime: e.at || "", title: e.at ? new Date(e.at).toLocaleString() : "" }, e.at ? Hone.fmt.ago(e.at) : t("with the file")) },
      ];
      Hone.fill(body, Hone.table({ columns, rows: entries, empty: t("Nobody has labelled this text yet.") }));
    } catch (error) {
      Hone.fill(body, Hone.notice({ error }));
    }
  };
})();
