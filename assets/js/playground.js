/* Playground: your own words. Asks the chosen run (and one more, side by side) while a person writes.
   One question is under way at a time; an answer to a text that has changed meanwhile is dropped and the new text is asked.
   The fields are in playground_fields.js, the answers are drawn by playground_answers.js; the whole file is in wholefile.js, taking the model away in away.js. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const PAUSE = 60; // milliseconds after a key before asking
  const SLOW = 600; // milliseconds after which it says that the model is being loaded
  const HEAR = 0.15; // seconds between two looks at a text that is being written
  const gap = Hone.language === "zh" ? "" : " "; // a full-width stop brings its own space
  const WRITERS = ["text"]; // kinds of answers that take a while: asked for when the person says so, not while they write

  Hone.tab("playground", {
    mount(root, ctx) {
      const view = (this.view = { root, ctx, runs: [], run: null, other: null, asked: 0, busy: false, told: null, three: {} });
      for (const what of ["project", "runs"]) Hone.bus.on(what, () => refresh(view));
      Hone.bus.on("connection", (now) => now && view.trouble && ask(view, 0));
      return refresh(view, true);
    },
    shown() { refresh(this.view); },
  });

  async function refresh(view, first = false) {
    if (!first && !view.ctx.visible) return;
    const asked = (view.asked += 1);
    let state;
    try {
      state = await view.ctx.call("playground");
    } catch (error) {
      if (asked === view.asked && !view.runs.length) failure(view, error);
      return;
    }
    if (asked !== view.asked) return;
    const before = [view.run, view.other, view.runs.length].join();
    const there = (id) => state.runs.some((run) => run.id === id);
    const [wanted, beside] = [Hone.store.get("playground.run"), Hone.store.get("playground.other")];
    view.runs = state.runs;
    view.underWay = state.under_way;
    view.run = there(wanted) ? wanted : state.runs.length ? state.runs[0].id : null;
    const alike = beside && view.run && there(beside) && asksLike(runOf(view, beside), runOf(view, view.run));
    view.other = alike && beside !== view.run ? beside : null;
    if (!view.run) return empty(view);
    if (!view.frame || !view.frame.isConnected || [view.run, view.other, view.runs.length].join() !== before) build(view);
  }

  /* Two runs can be asked together when they are asked for the same things. */
  const asksLike = (one, other) => JSON.stringify(one.inputs.map((i) => [i.role, i.kind])) === JSON.stringify(other.inputs.map((i) => [i.role, i.kind]));
  const plainText = (run) => run.inputs.length === 1 && run.inputs[0].kind === "text";
  const writes = (view) => WRITERS.includes(runOf(view, view.run).answers);

  function head(actions, view) {
    const slow = view && view.run && writes(view);
    const pictures = view && view.run && runOf(view, view.run).inputs[0].kind === "image";
    if (pictures) return Hone.head({ title: t("Try it on your own pictures"), sentence: t("It answers as soon as a picture is there."), actions });
    return Hone.head({ title: t("Try it on your own words"), sentence: slow ? t("It answers when you ask. What you write is not stored.") : t("It answers while you write. What you write is not stored."), actions });
  }

  function empty(view) {
    view.frame = null;
    const go = Hone.button(view.underWay ? t("Watch it learn") : t("Start training"), () => Hone.goPart("train", "one"), { primary: true });
    const body = Hone.empty({
      title: view.underWay ? t("A run is under way. You can try it when it has finished.") : t("Needs a finished run"),
      body: t("Then you write a text and see at once what the model says and how sure it is, give it a whole file, and take it away."),
    });
    fill(view.root, head([go]), body);
  }

  function failure(view, error) {
    view.frame = null;
    fill(view.root, head([]), Hone.notice({ error, actions: [Hone.button(t("Try again"), () => refresh(view, true), { small: true })] }));
  }

  function build(view) {
    view.answers = h("div.pg-answers");
    view.frame = h("div.pg", textCard(view), h("section.card.pg-said", { "aria-live": "polite" }, view.answers), Hone.wholeFile(view), Hone.away(view));
    fill(view.root, head([], view), view.frame);
    blocks(view);
    examples(view);
    if (view.fields.value() && !writes(view)) ask(view, 0);
    else view.ctx.call("wake", { runs: chosen(view) }).catch(() => {});
  }

  const chosen = (view) => [view.run, view.other].filter(Boolean);
  const runOf = (view, id) => view.runs.find((run) => run.id === id);

  /* The sheet to write on. */
  function textCard(view) {
    const changed = (wait) => {
      truth(view);
      examples(view);
      if (!writes(view)) ask(view, wait);
    };
    view.fields = Hone.playgroundFields(runOf(view, view.run).inputs, view, () => {
      view.told = null;
      changed(PAUSE);
    });
    view.label = h("p.pg-truth", { "aria-live": "polite" });
    view.starters = h("div.pg-starters");
    view.put = (row) => {
      view.told = row;
      view.fields.put(row);
      changed(0);
    };
    view.stop = Hone.button(t("Stop"), () => view.ctx.call("hush", { said: view.saying || [] }), { small: true });
    view.stop.hidden = true;
    const asking = writes(view) ? Hone.button(t("Ask the model"), () => question(view), { small: true, class: "btn small pg-ask" }) : null;
    return h(
      "section.card.pg-write",
      view.fields.node,
      view.label,
      view.starters,
      h(
        "div.pg-row",
        asking,
        view.stop,
        Hone.button(runOf(view, view.run).inputs[0].kind === "image" ? t("A test picture") : t("A test text"), () => sample(view, false), { small: true }),
        Hone.button(t("One it got wrong"), () => sample(view, true), { small: true }),
        Hone.button(t("Clear"), () => { view.put({ text: "" }); view.fields.focus(); }, { small: true, link: true }),
      ),
      pickers(view),
    );
  }

  function pickers(view) {
    const { called } = Hone.evaluate;
    const pick = (key) => (run) => {
      Hone.store.set(key, run || null);
      return refresh(view, true);
    };
    const all = view.runs.map((run) => ({ value: run.id, title: called(run) }));
    if (all.length < 2) return h("p.sub", t("With a second finished run you can compare the two here."));
    const rest = [{ value: "", title: t("no other run") }, ...all.filter((one) => one.value !== view.run && asksLike(runOf(view, one.value), runOf(view, view.run)))];
    return h(
      "div.pg-runs",
      h("label", { for: "playground-run" }, t("Ask")),
      Hone.select({ options: all, value: view.run, onchange: pick("playground.run"), id: "playground-run" }),
      h("label", { for: "playground-other" }, t("Compare with")),
      Hone.select({ options: rest, value: view.other || "", onchange: pick("playground.other"), id: "playground-other" }),
    );
  }

  /* A text of the test split, or one the run got wrong; never the one that is shown. */
  async function sample(view, wrong) {
    const run = view.run;
    const row = await view.ctx.call("sample", { run, wrong, not_this: view.told ? view.told.id : null });
    if (run !== view.run) return;
    if (row.none) Hone.toast(row.none);
    else view.put(row);
  }

  async function examples(view) {
    const run = view.run;
    const idle = () => run === view.run && view.fields.empty();
    if (!idle()) return fill(view.starters);
    try {
      view.three[run] = view.three[run] || (await view.ctx.call("examples", { run })).rows;
    } catch {
      return;
    }
    if (!idle()) return;
    const made = view.three[run].map((row) => h("button.pg-starter", { onclick: () => view.put(row) }, h("span", starter(view, row))));
    fill(view.starters, made.length ? h("p.sub", t("Or begin with one of these:")) : null, made);
  }

  function starter(view, row) {
    const [first] = runOf(view, view.run).inputs;
    return first.kind === "image" ? Hone.picture(row.text, { run: view.run, says: t("A picture kept aside") }) : row.text;
  }

  /* The label a test text carries stands beside what the model makes of it. */
  function truth(view) {
    const row = view.told;
    const single = runOf(view, view.run).answers === "label_scores";
    const shown = row && row.label && (single ? [t("Its label in your data:"), " ", Hone.chip({ name: row.label, colour: row.colour })] : [t("In your data:"), " ", Hone.said(row.label)]);
    fill(view.label, shown || null);
  }

  function ask(view, wait = PAUSE) {
    clearTimeout(view.timer);
    view.timer = setTimeout(() => question(view), wait);
  }

  async function question(view) {
    if (view.busy) return;
    const runs = chosen(view);
    const inputs = view.fields.value();
    if (!inputs) return blocks(view);
    const asked = JSON.stringify(inputs);
    view.busy = true;
    view.trouble = null;
    const slow = setTimeout(() => waking(view), SLOW);
    let made, trouble;
    try {
      const what = plainText(runOf(view, runs[0])) ? { runs, text: Object.values(inputs)[0] } : { runs, inputs };
      made = writes(view) ? await written(view, what, () => clearTimeout(slow)) : await view.ctx.call("answer", what);
    } catch (error) {
      trouble = error;
    }
    clearTimeout(slow);
    view.busy = false;
    const stale = asked !== JSON.stringify(view.fields.value()) || runs.join() !== chosen(view).join();
    if (stale && !writes(view)) return question(view);
    if (trouble) return unanswered(view, trouble);
    view.inputs = inputs;
    blocks(view, made.answers);
  }

  /* A text as it is written; the other run's follows when the first has ended. What was written stays, whoever stops it. */
  async function written(view, what, begun) {
    const { said } = await view.ctx.call("say", what);
    view.saying = said;
    view.stop.hidden = false;
    const ended = {};
    try {
      for (;;) {
        const open = said.filter((id) => !ended[id]);
        const { answers } = await view.ctx.call("heard", { said: open });
        const now = Object.fromEntries(open.map((id, i) => [id, answers[i]]));
        for (const id of open) if (now[id].done) ended[id] = now[id];
        const made = { answers: said.map((id) => ended[id] || now[id]) };
        if (said.every((id) => ended[id])) return made;
        if (made.answers.some((one) => one.error || one.said.text)) {
          begun();
          blocks(view, made.answers);
        }
        await Hone.sleep(HEAR);
      }
    } finally {
      view.saying = null;
      view.stop.hidden = true;
    }
  }

  function waking(view) {
    view.answers.classList.add("busy");
    const line = view.answers.querySelector(".pg-how");
    if (line) line.textContent = t("Loading the model. The first answer takes some seconds; the next ones come at once.");
  }

  function unanswered(view, error) {
    view.trouble = error;
    view.answers.classList.remove("busy");
    fill(view.answers, Hone.notice({ error, actions: [Hone.button(t("Try again"), () => question(view), { small: true })] }));
  }

  /* One block a run: the answer, how long it took, a bar a label. Without an answer the bars rest at zero. */
  function blocks(view, answers = null) {
    view.shown = answers;
    view.answers.classList.remove("busy");
    view.answers.setAttribute("aria-busy", String(Boolean(answers && answers.some((one) => one.done === false)))); // read out once it is whole
    fill(view.answers, chosen(view).map((id, i) => block(view, runOf(view, id), answers ? answers[i] : null)));
  }

  function block(view, run, answer) {
    if (answer && answer.error) return h("div.pg-block", h("p.pg-how", run.title), Hone.notice({ tone: "bad", title: answer.error.message, body: answer.error.fix }));
    const open = view.open === run.id;
    const turn = () => {
      view.open = open ? null : run.id;
      blocks(view, view.shown);
    };
    const drawn = Hone.playgroundAnswer(answer ? answer.kind : run.answers, answer, { run, open, turn, inputs: view.inputs });
    const on = answer && answer.kind === "text" && answer.done !== false && run.inputs.some((one) => one.kind === "messages");
    return h(
      "div.pg-block",
      drawn.top,
      h("p.pg-how", t("{run}.", { run: run.title }), gap, how(view, answer)),
      drawn.below,
      on ? Hone.button(t("Go on from this answer"), () => { view.told = null; truth(view); view.fields.answered(answer.said.text); blocks(view); }, { small: true }) : null,
    );
  }

  function how(view, answer) {
    if (!answer) return t("Nothing asked yet.");
    if (answer.done === false) return answer.said.text ? t("Writing…") : t("Waits for the other run…");
    const said = [t("Answered in {ms} ms.", { ms: Math.max(1, Math.round(answer.milliseconds)) })];
    const truth = view.told && view.told.label;
    if (truth && answer.kind === "label_scores") said.push(gap, truth === answer.labels[0].name ? h("b.good", t("Right.")) : h("b.bad", t("Wrong.")));
    if (answer.unsure) said.push(gap, h("b.unsure", answer.unsure));
    return said;
  }
})();
