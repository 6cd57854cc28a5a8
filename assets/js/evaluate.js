/* Evaluate: can you trust it? Shows the report of one run, each card as soon as its part is there.
   Knows nothing of how a report is made: it asks `report` and draws what came. The cards are in evaluate_cards.js. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const EVERY = 0.7; // seconds between two looks at a report that is being made
  const MANY = 12; // from here on the matrix takes the whole width and the most confused pairs are listed
  const SLOTS = ["head", "notes", "arrived", "verdict", "contenders", "table", "confusion", "pairs", "list"];
  const PARTS = { verdict: "verdict", contenders: "contenders", table: "table", confusion: "confusion", mistakes: "list" };
  const cards = (Hone.evaluate = Hone.evaluate || {});

  Hone.tab("evaluate", {
    mount(root, ctx) {
      this.sides = Hone.parts("evaluate", root, ctx, {
        label: t("Ways to judge"),
        first: { title: () => t("The report"), shown: () => this.view && refresh(this.view) },
      });
      const view = (this.view = { ctx, root: this.sides.host, sides: this.sides, runs: [], run: null, report: null, seen: {}, asked: 0, list: {} });
      view.look = looking(ctx, () => follow(view));
      for (const what of ["project", "runs", "labels", "data"]) Hone.bus.on(what, () => refresh(view));
      return refresh(view, true);
    },
    shown() { this.sides.shown(); },
    hidden() { this.sides.hidden(); },
  });

  /** A poll that can be started and stopped again and again. */
  function looking(ctx, fn, seconds = EVERY) {
    let poll = null;
    return {
      start() { if (!poll) poll = ctx.poll(fn, seconds); },
      stop() { if (poll) poll.stop(); poll = null; },
    };
  }

  /* Which runs are there; keeps the chosen one while it is, else takes the newest. */
  async function refresh(view, first = false) {
    if (!first && !view.ctx.visible) return;
    const asked = (view.asked += 1);
    let told;
    try {
      told = await view.ctx.call("judged");
    } catch (error) {
      if (asked === view.asked && !view.report) failure(view, error);
      return;
    }
    if (asked !== view.asked) return;
    view.sides.offer(told);
    const before = view.run;
    const wanted = Hone.store.get("evaluate.run") || before;
    view.runs = told.runs;
    view.underWay = told.under_way;
    view.run = told.runs.some((run) => run.id === wanted) ? wanted : told.runs.length ? told.runs[0].id : null;
    if (!view.run) return empty(view);
    if (view.run !== before || !view.frame || !view.frame.isConnected) build(view);
    await follow(view).catch(() => view.look.start());
    arrived(view);
  }

  /* What has come since the run, with the button to go on from it (train_retune.js). */
  function arrived(view) {
    if (view.frame) Hone.retune.offer(view.slots.arrived, view.ctx, view.run, (run) => { Hone.store.set("run:started", run); Hone.goPart("train", "one"); }).catch(() => {});
  }

  function pick(view, run) {
    Hone.store.set("evaluate.run", run);
    view.run = run;
    build(view);
    follow(view).catch(() => view.look.start());
    arrived(view);
  }

  /* One look at the report; goes on looking while it is being made. */
  async function follow(view) {
    const run = view.run;
    if (!run) return view.look.stop();
    let report;
    try {
      report = await view.ctx.call("report_of", { run });
    } catch (error) {
      if (run === view.run && !view.report) failure(view, error);
      throw error;
    }
    if (run !== view.run) return;
    if (!view.frame) build(view);
    view.report = report;
    if (report.state === "making") view.look.start();
    else view.look.stop();
    draw(view);
    if (report.state === "ready" && view.woken !== run) {
      view.woken = run; // whoever has read the verdict tries it next: the model is loaded by then
      view.ctx.call("wake", { runs: [run] }).catch(() => {});
    }
  }

  function empty(view) {
    view.look.stop();
    view.frame = view.report = null;
    const go = Hone.button(view.underWay ? t("Watch it learn") : t("Start training"), () => Hone.goPart("train", "one"), { primary: true });
    fill(
      view.root,
      Hone.head({ title: t("Can you trust it?"), sentence: t("The model is asked about texts it has never seen."), actions: [go] }),
      Hone.empty({
        title: view.underWay ? t("A run is under way. Its report comes when it has finished.") : t("Needs a finished run"),
        body: t("Then you see how many unseen texts it answers correctly, which labels it confuses, and whether the tuning was worth it."),
      }),
    );
  }

  function failure(view, error) {
    view.frame = null;
    fill(
      view.root,
      Hone.head({ title: t("Can you trust it?") }),
      Hone.notice({ error, actions: [Hone.button(t("Try again"), () => refresh(view, true), { small: true })] }),
    );
  }

  /* The empty frame of one run's report: the cards come into it as their parts are ready. */
  function build(view) {
    view.look.stop();
    Object.assign(view, { report: null, seen: {}, list: { kind: "mistakes" }, order: null, progress: null, board: null });
    frame(view, null);
  }

  /* The places of a kind of report: by label, or by measures of the task's own (evaluate_measures.js). */
  function frame(view, kind) {
    const names = kind === "measures" ? ["head", "notes", "arrived", ...Object.values(cards.measures.SLOTS)] : SLOTS;
    Object.assign(view, { kind, seen: {}, progress: null });
    view.slots = Object.fromEntries(names.map((name) => [name, h("div.ev-slot", { id: "evaluate-" + name })]));
    view.frame = h("div.ev", { class: kind || "" }, Object.values(view.slots));
    fill(view.root, view.frame);
    drawHead(view);
  }

  function draw(view) {
    const { report } = view;
    const making = report.state === "making";
    const measured = report.kind === "measures";
    if (measured !== (view.kind === "measures")) frame(view, measured ? "measures" : null);
    const { slots } = view;
    view.frame.classList.toggle("wide", !measured && report.labels.length > MANY);
    once(view, "head", [making, report.total, report.split, view.runs], () => drawHead(view));
    notes(view);
    for (const [part, slot] of Object.entries(measured ? cards.measures.SLOTS : PARTS)) {
      once(view, part, [report[part], making], () => fill(slots[slot], card(view, part)));
    }
  }

  /* Draws a part again only when what it shows has changed, so that nobody loses their place in a list. */
  function once(view, name, value, make) {
    const now = JSON.stringify(value);
    if (view.seen[name] === now) return;
    view.seen[name] = now;
    make();
  }

  function card(view, part) {
    const made = view.report[part];
    if (view.kind === "measures") return made ? cards.measures[part](view, made) : view.report.state === "making" ? cards.measures.waiting(part) : null;
    if (part === "confusion" && !made) fill(view.slots.pairs);
    if (!made) return view.report.state === "making" ? cards.waiting(part) : null;
    if (part === "confusion") fill(view.slots.pairs, made.names.length > MANY ? cards.pairs(view, made) : null);
    return cards[part](view, made);
  }

  function drawHead(view) {
    const { report } = view;
    const actions = [Hone.button(t("Try it yourself"), () => tryIt(view), { primary: true })];
    if (report && report.state === "ready") actions.unshift(view.kind === "measures" ? cards.measures.downloads(view) : downloads(view));
    fill(view.slots.head, Hone.head({ title: t("Can you trust it?"), sentence: askedOn(report), actions }), chooser(view));
  }

  function askedOn(report) {
    if (!report || !report.total) return t("The model is asked about texts it has never seen.");
    const n = { n: report.total };
    const guessed = report.guessed ? " " + t.plural(report.guessed, "It learnt from {n:,} text whose label rules guessed.", "It learnt from {n:,} texts whose labels rules guessed.") : "";
    if (report.split === "test") return t.plural(report.total, "Asked once, on {n} text kept aside from the start.", "Asked once, on {n:,} texts kept aside from the start.", n) + guessed;
    return t("Asked on the {n:,} validation texts; none were kept aside for a final test.", n) + guessed;
  }

  function chooser(view) {
    const options = view.runs.map((run) => ({ value: run.id, title: cards.called(run) }));
    const select = Hone.select({ options, value: view.run, onchange: (run) => pick(view, run), id: "evaluate-run" });
    return h("div.ev-run", h("label", { for: "evaluate-run" }, t("Run")), select);
  }

  /** "Balanced · 09:58 · 0.941": a run as it stands in a list to choose from. */
  function called(run) {
    const time = new Date(run.created);
    const today = time.toDateString() === new Date().toDateString();
    const when = time.toLocaleString(Hone.language === "zh" ? "zh-CN" : "en-GB", today ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
    return [run.title, when, run.accuracy === null ? null : Hone.fmt.fixed(run.accuracy)].filter(Boolean).join(" · ");
  }

  function tryIt(view) {
    Hone.store.set("playground.run", view.run);
    Hone.go("playground");
  }

  function downloads(view) {
    const item = (title, what) => ({ title, onpick: () => get(view, what).catch(Hone.toast) });
    const button = Hone.button(t("Download the report"), () => {
      Hone.menu(button, [
        item(t("Everything in one zip"), "all"),
        "-",
        item(t("Label by label (CSV)"), "labels"),
        item(t("What it confuses (CSV)"), "confusion"),
        item(t("Every text with its answer (CSV)"), "answers"),
      ]);
    });
    return button;
  }

  async function get(view, what) {
    Hone.download((await view.ctx.call("report_file", { run: view.run, what })).url);
  }

  /* Between the head and the verdict: progress, a report that failed or was cancelled, one that is out of date. */
  function notes(view) {
    const { report, slots } = view;
    if (report.state === "making") {
      if (!view.progress || !view.progress.isConnected) {
        view.progress = Hone.progress({ cancel: () => cancel(view) });
        fill(slots.notes, h("div.card", view.progress));
        delete view.seen.notes;
      }
      const { done, total, title, seconds_left } = report.job;
      view.progress.update({ done, total, text: title, seconds_left });
      return;
    }
    once(view, "notes", [report.state, report.error, report.stale], () => fill(slots.notes, standing(view)));
  }

  function standing(view) {
    const { state, error, stale } = view.report;
    const make = (title) => Hone.button(title, () => begin(view), { small: true });
    if (state === "failed") return Hone.notice({ tone: "bad", title: error.message, body: error.fix, actions: [make(t("Try again"))] });
    if (state === "cancelled") return Hone.notice({ tone: "info", title: t("This report is not finished."), actions: [make(t("Finish the report"))] });
    if (!stale) return null;
    const again = Hone.button(t("Train again"), () => Hone.goPart("train", "one"), { small: true });
    return Hone.notice({ tone: "warn", title: stale.title, body: stale.body, actions: [again] });
  }

  async function cancel(view) {
    await view.ctx.call("cancel_report", { run: view.run });
    await follow(view);
  }

  async function begin(view) {
    await view.ctx.call("make_report", { run: view.run });
    await follow(view);
  }

  Object.assign(cards, { get, follow, looking, called });
})();
