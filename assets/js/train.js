/* The Train tab: one run as it is now, fed by deltas while the page is visible. The run lives on the server; this page may come and go.
   Parts: curves.js (plots), train_state.js (words and buttons of each state), train_watch.js (watched texts), train_runs.js (the list). */
(() => {
  "use strict";
  const { h, fill, button } = Hone;
  const AT_WORK = new Set(["queued", "preparing", "running"]);
  let ctx, root, poll, sides, parts = null;
  const page = { runs: [], draft: null, id: null, opened: {}, tracks: {}, now: null, slow: {}, score: null, stamp: "", ticked: [] };

  Hone.tab("train", {
    async mount(node, context) {
      ctx = context;
      sides = Hone.parts("train", node, ctx, {
        label: t("Ways to train"),
        first: { title: () => t("One run"), shown: () => poll && again(Hone.store.get("run:started")) },
      });
      root = sides.host;
      page.ticked = Hone.store.get("train:ticked", []);
      page.wish = Hone.store.get("train:score", null);
      await list(Hone.store.get("run:started"));
      Hone.store.set("run:started", null);
      poll = ctx.poll(() => tick().catch(trouble), 1);
      for (const event of ["runs", "data", "labels", "settings"]) ctx.on(event, () => again());
      ctx.on("connection", (there) => { if (!there) page.dropped = true; });
      Hone.keys(root, { p: pauseOrResume });
    },
    shown() { if (poll) sides.shown(); },
    hidden() { sides.hidden(); },
  });

  /** After something has changed elsewhere; a run that the Settings tab has just started is shown. */
  function again(id) {
    if (!ctx.visible) return;
    if (parts && page.id) parts.over = null; // what has arrived since is asked again
    if (id) Hone.store.set("run:started", null);
    list(id).then(() => poll.now()).catch(() => {});
  }

  /* ---------- what the server knows ---------- */

  /** The list of runs; then the run to show: `id`, else the one shown, else the one last looked at, else one at work, else the newest. */
  async function list(id) {
    if (id) page.wanted = id;
    const told = await ctx.call("training", {});
    page.runs = told.runs;
    page.studies = told.studies;
    page.draft = told.draft;
    page.counted = Date.now();
    sides.offer(told);
    page.ticked = page.ticked.filter((one) => page.runs.some((r) => r.id === one));
    const known = (one) => (page.runs.some((r) => r.id === one) ? one : null);
    const active = page.runs.find((r) => AT_WORK.has(r.state) || r.state === "paused");
    await open(known(page.wanted) || (active ? active.id : known(Hone.store.get("run")) || (page.runs[0] || { id: null }).id));
  }

  async function open(id) {
    page.wanted = id;
    if (id && !page.opened[id]) page.opened[id] = await ctx.call("opened", { run: id });
    if (page.wanted !== id) return; // meanwhile another was asked for
    if (id !== page.id || !parts) {
      Object.assign(page, { id, now: null, slow: {}, stamp: "", beside: false });
      Hone.store.set("run", id);
      draw();
    }
    drawRuns();
    if (!id) drawReady();
  }

  /** One look at the server: what the shown run, and ticked ones that are still at work, have to tell since the last one. */
  async function tick() {
    if (sides.now() !== "one") return 3;
    if (!page.id) return Date.now() - page.counted > 5000 ? list().then(() => 3) : 3;
    const id = page.id;
    const what = await follow(id);
    if (id !== page.id) return 1;
    for (const other of shownOthers()) {
      if (!other.at || AT_WORK.has(other.state) || other.state === "paused") await followOther(other);
    }
    show(what);
    if (Date.now() - page.counted > 6000) await list();
    if (!page.now) return 1; // another run was opened meanwhile
    return AT_WORK.has(page.now.state) ? 1 : page.now.state === "paused" ? 2 : 4;
  }

  /** A server that cannot be reached is told by the frame; any other trouble is told here, and asked again. A run that is gone is left. */
  function trouble(error) {
    if (error.kind === "Missing") {
      page.id = page.wanted = null; // deleted in another window
      return list().then(() => 1);
    }
    if (!error.offline && parts) fill(parts.notice, Hone.notice({ error }));
    if (parts) parts.state = null;
    throw error;
  }

  async function follow(id) {
    const track = (page.tracks[id] = page.tracks[id] || Hone.track(id));
    const told = await ctx.call("follow", { run: id, generation: track.generation, points: track.seen_points, checks: track.seen_checks, stamp: page.stamp });
    if (id !== page.id) return "nothing";
    const before = page.now;
    page.stamp = told.stamp;
    if (told.slow) page.slow = told.slow;
    page.now = { ...told, ...page.slow, planned: page.opened[id].phases.length, tries: page.opened[id].phases.filter((method) => method !== "head").length };
    const what = track.take({ ...told, phases: page.slow.phases, before: page.slow.before, best_step: page.slow.best_step });
    if (before && before.state !== page.now.state) {
      Hone.bus.emit("runs");
      page.beside = AT_WORK.has(before.state) && !page.dropped; // it ended while the server stood: not the server's doing
    }
    page.now.ended_beside_us = page.beside;
    page.dropped = false;
    return what;
  }

  async function followOther(other) {
    const track = (page.tracks[other.id] = page.tracks[other.id] || Hone.track(other.id));
    const told = await ctx.call("follow", { run: other.id, generation: track.generation, points: track.seen_points, checks: track.seen_checks, stamp: "" });
    track.take({ ...told, ...told.slow });
    track.at = true;
    track.state = told.state;
  }

  const shownOthers = () => page.ticked.filter((id) => id !== page.id).slice(0, 3).map((id) => {
    const run = page.runs.find((r) => r.id === id) || { id, name: id };
    const track = page.tracks[id];
    return { id, name: run.created ? run.name + " · " + Hone.trainRuns.when(run.created) : run.name, state: (track && track.state) || run.state, at: track && track.at };
  });

  /* ---------- drawing ---------- */

  function draw() {
    parts = { head: parts ? parts.head : h("div"), notice: h("div.train-notice"), arrived: h("div.rt-arrived"), live: h("div"), memory: h("div.rt-memory"), plots: h("div.g2"), second: h("div.g2"), runs: parts ? parts.runs : h("div") };
    if (!page.id) return drawReady();
    const loss = h("div"), score = h("div.small");
    parts.legend = h("div");
    parts.happening = h("div.train-happening", { "aria-live": "polite" });
    parts.watched = h("div");
    parts.scoreTitle = h("h2");
    parts.scoreSub = h("p.sub");
    fill(parts.plots,
      Hone.card({ id: "train-loss", title: t("How wrong it still is"), sub: t("Loss. Lower is better; dotted lines are rounds."), side: parts.legend, body: loss }),
      Hone.card({ id: "train-happening", title: t("What is happening"), body: parts.happening }));
    fill(parts.second,
      Hone.card({ id: "train-watched", title: t("Texts being watched"), sub: page.opened[page.id].single ? t("Its answer at each check, oldest first; numbers are the label keys.") : t("How right it was at each check, oldest first, in tenths; below, what it says now."), side: button(t("Choose others"), chooseOthers, { link: true }), body: parts.watched }),
      h("section.card", { id: "train-score" }, h("header.cap", h("div", parts.scoreTitle, parts.scoreSub), h("div.side", scoreChoice())), score));
    fill(root, parts.head, parts.notice, parts.arrived, parts.live, parts.plots, parts.memory, parts.second, parts.runs);
    further();
    const known = curves().map((curve) => curve.name);
    page.score = known.includes(page.wish) ? page.wish : known[0];
    parts.loss = Hone.lossPlot(loss);
    parts.score = Hone.scorePlot(score, () => page.score, () => drawn().title);
    drawScoreTitle();
  }

  function drawReady() {
    fill(root, parts.head, parts.notice, parts.live, parts.runs);
    Hone.trainState.ready(parts, page, actions);
  }

  function show(what) {
    if (!parts || !page.now) return;
    Hone.trainState.show(parts, page, actions);
    if (page.now.state === "queued" && !page.now.step) return shape(false);
    const bare = !page.now.step && isOver() && !shownOthers().length; // rounded to whole numbers: it took no step
    shape(!bare);
    const track = page.tracks[page.id];
    const more = shownOthers().filter((o) => page.tracks[o.id]).map((o) => Object.assign(page.tracks[o.id], { name: o.name }));
    const names = JSON.stringify(more.map((x) => x.name));
    if (names !== parts.named) fill(parts.legend, Hone.curveLegend([track, ...more]));
    if (names !== parts.named) what = "all";
    parts.named = names;
    if (!bare) for (const plot of [parts.loss, parts.score]) plot.show(track, more, what);
    if (parts.over !== page.now.state || (parts.memoryCard && parts.memoryCard.stale() && page.now.step && !parts.knew)) {
      parts.over = page.now.state;
      parts.knew = Boolean(page.now.step);
      further();
    }
    if (parts.memoryCard) parts.memoryCard.show(track);
    if (page.now.stamp !== parts.stamped) {
      parts.stamped = page.now.stamp;
      Hone.trainState.happening(parts.happening, page, actions);
      Hone.trainWatch.draw(parts.watched, page.opened[page.id], page.tracks[page.id], page.now);
    }
  }

  /** What has arrived since a finished run, and the card of one that continues another (train_retune.js). */
  function further() {
    const run = page.id, mine = parts, over = isOver();
    const begun = async (id) => { await list(id); Hone.bus.emit("runs"); await poll.now(); };
    Hone.retune.offer(parts.arrived, ctx, over ? run : null, begun).catch(() => {});
    Hone.retune.card(parts.memory, ctx, run).then((card) => { if (mine === parts && card !== undefined) { parts.memoryCard = card; if (card && page.tracks[run]) card.show(page.tracks[run]); } }).catch(() => {});
  }

  const isOver = () => Boolean(page.now) && ["finished", "stopped"].includes(page.now.state);

  /** Plots only where there is something to draw, or soon will be. */
  function shape(yes) {
    parts.plots.hidden = parts.second.hidden = !yes;
  }

  /** The curves the second plot can draw: the task's measures at each check, and what the steps were like. */
  const curves = () => [
    ...page.opened[page.id].scores.map((one) => ({ name: one.name, title: one.title, sub: t("{help} On validation; dashed: before tuning.", { help: one.help }) })),
    { name: "learning_rate", title: t("Step width"), sub: t("How far each step moves the weights (learning rate).") },
    { name: "grad_norm", title: t("Pull of the mistakes"), sub: t("Length of the gradient before it is shortened (gradient norm).") },
  ];
  const drawn = () => curves().find((curve) => curve.name === page.score);

  function scoreChoice() {
    const other = button(t("Another curve"), () => Hone.menu(other, curves().map(({ name, title, sub }) => ({ title, sub, current: name === page.score, onpick: () => choose(name) }))), { link: true, id: "train-curve", "aria-haspopup": "menu" });
    const choose = (name) => {
      page.score = page.wish = name;
      Hone.store.set("train:score", name);
      drawScoreTitle();
      show("all");
    };
    return other;
  }

  function drawScoreTitle() {
    const { title, sub } = drawn();
    parts.scoreTitle.textContent = title;
    parts.scoreSub.textContent = sub;
  }

  function drawRuns() {
    Hone.trainRuns.draw(parts.runs, page, {
      open: (id) => { window.scrollTo({ top: 0 }); return open(id).then(() => poll.now()).catch(Hone.toast); },
      tick(id, yes) {
        page.ticked = yes ? [...page.ticked.filter((x) => x !== id), id].slice(-3) : page.ticked.filter((x) => x !== id);
        Hone.store.set("train:ticked", page.ticked);
        drawRuns();
        if (poll) poll.now().then(() => show("all"));
      },
      call: ctx.call,
      again: () => list().then(() => show("nothing")),
      resume: (id) => control(id, "resume"),
      forget(id) { delete page.opened[id]; delete page.tracks[id]; if (page.id === id) page.id = page.wanted = null; return list(); },
    });
  }

  /* ---------- what a person does ---------- */

  async function control(id, word) {
    await ctx.call("control", { run: id, word });
    if (page.id !== id) await open(id);
    Hone.bus.emit("runs");
    await poll.now();
  }

  const actions = {
    async start() {
      const told = await ctx.call("start", {});
      await list(told.run);
      Hone.bus.emit("runs");
      await poll.now();
    },
    control: (word) => control(page.id, word),
    async discard() {
      const yes = await Hone.ask({ title: t("Discard this training?"), body: t("What it has learnt so far is deleted. This cannot be undone."), yes: t("Discard"), no: t("Go on training"), danger: true });
      if (yes) await control(page.id, "discard");
    },
    async leave() { await control(page.id, "discard"); },
    /** Start again with a setting changed, from what this run was. */
    async repair(values) {
      const told = await ctx.call("start_again", { run: page.id, values });
      await list(told.run);
      Hone.bus.emit("runs");
      Hone.bus.emit("settings");
      await poll.now();
    },
    details: () => ctx.call("details", { run: page.id }).then((told) => Hone.sheet({ title: t("Details of the error"), wide: true, body: h("pre.train-details", told.text || t("There are no details.")) })),
  };

  function pauseOrResume() {
    const state = page.now && page.now.state;
    if (state === "running" || state === "preparing") control(page.id, "pause").catch(Hone.toast);
    else if (state === "paused" || state === "interrupted") control(page.id, "resume").catch(Hone.toast);
    else return false;
    return true;
  }

  async function chooseOthers() {
    const ids = await Hone.trainWatch.choose(ctx, page.opened[page.id], page.now);
    if (!ids) return;
    page.opened[page.id] = await ctx.call("watch", { run: page.id, rows: ids });
    parts.stamped = null;
    show("nothing");
  }
})();
