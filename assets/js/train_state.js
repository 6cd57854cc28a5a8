/* The words, facts and buttons of each state a run can be in. Nothing here asks the server. */
(() => {
  "use strict";
  const { h, t, fill, button, fmt } = Hone;

  const nth = (n) => {
    if (Hone.language !== "en") return String(n);
    const end = n % 100 > 10 && n % 100 < 14 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] || "th";
    return n + end;
  };
  const score = (x) => (typeof x === "number" ? x.toFixed(3) : "–");
  const rate = (x) => (typeof x === "number" && x ? (x < 0.001 ? x.toExponential(1).replace(".0e", "e") : String(Number(x.toPrecision(2)))) : "–");

  /* Each state: the title, a sentence, the state line, and which buttons. */
  const STATES = {
    queued: {
      title: () => t("Waiting in line"), sentence: leave,
      line: (now) => (now.line && now.line.seconds ? t("{nth} in line, starts in about {t}", { nth: nth(now.line.place), t: fmt.duration(now.line.seconds) }) : t("{nth} in line", { nth: nth(now.line ? now.line.place : 1) })),
      acts: (a) => [button(t("Leave the line"), a.leave, { id: "train-leave" })],
    },
    preparing: { title: () => t("Getting ready"), sentence: leave, line: preparing, acts: running },
    running: {
      title: () => t("Learning"), sentence: leave,
      line: (now) => (now.seconds_left === null || now.seconds_left === undefined ? rounds(now) : tuning(now) ? t("{round}, about {t} left", { round: rounds(now), t: fmt.duration(now.seconds_left) }) : t("Fitting the last layer, about {t} left", { t: fmt.duration(now.seconds_left) })),
      acts: running,
    },
    paused: {
      title: () => t("Paused"), sentence: () => t("Nothing is lost. It goes on from here when you like."), line: (now) => t("Paused at step {s}", { s: now.step }),
      acts: (a) => [button(t("Resume"), () => a.control("resume"), { primary: true, id: "train-resume" }), ...ends(a)],
    },
    interrupted: {
      title: () => t("Interrupted"), sentence: () => t("It goes on from its last safety copy, to the same result as if nothing had happened."), line: (now) => t("Interrupted at step {s}", { s: now.step }),
      acts: (a) => [button(t("Resume"), () => a.control("resume"), { primary: true, id: "train-resume" }), ...ends(a)],
    },
    finished: {
      title: () => t("Finished"), sentence: (now) => (now.best_step ? t("The best moment, step {s}, is the model you have now.", { s: now.best_step }) : t("The model is kept.")), line: (now) => t("Finished in {t}", { t: fmt.seconds(now.seconds) }),
      acts: (a) => [button(t("Start training"), a.start, { id: "train-start" }), judge()],
    },
    stopped: {
      title: () => t("Stopped and kept"), sentence: (now) => (now.best_step ? t("The best moment, step {s}, is the model you have now.", { s: now.best_step }) : t("The model is kept.")), line: (now) => t("Stopped at step {s}, after {t}", { s: now.step, t: fmt.seconds(now.seconds) }),
      acts: (a) => [button(t("Start training"), a.start, { id: "train-start" }), judge()],
    },
    discarded: { title: () => t("Discarded"), sentence: () => t("Nothing of this training was kept."), line: (now) => t("Discarded at step {s}", { s: now.step }), acts: (a) => [button(t("Start training"), a.start, { primary: true, id: "train-start" })] },
    failed: { title: () => t("It could not go on"), sentence: () => t("What went wrong stands below, with what helps."), line: (now) => t("Ended at step {s}", { s: now.step }), acts: (a) => [button(t("Start training"), a.start, { id: "train-start" })] },
  };

  function leave() { return t("You may close this page. Training goes on, and the curve is here when you come back."); }
  const judge = () => button(t("See how good it is"), () => Hone.goPart("evaluate", "one"), { primary: true, id: "train-judge" });
  const ends = (a) => [button(t("Stop and keep"), () => a.control("stop"), { id: "train-stop" }), button(t("Discard"), a.discard, { danger: true, id: "train-discard" })];
  function running(a) { return [button(t("Pause"), () => a.control("pause"), { id: "train-pause", title: t("Key P") }), ...ends(a)]; }

  const current = (now) => (now.phases && now.phases.length ? now.phases[now.phases.length - 1] : null);
  const tuning = (now) => current(now) && current(now).method !== "head";
  function rounds(now) {
    if (!tuning(now)) return t("Fitting the last layer");
    const phase = current(now);
    const done = phase.steps_per_epoch ? (now.step - phase.first_step) / phase.steps_per_epoch : now.epoch;
    const n = phase.steps ? Math.max(1, Math.ceil(phase.steps / (phase.steps_per_epoch || 1))) : 0; // 0: the clock decides
    const i = Math.min(Math.max(1, Math.floor(done) + 1), n || Infinity);
    const words = { i, n, k: now.phases.filter((p) => p.method !== "head").length, m: now.tries };
    if (!n) return now.tries > 1 ? t("Try {k} of {m}, round {i}", words) : t("Round {i}", words);
    return now.tries > 1 ? t("Try {k} of {m}, round {i} of {n}", words) : t("Round {i} of {n}", words);
  }

  let began = { what: null, at: 0 };
  function preparing(now) {
    const p = now.preparing || { what: "", say: t("Starting") };
    if (began.what !== p.what) began = { what: p.what, at: Date.now(), done: p.done || 0 };
    const seconds = (Date.now() - began.at) / 1000;
    if (p.total) {
      const left = p.done > began.done && seconds > 1 ? ((p.total - p.done) * seconds) / (p.done - began.done) : null;
      return left === null ? t("{what}, {done:,} of {total:,}", { what: p.say, done: p.done, total: p.total }) : t("{what}, {done:,} of {total:,}, about {t} left", { what: p.say, done: p.done, total: p.total, t: fmt.duration(left) });
    }
    return seconds < 2 ? p.say : t("{what} ({t} so far)", { what: p.say, t: fmt.seconds(seconds) });
  }

  /* ---------- the head, the notice and the live card ---------- */

  function show(parts, page, actions) {
    const now = page.now;
    const state = STATES[now.state] || STATES.running;
    const shape = now.state + (now.failure ? now.failure.code : "") + now.best_step;
    if (parts.state !== shape) {
      parts.state = shape;
      const acts = state.acts(actions);
      if (now.state === "failed") acts.push(...repairs(now, actions));
      fill(parts.head, Hone.head({ title: state.title(), sentence: state.sentence(now), actions: acts }));
      fill(parts.notice, notice(now, actions));
      fill(parts.live, live(["queued", "preparing", "running"].includes(now.state)));
      parts.line = parts.live.querySelector(".train-line");
      parts.steps = parts.live.querySelector(".train-steps");
      parts.edge = parts.live.querySelector(".edge");
      parts.facts = parts.live.querySelector(".facts");
      parts.device = parts.live.querySelector(".train-device");
      parts.told = null;
    }
    put(parts.line, asked(now) || state.line(now));
    put(parts.steps, now.steps && now.phases.length === now.planned && !["finished", "stopped", "discarded"].includes(now.state) ? t("step {a:,} of {b:,}", { a: now.step, b: Math.max(now.steps, now.step) }) : now.step && now.state === "running" ? t("step {s:,}", { s: now.step }) : "");
    parts.edge.querySelector("i").style.width = (100 * now.share).toFixed(1) + "%";
    parts.edge.setAttribute("aria-valuenow", Math.round(100 * now.share));
    parts.edge.classList.toggle("quiet", !["preparing", "running"].includes(now.state));
    const facts = ["finished", "stopped"].includes(now.state) ? ended(now, page) : working(now, page);
    const text = facts.map((f) => f.join("\u0001")).join("\u0002");
    if (parts.told !== text) fill(parts.facts, facts.map(([value, words]) => h("div", h("b", value), h("span", words))));
    parts.told = text;
    parts.facts.hidden = now.state === "queued";
    const device = current(now) && current(now).device;
    put(parts.device, device ? t("On {device}. {reason}", { device: device.title, reason: device.reason }) : "");
    parts.device.hidden = !device || now.state !== "running";
  }

  /** What was asked for and comes after the step at work. */
  const asked = (now) => (["running", "preparing", "paused"].includes(now.state) && ASKED[now.asked] ? ASKED[now.asked](now) : "");
  const ASKED = {
    pause: (now) => (now.state === "paused" ? "" : t("Pausing after this step…")), stop: () => t("Stopping, and keeping the best moment…"), discard: () => t("Discarding…"),
    resume: (now) => (now.state === "paused" ? t("Going on…") : ""), leave: () => t("Saving its place…"),
  };

  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  function live(atWork) {
    return Hone.card({ class: "train-live", body: [
      h("div.train-top", h("p.train-line", { "aria-live": "polite" }), h("p.train-steps.num")),
      h("div.edge", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": t("Training") }, h("i")),
      h("div.facts"),
      h("p.sub.train-device"),
      atWork && Hone.notifications.possible && window.isSecureContext ? tell() : null,
    ] });
  }

  /** The browser may tell the end, if the person wants it. */
  function tell() {
    const box = h("input", { type: "checkbox", id: "train-tell", checked: Hone.notifications.on, onchange: async () => { box.checked = await Hone.notifications.ask(box.checked); } });
    return h("label.train-tell", box, t("Tell me when it is done"));
  }

  function working(now, page) {
    const { metric, scores } = page.opened[page.id];
    const check = lastCheck(page);
    const shown = scores.find((s) => s.name === metric) || scores[0];
    return [
      [score(now.scores && now.scores[shown.name]), t("{measure}, on validation, best so far", { measure: shown.title })],
      [score(check && check.scores.loss), t("validation loss")],
      [now.examples_per_second ? t("{n} / s", { n: fmt.number(Math.round(now.examples_per_second)) }) : "–", now.tokens_per_second ? t("texts, {n} tokens / s", { n: fmt.number(Math.round(now.tokens_per_second)) }) : t("texts a second")],
      [now.memory ? fmt.bytes(now.memory) : "–", now.memory_total ? t("memory of {b}", { b: fmt.bytes(now.memory_total) }) : t("memory")],
      [rate(now.learning_rate), t("step width now")],
    ];
  }

  function ended(now, page) {
    const [main, second] = page.opened[page.id].scores;
    const tested = now.test && typeof now.test[main.name] === "number";
    const aside = (one) => [score(now.scores[one.name]), t("{measure}, on validation", { measure: one.title })];
    const loss = [score(now.scores.loss), t("validation loss")];
    return [
      tested ? [score(now.test[main.name]), t("{measure}, on the final test", { measure: main.title })] : aside(main),
      tested ? aside(main) : loss,
      now.before ? [score(now.before[main.name]), t("before tuning")] : second ? aside(second) : loss,
      [fmt.seconds(now.seconds), t("of work")],
      [fmt.number(now.step), t("steps")],
    ];
  }

  const lastCheck = (page) => page.tracks[page.id] && page.tracks[page.id].checks.slice(-1)[0];

  function notice(now, actions) {
    if (now.state === "interrupted")
      return Hone.notice({ tone: "warn", title: now.ended_beside_us ? t("Its process ended at step {s}. Nothing is lost.", { s: now.step }) : t("Stopped at step {s}: Hone was closed or the process ended. Nothing is lost.", { s: now.step }), actions: [button(t("Resume"), () => actions.control("resume"), { small: true })] });
    if (now.state !== "failed" || !now.failure) return null;
    return Hone.notice({ tone: "bad", title: now.failure.message, body: h("span", now.failure.repair ? null : now.failure.fix, " ", button(t("Details"), actions.details, { link: true })) });
  }

  function repairs(now, actions) {
    const repair = now.failure && now.failure.repair;
    if (repair) return [button(repair.title, () => actions.repair(repair.set), { primary: true, id: "train-repair" })];
    return [button(t("Resume"), () => actions.control("resume"), { primary: true, id: "train-resume" })];
  }

  /* ---------- before the first run ---------- */

  function ready(parts, page, actions) {
    const draft = page.draft;
    parts.state = "ready";
    const words = [draft.title, draft.texts ? t.plural(draft.texts, "{n:,} text", "{n:,} texts") : null, draft.seconds ? t("about {t}", { t: fmt.duration(draft.seconds) }) : null].filter(Boolean);
    const sentence = draft.needs ? draft.needs.title : t("{what}. You may close the page; training goes on.", { what: words.join(t(", ")) });
    const act = draft.needs ? button(draft.needs.action, () => Hone.go(draft.needs.tab), { primary: true }) : button(t("Start training"), actions.start, { primary: true, id: "train-start" });
    fill(parts.head, Hone.head({ title: draft.needs ? t("Not ready yet") : t("Ready to learn"), sentence, actions: [act] }));
    fill(parts.notice);
    fill(parts.live, h("section.card.train-empty", sketch(), h("h2", t("The curve will be drawn here")), h("p", t("Downward is good: the model is wrong less often. You also see a few of your own texts, and how its answers to them change."))));
  }

  const sketch = () => h("svg", { viewBox: "0 0 60 56", width: 60, height: 56, "aria-hidden": true },
    h("path", { d: "M6 2v48h50", fill: "none", stroke: "var(--h-line-strong)", "stroke-width": 2 }),
    h("path", { d: "M12 9c4 18 12 32 42 34", fill: "none", stroke: "var(--h-accent)", "stroke-width": 2.4, "stroke-dasharray": "3 5", "stroke-linecap": "round" }));

  /* ---------- what is happening ---------- */

  function happening(node, page, actions) {
    const notices = page.now.notices || [];
    const over = !["queued", "preparing", "running", "paused", "interrupted"].includes(page.now.state);
    const why = page.opened[page.id].why;
    const open = node.querySelector("details[open]");
    fill(node, [notices.length ? h("ul.train-notes", notices.map((n) => h("li", { class: n.tone }, h("i", { "aria-hidden": true }), h("div", h("b", n.title), h("span", n.body)),
      n.action ? button(n.action.title, () => actions.repair(n.action.set), { small: true }) : null)))
      : h("p.sub", over ? t("Nothing stood out.") : t("Nothing has stood out yet. Hone tells here when something does: progress, learning by heart, a label that is never chosen.")),
    why.length ? h("details.train-why", { open: Boolean(open) }, h("summary", t("Why these settings")), h("ul", why.map((sentence) => h("li", sentence)))) : null,
    followers(page.now.followers || [])]);
  }

  /* Other tools that read along: where their files lie, or why one does not. */
  function followers(found) {
    if (!found.length) return null;
    const said = (one) => one.message || (one.state === "done" ? t("has it all") : t("reads along"));
    return h("ul.train-followers", { "aria-label": t("Watched by others, too") }, found.map((one) => h("li", { class: one.state }, one.message ? null : h("b", one.title), h("span", said(one)), one.where ? h("code", one.where) : null)));
  }

  Hone.trainState = { show, ready, happening, STATES };
})();
