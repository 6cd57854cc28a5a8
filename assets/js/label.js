/* Label: one text, one answer. The loop runs in the browser: texts are fetched ahead (label_list.js), answers are kept and sent in the
   background (label_keep.js), so the next text never waits for the server. What is seen is drawn by label_view.js; how a person
   answers (one label, several, a number, marks ...) is the task's and lives in a file of its own (Hone.answering). */
"use strict";
(() => {
  const KEYS = "123456789abcdefghijklmnopqrtvwxyz"; // without s (skip) and u (undo)
  const UNDO_KEPT = 50;
  const ALL = { show: "unlabelled", search: "", label: "", order: null }; // order null: the one that is proposed
  const ways = {}; // kind of annotation -> what makes its part of the sheet

  /* Declare a way to answer. make(me) gives {node, sentence, labels, draw(item), key(event, key), ...}: see label_single.js for the least one. */
  Hone.answering = (kind, make) => (ways[kind] = make);

  Hone.tab("label", {
    mount(root, ctx) {
      this.parts = Hone.parts("label", root, ctx, {
        label: t("Ways to label"),
        first: { title: () => t("One by one"), shown: () => this.bench && this.bench.refresh() },
        more: () => this.bench,
      });
      this.bench = bench(this.parts, ctx);
      Hone.keys(this.parts.host, { "*": (event) => pressed(this.bench, event) });
    },
    shown() {
      this.parts.shown();
    },
    hidden() {
      this.parts.hidden();
    },
  });

  function bench(parts, ctx) {
    const project = ctx.project;
    const root = parts.host;
    const me = {
      ctx,
      root,
      parts,
      project,
      state: null, // {empty, kind, inputs, labels, counts, question, data}
      hand: null, // how answers are given, of this kind of task
      filter: { ...ALL, ...Hone.store.get("label.filter") },
      done: readSession(project), // what can be undone, newest last
      before: null, // what was decided last: {item, value} or {item, skipped}
      problem: null,
      found: null, // how many texts the present list has
    };
    me.others = channel(me);
    me.clock = Hone.labelClock();
    me.keep = Hone.keeper({
      project,
      person: Hone.facts.mode === "login" ? Hone.overview.user : Hone.labelsAs(),
      send: (entries, of = project) => ctx.call("put", { project: of, entries }),
      changed: (answer, error) => heard(me, answer, error),
    });
    me.guide = Hone.labelGuide(me);
    me.list = Hone.textList({ fetch: (ask) => fetched(me, ask), changed: () => arrived(me), reach: () => me.guide.reach() });
    me.drafts = Hone.drafts(project);
    me.decide = (value) => decide(me, value);
    me.draft = (value, how) => draft(me, value, how);
    me.drafted = () => drafted(me);
    me.skip = () => skip(me);
    me.undo = () => undo(me);
    me.move = (step) => move(me, step);
    me.filtered = (change) => filtered(me, change);
    me.refresh = () => refresh(me);
    me.restart = () => start(me, null);
    me.view = Hone.labelView(me);
    me.keyOf = (i) => (KEYS[i] || "").toUpperCase();
    for (const what of ["data", "labels-edited"]) Hone.bus.on(what, () => root.offsetParent && refresh(me));
    Hone.bus.on("connection", (now) => now && me.keep.flush());
    root.addEventListener("click", (event) => event.detail && Hone.letGo(root));
    me.keep.adopt();
    refresh(me);
    return me;
  }

  /* Labels and counts anew; the texts only when there are none yet or the data changed. */
  async function refresh(me) {
    let state;
    try {
      state = await me.ctx.call("state", {});
    } catch (error) {
      if (!me.state) me.view.failed(error);
      return;
    }
    const fresh = !me.state || me.state.data !== state.data || me.state.empty !== state.empty;
    if (me.keep.waiting && !fresh) return; // its counts are older than what is seen here; another look follows the last save
    take(me, state);
    me.parts.offer(hasParts(me, state) ? state : null);
    const kind = state.empty ? "empty" : state.kind === "none" ? "none" : state.labels.length || !me.hand.labels ? "bench" : "first";
    if (fresh || me.view.built !== kind) me.view.build();
    else me.view.draw();
    if (kind === "bench" && (fresh || (me.list.empty && !me.list.waiting) || !me.began)) {
      me.began = true;
      await start(me, resumed(me));
    }
  }

  /* Whether there is anything to work on in another way than one by one. */
  const hasParts = (me, state) => !state.empty && state.kind !== "none" && (state.labels.length || !me.hand || !me.hand.labels);

  function take(me, state) {
    if (!me.state || me.state.kind !== state.kind || me.state.data !== state.data) {
      me.state = state;
      me.hand = (ways[state.kind] || (() => null))(me);
    }
    me.state = state;
    me.byId = new Map(state.labels.map((label, i) => [label.id, { ...label, key: KEYS[i] || "" }]));
    me.state.labels = [...me.byId.values()];
    me.byKey = new Map(me.state.labels.filter((l) => l.key).map((l) => [l.key, l]));
  }

  async function start(me, after) {
    me.found = null;
    const pending = (row) => me.keep.latest(row.id);
    const unlabelled = me.filter.show === "unlabelled";
    const fetched = me.list.reset(after, (row) => {
      const value = pending(row);
      if (value === undefined) return true;
      row.value = value;
      row.origin = value === null ? null : "human";
      return !(unlabelled && value !== null);
    });
    me.view.draw();
    await fetched;
    if (after && me.list.empty && me.list.ended) await start(me, null); // the rest of the list is done: what was skipped before it
  }

  async function fetched(me, ask) {
    const order = me.guide.order();
    const answer = me.guide.chooses() ? await me.guide.fetch(ask) : await me.ctx.call("texts", { ...ask, ...me.filter, order });
    me.found = answer.total;
    return answer;
  }

  function arrived(me) {
    me.view.draw();
    me.guide.arrived();
    if (!me.list.failed || !me.list.waiting) return;
    clearTimeout(me.again);
    me.again = setTimeout(() => me.list.ensure(), 2000);
  }

  /* One decision. Everything seen happens now; the server hears of it when it can. */
  function decide(me, value) {
    const item = me.list.current;
    if (!item) return;
    const was = { value: item.value, origin: item.origin, by: item.by, at: item.at };
    settle(me, item, value, "human");
    const put = me.keep.put(item.id, { ...answer(me, value), seconds: me.clock.seconds(item.id), ...me.guide.told(item) });
    me.guide.passed(item);
    me.drafts.drop(item.id);
    remember(me, { item: bare(item), was, put });
    me.before = { item, value };
    me.others.tell(item.id, value);
    me.list.next((other) => passedBy(me, other));
    place(me);
    me.view.draw();
  }

  const answer = (me, value) => (me.state.single ? { label: value } : { value });

  /* What a person has begun to answer to the text that is shown: kept through a reload, sent only with the decision. */
  function draft(me, value, how) {
    const item = me.list.current;
    if (!item) return;
    me.drafts.set(item.id, value, drafted(me), how);
    me.view.draw();
  }

  /* What stands there now: the draft, else the answer in force. */
  function drafted(me) {
    const item = me.list.current;
    const begun = item ? me.drafts.get(item.id) : undefined;
    return begun !== undefined ? begun : item ? item.value : null;
  }

  function skip(me) {
    const item = me.list.current;
    if (!item) return;
    remember(me, { item: bare(item), skipped: true });
    me.guide.passed(item);
    me.before = { item, skipped: true };
    me.list.next((other) => passedBy(me, other));
    place(me);
    me.view.draw();
  }

  /* The last step of what was begun here; else back to the text of the last decision, with the answer it had before. */
  function undo(me) {
    if (me.list.current && me.drafts.back(me.list.current.id)) return me.view.draw();
    const last = me.done.pop();
    if (!last) return me.view.say(t("There is nothing to undo."));
    const item = me.list.show(last.item);
    if (!last.skipped) {
      settle(me, item, last.was.value, last.was.origin, last.was);
      me.keep.put(item.id, answer(me, last.was.value), last.put);
      me.others.tell(item.id, last.was.value);
    }
    me.before = null;
    writeSession(me.project, me.done);
    place(me);
    me.view.draw();
  }

  function move(me, step) {
    if (step < 0) me.list.back();
    else if (me.list.current) me.list.next();
    place(me);
    me.view.draw();
  }

  function filtered(me, change) {
    me.filter = { ...me.filter, ...change };
    Hone.store.set("label.filter", me.filter);
    Hone.store.set("label.place", null);
    return start(me, null);
  }

  /* In a list of unlabelled texts, one that got its label in another window meanwhile. */
  function passedBy(me, item) {
    return me.filter.show === "unlabelled" && item.value !== null && item.elsewhere === true;
  }

  function settle(me, item, value, origin, more) {
    count(me, item.value, -1);
    count(me, value, +1);
    Object.assign(item, { value, origin, by: null, at: null, elsewhere: false }, more || { mine: true });
  }

  function count(me, value, by) {
    if (value === null) return void (me.state.counts.unlabelled += by);
    me.state.counts.labelled += by;
    for (const label of new Set(me.hand.labelsIn(value))) if (me.byId.has(label)) me.byId.get(label).count += by;
  }

  /* The server has taken a batch (or could not be reached). */
  function heard(me, answer, error) {
    if (answer) {
      const refused = me.keep.takeRefused();
      if (refused.length) {
        me.problem = refused[0].message;
        refresh(me);
      }
      me.guide.answered(answer.saved.length);
      if (!me.keep.waiting) settled(me);
    }
    if (error && !error.offline) me.problem = error.message || String(error);
    else if (answer) me.problem = me.problem && answer.refused.length ? me.problem : null;
    me.view.saved();
  }

  /* Everything is saved: the rest of the page hears of it, and the counts are the server's again (others may be labelling too). */
  function settled(me) {
    clearTimeout(me.quiet);
    me.quiet = setTimeout(() => {
      if (me.keep.waiting) return;
      Hone.bus.emit("labels");
      if (me.root.offsetParent) refresh(me);
    }, 1200);
  }

  /* Hone.keys has already left out typing, composing, dialogs and other tabs. False: not ours. */
  function pressed(me, event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!me.state || me.view.built !== "bench") return false;
    if (key === "/") return me.view.search();
    const held = event.repeat && (KEYS.includes(key) || key === "s" || key === "u" || key === "Enter");
    if (held) return undefined; // a key held down decides once
    if (key === " ") return event.repeat ? undefined : me.guide.accept();
    if (me.list.current && me.hand.key(event, key) !== false) return undefined;
    if (key === "ArrowLeft" || key === "ArrowRight") return me.move(key === "ArrowLeft" ? -1 : 1);
    if (event.repeat) return false;
    if (key === "s") return me.skip();
    if (key === "u" || key === "Backspace") return me.undo();
    return false;
  }

  /* Where to go on after a reload: the text that is shown now. */
  function place(me) {
    const item = me.list.current;
    Hone.store.set("label.place", item ? { data: me.state.data, before: me.guide.chooses() ? item.id : item.place, order: me.guide.order() } : null);
  }

  function resumed(me) {
    const kept = Hone.store.get("label.place");
    return kept && kept.data === me.state.data && kept.order === me.guide.order() ? kept.before : null;
  }

  function remember(me, entry) {
    me.done.push(entry);
    if (me.done.length > UNDO_KEPT) me.done.shift();
    writeSession(me.project, me.done);
  }

  function bare(item) {
    return { ...item };
  }

  /* Other windows on the same project: a label given there shows here at once. */
  function channel(me) {
    if (!("BroadcastChannel" in window)) return { tell() {} };
    const line = new BroadcastChannel(`hone:${me.project}:labels`);
    line.onmessage = (event) => {
      const { row, value } = event.data || {};
      const item = me.list && me.list.find(row);
      if (!item || !me.state || value === undefined) return;
      settle(me, item, value, value === null ? null : "human", { elsewhere: true });
      me.view.draw();
    };
    return { tell: (row, value) => line.postMessage({ row, value }) };
  }

  function readSession(project) {
    try {
      const done = JSON.parse(sessionStorage.getItem(`hone:${project}:undo`)) || [];
      return done.filter((one) => one.skipped || (one.was && one.was.value !== undefined));
    } catch {
      return [];
    }
  }

  function writeSession(project, done) {
    try {
      sessionStorage.setItem(`hone:${project}:undo`, JSON.stringify(done));
    } catch {
      /* full or forbidden: undo then ends with the page */
    }
  }
})();
