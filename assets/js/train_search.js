/* Train: the part that looks for better settings. Here: what is searched (the form), and which search is shown; a running or finished one is
   drawn by train_search_view.js, the test for the step width by train_search_rates.js. */
"use strict";
(() => {
  const { fill, button } = Hone;
  const KEPT = "search.form"; // in the browser's store: what is ticked and typed
  const SHOWN = "search.shown"; // the search that is looked at; "new" for the form

  Hone.part("train", "search", { title: () => t("Search"), place: 5, when: (state) => !(state.draft && state.draft.needs), make: part });

  function part(host, ctx) {
    const main = h("div"), rates = h("div");
    fill(host, h("div.ts", main, rates));
    let told = null, view = null, finder = null;

    async function load() {
      try {
        told = await ctx.call("searching", {});
        choose(Hone.store.get(SHOWN));
        finder = finder || Hone.rateFinder(rates, ctx);
        finder.offer(told.steps && !told.why);
      } catch (error) {
        fill(main, Hone.notice({ error, actions: [button(t("Try again"), load, { small: true })] }));
      }
    }

    /** The search last looked at, else one at work; the form where there is none. */
    function choose(id) {
      const there = told.studies.find((one) => one.id === id) || (id !== "new" && (told.studies.find((one) => one.state === "open") || told.studies[0]));
      if (view) view.close();
      view = null;
      rates.hidden = Boolean(there);
      if (there) {
        Hone.store.set(SHOWN, there.id);
        view = Hone.searchView(main, ctx, { id: there.id, studies: told.studies, choose, again: load });
      } else drawForm(main, ctx, told, begun, choose);
    }

    function begun(id) {
      Hone.store.set(SHOWN, id);
      Hone.bus.emit("runs");
      return load();
    }

    const listening = ["settings", "data", "labels"].map((event) => ctx.on(event, () => { if (ctx.visible && host.offsetParent !== null && !view) load(); }));
    return { shown: () => { if (!view) load(); else view.now(); if (finder) finder.now(); }, hidden() {}, listening };
  }

  /* ---------- the form ---------- */

  function drawForm(node, ctx, told, begun, choose) {
    const kept = Hone.store.get(KEPT, {});
    const state = { ticks: kept.ticks || {}, own: kept.own || {}, trials: kept.trials || told.trials, minutes: kept.minutes || "", prunes: kept.prunes !== false };
    const list = h("div.ts-offers"), rest = h("div.ts-offers", { hidden: true }), cost = h("p.sub", { "aria-live": "polite" }), bad = h("div");
    const more = button("", () => { rest.hidden = !rest.hidden; label(); }, { link: true });
    const rows = new Map();
    const ticked = (offer) => (offer.name in state.ticks ? state.ticks[offer.name] : offer.ticked);
    const picked = (name) => { const offer = told.offers.find((one) => one.name === name); return offer && ticked(offer) ? bounds(offer).choices : []; };
    const counts = (offer) => Object.entries(offer.needs).every(([name, good]) => picked(name).some((choice) => good.includes(choice)));

    function bounds(offer) {
      const own = state.own[offer.name] || {};
      if (offer.kind === "choice") return { choices: own.choices || offer.choices };
      return { low: own.low ?? offer.low, high: own.high ?? offer.high };
    }
    const keep = () => { Hone.store.set(KEPT, { ticks: state.ticks, own: state.own, trials: state.trials, minutes: state.minutes, prunes: state.prunes }); refresh(); };
    const change = (offer, values) => { state.own[offer.name] = { ...bounds(offer), ...values }; keep(); };

    function row(offer) {
      const id = Hone.id("ts");
      const box = h("input", { type: "checkbox", id, checked: ticked(offer), onchange: () => { state.ticks[offer.name] = box.checked; keep(); } });
      const range = offer.kind === "choice" ? choices(offer) : ends(offer);
      const error = h("p.error", { role: "alert", hidden: true });
      const now = offer.value === null || offer.value === undefined ? t("by itself") : offer.titles[offer.value] || Hone.form.brief(offer.value);
      const node = h("div.ts-offer", h("label.ts-name", { for: id }, box, h("span", h("b", offer.title), offer.term && h("small", offer.term))), range, h("span.ts-now.sub", t("now: {value}", { value: now })), error);
      rows.set(offer.name, { node, box, range, error, offer });
      return node;
    }

    function ends(offer) {
      const field = (end, name) => {
        const input = h("input.text", { type: "text", inputmode: "decimal", autocomplete: "off", value: Hone.form.brief(bounds(offer)[end]), "aria-label": name, oninput: () => { const n = Number(input.value.trim().replace(",", ".")); change(offer, { [end]: input.value.trim() !== "" && Number.isFinite(n) ? n : input.value }); } });
        return input;
      };
      return h("span.ts-range", field("low", t("{title}: from", { title: offer.title })), t("to"), field("high", t("{title}: up to", { title: offer.title })));
    }

    function choices(offer) {
      return h("span.ts-choices", offer.choices.map((choice) => {
        const box = h("input", { type: "checkbox", checked: bounds(offer).choices.includes(choice), onchange: () => { const now = new Set(bounds(offer).choices); if (box.checked) now.add(choice); else now.delete(choice); change(offer, { choices: offer.choices.filter((c) => now.has(c)) }); } });
        return h("label", box, h("span", offer.titles[choice] || choice));
      }));
    }

    function label() { more.textContent = rest.hidden ? t("More settings") : t("Fewer settings"); more.setAttribute("aria-expanded", String(!rest.hidden)); }

    function refresh() {
      for (const { node, box, range, offer } of rows.values()) {
        node.hidden = !counts(offer);
        node.classList.toggle("off", !box.checked);
        for (const input of range.querySelectorAll("input")) input.disabled = !box.checked;
      }
      const n = Number(state.trials) || told.trials;
      cost.textContent = told.seconds ? t("About {t} at most, {s} a trial; less, because trials that are behind are stopped early.", { t: Hone.fmt.duration(n * told.seconds), s: Hone.fmt.duration(told.seconds) }) : t("How long a trial takes is measured on the Settings tab.");
    }

    async function start() {
      for (const { error } of rows.values()) error.hidden = true;
      const wanted = Object.fromEntries(told.offers.filter((offer) => ticked(offer) && counts(offer)).map((offer) => [offer.name, bounds(offer)]));
      try {
        const said = await ctx.call("search_start", { wanted, trials: Number(state.trials) || told.trials, minutes: Number(state.minutes) || null, prunes: state.prunes });
        await begun(said.study);
      } catch (error) {
        let placed = false;
        for (const problem of error.problems || []) {
          const one = rows.get(problem.field);
          if (one) { one.error.textContent = problem.message; one.error.hidden = false; placed = true; }
        }
        fill(bad, placed ? null : Hone.notice({ error }));
      }
    }

    for (const offer of told.offers) (offer.ticked || ticked(offer) ? list : rest).append(row(offer));
    label();
    const trials = h("input.text", { type: "number", min: 2, max: told.most, value: state.trials, oninput: () => { state.trials = trials.value; keep(); } });
    const minutes = h("input.text", { type: "number", min: 1, value: state.minutes, placeholder: t("no limit"), oninput: () => { state.minutes = minutes.value; keep(); } });
    const prunes = h("input", { type: "checkbox", checked: state.prunes, onchange: () => { state.prunes = prunes.checked; keep(); } });
    const why = told.why && Hone.notice({ title: told.why.title, body: told.why.body, actions: told.why.tab ? [button(told.why.action, () => Hone.go(told.why.tab), { small: true })] : null });
    fill(node,
      Hone.head({ title: t("Look for better settings"), sentence: t("Each trial is a training of its own with other settings. The first one has yours ({preset}), so you see whether anything does better.", { preset: told.preset }), actions: [button(t("Start the search"), start, { primary: true, id: "ts-start", disabled: Boolean(told.why) })] }),
      why, bad,
      told.studies.length ? h("p.sub", t.plural(told.studies.length, "{n} earlier search.", "{n} earlier searches."), " ", button(t("Look at the last one"), () => choose(told.studies[0].id), { link: true })) : null,
      Hone.card({ title: t("What is tried"), sub: t("Ticked settings are varied between the two values; all others stay as they are on the Settings tab."), body: [list, rest, rest.children.length ? more : null] }),
      Hone.card({ title: t("How long"), body: [h("div.ts-budget",
        Hone.field({ title: t("Trials"), help: t("20 are enough for four or five settings."), input: trials }),
        Hone.field({ title: t("Minutes at most"), help: t("Of training; empty: all trials are made."), input: minutes })),
        h("label.ts-tick", prunes, h("span", t("Stop trials early that are behind the others (pruning)"))), cost] }));
    refresh();
  }
})();
