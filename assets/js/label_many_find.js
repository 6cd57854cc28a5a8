/* Many at once, by searching: words or a pattern, by label, with a tick at each text and one for all that were found. */
"use strict";
(() => {
  const PAGE = 50;

  Hone.manyWay("search", { title: () => t("Search"), place: 3, when: (state) => state.search, make: (me) => findView(me) });

  function findView(me) {
    const view = { me, ask: { search: "", regex: false, label: "", only: "" }, rows: [], total: null, all: false, ticked: new Set(), ticks: true, node: h("div.stack") };
    view.say = () => t("Search, tick some texts or all that were found, and give them a label here.");
    view.shown = () => { if (!view.card) build(view); if (view.total === null) seek(view); };
    view.labelled = () => { drawPicks(view); seek(view, true); };
    view.letGo = () => { view.all = false; view.ticked.clear(); drawRows(view); };
    return view;
  }

  function build(view) {
    const { ask } = view;
    let typing = null;
    view.query = h("input.text", { type: "search", placeholder: t("Words that stand in the text"), "aria-label": t("Search"), oninput: (event) => { ask.search = event.target.value; clearTimeout(typing); typing = setTimeout(() => seek(view), 250); } });
    const pattern = h("label.ma-tick", h("input", { type: "checkbox", onchange: (event) => { ask.regex = event.target.checked; seek(view); } }), h("span", t("It is a pattern"), h("span.term", ` (${t("regular expression")})`)));
    view.picks = h("div.ma-picks");
    view.found = h("div");
    view.card = Hone.card({ body: h("div.stack.ma-stack", h("form.ma-search", { onsubmit: (event) => { event.preventDefault(); seek(view); } }, view.query, pattern, view.picks), view.found) });
    Hone.fill(view.node, view.card);
    drawPicks(view);
  }

  function drawPicks(view) {
    const { me, ask } = view;
    if (!view.picks) return;
    const labels = [{ value: "", title: t("Any label") }, { value: "none", title: t("Without a label") }, ...me.state.labels.map((one) => ({ value: String(one.id), title: `${one.name} (${Hone.fmt.number(one.count)})` }))];
    const only = [{ value: "", title: t("All texts") }, me.state.counts.guessed ? { value: "guessed", title: t("guessed by rules") } : null, { value: "excluded", title: t("left out") }].filter(Boolean);
    Hone.fill(view.picks,
      Hone.select({ label: t("Any label"), value: ask.label, options: labels, "data-key": "find-label", onchange: (label) => { ask.label = label; seek(view); } }),
      Hone.select({ label: t("All texts"), value: ask.only, options: only, "data-key": "find-only", onchange: (value) => { ask.only = value; seek(view); } }));
  }

  /* `quietly`: after a step, when ticks have done their work but what is picked is still shown beside. */
  async function seek(view, quietly = false) {
    const mine = (view.asked = {});
    view.trouble = null;
    try {
      const told = await view.me.call("many_look", { pick: view.ask, count: Math.max(PAGE, quietly ? view.rows.length : 0) });
      if (view.asked !== mine) return;
      view.rows = told.rows;
      view.total = told.total;
    } catch (error) {
      if (view.asked !== mine) return;
      view.trouble = error;
      view.rows = [];
      view.total = 0;
    }
    const had = view.all || view.ticked.size;
    view.all = false;
    view.ticked.clear();
    if (had && !quietly) view.me.choose(null);
    drawRows(view);
  }

  async function more(view) {
    const mine = view.asked;
    const told = await view.me.call("many_look", { pick: view.ask, start: view.rows.length, count: PAGE });
    if (view.asked !== mine) return;
    view.rows.push(...told.rows);
    drawRows(view);
  }

  const isTicked = (view, row) => (view.all ? !view.ticked.has(row.id) : view.ticked.has(row.id)); // with all picked the ticks are those taken out

  function drawRows(view) {
    if (!view.found) return;
    if (view.trouble) return void Hone.fill(view.found, Hone.notice({ error: view.trouble }));
    if (!view.total) return void Hone.fill(view.found, h("p.sub", t("No text fits.")));
    const picked = view.all ? view.total - view.ticked.size : view.ticked.size;
    const every = h("input", { type: "checkbox", checked: picked === view.total, indeterminate: picked > 0 && picked < view.total, "data-key": "find-all", onchange: (event) => { view.all = event.target.checked; view.ticked.clear(); tell(view); } });
    const list = h("ul.ma-rows.ma-found", view.rows.map((row) => view.me.row(row, h("input", { type: "checkbox", checked: isTicked(view, row), "aria-label": t("Pick this text"), "data-key": `tick-${row.id}`, onchange: () => toggle(view, row) }))));
    const left = view.total - view.rows.length;
    Hone.fill(view.found, [h("label.ma-tick.ma-all", every, h("span", t.plural(view.total, "Pick the {n:,} that was found", "Pick all {n:,} that were found"))), list, left > 0 ? Hone.button(t.plural(left, "Show {n:,} more", "Show more of the other {n:,}"), () => more(view), { small: true }) : null]);
  }

  function toggle(view, row) {
    if (view.ticked.has(row.id)) view.ticked.delete(row.id);
    else view.ticked.add(row.id);
    tell(view);
  }

  function tell(view) {
    const { ask, ticked, me } = view;
    drawRows(view);
    if (view.all) return me.choose({ ...ask, but: [...ticked] }, ask.search ? t("Found by “{words}”", { words: ask.search }) : t("Found"));
    return me.choose(ticked.size ? { rows: [...ticked] } : null, t("Ticked"));
  }
})();
