/* Train: a search as it is now: what it has found, every trial's score, which settings mattered, all trials side by side. It lives on the server;
   this page may come and go, and several may look at it. */
"use strict";
(() => {
  const { fill, button, fmt } = Hone;
  const SECONDS = 2;
  const STATES = {
    queued: () => t("in line"), preparing: () => t("preparing"), running: () => t("at work"), paused: () => t("paused"), interrupted: () => t("interrupted"),
    finished: () => t("finished"), pruned: () => t("stopped early"), failed: () => t("failed"), lost: () => t("lost, tried again"),
  };

  Hone.searchView = function (node, ctx, { id, studies, choose, again }) {
    const live = { head: h("div"), notice: h("div"), sentence: h("p.ts-sentence", { "aria-live": "polite" }), progress: Hone.progress({}), history: h("div.ts-plot"), bars: h("div.ts-bars"), side: h("div.ts-side"), lines: h("div.ts-lines"), table: h("div") };
    let told = null, stamp = "", history = null, lines = null, closed = false;
    fill(node, live.head,
      Hone.card({ body: [live.sentence, live.progress] }), live.notice,
      h("div.ts-two", Hone.card({ title: t("Score of every trial"), sub: t("Dots: finished. Rings: stopped early, at their last check. The line is the best so far."), body: live.history }),
        Hone.card({ title: t("Which settings mattered"), sub: t("How much the good trials differ from all in each setting (PED-ANOVA)."), body: live.bars })),
      Hone.card({ title: t("All trials side by side"), sub: t("Each line is a trial; drag along an axis to pick some. The better, the stronger the colour."), body: live.lines }),
      Hone.card({ title: t("Trials"), body: live.table }));

    const score = (value) => (value === null || value === undefined ? "–" : told.share ? (100 * value).toFixed(1) + " %" : Hone.fmt.number(value, 4));
    const call = (name, more = {}) => ctx.call(name, { study: id, ...more });

    async function look() {
      if (closed) return SECONDS;
      told = await call("search_look");
      if (closed) return SECONDS;
      const now = JSON.stringify(told);
      if (now !== stamp) { stamp = now; draw(); }
      return told.state === "open" || told.busy ? SECONDS : told.comparing && ["waiting", "running"].includes(told.comparing.state) ? 1 : 10;
    }

    function draw() {
      drawHead();
      const { budget } = told;
      const ended = budget.finished + budget.pruned + budget.failed;
      live.sentence.textContent = told.sentence;
      const parts = [t("{n} of {m} trials", { n: ended, m: budget.trials })];
      if (budget.pruned) parts.push(t.plural(budget.pruned, "{n} stopped early", "{n} stopped early"));
      if (budget.failed) parts.push(t.plural(budget.failed, "{n} failed", "{n} failed"));
      parts.push(t("{t} of training", { t: fmt.seconds(budget.seconds) }));
      live.progress.update({ done: ended, total: budget.trials, text: parts.join(" · "), seconds_left: left(ended) });
      drawNotice();
      drawHistory();
      drawBars();
      drawLines();
      drawTable();
    }

    /** Seconds to the last trial, at the pace so far. */
    function left(ended) {
      if (told.state !== "open" || !ended) return null;
      return Math.max(0, (told.budget.seconds / Math.max(1, ended)) * (told.budget.trials - ended));
    }

    function drawHead() {
      const acts = [];
      const better = told.best !== null && told.best !== told.default;
      if (told.state === "open") acts.push(button(t("Stop"), stop, { id: "ts-stop" }));
      else if (told.state === "stopped" && !told.busy) acts.push(button(t("Continue"), () => call("several_control", { word: "continue" }).then(now), { id: "ts-go-on", primary: !better }));
      acts.push(button(t("New search"), () => { Hone.store.set("search.shown", "new"); again(); }));
      if (better) acts.push(button(t("Use these settings"), use, { primary: told.state !== "open", id: "ts-use" }));
      const menu = button("⋯", () => Hone.menu(menu, [...studies.filter((one) => one.id !== id).slice(0, 8).map((one) => ({ title: one.name, sub: Hone.trainRuns.when(one.created), onpick: () => choose(one.id) })), "-", { title: t("Delete"), danger: true, onpick: remove }]), { "aria-label": t("More"), "aria-haspopup": "menu" });
      const states = { open: t("The search goes on, also when this page is closed."), stopped: told.busy ? t("Stopped: the trial at work goes to its end.") : t("Stopped. Nothing is lost; it can go on."), over: t("The search is over.") };
      fill(live.head, Hone.head({ title: told.name, sentence: states[told.state], actions: [...acts, menu] }));
    }

    function drawNotice() {
      const job = told.comparing;
      if (told.failure) return fill(live.notice, Hone.notice({ tone: "bad", title: told.failure.message, body: told.failure.fix }));
      if (job && ["waiting", "running"].includes(job.state)) return fill(live.notice, Hone.notice({ title: t("Best and default answer the same texts once more, to see whether the difference is more than chance."), body: Hone.progress({ done: job.done, total: job.total, seconds_left: job.seconds_left }) }));
      if (job && job.state === "failed") return fill(live.notice, Hone.notice({ tone: "warn", title: job.error.message, body: job.error.fix }));
      return fill(live.notice, told.compared && comparison());
    }

    /** Best against default: the difference with its range, on validation and on the final test. */
    function comparison() {
      const row = (name, part) => part && h("li", t("{name}: {a} against {b} on {n:,} texts.", { name, a: score(part.best), b: score(part.default), n: part.texts }), " ", range(part));
      const range = (part) => {
        const points = (x) => (x > 0 ? "+" : "") + (told.share ? (100 * x).toFixed(1) : Hone.fmt.number(x, 4));
        if (part.low === null) return null;
        return h("span.sub", t("Difference {d}; with other texts between {a} and {b}.", { d: points(part.difference), a: points(part.low), b: points(part.high) }));
      };
      return Hone.card({ title: t("Best against the settings as they were"), sub: t("The search chose its best on the validation texts, so they flatter it; the final test does not."), body: h("ul.ts-compared", row(t("Validation"), told.compared.validation), row(t("Final test"), told.compared.test)) });
    }

    /* ---------- plots ---------- */

    function drawHistory() {
      const traces = () => {
        const accent = Hone.colourOf("accent"), grey = Hone.colourOf("line-strong"), hover = "%{text}<extra></extra>";
        const of = (state) => told.trials.filter((one) => one.state === state && one.score !== null);
        const text = (one) => t("trial {n}", { n: one.number }) + " · " + score(one.score);
        const best = [];
        for (const one of of("finished")) best.push({ x: one.number, y: best.length ? (told.lower ? Math.min : Math.max)(best[best.length - 1].y, one.score) : one.score });
        const last = told.trials.length ? told.trials[told.trials.length - 1].number : 0;
        if (best.length && best[best.length - 1].x < last) best.push({ x: last, y: best[best.length - 1].y });
        const dots = (state, marker) => ({ type: "scatter", mode: "markers", x: of(state).map((o) => o.number), y: of(state).map((o) => o.score), text: of(state).map(text), hovertemplate: hover, marker });
        return [
          { type: "scatter", mode: "lines", x: best.map((b) => b.x), y: best.map((b) => b.y), line: { color: accent, width: 2.2, shape: "hv" }, hoverinfo: "skip" },
          dots("finished", { color: accent, size: 10 }),
          dots("pruned", { color: "rgba(0,0,0,0)", size: 10, line: { color: grey, width: 2 } }),
        ];
      };
      const heights = told.trials.map((one) => one.score).filter((score) => score !== null && score !== undefined);
      const level = heights.length && Math.max(...heights) - Math.min(...heights) < 1e-9 ? heights[0] : null; // one height alone: a scale around it
      const around = level === null ? undefined : told.share ? [Math.max(0, level - 0.1), Math.min(1.01, level + 0.1)] : [level - 0.1 * Math.abs(level) - 1e-6, level + 0.1 * Math.abs(level) + 1e-6];
      const layout = () => ({ xaxis: { title: t("trial"), dtick: told.trials.length > 12 ? undefined : 1, range: [-0.5, Math.max(told.budget.trials, told.trials.length) - 0.5] }, yaxis: { title: told.measure, tickformat: told.share ? ".0%" : undefined, range: around } });
      const say = () => t("Scores of {n} trials; the best is {a}.", { n: told.trials.length, a: score((told.trials.find((o) => o.number === told.best) || {}).score) });
      if (!history) history = Hone.plot(live.history, traces, layout, { say });
      else history.update(traces, layout);
    }

    function drawBars() {
      if (!told.importance.length) return fill(live.bars, h("p.sub", t("Known after six trials with a score.")));
      const titles = Object.fromEntries(told.ranges.map((range) => [range.name, range.title]));
      return fill(live.bars, h("ul", told.importance.map((one) => h("li", h("span", titles[one.name]), h("i", { "aria-hidden": true }, h("b", { style: { width: (100 * one.share).toFixed(1) + "%" } })), h("span.num", Math.round(100 * one.share) + " %")))));
    }

    function drawLines() {
      const scored = told.trials.filter((one) => one.score !== null && told.ranges.every((range) => one.values[range.name] !== null && one.values[range.name] !== undefined));
      if (scored.length < 2) { live.lines.hidden = true; return; }
      live.lines.hidden = false;
      const traces = () => {
        const scores = scored.map((one) => one.score);
        const axis = (range) => {
          const values = scored.map((one) => one.values[range.name]);
          if (range.kind === "choice") return { label: short(range), values: values.map((v) => range.choices.indexOf(v)), tickvals: range.choices.map((_, i) => i), ticktext: range.choices.map((c) => range.titles[c] || c), range: [0, range.choices.length - 1] };
          if (!range.log) return { label: short(range), values, range: [Math.min(range.low, ...values), Math.max(range.high, ...values)] };
          const ticks = [range.low, Math.sqrt(range.low * range.high), range.high];
          return { label: short(range), values: values.map(Math.log10), tickvals: ticks.map(Math.log10), ticktext: ticks.map((x) => Hone.form.brief(Number(x.toPrecision(2)))), range: [Math.log10(Math.min(range.low, ...values)), Math.log10(Math.max(range.high, ...values))] };
        };
        const scale = [[0, Hone.colourOf("line")], [1, Hone.colourOf("accent")]];
        const ink = Hone.colourOf("ink2");
        return [{ type: "parcoords", line: { color: scores, colorscale: told.lower ? scale.map(([at], i) => [at, scale[1 - i][1]]) : scale, cmin: Math.min(...scores), cmax: Math.max(...scores) },
          labelfont: { color: ink, size: 12 }, tickfont: { color: ink, size: 11 }, rangefont: { color: "rgba(0,0,0,0)", size: 1 },
          dimensions: [...told.ranges.map(axis), { label: told.measure, values: scores, tickformat: told.share ? ".1%" : undefined }] }];
      };
      const layout = () => ({ margin: { l: 56, r: 84, t: 44, b: 20 } });
      live.lines.style.setProperty("--axes", told.ranges.length + 1);
      const say = () => t("{n} trials, each a line through its settings and its score; the same figures stand in the table below.", { n: scored.length });
      const inner = live.lines.firstElementChild || live.lines.appendChild(h("div.ts-parcoords"));
      if (!lines) lines = Hone.plot(inner, traces, layout, { say });
      else lines.update(traces, layout);
    }

    const short = (range) => range.term || range.title;

    /* ---------- the table ---------- */

    function drawTable() {
      const shown = (range, one) => { const v = one.values[range.name]; return v === null || v === undefined ? "–" : range.titles[v] || Hone.form.brief(typeof v === "number" ? Number(v.toPrecision(3)) : v); };
      const state = (one) => h("span", (STATES[one.state] || STATES.running)(), one.state === "running" && one.share !== null ? ` ${Math.round(100 * one.share)} %` : "", one.failure ? h("small.sub", one.failure) : null);
      const columns = [
        { title: t("Trial"), cell: (one) => h("span", one.number === told.best ? h("b", "★ ", String(one.number)) : String(one.number), one.default ? h("small.ts-tag", t("as it was")) : null) },
        { title: t("State"), class: "ts-state", cell: state },
        { title: told.measure, class: "r", cell: (one) => h("span", { class: one.state === "pruned" ? "sub" : null }, score(one.score)) },
        ...told.ranges.map((range) => ({ title: range.title, class: "r", cell: (one) => shown(range, one) })),
        { title: t("time"), class: "r", cell: (one) => fmt.seconds(one.seconds) },
        { title: h("span.sr", t("More")), class: "r", cell: (one) => (one.run ? button(t("Show"), () => { Hone.store.set("run:started", one.run); Hone.goPart("train", "one"); }, { link: true, "aria-label": t("Show trial {n}", { n: one.number }) }) : one.elsewhere ? h("small.sub", t("elsewhere")) : null) },
      ];
      fill(live.table, Hone.table({ columns, rows: [...told.trials].reverse(), caption: t("Trials"), empty: t("The first trial starts in a moment.") }),
        told.budget.pruned ? h("p.sub.ts-note", t("A trial that is stopped early did worse at a check than half of the finished ones did at theirs. Its time goes to other settings; its score is that of its last check.")) : null);
    }

    /* ---------- acts ---------- */

    async function stop() {
      const at = told.trials.some((one) => ["running", "preparing", "queued"].includes(one.state));
      const yes = await Hone.ask({ title: t("Stop the search?"), body: at ? t("The trial at work goes to its end; no other follows. You can continue later.") : t("No other trial follows. You can continue later."), yes: t("Stop") });
      if (yes) await call("several_control", { word: "stop" }).then(now).catch(Hone.toast);
    }

    async function use() {
      await call("search_use");
      Hone.bus.emit("settings");
      Hone.toast(t("The settings of trial {n} are on the Settings tab.", { n: told.best }), { action: { title: t("Go to settings"), onpick: () => Hone.go("settings") } });
    }

    async function remove() {
      const yes = await Hone.ask({ title: t("Delete this search?"), body: t("Its table is removed; its trainings stay in the list of runs."), yes: t("Delete"), danger: true });
      if (!yes) return;
      await call("several_delete").then(() => { Hone.store.set("search.shown", null); return again(); }).catch(Hone.toast);
    }

    const poll = Hone.poll(() => look().catch((error) => { if (error.kind === "Missing") { closed = true; Hone.store.set("search.shown", null); again(); return; } throw error; }), SECONDS, node);
    const now = () => poll.now();
    return { now, close() { closed = true; poll.stop(); if (history) history.purge(); if (lines) lines.purge(); } };
  };
})();
