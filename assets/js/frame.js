/* The frame around the tabs: header, states of the steps, keyboard, language, theme, page title, the line about a lost connection.
   What it shows is one call, webui/overview.py; the project picker is in projects.js, the help in help.js. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const part = {}; // the header's nodes, made once
  let ctx, state = null, poller = null;

  Hone.frame = async function (root, context) {
    ctx = Hone.frameCtx = context;
    Hone.token = Hone.store.get("token", null, "");
    Hone.project = new URLSearchParams(location.search).get("project") || Hone.store.get("project", null, "");
    draw(root);
    steps();
    Hone.bus.on("connection", (now) => { part.offline.textContent = now ? "" : t("Connection lost. Training goes on; this page reconnects by itself."); });
    for (const event of ["data", "labels", "settings", "runs"]) Hone.bus.on(event, () => poller && poller.now());
    try { if (Hone.facts.mode === "demo" && !Hone.token) await welcome(); } catch { Hone.connection(false); }
    poller = Hone.poll(refresh, 3);
    // a page in the background asks nothing, unless it waits for the end of a training: its title and its notification tell it
    setInterval(() => { if (document.hidden && state && state.running) refresh().catch(() => {}); }, 10_000);
  };

  /** Look again at once, after something changed. */
  Hone.refresh = () => poller.now();

  async function refresh() {
    if (Hone.facts.mode === "demo" && !Hone.token) await welcome();
    let now;
    try { now = await ctx.call("overview"); }
    catch (error) {
      if (error.kind === "NotAllowed") return ended(error);
      throw error;
    }
    if (state && now.project !== Hone.project) return Hone.open(now.project);
    await Hone.speakOf(now.things);
    const before = state;
    state = Hone.overview = now;
    Hone.project = now.project;
    Hone.store.set("project", now.project, "");
    show();
    if (!before) await Hone.begin();
    else told(before, now);
    if (before && before.things !== now.things) Hone.bus.emit("data");
    Hone.bus.emit("overview", now);
    return now.running ? 1.5 : 4;
  }

  async function welcome() {
    const said = await fetch("hone/welcome", { method: "POST", headers: { "X-Hone-Language": Hone.language } }).then((r) => r.json());
    if (said.error) throw new Hone.Trouble(said.error);
    Hone.token = said.ok;
    Hone.store.set("token", said.ok, "");
  }

  /** The login has ended or the demo's day is over: say so once; a reload begins anew. */
  function ended(error) {
    if (Hone.facts.mode === "demo") { Hone.token = null; Hone.store.set("token", null, ""); }
    const page = document.querySelector("#steps");
    if (page && !document.getElementById("visit-ended")) {
      page.before(h("div.hone", { id: "visit-ended" }, Hone.notice({ tone: "warn", title: error.message, body: error.fix, actions: [Hone.button(t("Reload the page"), () => location.reload(), { small: true })] })));
    }
    return 3600;
  }

  /** Open another project: the page begins anew with it, on the same tab. */
  Hone.open = function (project, tab) {
    Hone.store.set("project", project, "");
    const to = `${location.pathname}?project=${encodeURIComponent(project)}#${tab || Hone.current()}`;
    const same = new URLSearchParams(location.search).get("project") === project;
    if (same) { history.replaceState(null, "", to); location.reload(); } else location.assign(to);
  };

  // ---------- header ----------

  function draw(root) {
    part.name = h("span");
    part.project = h("button.proj", { id: "project", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => Hone.projectMenu(part.project, state) }, part.name, h("i", { "aria-hidden": true }));
    part.step = h("b");
    part.next = h("button.next", { id: "next-step", hidden: true, onclick: () => Hone.go(state.next.tab) }, h("span", t("Next:")), part.step);
    part.bar = h("i");
    part.pillText = h("span");
    part.percent = h("em", { style: { fontStyle: "normal" } });
    part.track = h("u", part.bar);
    part.pill = h("button.pill", { id: "running", hidden: true, onclick: () => Hone.goPart("train", "one") }, part.pillText, part.track, part.percent);
    part.away = h("button.btn.away.nophone", { id: "take-away-button", hidden: true, onclick: away }, t("Take the model away"));
    part.offline = h("div.offline", { role: "status", "aria-live": "polite" });
    fill(root, h("div.top",
      h("div.brand", mark(), h("span", "Hone")), part.project, part.next, h("div.grow"), part.pill, part.away,
      h("nav.seg", { "aria-label": t("Language") }, language("en", "EN", "English"), language("zh", "中文", "简体中文")),
      h("button.ico", { id: "theme", "aria-label": t("Light or dark"), title: t("Light or dark"), onclick: turn }, half()),
      h("button.ico.nophone", { id: "help", "aria-label": t("Help"), title: t("Help"), onclick: () => Hone.showHelp() }, "?")),
      part.offline, demoLine());
    document.addEventListener("keydown", (e) => {
      if (e.key === "?" && !e.isComposing && !e.target.closest("input, textarea, select, [contenteditable]") && !document.querySelector("dialog[open]")) Hone.showHelp();
    });
  }

  function show() {
    const project = open();
    write(part.name, project ? project.name : "");
    part.project.title = project ? project.name : "";
    document.documentElement.toggleAttribute("data-guest", Boolean(state.guest)); // somebody else's project: there is only Label
    if (state.guest && Hone.current() !== "label") Hone.go("label");
    part.next.hidden = !state.next;
    if (state.next) write(part.step, state.next.step);
    const run = state.running;
    part.pill.hidden = !run;
    if (run) {
      write(part.pillText, run.text);
      part.track.hidden = run.share === null;
      part.percent.hidden = run.share === null;
      part.bar.style.width = (run.share || 0) * 100 + "%";
      write(part.percent, `${run.percent ?? ""} %`);
      part.pill.setAttribute("aria-label", run.share === null ? run.text : t("Training {p} %", { p: run.percent }));
    }
    part.away.hidden = !state.away;
    const style = document.documentElement.style;
    for (const name of Hone.TABS) style.setProperty(`--note-${name}`, JSON.stringify((state.steps[name] && state.steps[name].note) || ""));
    for (const kind of ["done", "busy", "warn"]) document.documentElement.setAttribute(`data-${kind}`, Hone.TABS.filter((n) => state.steps[n].state === kind).join(" "));
    title();
  }

  /* The project that is shown: one's own, or one that is shared. */
  const open = () => [...state.projects, ...state.shared].find((p) => p.id === state.project);

  const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  /** Train 62 % · Support mail · Hone */
  function title() {
    if (!state) return;
    const project = open();
    const name = tabName(Hone.current());
    const percent = state.running && state.running.percent !== null ? ` ${state.running.percent} %` : "";
    const training = percent && Hone.current() !== "train" ? `${tabName("train")}${percent} · ` : "";
    document.title = [training + name + (Hone.current() === "train" ? percent : ""), project && project.name, "Hone"].filter(Boolean).join(" · ");
  }

  const tabName = (name) => ({ data: t("Data"), label: t("Label"), settings: t("Settings"), train: t("Train"), evaluate: t("Evaluate"), playground: t("Playground") })[name];
  Hone.tabName = tabName;

  function away() {
    Hone.go("playground");
    let tries = 0;
    const look = setInterval(() => {
      const target = document.getElementById("take-away");
      if (target && target.offsetParent) { target.scrollIntoView({ block: "start" }); clearInterval(look); }
      else if ((tries += 1) > 40) clearInterval(look);
    }, 100);
  }
  Hone.takeAway = away;

  function demoLine() {
    if (Hone.facts.mode !== "demo") return null;
    return h("div.demo-line", t("This is a public demo: small limits, and everything is removed after a day. Do not bring texts that must stay private."));
  }

  // ---------- language and theme ----------

  function language(code, short, long) {
    const link = h("a", { href: (code === "en" ? "." : code), lang: code === "zh" ? "zh-CN" : "en", "aria-label": long, "aria-current": Hone.language === code ? "true" : null }, short);
    link.addEventListener("click", (e) => {
      e.preventDefault();
      try { localStorage.setItem("hone:language", code); } catch { /* not remembered, but it still switches */ }
      if (code !== Hone.language) location.assign(new URL((code === "en" ? "." : code) + location.search + location.hash, document.baseURI));
    });
    return link;
  }

  function turn() {
    const now = window.HONE.theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("hone:theme", now); } catch { /* lasts until the reload */ }
    window.HONE.chosen = now;
    window.HONE.paint();
    Hone.bus.emit("theme", now);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { window.HONE.paint(); Hone.bus.emit("theme", window.HONE.theme()); });

  // ---------- steps ----------
  const button = (name) => document.getElementById(`tab-${name}-button`);

  /** Go to a tab: Hone.go("train"). */
  Hone.go = function (name) {
    const target = button(name);
    if (!target) return;
    if (target.getAttribute("aria-selected") !== "true") target.click();
    window.scrollTo(0, 0);
  };
  Hone.current = () => Hone.TABS.find((name) => button(name) && button(name).getAttribute("aria-selected") === "true") || "data";

  function steps() {
    const list = document.querySelector("#steps [role=tablist]");
    if (!list || !button("playground")) { setTimeout(steps, 30); return; }
    const wanted = location.hash.slice(1);
    if (Hone.TABS.includes(wanted) && wanted !== Hone.current()) Hone.go(wanted);
    let last = null;
    const noticed = () => {
      const now = Hone.current();
      if (now === last) return;
      last = now;
      if (location.hash !== "#" + now) history.replaceState(null, "", location.pathname + location.search + "#" + now);
      title();
      Hone.bus.emit("tab", now);
    };
    new MutationObserver(noticed).observe(list, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-selected"] });
    window.addEventListener("hashchange", () => { const name = location.hash.slice(1); if (Hone.TABS.includes(name)) Hone.go(name); });
    document.addEventListener("keydown", arrows);
    setTimeout(noticed, wanted && wanted !== Hone.current() ? 60 : 0);
  }

  /** Arrow keys, Home and End move between the steps; Gradio gives them roles but no keys. */
  function arrows(e) {
    const tab = e.target.closest && e.target.closest("#steps [role=tab]");
    if (!tab || e.isComposing) return;
    const all = Hone.TABS.map(button).filter(Boolean), i = all.indexOf(tab);
    const to = { ArrowDown: i + 1, ArrowRight: i + 1, ArrowUp: i - 1, ArrowLeft: i - 1, Home: 0, End: all.length - 1 }[e.key];
    if (to === undefined || i < 0) return;
    e.preventDefault();
    all[(to + all.length) % all.length].focus();
  }

  // ---------- the end of a training ----------

  /** Whether the browser may tell the end of a training; `ask()` must come from a click. */
  Hone.notifications = {
    possible: "Notification" in window,
    get on() { return this.possible && Notification.permission === "granted" && Hone.store.get("notify", false, ""); },
    async ask(on = true) {
      if (on && this.possible && Notification.permission !== "granted") await Notification.requestPermission();
      Hone.store.set("notify", on, "");
      return this.on;
    },
  };

  function told(before, now) {
    const known = new Set(before.ended.map((run) => run.id + run.state));
    const fresh = now.ended.filter((run) => !known.has(run.id + run.state));
    if (JSON.stringify([before.running && before.running.id, before.ended]) !== JSON.stringify([now.running && now.running.id, now.ended])) Hone.bus.emit("runs");
    for (const run of fresh) {
      if (Hone.notifications.on && document.hidden) {
        const note = new Notification("Hone", { body: run.text, tag: run.id, icon: "hone/assets/icons/hone.svg" });
        note.onclick = () => { window.focus(); Hone.goPart("train", run.part || "one"); note.close(); };
      } else if (Hone.current() !== "train") {
        const look = () => (run.part ? Hone.goPart("train", run.part) : Hone.go(run.state === "failed" ? "train" : "evaluate"));
        Hone.toast(run.text, { action: { title: t("Look at it"), onpick: look } });
      }
    }
  }

  // ---------- small drawings ----------
  const mark = () => h("svg", { viewBox: "0 0 26 26", "aria-hidden": true }, h("path", { d: "M2 18 24 5v13z", fill: "currentColor" }), h("path", { d: "M2 18 24 12v6z", fill: "#fff", "fill-opacity": ".34" }), h("path", { d: "M2 21.500h22", stroke: "var(--h-ink)", "stroke-width": 1.8, fill: "none" }));
  const half = () => h("svg", { viewBox: "0 0 20 20", "aria-hidden": true }, h("circle", { cx: 10, cy: 10, r: 7, fill: "none", stroke: "currentColor", "stroke-width": 1.7 }), h("path", { d: "M10 3a7 7 0 0 1 0 14z", fill: "currentColor" }));

  Hone.unbuilt = (name, node) => fill(node, Hone.empty({ title: name, body: "This step is not here yet." }));
})();
