/* Together: the Label tab's part for several people. Who is how far and how fast, how well they agree, which labels are mixed up.
   Choosing who labels what is label_team_form.js; settling what they disagree on is label_team_settle.js. */
"use strict";
(() => {
  const { h, t } = Hone;
  const MOST_PAIRS = 8;

  Hone.part("label", "together", {
    title: () => t("Together"),
    place: 4,
    when: () => Hone.facts.mode !== "demo",
    make: (host, ctx, bench) => together(host, ctx, bench),
  });

  function together(host, ctx, bench) {
    host.classList.add("lt");
    const me = { host, ctx, bench, state: null, settling: null };
    me.look = () => look(me);
    me.settle = (filter) => settle(me, filter);
    me.back = () => back(me);
    let poll = null, before = null;
    return {
      shown() {
        before = Hone.help("label", help());
        if (poll) poll.start();
        else poll = Hone.poll(() => (me.settling ? 3600 : look(me)), 5, host);
      },
      hidden() {
        Hone.help("label", before);
        if (poll) poll.stop();
      },
    };
  }

  const help = () => ({ sentences: [t("Everybody's answers are kept, with who gave them and when. What most say is in force; where it is a tie, the text waits to be settled.")],
    keys: [["1 – 9", t("settle with this answer")], ["S", t("leave open")], ["U", t("undo")], ["← →", t("back and forth")], ["Esc", t("back to the team")]] });

  /* Slower where counting takes longer: many people may look at once. */
  async function look(me) {
    const began = performance.now();
    let state;
    try { state = await me.ctx.call("team_state"); }
    catch (error) {
      if (!me.state) Hone.fill(me.host, Hone.notice({ error, actions: [Hone.button(t("Try again"), me.look, { small: true })] }));
      throw error;
    }
    const same = me.state && JSON.stringify(me.state) === JSON.stringify(state);
    me.state = state;
    if (!same && !me.settling) draw(me);
    return Math.max(5, ((performance.now() - began) / 1000) * 20);
  }

  function settle(me, filter) {
    me.settling = Hone.teamSettle(me, filter || {});
  }

  function back(me) {
    me.settling = null;
    draw(me);
    look(me).catch(() => {});
  }

  function draw(me) {
    const { state } = me;
    const alone = state.team.mode === "off" && state.people.length < 2;
    const acts = [state.decides && Hone.button(t("Who labels what"), () => Hone.teamForm(me), { primary: alone })].filter(Boolean);
    const waiting = state.settling && state.settling.differ;
    if (waiting) acts.push(Hone.button(t.plural(waiting, "Settle {n} text", "Settle {n:,} texts"), () => settle(me), { primary: true, id: "lt-settle" }));
    Hone.fill(me.host,
      Hone.head({ title: t("Together"), sentence: sentence(state), actions: alone ? [] : acts }),
      asked(me),
      alone ? nobody(me) : columns(me));
  }

  function columns(me) {
    const [labels, byLabel, two] = mixed(me);
    return h("div.lt-grid", h("div.stack", people(me), labels, byLabel), h("div.stack", agreement(me), two));
  }

  function sentence(state) {
    const { mode, people, share, times } = state.team;
    if (mode === "off") return t("Several people can label the same texts, and you see how well they agree.");
    const n = people.length;
    const who = { split: t("Each text goes to one of {n} people.", { n }), everybody: t("Each of {n} people labels every text.", { n }) }[mode];
    return who || t("Each text goes to one of {n} people, and {p} % of them to {k}.", { n, p: Math.round(share * 100), k: Math.min(times, Math.max(2, n)) });
  }

  const nobody = (me) => Hone.empty({
    title: t("Nobody labels with you yet."),
    body: me.state.mode === "login" ? t("Choose who takes part and who gets which texts. They find the project in their list of projects, and see nothing of it but the texts to label.")
      : t("Several people can work at this address one after the other, each under their own name. Choose the names, and who gets which texts."),
    actions: me.state.decides ? [Hone.button(t("Who labels what"), () => Hone.teamForm(me), { primary: true })] : [],
  });

  /* On one's own machine a name is chosen here; it is no more than a name. */
  function asked(me) {
    const { state } = me;
    if (state.mode !== "local" || state.team.mode === "off") return null;
    const box = h("input.text", { value: Hone.labelsAs() || "", placeholder: t("Your name"), "aria-label": t("Your name"), maxlength: 40, list: "lt-names" });
    const names = h("datalist", { id: "lt-names" }, state.team.people.map((name) => h("option", { value: name })));
    const go = () => rename(me, box.value.trim());
    const form = h("form.lt-name", { onsubmit: (e) => { e.preventDefault(); go(); } }, h("label", { for: (box.id = "lt-name") }, t("You label as")), box, names, Hone.button(t("Take this name"), go, { small: true }),
      h("span.sub", Hone.labelsAs() ? t("Your answers are kept under this name.") : t("Without a name you see all texts, and your answers count as those of “local”.")));
    return form;
  }

  async function rename(me, name) {
    await me.bench.keep.flush(); // what was answered before belongs to the name before
    Hone.store.set("as", name || null, "");
    Hone.store.set("label.place", null);
    sessionStorage.removeItem(`hone:${me.bench.project}:undo`); // what the name before did is theirs to take back
    try { await me.ctx.call("team_join"); } catch (error) { Hone.toast(error); return; }
    location.reload(); // the texts of this person, from the first
  }

  /* ---------- who takes part ---------- */

  function people(me) {
    const { state } = me;
    const columns = [
      { title: t("name"), cell: (p) => h("b", p.who === state.me ? t("{name} (you)", { name: p.who }) : p.who) },
      { title: t("done"), cell: (p) => done(p) },
      { title: t("a text"), class: "r", cell: (p) => h("span", { title: t("Half of the texts took longer, half took less.") }, p.seconds === null ? "–" : t("{n} s", { n: Hone.fmt.number(p.seconds, p.seconds < 10 ? 1 : 0) })) },
      state.blind ? null : { title: t("agrees"), class: "r", cell: (p) => h("span", { title: t("Agreement with each of the others beyond chance, on average. 1 is full agreement.") }, p.agrees === null ? "–" : Hone.fmt.fixed(p.agrees, 2)) },
      { title: t("last seen"), class: "nop", cell: (p) => h("span.sub", p.last ? Hone.fmt.ago(p.last) : t("not yet")) },
    ].filter(Boolean);
    return Hone.card({ title: t("Who takes part"), body: Hone.table({ columns, rows: state.people, caption: t("Who takes part"), empty: t("Nobody has labelled yet.") }) });
  }

  function done(p) {
    if (p.rows === null) return h("span.num", Hone.fmt.number(p.done));
    const bar = h("i", { style: { width: (p.rows ? (p.done / p.rows) * 100 : 0) + "%" } });
    return h("div.lt-done", h("span.num", `${Hone.fmt.number(p.done)} / ${Hone.fmt.number(p.rows)}`), h("div.edge", { "aria-hidden": true }, bar));
  }

  /* ---------- how well they agree ---------- */

  const FIGURES = {
    alpha: () => [t("All together"), t("Krippendorff's alpha"), t("Any number of people, also where not everybody has answered.")],
    alpha_ordinal: () => [t("With near misses"), t("alpha for ordered labels"), t("The labels are numbers: one step off counts less than four.")],
    alpha_interval: () => [t("All together"), t("Krippendorff's alpha for numbers"), t("How far numbers for one text lie apart, against numbers for any two texts.")],
    alpha_masi: () => [t("All together"), t("alpha with MASI distance"), t("Sets of labels that share some count as partly the same.")],
    alpha_jaccard: () => [t("By common labels"), t("alpha with Jaccard distance"), t("The share of labels that two people have in common.")],
    alpha_characters: () => [t("Character by character"), t("alpha over characters"), t("Whether people mark the same characters with the same label.")],
    f1_overlap: () => [t("Marks that touch"), t("F1, overlapping"), t("Marks with the same label that share at least one character.")],
    f1_strict: () => [t("Marks exactly the same"), t("F1, strict"), t("Marks with the same label, beginning and end.")],
    cohen: (n) => [n > 1 ? t("Two and two") : t("The two of them"), t("Cohen's kappa"), n > 1 ? t("The average over every two people.") : t("What the two agree on beyond chance.")],
    fleiss: () => [t("As one group"), t("Fleiss' kappa"), t("As if any of them had answered, whoever it was.")],
  };
  const BANDS = { none: () => t("no better than chance"), slight: () => t("slight"), fair: () => t("fair"), moderate: () => t("moderate"), substantial: () => t("substantial"), "almost perfect": () => t("almost perfect") };

  function agreement(me) {
    const { state } = me;
    const found = state.agreement;
    if (state.blind) return Hone.card({ title: t("How well you agree"), body: h("p.sub", t("You see this, and what others answered, once all of your own texts are done.")) });
    if (!found.rows) return Hone.card({ title: t("How well they agree"), body: h("p.sub", state.team.mode === "split" ? t("Each text has one answer. To know how well people agree, give some of the texts to several of them.") : t("This shows as soon as two people have answered the same text.")) });
    const k = Math.round(found.same * 100);
    return Hone.card({
      title: t("How well they agree"), sub: t.plural(found.rows, "{n} text with two answers or more", "{n:,} texts with two answers or more"),
      body: h("div.lt-figures", h("p.lt-same", t("Two people give a text the same answer in {k} of 100 cases.", { k })),
        found.figures.length ? h("p.sub", t("Beyond chance: 1 is full agreement, 0 is what guessing by the same habits would bring.")) : null,
        found.figures.map((one) => figure(one, found.people.length)),
        found.figures.length ? h("p.sub", t("The words are those of Landis and Koch (1977), who call their bounds arbitrary. For labels to learn from, many ask for 0.8.")) : null),
    });
  }

  function figure(one, pairs) {
    const [title, term, what] = FIGURES[one.name](pairs);
    const chance = !one.name.startsWith("f1");
    const at = (x) => Math.max(0, Math.min(100, x * 100)) + "%";
    const line = one.value === null ? null : h("div.lt-line", { "aria-hidden": true }, one.low === null ? null : h("i.range", { style: { left: at(one.low), width: `calc(${at(one.high)} - ${at(one.low)})` } }), h("i.point", { style: { left: at(one.value) } }));
    const said = one.value === null ? t("not defined: everybody always gives the same label") : [Hone.fmt.fixed(one.value, 2), chance && one.band ? BANDS[one.band]() : null].filter(Boolean).join(" · ");
    const between = one.low === null ? null : t("between {a} and {b}", { a: Hone.fmt.fixed(one.low, 2), b: Hone.fmt.fixed(one.high, 2) });
    return h("div.lt-figure", h("div.lt-what", h("b", title), h("span.term", ` (${term})`)), h("div.lt-value", h("b.num", said), between && h("span.sub", between)), line, h("p.sub", what));
  }

  /* ---------- what is mixed up, and by whom ---------- */

  function mixed(me) {
    const { state } = me;
    const found = state.agreement;
    if (!found || !found.rows) return [];
    const labels = me.bench.state ? me.bench.state.labels : [];
    const chip = (name) => (name === null ? h("span.sub", t("not given")) : Hone.value("category", name, { labels }));
    const open = state.decides ? (row) => settle(me, row) : null;
    const pairs = found.mixed.length ? Hone.card({
      title: t("Which labels are mixed up"), sub: open ? t("Click a line to settle these texts.") : null,
      body: Hone.table({ caption: t("Which labels are mixed up"), onrow: open && ((m) => open({ labels: [m.a, m.b] })), rows: found.mixed.slice(0, 12),
        columns: [{ title: t("one says"), cell: (m) => chip(m.a) }, { title: t("another says"), cell: (m) => chip(m.b) }, { title: t("times"), class: "r", cell: (m) => Hone.fmt.number(m.n) }] }),
    }) : null;
    const byLabel = found.labels.length ? Hone.card({
      title: t("Label by label"), sub: t("Whether people agree on giving it, beyond chance (kappa)."),
      body: Hone.table({ caption: t("Label by label"), rows: found.labels, columns: [{ title: t("label"), cell: (l) => chip(l.label) }, { title: t("agreement"), class: "r", cell: (l) => Hone.fmt.fixed(l.value, 2) }, { title: t("texts"), class: "r", cell: (l) => Hone.fmt.number(l.rows) }] }),
    }) : null;
    const two = found.people.length > 1 ? Hone.card({
      title: t("Who agrees with whom"), sub: t("Those who agree least come first."),
      body: Hone.table({ caption: t("Who agrees with whom"), onrow: open && ((p) => open({ of: [p.a, p.b] })), rows: found.people.slice(0, MOST_PAIRS),
        columns: [{ title: t("name"), cell: (p) => p.a }, { title: t("and"), cell: (p) => p.b }, { title: t("agreement"), class: "r", cell: (p) => Hone.fmt.fixed(p.value, 2) }, { title: t("texts"), class: "r", cell: (p) => Hone.fmt.number(p.rows) }] }),
    }) : null;
    return [pairs, byLabel, two];
  }
})();
