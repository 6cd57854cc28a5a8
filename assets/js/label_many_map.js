/* Many at once, on a map: a dot a text, what is alike side by side. An area drawn around dots, or a click on one, picks them. Also follows the job
   that reads the texts, draws the map and looks for groups (Hone.manySurvey), which the list of groups shows too.
   Texts are asked for one by one as the pointer comes to a dot, and only ever shown as text. */
"use strict";
(() => {
  const DRAWN = 20000; // dots; of more every second, third ... is drawn, and an area still picks all that lie in it
  const STARTS = 2000; // texts of which the map is drawn without being asked for
  const SHAPES = ["circle", "square", "diamond", "cross", "x", "triangle-up", "star", "hexagon", "pentagon"];
  const MODES = () => [{ value: "lasso", title: t("Draw around") }, { value: "select", title: t("Box") }, { value: "zoom", title: t("Zoom in") }, { value: "pan", title: t("Move") }];

  Hone.manyWay("map", { title: () => t("Map"), place: 1, when: (state) => state.vectors, make: (me) => mapView(me) });

  function mapView(me) {
    const view = { me, data: null, mode: "lasso", guesses: true, node: h("div.stack.ma-map") };
    view.say = () => t("Draw around dots that lie together, or click one. Without a mouse, Groups and Search pick the same texts.");
    view.shown = () => shown(view);
    view.labelled = (visible) => { view.stale = true; if (visible) load(view); };
    view.letGo = () => mark(view, []);
    view.survey = Hone.manySurvey(me);
    view.survey.heard.add(() => view.node.isConnected && arrived(view));
    return view;
  }

  async function shown(view) {
    if (!view.data || view.stale) await load(view);
    if (!view.data && !view.survey.job) await view.survey.resume();
    if (!view.data && !view.survey.job && count(view.me) <= STARTS) view.survey.begin();
    draw(view);
  }

  const count = (me) => me.state.counts.labelled + me.state.counts.unlabelled;

  async function arrived(view) {
    const { job } = view.survey;
    if (!job || !view.data || !view.data.final) await load(view);
    else draw(view);
  }

  async function load(view) {
    const found = await view.me.call("many_map", {}).catch((error) => { view.trouble = error; return null; });
    view.stale = false;
    if (found) {
      const at = unpacked(found.at, Uint16Array);
      const xs = new Float32Array(found.n), ys = new Float32Array(found.n);
      for (let i = 0; i < found.n; i += 1) { xs[i] = at[2 * i]; ys[i] = at[2 * i + 1]; }
      view.data = { ...found, places: unpacked(found.places, Int32Array), label: unpacked(found.label, Int16Array), guess: unpacked(found.guess, Int16Array), xs, ys, marked: view.data ? view.data.marked : [] };
    }
    if (view.node.isConnected) draw(view);
  }

  function unpacked(text, Kind) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
    return new Kind(bytes.buffer);
  }

  function packed(places) {
    const bytes = new Uint8Array(Int32Array.from(places).buffer);
    let raw = "";
    for (let i = 0; i < bytes.length; i += 8192) raw += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(raw);
  }

  // ---------- what is seen ----------

  function draw(view) {
    const { me, data, survey } = view;
    const parts = [survey.node()];
    if (view.trouble) parts.push(Hone.notice({ error: view.trouble }));
    if (!data) {
      if (!survey.job) parts.push(Hone.empty({ title: t("There is no map yet"), body: t("A small model reads every text once and puts those that are alike side by side. {n:,} texts take a few minutes; you can go on working meanwhile.", { n: count(me) }), actions: [Hone.button(t("Draw the map"), () => survey.begin())] }));
      return Hone.fill(view.node, parts);
    }
    if (!view.card) build(view);
    fillUnder(view);
    Hone.fill(view.node, [...parts, view.card]);
    redraw(view);
  }

  function build(view) {
    view.plotNode = h("div.ma-plot");
    view.tip = h("div.ma-tip", { hidden: true });
    view.modes = Hone.choice({ options: MODES(), value: view.mode, label: t("What drawing on the map does"), onchange: (mode) => { view.mode = mode; redraw(view); } });
    view.under = h("div.ma-legend");
    view.card = h("section.card.ma-card", h("div.ma-tools", view.modes, Hone.button(t("Show all"), () => all(view), { small: true })), h("div.ma-canvas", view.plotNode, view.tip), view.under);
  }

  function fillUnder(view) {
    const { me, data } = view;
    const counts = new Map();
    for (const label of data.label) counts.set(label, (counts.get(label) || 0) + 1);
    const legend = [...counts].filter(([label]) => label >= 0).sort((a, b) => b[1] - a[1]).slice(0, 12).map(([label, n]) => h("span", Hone.chip(me.state.labels[label] || { name: "?", colour: 7 }), " ", h("span.num", Hone.fmt.number(n))));
    const others = counts.size - (counts.has(-1) ? 1 : 0) - legend.length;
    const guessed = data.guess.some((label) => label >= 0);
    const every = step(data);
    const words = [
      every > 1 ? t("{m:,} of {n:,} texts are drawn. An area picks all that lie in it, drawn or not.", { m: Math.ceil(data.n / every), n: data.n }) : null,
      data.missing ? t.plural(data.missing, "{n:,} text came later and is not on the map.", "{n:,} texts came later and are not on the map.") : null,
    ].filter(Boolean);
    Hone.fill(view.under,
      h("p.ma-key", legend, others > 0 ? h("span.sub", t.plural(others, "and {n} label more", "and {n} labels more")) : null, counts.get(-1) ? h("span.chip.none", h("i.ma-open", { "aria-hidden": true }), h("span", t("without a label")), " ", h("span.num", Hone.fmt.number(counts.get(-1)))) : null),
      guessed ? h("label.ma-tick", h("input", { type: "checkbox", checked: view.guesses, "data-key": "guesses", onchange: (event) => { view.guesses = event.target.checked; redraw(view); } }), h("span", t("Show what rules guessed, as rings"))) : null,
      words.length ? h("p.sub", words.join(" ")) : null,
      data.missing && !view.survey.job ? Hone.button(t("Draw the map anew"), () => view.survey.begin(), { small: true }) : null);
  }

  const step = (data) => Math.max(1, Math.ceil(data.n / DRAWN));

  function redraw(view) {
    if (!view.plot) {
      view.plot = Hone.plot(view.plotNode, () => traces(view), () => layout(view), { say: () => t("A map of {n:,} texts. Texts that are alike lie side by side. Groups lists the same as words.", { n: view.data.n }) });
      hook(view);
    } else view.plot.update(() => traces(view), () => layout(view));
  }

  const layout = (view) => ({
    dragmode: view.mode, hovermode: "closest", selections: [], margin: { l: 8, r: 8, t: 8, b: 8 },
    newselection: { line: { color: Hone.colourOf("accent"), width: 2, dash: "solid" } },
    xaxis: { visible: false, range: reach(view.data.xs) }, yaxis: { visible: false, scaleanchor: "x", range: reach(view.data.ys) },
  });

  /* From the first dot to the last, and a little beside. */
  function reach(values) {
    let low = Infinity, high = -Infinity;
    for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
    const beside = Math.max(0.05 * (high - low), 2000);
    return [low - beside, high + beside];
  }

  /* Without a label: small and grey. Guessed: a ring in the label's colour. Labelled: filled, with a shape of its own where colours repeat. */
  function traces(view) {
    const { data } = view, every = step(data), open = [], guessed = [], labelled = [];
    for (let i = 0; i < data.n; i += every) (data.label[i] >= 0 ? labelled : view.guesses && data.guess[i] >= 0 ? guessed : open).push(i);
    const colours = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => Hone.colourOf("l" + n));
    const colour = (label) => colours[(view.me.state.labels[label] || { colour: 7 }).colour % 8];
    const size = data.n > 4000 ? 5 : data.n > 500 ? 7 : 9;
    const marked = data.marked.length ? new Set(data.marked) : null; // what is not picked steps back
    const seen = (rows) => (marked ? rows.map((i) => (marked.has(i) ? 1 : 0.3)) : 1);
    const trace = (rows, marker) => ({ type: "scattergl", mode: "markers", hoverinfo: "none", x: rows.map((i) => data.xs[i]), y: rows.map((i) => data.ys[i]), customdata: rows, marker: { ...marker, opacity: seen(rows) }, selectedpoints: null });
    const grey = Hone.faded(Hone.colourOf("line-strong"), 0.55), strong = Hone.colourOf("ink2");
    return [
      trace(open, { size: size - 1, color: marked ? open.map((i) => (marked.has(i) ? strong : grey)) : grey }),
      trace(guessed, { size, color: guessed.map((i) => colour(data.guess[i])), symbol: "circle-open", line: { width: 1.5 } }),
      trace(labelled, { size, color: labelled.map((i) => colour(data.label[i])), symbol: labelled.map((i) => SHAPES[Math.floor(data.label[i] / 8) % SHAPES.length]) }),
    ];
  }

  function all(view) {
    if (view.plot && view.plot.ready) window.Plotly.relayout(view.plotNode, { "xaxis.range": reach(view.data.xs), "yaxis.range": reach(view.data.ys) });
  }

  // ---------- the pointer ----------

  async function hook(view) {
    while (!view.plot.ready) await Hone.sleep(0.1);
    const node = view.plotNode;
    node.on("plotly_selected", (event) => event && (event.lassoPoints || event.range) && area(view, event));
    node.on("plotly_deselect", () => { if (!view.cleaning) { mark(view, []); view.me.choose(null); } });
    node.on("plotly_click", (event) => event.points.length && pickOne(view, event.points[0].customdata, event.event && event.event.shiftKey));
    node.on("plotly_hover", (event) => event.points.length && hover(view, event.points[0].customdata, event.event));
    node.on("plotly_unhover", () => { view.over = null; view.tip.hidden = true; });
  }

  function area(view, { lassoPoints, range }) {
    const inside = lassoPoints ? within(lassoPoints.x, lassoPoints.y) : boxed(range.x, range.y);
    setTimeout(async () => { // the outline has done its work
      view.cleaning = true;
      await window.Plotly.relayout(view.plotNode, { selections: [] });
      view.cleaning = false;
    }, 250);
    const rows = [];
    for (let i = 0; i < view.data.n; i += 1) if (inside(view.data.xs[i], view.data.ys[i])) rows.push(i);
    if (!rows.length) return;
    pick(view, rows);
  }

  const boxed = ([x0, x1], [y0, y1]) => (x, y) => x >= Math.min(x0, x1) && x <= Math.max(x0, x1) && y >= Math.min(y0, y1) && y <= Math.max(y0, y1);

  /* Whether a point lies in a polygon: how often a ray from it crosses the edge. */
  function within(xs, ys) {
    const n = xs.length, low = Math.min(...xs), high = Math.max(...xs);
    return (x, y) => {
      if (x < low || x > high) return false;
      let inside = false;
      for (let i = 0, j = n - 1; i < n; j = i, i += 1) if (ys[i] > y !== ys[j] > y && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) inside = !inside;
      return inside;
    };
  }

  function pickOne(view, row, more) {
    const now = view.data.marked;
    pick(view, !more ? [row] : now.includes(row) ? now.filter((one) => one !== row) : [...now, row]);
  }

  function pick(view, rows) {
    mark(view, rows);
    const { data, me } = view;
    me.choose(rows.length ? { places: packed(rows.map((i) => data.places[i])), data: data.mark } : null, t("On the map"));
  }

  function mark(view, rows) {
    if (!view.data) return;
    view.data.marked = rows;
    if (view.plot) view.plot.update();
  }

  /* Dots of these rows are ringed: what was picked elsewhere, seen on the map. */
  Hone.manyOnMap = (me, places) => {
    me.go("map");
    const view = me.made.get("map");
    const show = () => {
      const wanted = new Set(places);
      mark(view, Array.from(view.data.places.keys()).filter((i) => wanted.has(view.data.places[i])));
    };
    return view.data ? show() : load(view).then(show);
  };

  function hover(view, row, event) {
    const place = view.data.places[row];
    view.over = place;
    view.seen = view.seen || new Map();
    const show = (told) => {
      if (view.over !== place || !told) return;
      Hone.fill(view.tip, h("ul", view.me.row(told)));
      view.tip.hidden = false;
      const box = view.card.getBoundingClientRect(), wide = view.tip.offsetWidth;
      view.tip.style.left = Math.max(8, Math.min(event.clientX - box.left + 14, box.width - wide - 8)) + "px";
      view.tip.style.top = event.clientY - box.top + 16 + "px";
    };
    const known = view.seen.get(place);
    if (known && !view.stale) return show(known);
    setTimeout(async () => {
      if (view.over !== place) return;
      const told = await view.me.call("many_text", { mark: view.data.mark, place }).catch(() => null);
      view.seen.set(place, told);
      show(told);
    }, 60);
  }

  // ---------- the job behind the map and the groups ----------

  /* One for the whole part: {job, node(), begin(groups?), resume(), heard: functions called when something new is there}. */
  Hone.manySurvey = (me) => {
    if (me.survey) return me.survey;
    const survey = (me.survey = { job: null, trouble: null, heard: new Set(), bars: [] });
    const tell = () => { for (const fn of survey.heard) fn(); };

    survey.begin = async (groups) => {
      survey.trouble = null;
      try {
        follow(await me.call("many_make", groups ? { groups } : {}));
      } catch (error) {
        survey.trouble = error;
        tell();
      }
    };
    survey.resume = async () => {
      const job = survey.job ? null : me.state.job;
      if (job && (job.state === "running" || job.state === "waiting")) follow(job);
    };
    survey.node = () => {
      if (survey.trouble) return Hone.notice({ tone: "bad", title: survey.trouble.message, body: survey.trouble.fix, actions: [Hone.button(t("Try again"), () => survey.begin(), { small: true })] });
      if (!survey.job) return null;
      const bar = Hone.progress({ text: t("Looking at all texts …"), cancel: () => me.call("many_cancel", { job: survey.job.id }) });
      bar.update(shownOf(survey.job));
      survey.bars = [...survey.bars.filter((one) => one.isConnected), bar];
      return h("div.card", bar);
    };

    const shownOf = ({ done, total, note, seconds_left }) => ({ done, total, seconds_left, text: note || t("Looking at all texts …") });

    async function follow(job) {
      let note = null;
      survey.job = job;
      tell();
      try {
        job = await Hone.manyFollow(me, "survey", job, (state) => {
          survey.job = state;
          for (const bar of survey.bars) if (bar.isConnected) bar.update(shownOf(state));
          if (state.note !== note) { note = state.note; tell(); }
        });
        survey.trouble = job && job.state === "failed" ? job.error : null;
      } catch (error) {
        survey.trouble = error;
      }
      survey.job = null;
      survey.fresh = (survey.fresh || 0) + 1;
      tell();
    }
    return survey;
  };
})();
