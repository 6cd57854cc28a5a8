/* The curves of runs: what a page knows of each (a track, fed by deltas), and the two plots drawn from tracks.
   Knows nothing of the server: `track.take(delta)` gets the answer of the call "follow". */
(() => {
  "use strict";
  const NAMES = { lora: "LoRA", rslora: "rsLoRA", dora: "DoRA", adalora: "AdaLoRA", vera: "VeRA", loha: "LoHa", lokr: "LoKr", oft: "OFT", ia3: "(IA)³", qlora: "QLoRA", bitfit: "BitFit", layernorm: "LayerNorm", lpft: "LP-FT", ptuning: "P-tuning" };
  const { h } = Hone;
  const SPAN = 12; // points over which the learning curve is smoothed, fewer at the beginning
  const OTHERS = [{ colour: "l6", dash: "dash" }, { colour: "l4", dash: "dot" }, { colour: "l3", dash: "dashdot" }];

  /** All a page knows of one run's curves. `take` adds a delta and says what changed: "nothing", "points" or "all". */
  Hone.track = (run) => {
    const track = { run, name: "", ...nothing() };

    function nothing() {
      return { generation: "", seen_points: 0, seen_checks: 0, step: [], epoch: [], loss: [], smooth: [], learning_rate: [], grad_norm: [], checks: [], phases: [], before: null, best_step: null, mean: 0, count: 0 };
    }

    function add(points) {
      for (let i = 0; i < points.step.length; i += 1) {
        if (begins(points.step[i])) gap(points.step[i]);
        const loss = points.loss[i];
        if (loss !== null) {
          const share = Math.max(1 / SPAN, 3 / (track.count + 3));
          track.mean = track.count ? track.mean + (loss - track.mean) * share : loss;
          track.count += 1;
        }
        for (const name of ["step", "epoch", "loss", "learning_rate", "grad_norm"]) track[name].push(points[name][i]);
        track.smooth.push(track.count ? track.mean : null);
      }
    }

    /** Whether a phase lies between the last point and this one: what was smoothed before says nothing about it. */
    function begins(step) {
      const last = track.step.length ? track.step[track.step.length - 1] : -1;
      return last >= 0 && track.phases.some((phase) => phase.first_step >= last && phase.first_step < step);
    }

    /** A place where the line is lifted. */
    function gap(step) {
      track.count = 0;
      track.step.push(step);
      for (const name of ["epoch", "loss", "learning_rate", "grad_norm", "smooth"]) track[name].push(null);
    }

    track.take = (delta) => {
      const phases = delta.phases || [];
      const moved = delta.reset || delta.checks.length > 0 || delta.best_step !== track.best_step || phases.length !== track.phases.length;
      if (delta.reset) Object.assign(track, nothing());
      const before = track.step.length, rounds = roundLines(track).length;
      track.phases = phases;
      add(delta.points);
      for (const check of delta.checks) {
        // a moment may be asked again at the same step (the chosen last layer is): the later answer counts
        if (track.checks.length && track.checks[track.checks.length - 1].step === check.step) track.checks.pop();
        track.checks.push(check);
      }
      Object.assign(track, { generation: delta.generation, seen_points: delta.seen_points, seen_checks: delta.seen_checks, before: delta.before, best_step: delta.best_step, fresh: before });
      if (moved || roundLines(track).length !== rounds) return "all";
      return track.step.length > before ? "points" : "nothing";
    };
    return track;
  };

  /** The steps at which a round ended, as far as the run has come. */
  function roundLines(track) {
    const last = track.step.length ? track.step[track.step.length - 1] : 0;
    const lines = [];
    for (const phase of track.phases) {
      if (!(phase.steps_per_epoch > 1) || phase.method === "head") continue;
      for (let n = 1; n * phase.steps_per_epoch < phase.steps; n += 1) {
        const step = phase.first_step + n * phase.steps_per_epoch;
        if (step > last) return lines;
        lines.push(step);
      }
    }
    return lines.length > 60 ? [] : lines;
  }

  const value = (check, name) => (check.scores[name] === undefined ? null : check.scores[name]);
  const known = (values) => values.filter((v) => typeof v === "number" && Number.isFinite(v));
  const best = (track) => track.checks.filter((c) => c.best).slice(-1)[0] || null;
  const short = (x) => (x === null || x === undefined ? "–" : Math.abs(x) < 0.001 && x !== 0 ? x.toExponential(1).replace(".0e", "e") : x.toFixed(3));

  function axes(track, y, log) {
    return {
      hovermode: "x unified",
      xaxis: { title: t("step"), rangemode: "tozero", unifiedhovertitle: { text: t("step") + " %{x}" } },
      yaxis: { ...y, ...(log ? { type: "log" } : {}) },
      shapes: [...roundLines(track).map((x) => upright(x, "line-strong", "dot")), ...parts(track).slice(1).map((part) => upright(part.first_step, "line-strong", "solid"))],
      annotations: roomy(track).map((part) => ({ x: part.first_step, y: 1, yref: "paper", xanchor: "left", yanchor: "top", xshift: 4, showarrow: false, text: partName(part, track), font: { size: 11, color: Hone.colourOf("ink3") }, bgcolor: Hone.faded(Hone.colourOf("surface"), 0.8) })),
    };
  }

  const upright = (x, colour, dash) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below", line: { color: Hone.colourOf(colour), width: 1, dash } });

  /** The phases, where there are several: each has its own course, so the plot says where one begins. */
  const parts = (track) => (track.phases.length > 1 ? track.phases : []);

  /** Those wide enough for their name. */
  function roomy(track) {
    const all = parts(track), end = Math.max(last(track.step) || 0, track.checks.length ? last(track.checks).step : 0);
    return all.filter((part, i) => ((i + 1 < all.length ? all[i + 1].first_step : end) - part.first_step) / (end || 1) > 0.14);
  }

  function partName(part, track) {
    const alike = track.phases.filter((p) => p.method === part.method).length > 1;
    if (alike && part.learning_rate) return short(part.learning_rate);
    const told = { head: t("last layer"), headsteps: t("in steps"), full: t("whole model"), top: t("upper layers"), contrastive: t("comparing"), adapter: t("layers between"), prompt: t("words in front"), prefix: t("words in front") };
    return told[part.method] || NAMES[part.method] || part.method;
  }

  const line = (name, x, y, more) => ({ type: "scatter", mode: "lines", name, x: x.slice(), y: y.slice(), hovertemplate: name + " %{y:.3f}<extra></extra>", ...more });
  const safe = (name) => name.replace(/[<>&]/g, " "); // plotly reads a little HTML in names

  function checksLine(name, track, score, more) {
    return line(name, track.checks.map((c) => c.step), track.checks.map((c) => value(c, score)), { mode: "lines+markers", connectgaps: true, ...more });
  }

  function diamond(track, score) {
    const check = best(track);
    const there = check && value(check, score) !== null;
    return line(t("best"), there ? [check.step] : [], there ? [value(check, score)] : [], {
      mode: "markers", marker: { symbol: "diamond", size: 12, color: Hone.colourOf("ink2"), line: { color: Hone.colourOf("surface"), width: 1.5 } }, hoverinfo: "skip", hovertemplate: null,
    });
  }

  function others(tracks, score, points) {
    return tracks.slice(0, OTHERS.length).map((track, i) => {
      const look = { line: { color: Hone.colourOf(OTHERS[i].colour), width: 2, dash: OTHERS[i].dash }, marker: { size: 5, color: Hone.colourOf(OTHERS[i].colour) } };
      return score && track.checks.some((c) => value(c, score) !== null) ? checksLine(safe(track.name), track, score, look) : line(safe(track.name), track.step, points(track), look);
    });
  }

  /** How wrong it still is: learning raw and smoothed, validation, the best moment, rounds, other runs. */
  Hone.lossPlot = (node) => curvePlot(node, {
    traces: (track, more) => [
      line(t("each step"), track.step, track.loss, { line: { color: Hone.faded(Hone.colourOf("ink3"), 0.45), width: 1 }, hoverinfo: "skip", hovertemplate: null }),
      line(t("learning"), track.step, track.smooth, { mode: track.step.length < 2 ? "markers" : "lines", line: { color: Hone.colourOf("ink3"), width: 2.2 }, marker: { color: Hone.colourOf("ink3"), size: 6 } }),
      checksLine(t("validation"), track, "loss", { line: { color: Hone.colourOf("accent"), width: 2.6 }, marker: { color: Hone.colourOf("accent"), size: 7 } }),
      diamond(track, "loss"),
      ...others(more, "loss", (other) => other.smooth),
    ],
    grow: (track, from) => ({ points: { x: [track.step.slice(from), track.step.slice(from)], y: [track.loss.slice(from), track.smooth.slice(from)] }, indices: [0, 1] }),
    layout: (track, more) => axes(track, { rangemode: "tozero" }, wide([track, ...more])),
    say: (track) => (track.checks.length
      ? t("Loss over steps. At step {s} learning {a}, validation {b}; best {c} at step {d}.", { s: last(track.step) ?? last(track.checks).step, a: short(last(track.smooth)), b: short(value(last(track.checks), "loss")), c: short(best(track) ? value(best(track), "loss") : null), d: best(track) ? best(track).step : "–" })
      : t("Loss over steps. At step {s} learning {a}.", { s: last(track.step) ?? 0, a: short(last(track.smooth)) })),
    table: {
      columns: [{ title: t("step"), class: "r", cell: (r) => r.step }, { title: t("round"), class: "r", cell: (r) => short(r.epoch) }, { title: t("learning"), class: "r", cell: (r) => short(r.loss) }, { title: t("validation"), class: "r", cell: (r) => short(r.validation) }],
      rows: (track) => (track.checks.length ? track.checks.map((c) => ({ step: c.step, epoch: c.epoch, loss: at(track, c.step), validation: value(c, "loss") })) : few(track).map((i) => ({ step: track.step[i], epoch: track.epoch[i], loss: track.smooth[i], validation: null }))),
    },
  });

  /** The smaller plot: a score at each check, or what the steps were like. */
  Hone.scorePlot = (node, which, title) => curvePlot(node, {
    traces: (track, more) => (isScore(which())
      ? [
        checksLine(t("validation"), track, which(), { line: { color: Hone.colourOf("accent"), width: 2.6 }, marker: { color: Hone.colourOf("accent"), size: 7 } }),
        diamond(track, which()),
        ...beforeLine(track, which()),
        ...others(more, which(), () => []),
      ]
      : [line(" ", track.step, track[which()], { mode: track.step.length < 2 ? "markers" : "lines", line: { color: Hone.colourOf("accent"), width: 2.2 }, hovertemplate: "%{y:.3g}<extra></extra>" }), ...others(more, null, (other) => other[which()])]),
    grow: (track, from) => (isScore(which()) ? null : { points: { x: [track.step.slice(from)], y: [track[which()].slice(from)] }, indices: [0] }),
    layout: (track) => axes(track, isScore(which()) ? { rangemode: "normal", tickformat: ".2~f" } : { rangemode: "tozero", exponentformat: "e", tickformat: which() === "learning_rate" ? ".1~e" : "" }, false),
    say: (track) => (isScore(which())
      ? t("{measure}, on validation, at each check: now {a}, best {b}.", { measure: title(), a: short(last(track.checks) ? value(last(track.checks), which()) : null), b: short(best(track) ? value(best(track), which()) : null) })
      : t("At step {s}: {a}.", { s: last(track.step) ?? 0, a: short(last(track[which()])) })),
    table: {
      columns: [{ title: t("step"), class: "r", cell: (r) => r.step }, { title: t("value"), class: "r", cell: (r) => short(r.value) }],
      rows: (track) => (isScore(which()) ? track.checks.map((c) => ({ step: c.step, value: value(c, which()) })) : few(track).map((i) => ({ step: track.step[i], value: track[which()][i] }))),
    },
  });

  const last = (list) => list[list.length - 1];
  const isScore = (name) => name !== "learning_rate" && name !== "grad_norm";
  const few = (track) => track.step.map((_, i) => i).filter((i) => i % Math.ceil(track.step.length / 60 || 1) === 0);

  function at(track, step) {
    let found = null;
    for (let i = 0; i < track.step.length && track.step[i] <= step; i += 1) found = track.smooth[i] ?? found;
    return found;
  }

  function beforeLine(track, score) {
    if (!track.before || track.before[score] === undefined || !track.checks.length) return [];
    const end = Math.max(last(track.step) || 0, last(track.checks).step);
    return [line(t("before tuning"), [0, end], [track.before[score], track.before[score]], { line: { color: Hone.colourOf("l2"), width: 2, dash: "dash" } })];
  }

  /** A loss that falls by more than a hundredfold is read better on a logarithmic axis. */
  function wide(tracks) {
    const all = known(tracks.flatMap((track) => [...track.smooth, ...track.checks.map((c) => value(c, "loss"))]));
    const low = Math.min(...all), high = Math.max(...all);
    return all.length > 3 && low > 0 && high / low > 100;
  }

  /** A plot that follows one track and lies others over it. `show(track, more, what)`: what is "points" when only steps were added. */
  function curvePlot(node, drawing) {
    let track = Hone.track(""), more = [], log = false;
    const traces = () => drawing.traces(track, more);
    const layout = () => drawing.layout(track, more);
    const plot = Hone.plot(node, traces, layout, { table: { columns: drawing.table.columns, rows: () => drawing.table.rows(track) }, say: () => drawing.say(track) });
    return {
      node,
      show(nextTrack, nextMore, what) {
        const same = nextTrack === track && nextMore.length === more.length && nextMore.every((m, i) => m === more[i]);
        track = nextTrack;
        more = nextMore;
        if (what === "nothing" && same) return;
        const growth = what === "points" && same && track.fresh > 1 && log === wide([track]) && drawing.grow(track, track.fresh);
        log = wide([track]);
        if (growth === null && what === "points") return;
        if (!growth || !plot.extend(growth.points, growth.indices, 4000)) plot.update(traces, layout);
      },
    };
  }

  /** The words that stand for the curves, in the head of the card. */
  Hone.curveLegend = (tracks, before) => h("div.legend", 
    tracks.length && [key("ink3", t("learning")), key("accent", t("validation"), "dots"), h("span", h("i.diamond", { "aria-hidden": true }), t("best"))],
    before && key("l2", t("before tuning"), "dash"),
    tracks.slice(1, 1 + OTHERS.length).map((track, i) => key(OTHERS[i].colour, track.name, OTHERS[i].dash)));
  const key = (colour, name, look = "") => h("span", h("i", { class: look, style: { color: `var(--h-${colour})` }, "aria-hidden": true }), name);
})();
