/* Doubtful labels as a list: many at a glance, ticked ones changed to what is proposed in one step, which can be taken back. */
"use strict";
(() => {
  const SHOWN = 40;

  Hone.doubtfulList = (me) => {
    const p = { ticked: new Set(), shown: SHOWN };
    p.body = h("ul.ld-list");
    p.acts = h("div.ld-listacts");
    const node = h("section.card.ld-listcard", p.acts, p.body);
    return { node, draw: () => draw(me, p), key: (event) => (event.key.toLowerCase() === "u" && !event.repeat ? me.undo() : false) };
  };

  function draw(me, p) {
    const rows = me.rows().slice(0, p.shown);
    if (rows.some((one) => !me.whole.has(one.row))) me.fetch(0, p.shown).then(() => draw(me, p), Hone.toast);
    const open = rows.filter((one) => one.became === "open" && me.whole.get(one.row));
    for (const row of [...p.ticked]) if (!open.some((one) => one.row === row)) p.ticked.delete(row);
    const all = h("input", { type: "checkbox", "data-key": "all", checked: open.length > 0 && p.ticked.size === open.length, onchange: (event) => { p.ticked = new Set(event.target.checked ? open.map((one) => one.row) : []); draw(me, p); } });
    Hone.fill(p.acts, h("label", all, h("span", t("Tick all that are shown"))),
      Hone.button(t.plural(p.ticked.size, "Change {n} ticked to the proposed", "Change {n} ticked to the proposed"), () => change(me, p), { disabled: !p.ticked.size, "data-key": "change" }),
      Hone.button(t("Undo"), me.undo, { link: true, disabled: !me.done.length, "data-key": "undo" }));
    Hone.fill(p.body, rows.map((row) => line(me, p, row)),
      me.rows().length > p.shown ? h("li.ld-more", Hone.button(t("Show more"), () => { p.shown += SHOWN; draw(me, p); }, { small: true, "data-key": "more" })) : null);
  }

  function change(me, p) {
    const entries = [...p.ticked].map((row) => ({ row, value: me.whole.get(row).proposed }));
    p.ticked.clear();
    return me.changeAll(entries);
  }

  function line(me, p, row) {
    const item = me.whole.get(row.row);
    if (!item) return h("li.ld-line", h("span.sub", t("Fetching texts …")));
    const open = row.became === "open";
    const tick = h("input", { type: "checkbox", disabled: !open, checked: p.ticked.has(row.row), "data-key": `tick-${row.row}`, "aria-label": t("Tick row {n:,}", { n: item.n }), onchange: (event) => { if (event.target.checked) p.ticked.add(row.row); else p.ticked.delete(row.row); draw(me, p); } });
    const became = { kept: t("kept"), changed: t("changed"), gone: t("left out") }[row.became];
    const at = me.rows().indexOf(row);
    const look = Hone.button(t("Look"), () => { me.at = at; me.pick("one"); }, { link: true, "aria-label": t("Look at row {n:,}", { n: item.n }) });
    return h("li.ld-line", { class: open ? "" : "over" }, h("label", tick, words(me, item)), h("div.ld-turn", from(me, item), h("span", { "aria-hidden": true }, "→"), to(me, item), item.p ? h("span.sub.num", Hone.fmt.percent(Math.min(item.p, 0.99))) : null, became ? h("b.sub", became) : look));
  }

  function words(me, item) {
    const first = me.bench.state.inputs[0];
    if (first && first.kind === "image") return Hone.picture(item.inputs[first.role]);
    return Hone.said(item.text.length > 220 ? item.text.slice(0, 220).trimEnd() + " …" : item.text);
  }

  const from = (me, item) => value(me, item, me.kind() === "spans" ? item.doubted : item.given);
  const to = (me, item) => value(me, item, me.kind() === "spans" ? item.instead : item.proposed);

  function value(me, item, what) {
    if (me.kind() === "number") return h("b.num", Hone.fmt.number(what, 4));
    if (me.kind() === "spans") {
      const points = Array.from(item.text);
      return what.length ? h("span.lb-chips", what.map((one) => h("span", h("q.said", points.slice(one.start, one.end).join("")), " ", me.label(one.label) ? Hone.chip(me.label(one.label)) : null))) : h("span.chip.none", t("nothing marked"));
    }
    const ids = (Array.isArray(what) ? what : [what]).filter((id) => me.label(id));
    return ids.length ? h("span.lb-chips", ids.map((id) => Hone.chip(me.label(id)))) : h("span.chip.none", t("no label"));
  }
})();
