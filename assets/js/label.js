/* Label: one text, one key. The loop runs in the browser: texts are fetched ahead (label_list.js), labels are kept and sent in the
   background (label_keep.js), so the next text never waits for the server. What is seen is drawn by label_view.js. */
"use strict";
(() => {
  const KEYS = "123456789abcdefghijklmnopqrtvwxyz"; // without s (skip) and u (undo)
  const UNDO_KEPT = 50;
  const ALL = { show: "unlabelled", search: "", label: "", order: "file" };

  Hone.tab("label", {
    mount(root, ctx) {
      this.bench = bench(root, ctx);
      Hone.keys(root, { "*": (event) => pressed(this.bench, event) });
    },
    shown() {
      this.bench.refresh();
    },
  });

  function bench(root, ctx) {
    const project = ctx.project;
    const me = {
      ctx,
      root,
      project,
      state: null, // {empty, labels, counts, question, splits, data}
      filter: { ...ALL, ...Hone.store.get("label.filter") },
      done: readSession(project), // what can be undone, newest last
      before: null, // what was decided last: {item, label} or {item, skipped}
      problem: null,
      found: null, // how many texts the present list has
    };
    me.others = channel(me);
    me.keep = Hone.keeper({
      project,
      send: (entries, of = project) => ctx.call("put", { project: of, entries }),
      changed: (answer, error) => heard(me, answer, error),
    });
    me.list = Hone.textList({ fetch: (ask) => fetched(me, ask), changed: () => arrived(me) });
    me.choose = (label) => choose(me, label);
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
    const kind = state.empty ? "empty" : state.labels.length ? "bench" : "first";
    if (fresh || me.view.built !== kind) me.view.build();
    else me.view.draw();
    if (kind === "bench" && (fresh || (me.list.empty && !me.list.waiting) || !me.began)) {
      me.began = true;
      await start(me, resumed(me));
    }
  }

  function take(me, state) {
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
      const label = pending(row);
      if (label === undefined) return true;
      row.label = label;
      row.origin = label === null ? null : "human";
      return !(unlabelled && label !== null);
    });
    me.view.draw();
    await fetched;
    if (after && me.list.empty && me.list.ended) await start(me, null); // the rest of the list is done: what was skipped before it
  }

  async function fetched(me, ask) {
    const answer = await me.ctx.call("texts", { ...ask, ...me.filter });
    me.found = answer.total;
    return answer;
  }

  function arrived(me) {
    me.view.draw();
    if (!me.list.failed || !me.list.waiting) return;
    clearTimeout(me.again);
    me.again = setTimeout(() => me.list.ensure(), 2000);
  }

  /* One decision. Everything seen happens now; the server hears of it when it can. */
  function choose(me, label) {
    const item = me.list.current;
    if (!item || !me.byId.has(label)) return;
    const was = { label: item.label, origin: item.origin, by: item.by, at: item.at };
    settle(me, item, label, "human");
    const put = me.keep.put(item.id, label);
    remember(me, { item: bare(item), was, put });
    me.before = { item, label };
    me.others.tell(item.id, label);
    me.view.hit(label);
    me.list.next((other) => passedBy(me, other));
    place(me);
    me.view.draw();
  }

  function skip(me) {
    const item = me.list.current;
    if (!item) return;
    remember(me, { item: bare(item), skipped: true });
    me.before = { item, skipped: true };
    me.list.next((other) => passedBy(me, other));
    place(me);
    me.view.draw();
  }

  /* Back to the text of the last decision, with the label it had before. */
  function undo(me) {
    const last = me.done.pop();
    if (!last) return me.view.say(t("There is nothing to undo."));
    const item = me.list.show(last.item);
    if (!last.skipped) {
      settle(me, item, last.was.label, last.was.origin, last.was);
      me.keep.put(item.id, last.was.label, last.put);
      me.others.tell(item.id, last.was.label);
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
    return me.filter.show === "unlabelled" && item.label !== null && item.elsewhere === true;
  }

  function settle(me, item, label, origin, more) {
    count(me, item.label, -1);
    count(me, label, +1);
    Object.assign(item, { label, origin, by: null, at: null, elsewhere: false }, more || { mine: true });
  }

  function count(me, label, by) {
    const known = me.byId.get(label);
    if (known) known.count += by;
    if (label === null) me.state.counts.unlabelled += by;
    else me.state.counts.labelled += by;
  }

  /* The server has taken a batch (or could not be reached). */
  function heard(me, answer, error) {
    if (answer) {
      const refused = me.keep.takeRefused();
      if (refused.length) {
        me.problem = refused[0].message;
        refresh(me);
      }
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
    if (!me.state || me.state.empty || !me.state.labels.length) return false;
    if (key === "/") return me.view.search();
    if (key === "ArrowLeft" || key === "ArrowRight") return me.move(key === "ArrowLeft" ? -1 : 1);
    if (key === "Enter") return me.view.find();
    if (event.repeat) return KEYS.includes(key) || key === "s" || key === "u" ? undefined : false; // a key held down decides once
    if (key === "s") return me.skip();
    if (key === "u" || key === "Backspace") return me.undo();
    const label = me.byKey.get(key);
    return label ? me.choose(label.id) : false;
  }

  /* Where to go on after a reload: the text that is shown now. */
  function place(me) {
    const item = me.list.current;
    Hone.store.set("label.place", item ? { data: me.state.data, before: item.place } : null);
  }

  function resumed(me) {
    const kept = Hone.store.get("label.place");
    return kept && kept.data === me.state.data ? kept.before : null;
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
      const { row, label } = event.data || {};
      const item = me.list && me.list.find(row);
      if (!item || !me.state) return;
      settle(me, item, label, label === null ? null : "human", { elsewhere: true });
      me.view.draw();
    };
    return { tell: (row, label) => line.postMessage({ row, label }) };
  }

  function readSession(project) {
    try {
      return JSON.parse(sessionStorage.getItem(`hone:${project}:undo`)) || [];
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
