/* Train: the test that finds a step width (learning-rate range test), and the link to it beside the knob on the Settings tab. */
"use strict";
(() => {
  const { fill, button } = Hone;

  /* The knob of the step width with a way to find one. */
  Hone.rateField = (knob, api) => {
    const control = Hone.form.control(knob, api);
    control.node.append(button(t("Find it by a short test"), () => { Hone.store.set("search.shown", "new"); Hone.store.set("rates.wanted", true); Hone.goPart("train", "search"); }, { link: true, class: "ts-find" }));
    return control;
  };

  Hone.rateFinder = function (node, ctx) {
    let told = null, plot = null, poll = null, stamp = "";
    const graph = h("div.ts-plot", { hidden: true }), live = h("div"), act = h("div.acts");
    const card = Hone.card({ id: "ts-rates", title: t("Find the step width (learning rate)"), sub: t("About a hundred steps in which the step width rises from tiny to far too large. Where the loss falls fastest is a good width. Nothing of it is kept as a model."), body: [live, graph, act] });
    const atWork = () => told && told.job && ["waiting", "running"].includes(told.job.state);

    async function look() {
      told = await ctx.call("rates_look", {});
      const now = JSON.stringify(told);
      if (now !== stamp) { stamp = now; draw(); }
      return atWork() ? 1 : 10;
    }

    function draw() {
      const { found, job, fits } = told;
      graph.hidden = !found;
      if (atWork()) fill(live, Hone.progress({ text: job.note || t("Preparing …"), done: job.done, total: job.total, seconds_left: job.seconds_left, cancel: () => ctx.call("rates_cancel", { job: job.id }).then(() => poll.now()) }));
      else if (job && job.state === "failed") fill(live, Hone.notice({ tone: "warn", title: job.error.message, body: job.error.fix }));
      else fill(live, found && h("p.ts-sentence", { "aria-live": "polite" }, sentence(found)), found && !fits ? h("p.sub", t("Measured with another base, method or batch than on the Settings tab now.")) : null);
      if (found) drawPlot(found);
      const rate = found && found.reading.suggested;
      const same = found && Number(told.now) === rate;
      fill(act, found && !atWork() ? button(same ? t("{rate} is set", { rate: Hone.form.brief(rate) }) : t("Use {rate}", { rate: Hone.form.brief(rate) }), use, { disabled: same, id: "ts-use-rate" }) : null,
        atWork() ? null : button(found ? t("Test again") : t("Start the test"), start, { id: "ts-find-rate" }));
    }

    function sentence({ reading }) {
      const values = { rate: Hone.form.brief(reading.suggested), blown: reading.blown && Hone.form.brief(Number(reading.blown.toPrecision(1))) };
      if (!reading.falls) return reading.blown ? t("The loss hardly fell before it shot up at {blown}; {rate} is a tenth of that.", values) : t("The loss hardly fell; {rate} is a careful choice.", values);
      return reading.blown ? t("The loss falls well at {rate}, and shoots up at {blown}.", values) : t("The loss falls well at {rate}.", values);
    }

    function drawPlot(found) {
      const traces = () => {
        const accent = Hone.colourOf("accent"), grey = Hone.colourOf("line-strong");
        const hover = t("step width") + " %{x:.2g} · " + t("loss") + " %{y:.3f}<extra></extra>";
        const at = found.rates.reduce((best, rate, i) => (Math.abs(Math.log(rate / found.reading.suggested)) < Math.abs(Math.log(found.rates[best] / found.reading.suggested)) ? i : best), 0);
        return [
          { type: "scatter", mode: "lines", x: found.rates, y: found.losses, line: { color: Hone.faded(grey, 0.45), width: 1 }, hoverinfo: "skip" },
          { type: "scatter", mode: "lines", x: found.rates, y: found.smooth, line: { color: accent, width: 2.6 }, hovertemplate: hover },
          { type: "scatter", mode: "markers", x: [found.rates[at]], y: [found.smooth[at]], marker: { color: accent, size: 12, symbol: "diamond" }, hoverinfo: "skip" },
        ];
      };
      const low = Math.min(...found.smooth.filter((x) => x !== null)), start = found.smooth[Math.min(10, found.smooth.length - 1)];
      const top = Math.max(start, low) * 1.6;
      const layout = () => ({ xaxis: { title: t("step width"), type: "log", dtick: 1, exponentformat: "e" }, yaxis: { title: t("loss"), range: [Math.max(0, low - 0.15 * (top - low)), top] } });
      const table = { columns: [{ title: t("step width"), class: "r", cell: (i) => Hone.form.brief(Number(found.rates[i].toPrecision(2))) }, { title: t("loss"), class: "r", cell: (i) => Hone.fmt.fixed(found.smooth[i]) }], rows: () => found.rates.map((_, i) => i).filter((i) => i % 5 === 0) };
      if (!plot) plot = Hone.plot(graph, traces, layout, { table, say: () => sentence(found) });
      else plot.update(traces, layout);
    }

    async function start() {
      await ctx.call("rates_start", {}).catch(Hone.toast);
      return poll.now();
    }

    async function use() {
      const rate = told.found.reading.suggested;
      await ctx.call("rates_use", { rate });
      Hone.bus.emit("settings");
      Hone.toast(t("The step width {rate} is on the Settings tab.", { rate: Hone.form.brief(rate) }), { action: { title: t("Go to settings"), onpick: () => Hone.go("settings") } });
      return poll.now();
    }

    return {
      now: () => poll && poll.now(),
      offer(yes) {
        fill(node, yes ? card : null);
        if (yes) poll = poll || Hone.poll(look, 2, node);
        if (yes && Hone.store.get("rates.wanted")) { Hone.store.set("rates.wanted", null); setTimeout(() => card.scrollIntoView({ block: "start" }), 100); }
      },
    };
  };
})();
