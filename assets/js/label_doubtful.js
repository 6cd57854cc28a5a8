/* Doubtful labels: the Label tab's part in which labels that may be wrong are looked at, the most doubtful first. Here are what is known
   and what was decided; one text is drawn by label_doubtful_sheet.js, many at once by label_doubtful_list.js. Every decision can be taken back. */
"use strict";
(() => {
  const KINDS = ["single", "multi", "number", "spans"];
  const AHEAD = 20; // rows fetched at once
  const UNDO_KEPT = 100;

  Hone.part("label", "doubtful", {
    title: () => t("Doubtful labels"),
    place: 2,
    when: (state) => !state.guest && KINDS.includes(state.kind) && !state.inputs.some((part) => part.kind === "choices"),
    make(host, ctx, bench) {
      const me = frame(host, ctx, bench);
      Hone.keys(host, { "*": (event) => me.view && me.view.key && me.view.key(event) });
      return { shown: () => refresh(me), hidden: () => me.poll && me.poll.stop() };
    },
  });

  function frame(host, ctx, bench) {
    host.classList.add("ld");
    const me = { host, ctx, bench, state: null, at: 0, whole: new Map(), view: null, poll: null, chain: Promise.resolve(), done: readDone(ctx.project), how: Hone.store.get("label.doubtful", "one") };
    me.kind = () => bench.state.kind;
    me.label = (id) => bench.byId.get(id) || null;
    me.labels = () => bench.state.labels;
    me.rows = () => me.state.rows;
    me.row = () => me.rows()[me.at];
    me.looked = () => me.rows().filter((one) => one.became !== "open").length;
    me.fetch = (from, count = AHEAD) => fetched(me, from, count);
    me.keep = () => decide(me, [me.row()], "kept", () => me.ctx.call("doubtful_keep", { row: me.row().row }));
    me.leave = () => decide(me, [me.row()], "gone", () => me.ctx.call("doubtful_leave_out", { row: me.row().row }));
    me.change = (value) => change(me, [{ row: me.row().row, value }], false);
    me.changeAll = (entries) => change(me, entries, true);
    me.undo = () => undo(me);
    me.move = (step) => move(me, step);
    me.draw = () => draw(me);
    me.look = () => look(me);
    me.pick = (how) => { me.how = how; Hone.store.set("label.doubtful", how); draw(me); };
    Hone.bus.on("data", () => host.offsetParent && refresh(me));
    return me;
  }

  /* What stands in the data now. The row that was looked at stays where it is still in the list. */
  async function refresh(me) {
    await me.chain.catch(() => {});
    const before = me.state && me.state.rows && me.row() ? me.row().row : null;
    try { me.state = await me.ctx.call("doubtful", {}); }
    catch (error) {
      if (!me.state) Hone.fill(me.host, Hone.notice({ error, actions: [Hone.button(t("Try again"), () => refresh(me), { small: true })] }));
      return;
    }
    if (me.state.version !== me.version) { me.version = me.state.version; me.whole.clear(); me.done = me.done.filter((one) => one.version === me.version); }
    if (me.state.rows) {
      const there = me.rows().findIndex((one) => one.row === before);
      const open = me.rows().findIndex((one) => one.became === "open");
      me.at = there >= 0 && before ? there : open >= 0 ? open : me.rows().length;
    }
    draw(me);
    if (me.state.state === "looking") watch(me);
  }

  function watch(me) {
    const again = async () => {
      const now = await me.ctx.call("doubtful", {});
      me.state = { ...now };
      if (now.state === "looking") return me.moving && me.moving.tell(now.job);
      me.poll.stop();
      await refresh(me);
    };
    if (me.poll) me.poll.start();
    else me.poll = Hone.poll(again, 0.7, me.host);
  }

  async function look(me) {
    await me.chain.catch(() => {});
    await me.ctx.call("doubtful_look", {});
    me.at = 0;
    me.state = null;
    await refresh(me);
  }

  async function fetched(me, from, count) {
    const wanted = me.rows().slice(Math.max(0, from), from + count).map((one) => one.row).filter((row) => !me.whole.has(row));
    if (!wanted.length) return;
    wanted.forEach((row) => me.whole.set(row, null)); // under way
    try { for (const one of await me.ctx.call("doubtful_rows", { rows: wanted })) me.whole.set(one.id, one); }
    catch (error) { wanted.forEach((row) => me.whole.delete(row)); throw error; }
  }

  /* ---------- decisions: seen at once, sent one after the other ---------- */

  function change(me, entries, many) {
    const rows = entries.map((entry) => me.rows().find((one) => one.row === entry.row));
    return decide(me, rows, "changed", () => me.ctx.call("doubtful_change", { rows: entries, many }), new Map(entries.map((one) => [one.row, one.value])));
  }

  function decide(me, rows, became, send, values = new Map()) {
    const was = rows.map((one) => ({ row: one.row, became: one.became, value: valueOf(me, one.row) }));
    const entry = { version: me.version, was, undo: null };
    for (const one of rows) {
      one.became = became;
      if (values.has(one.row) && me.whole.get(one.row)) me.whole.get(one.row).value = values.get(one.row);
    }
    const sent = send();
    if (me.how === "one") onward(me);
    me.done.push(entry);
    me.chain = me.chain.then(() => sent).then(
      (answer) => { entry.undo = answer.undo; writeDone(me); heard(me); },
      (error) => { back(me, entry); me.done = me.done.filter((one) => one !== entry); draw(me); Hone.toast(error); });
    draw(me);
    return me.chain;
  }

  function undo(me) {
    const entry = me.done.pop();
    if (!entry) return void Hone.toast(t("There is nothing to undo."));
    back(me, entry);
    const at = me.rows().findIndex((one) => one.row === entry.was[0].row);
    if (at >= 0) me.at = at;
    me.chain = me.chain.then(() => entry.undo && me.ctx.call("doubtful_undo", { undo: entry.undo })).then(() => { writeDone(me); heard(me); }, (error) => { Hone.toast(error); refresh(me); });
    draw(me);
    return undefined;
  }

  function back(me, entry) {
    for (const one of entry.was) {
      const row = me.rows().find((other) => other.row === one.row);
      if (row) row.became = one.became;
      if (one.value !== undefined && me.whole.get(one.row)) me.whole.get(one.row).value = one.value;
    }
  }

  const valueOf = (me, row) => (me.whole.get(row) ? me.whole.get(row).value : undefined);

  /* The next one nobody has looked at; behind the last one, the first that was passed over; then the end. */
  function onward(me) {
    const open = (one, i) => one.became === "open" && i > me.at;
    const next = me.rows().findIndex(open);
    const first = me.rows().findIndex((one) => one.became === "open");
    me.at = next >= 0 ? next : first >= 0 ? first : me.rows().length;
  }

  function move(me, step) {
    me.at = Math.max(0, Math.min(me.rows().length, me.at + step));
    draw(me);
  }

  /* The rest of the page hears of it a moment after the last decision. */
  function heard(me) {
    clearTimeout(me.quiet);
    me.quiet = setTimeout(() => Hone.bus.emit("labels"), 800);
  }

  function readDone(project) {
    try { return JSON.parse(sessionStorage.getItem(`hone:${project}:doubtful`)) || []; } catch { return []; }
  }

  function writeDone(me) {
    me.done = me.done.slice(-UNDO_KEPT);
    try { sessionStorage.setItem(`hone:${me.ctx.project}:doubtful`, JSON.stringify(me.done.filter((one) => one.undo))); } catch { /* full or forbidden: undo then ends with the page */ }
  }

  /* ---------- drawing ---------- */

  function draw(me) {
    const { state } = me;
    if (state.state === "ready" && state.rows.length) return me.how === "list" ? ready(me, Hone.doubtfulList) : ready(me, Hone.doubtfulSheet);
    me.view = null;
    me.made = null;
    if (state.state === "few") return Hone.fill(me.host, few(me));
    if (state.state === "looking") return Hone.fill(me.host, head(), (me.moving = moving(me)));
    return Hone.fill(me.host, head(), state.state === "ready" ? nothing(me) : before(me));
  }

  const head = (acts = []) => Hone.head({ title: t("Which labels may be wrong?"), sentence: t("Models that have not seen a text say what they would call it. Where its label is another one, have a look."), actions: acts });

  function ready(me, make) {
    if (me.made !== make) {
      me.made = make;
      me.view = make(me);
      const choice = Hone.choice({ label: t("How to look through them"), value: me.how, onchange: me.pick, options: [{ value: "one", title: t("One by one") }, { value: "list", title: t("As a list") }] });
      me.side = h("aside.ld-side");
      Hone.fill(me.host, head([choice, Hone.button(t("Look again"), me.look)]), h("div.lb-grid", h("div.lb-main", me.view.node), me.side));
    }
    Hone.fill(me.side, summary(me), tableOf(me));
    me.view.draw();
  }

  function few(me) {
    const { labelled, least, least_of_label: each } = me.state;
    return [head(), Hone.empty({
      title: t("There are too few labels yet."),
      body: t("To tell wrong labels from right ones, Hone needs {n} labelled texts or more, and {m} of each label. There are {there:,} now.", { n: least, m: each, there: labelled }),
      actions: [Hone.button(t("Go on labelling"), () => Hone.goPart("label", "one"), { primary: true })],
    })];
  }

  function before(me) {
    const { job, labelled, seconds } = me.state;
    const failed = job && job.state === "failed" && job.error;
    return [failed ? Hone.notice({ tone: "bad", title: job.error.message, body: job.error.fix }) : null, Hone.empty({
      title: t.plural(labelled, "Look through {n} label", "Look through {n:,} labels"),
      body: t("It takes about {t}. You can go on labelling meanwhile, and nothing is changed before you have decided.", { t: Hone.fmt.duration(seconds) }),
      actions: [Hone.button(t("Look for doubtful labels"), me.look, { primary: true })],
    })];
  }

  function nothing(me) {
    return Hone.empty({
      title: t("Nothing looks doubtful."),
      body: t.plural(me.state.looked_through, "{n} label was looked through. The models that had not seen the texts agree with it.", "{n:,} labels were looked through. The models that had not seen the texts agree with them."),
      actions: [Hone.button(t("Choose settings"), () => Hone.go("settings"), { primary: true }), Hone.button(t("Look again"), me.look)],
    });
  }

  function moving(me) {
    const bar = Hone.progress({ text: t("Looking through the labels …"), cancel: async () => { await me.ctx.call("doubtful_stop", {}); } });
    bar.tell = (job) => job && bar.update({ done: job.done, total: job.total, text: job.note || t("Looking through the labels …"), seconds_left: job.seconds_left });
    bar.tell(me.state.job);
    const card = Hone.card({ body: bar });
    card.tell = bar.tell;
    return card;
  }

  /* How many are likely wrong, how far one is, and whether the figures still hold. */
  function summary(me) {
    const { state } = me, n = me.rows().length, looked = me.looked();
    const changed = me.rows().filter((one) => one.became === "changed").length, others = Math.max(0, state.changed - changed);
    const about = me.kind() === "number" ? t.plural(n, "{n} of {m:,} numbers lies far from what the models say.", "{n:,} of {m:,} numbers lie far from what the models say.", { m: state.looked_through })
      : t.plural(n, "{n} of {m:,} texts looks doubtful.", "{n:,} of {m:,} texts look doubtful.", { m: state.looked_through });
    const facts = h("div.facts", fact(`${Hone.fmt.number(looked)} / ${Hone.fmt.number(n)}`, t("looked at")), fact(Hone.fmt.number(changed), t("changed")));
    const stale = others ? h("p.sub", t.plural(others, "Computed before {n} other label changed.", "Computed before {n:,} other labels changed."), " ", Hone.button(t("Look again"), me.look, { link: true })) : null;
    return Hone.card({ title: about, body: [facts, stale], class: "ld-sum" });
  }

  const fact = (value, name) => h("div", h("b", value), h("span", name));

  function tableOf(me) {
    const pairs = me.state.pairs.slice(0, 8);
    if (!pairs.length) return null;
    const chip = (id) => (id === null || !me.label(id) ? h("span.chip.none", t("none")) : Hone.chip(me.label(id)));
    return Hone.card({ title: t("Which is taken for which"), sub: t("As labelled, and what it likely is"), body: h("ul.ld-pairs", pairs.map(([a, b, n]) => h("li", h("div", chip(a), h("span.ld-to", h("span", { "aria-hidden": true }, "→"), chip(b))), h("span.num", Hone.fmt.number(n))))) });
  }
})();
