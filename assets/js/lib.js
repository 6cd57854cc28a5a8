/* The page's small library: elements (h), words (t), calls to the server, polling, storage, and where a tab is mounted.
   No build step; every file adds to window.Hone. Text from uploads only ever becomes text nodes: nothing here takes HTML. */
(function () {
  "use strict";
  const Hone = (window.Hone = {});
  const facts = window.HONE;
  const tabs = {}; // name -> {definition, root, ctx, server, mounted}
  Hone.facts = facts;
  Hone.language = facts.language;
  Hone.TABS = ["data", "label", "settings", "train", "evaluate", "playground"];

  // ---------- elements ----------
  const SVG = new Set(["svg", "path", "circle", "rect", "line", "g", "polyline", "polygon", "ellipse"]);

  /** h("div.card", {onclick}, "text", node, [more]) -> Element. Strings become text, null and false nothing. */
  function h(tag, props, ...kids) {
    if (props === null || typeof props !== "object" || props instanceof Node || Array.isArray(props)) {
      if (props !== undefined) kids.unshift(props);
      props = {};
    }
    const [name, ...classes] = tag.split(".");
    const node = SVG.has(name) ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name || "div");
    if (classes.length) node.setAttribute("class", classes.join(" "));
    if (node.tagName === "BUTTON") node.type = "button";
    for (const [key, value] of Object.entries(props)) set(node, key, value);
    add(node, kids);
    return node;
  }

  const AS_PROPERTY = new Set(["value", "checked", "disabled", "selected", "hidden", "indeterminate", "readOnly", "multiple", "open"]);

  function set(node, key, value) {
    if (value === undefined || value === null) return;
    if (key === "class") for (const c of String(value).split(/\s+/).filter(Boolean)) node.classList.add(c);
    else if (key === "style" && typeof value === "object") for (const [k, v] of Object.entries(value)) setStyle(node, k, v);
    else if (key.startsWith("on") && typeof value === "function") node.addEventListener(key.slice(2).toLowerCase(), value);
    else if (key === "ref") value(node);
    else if (AS_PROPERTY.has(key)) node[key] = value;
    else if (value === true) node.setAttribute(key, key.startsWith("aria-") ? "true" : "");
    else if (value === false) { if (key.startsWith("aria-")) node.setAttribute(key, "false"); }
    else if (/^(srcdoc|innerHTML|outerHTML)$/i.test(key) || /^\s*javascript:/i.test(String(value))) throw new Error("not here: " + key);
    else node.setAttribute(key, value);
  }

  function setStyle(node, key, value) {
    if (value === null || value === undefined || value === false) return;
    if (key.startsWith("--") || key.includes("-")) node.style.setProperty(key, value);
    else node.style[key] = value;
  }

  function add(node, kids) {
    for (const kid of kids) {
      if (kid === null || kid === undefined || kid === false || kid === true || kid === "") continue;
      if (Array.isArray(kid)) add(node, kid);
      else node.append(kid instanceof Node ? kid : document.createTextNode(String(kid)));
    }
  }

  /** Replace everything inside `node`; keeps the focus on the element with the same id or data-key. */
  function fill(node, ...kids) {
    const active = node.contains(document.activeElement) ? document.activeElement : null;
    const key = active && (active.id ? "#" + CSS.escape(active.id) : active.dataset.key ? `[data-key="${CSS.escape(active.dataset.key)}"]` : null);
    const span = active && typeof active.selectionStart === "number" ? [active.selectionStart, active.selectionEnd] : null;
    node.replaceChildren();
    add(node, kids);
    const again = key && node.querySelector(key);
    if (again) {
      again.focus({ preventScroll: true });
      if (span && again.setSelectionRange) try { again.setSelectionRange(...span); } catch { /* a number field has no selection */ }
    }
    return node;
  }

  // ---------- words ----------
  let words = {};

  /** The sentence in the page's language: t(template, {n: 17}). The template must be a literal. */
  function t(template, values) {
    const text = words[template] || template;
    return text.replace(/\{\{|\}\}|\{(\w+)(?::([^}]*))?\}/g, (all, name, format) => {
      if (all === "{{") return "{";
      if (all === "}}") return "}";
      const value = values ? values[name] : undefined;
      if (value === undefined) return all;
      return format ? formatted(value, format) : String(value);
    });
  }

  /** `one` for exactly one thing, else `many`; both may use {n}. */
  t.plural = (n, one, many, values) => t(n === 1 ? one : many, { n, ...values });

  function formatted(value, format) {
    const match = /^(,)?(?:\.(\d+))?([fd%])?$/.exec(format);
    if (!match || typeof value !== "number") return String(value);
    const digits = match[2] === undefined ? (match[3] === "f" ? 6 : 0) : Number(match[2]);
    const n = match[3] === "%" ? value * 100 : value;
    const fixed = match[2] === undefined && match[3] !== "f" && match[3] !== "%" ? { maximumFractionDigits: 20 } : { minimumFractionDigits: digits, maximumFractionDigits: digits };
    return n.toLocaleString("en-US", { useGrouping: Boolean(match[1]), ...fixed }) + (match[3] === "%" ? "%" : "");
  }

  let things = null;
  /** Sentences are about `name` from now on (texts, pictures, conversations): resolves when the page knows the words. */
  Hone.speakOf = function (name) {
    if (name === things) return Promise.resolve();
    things = name;
    if (Hone.language === "en" && name === "texts") { words = {}; return Promise.resolve(); }
    return fetch(facts.words[Hone.language][name]).then((r) => r.json()).then((w) => { if (things === name) words = w; }, () => { things = null; });
  };
  const wordsReady = Hone.speakOf("texts");

  // ---------- numbers ----------
  Hone.fmt = {
    number: (n, digits) => (n === null || n === undefined ? "–" : n.toLocaleString("en-US", { maximumFractionDigits: digits ?? (Math.abs(n) < 10 && n % 1 ? 3 : 0) })),
    fixed: (n, digits = 3) => (n === null || n === undefined ? "–" : n.toFixed(digits)),
    percent: (share, digits = 0) => (share === null || share === undefined ? "–" : (share * 100).toFixed(digits) + " %"),
    bytes(n) {
      if (n === null || n === undefined) return "–";
      const units = ["B", "kB", "MB", "GB", "TB"];
      let i = 0;
      while (n >= 1000 && i < units.length - 1) { n /= 1000; i += 1; }
      return (i && n < 10 ? n.toFixed(1) : Math.round(n)) + " " + units[i];
    },
    /** 8 s, 2 min 5 s, 1 h 20 min: for facts. */
    seconds(s) {
      if (s === null || s === undefined) return "–";
      s = Math.max(0, Math.round(s));
      if (s < 60) return t("{n} s", { n: s });
      if (s < 3600) return s % 60 && s < 600 ? t("{m} min {s} s", { m: Math.floor(s / 60), s: s % 60 }) : t("{m} min", { m: Math.round(s / 60) });
      return t("{h} h {m} min", { h: Math.floor(s / 3600), m: Math.round((s % 3600) / 60) });
    },
    /** about 55 seconds, about 2½ minutes: for sentences such as "About {t} left". */
    duration(s) {
      if (s === null || s === undefined) return "–";
      if (s < 90) { const n = Math.max(1, s < 10 ? Math.round(s) : Math.round(s / 5) * 5); return t.plural(n, "{n} second", "{n} seconds"); }
      if (s < 600) { const half = Math.round(s / 30) / 2; return t("{n} minutes", { n: half % 1 ? (Math.floor(half) || "") + "½" : half }); }
      if (s < 3570) return t("{n} minutes", { n: Math.round(s / 60) });
      const hours = Math.round(s / 1800) / 2;
      return hours === 1 ? t("1 hour") : t("{n} hours", { n: hours % 1 ? Math.floor(hours) + "½" : hours });
    },
    /** just now, 5 minutes ago, yesterday, 2026-03-01 */
    ago(when) {
      const date = typeof when === "number" ? new Date(when * 1000) : new Date(when);
      const s = (Date.now() - date) / 1000;
      if (s < 60) return t("just now");
      if (s < 3600) return t.plural(Math.round(s / 60), "{n} minute ago", "{n} minutes ago");
      if (s < 86400) return t.plural(Math.round(s / 3600), "{n} hour ago", "{n} hours ago");
      if (s < 172800) return t("yesterday");
      return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
    },
  };

  // ---------- events between the parts ----------
  const heard = {};
  Hone.bus = {
    on(event, fn) { (heard[event] = heard[event] || new Set()).add(fn); return () => heard[event].delete(fn); },
    emit(event, detail) {
      for (const fn of [...(heard[event] || [])]) {
        try { fn(detail); } catch (error) { console.error(error); } // one part's mistake does not keep it from the others
      }
    },
  };

  // ---------- storage: kept in this browser, apart for each project ----------
  Hone.store = {
    get(key, fallback = null, scope = Hone.project) {
      try { const text = localStorage.getItem(`hone:${scope || ""}:${key}`); return text === null ? fallback : JSON.parse(text); } catch { return fallback; }
    },
    set(key, value, scope = Hone.project) {
      try {
        if (value === null || value === undefined) localStorage.removeItem(`hone:${scope || ""}:${key}`);
        else localStorage.setItem(`hone:${scope || ""}:${key}`, JSON.stringify(value));
      } catch { /* private mode or full: what is typed just does not survive a reload */ }
    },
    forget(scope) { for (const key of Object.keys(localStorage)) if (key.startsWith(`hone:${scope}:`)) localStorage.removeItem(key); },
  };

  // ---------- calls ----------
  class Trouble extends Error {
    constructor({ kind, message, fix, problems, offline }) {
      super(message);
      Object.assign(this, { kind: kind || "HoneError", fix: fix || null, problems: problems || [], offline: Boolean(offline) });
    }
  }
  Hone.Trouble = Trouble;

  Hone.token = null; // the demo's, issued by the server
  /** Under which name one labels on one's own machine; with a login the server knows it. */
  Hone.labelsAs = () => (facts.mode === "local" ? Hone.store.get("as", null, "") : null);

  async function ask(server, name, args, project) {
    if (!server || !server[name]) throw older();
    // Gradio's client answers undefined for everything that went wrong on the way
    const said = await server[name]({ args: args || {}, project, language: Hone.language, token: Hone.token, as: Hone.labelsAs() });
    if (!said) throw await whyNot();
    Hone.connection(true);
    if (said.error) throw new Trouble(said.error);
    return said.ok;
  }

  const older = () => new Trouble({ message: t("This page is older than the server."), fix: t("Reload the page.") });

  /** The server is away, the login has ended, or the page is older than the server. */
  async function whyNot() {
    let alive = null;
    try { alive = await fetch("hone/alive", { cache: "no-store" }).then((r) => (r.ok ? r.json() : null)); } catch { /* away */ }
    Hone.connection(Boolean(alive));
    if (!alive) return new Trouble({ kind: "Offline", message: t("The server cannot be reached just now."), fix: t("This page reconnects by itself."), offline: true });
    if (!alive.known) return new Trouble({ kind: "NotAllowed", message: t("Your login has ended."), fix: t("Reload the page and log in again.") });
    return older();
  }

  let connected = true;
  Hone.connection = function (now) {
    if (now === undefined || now === connected) return connected;
    connected = now;
    document.documentElement.toggleAttribute("data-offline", !now);
    Hone.bus.emit("connection", now);
    return now;
  };

  /** Send a File to the server. Resolves to the upload's id; `.abort()` on the promise stops it. */
  Hone.upload = function (file, onProgress) {
    const request = new XMLHttpRequest();
    const promise = new Promise((resolve, reject) => {
      request.open("POST", "hone/upload?name=" + encodeURIComponent(file.name || "pasted.txt"));
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("X-Hone-Language", Hone.language);
      if (Hone.token) request.setRequestHeader("X-Hone-Token", Hone.token);
      request.upload.onprogress = (e) => onProgress && onProgress(e.loaded, e.lengthComputable ? e.total : file.size);
      request.onload = () => {
        let said = null;
        try { said = JSON.parse(request.responseText); } catch { /* not ours: refused by a proxy, say */ }
        if (said && said.ok) resolve(said.ok.id);
        else reject(new Trouble((said && said.error) || { message: t("The file did not reach the server."), fix: t("Try again.") }));
      };
      request.onerror = () => reject(new Trouble({ kind: "Offline", message: t("The file did not reach the server."), fix: t("Try again."), offline: true }));
      request.onabort = () => reject(new Trouble({ kind: "Cancelled", message: t("Cancelled. Nothing was changed.") }));
      if (facts.limits.upload && file.size > facts.limits.upload) {
        const n = Math.floor(facts.limits.upload / 1e6);
        reject(new Trouble({ message: t("This file is larger than {n} MB, the most that is taken here.", { n }), fix: t("Take a part of the rows, or leave out columns you do not need.") }));
      } else request.send(file);
    });
    promise.abort = () => request.abort();
    return promise;
  };

  /** Fetch what `here.offer(...)` gave an address for. */
  Hone.download = function (url, name) {
    const link = h("a", { href: url, download: name || "" });
    document.body.append(link);
    link.click();
    link.remove();
  };

  /** Call `fn` now and every `seconds` while the page and `node` are visible; slower while the server is away. */
  Hone.poll = function (fn, seconds, node) {
    let wait = seconds, timer = null, stopped = false, busy = false;
    async function tick() {
      clearTimeout(timer);
      if (stopped || busy) return;
      if (!document.hidden && (!node || node.offsetParent !== null)) {
        busy = true;
        try { const next = await fn(); wait = typeof next === "number" ? next : seconds; }
        catch (error) { wait = error && error.offline ? Math.min(wait * 1.6 + 0.5, 15) : Math.max(seconds, 3); if (!(error instanceof Trouble)) console.error(error); }
        busy = false;
      }
      if (!stopped) timer = setTimeout(tick, wait * 1000);
    }
    document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
    Hone.bus.on("tab", () => setTimeout(tick, 60));
    Hone.bus.on("connection", (now) => { if (now) { wait = seconds; tick(); } });
    tick();
    return {
      now: tick,
      every(s) { seconds = wait = s; return tick(); },
      start() { stopped = false; return tick(); },
      stop() { stopped = true; clearTimeout(timer); },
    };
  };

  // ---------- tabs ----------
  let begin;
  /** Resolves when words and project are known: after the frame's first overview. */
  Hone.ready = new Promise((resolve) => { begin = resolve; });
  Hone.begin = () => wordsReady.then(begin);
  Hone.wordsReady = wordsReady;

  /** Declare a tab: {mount(root, ctx), shown?(), hidden?()}. mount runs once, at the first visit. */
  Hone.tab = function (name, definition) {
    tabs[name] = { ...(tabs[name] || {}), definition };
    if (tabs[name].root) start(name);
  };

  /** Gradio's side of it: called from js_on_load of webui.calls.panel. */
  Hone.mount = function (name, element, props, server) {
    const root = element.querySelector(".hone") || element;
    tabs[name] = { ...(tabs[name] || {}), root, server, started: false };
    if (name === "frame") wordsReady.then(() => Hone.frame(root, context(name)));
    else start(name);
  };

  async function start(name) {
    await Hone.ready;
    const tab = tabs[name];
    if (!tab.root || tab.started) return;
    if (!tab.definition) { Hone.unbuilt && Hone.unbuilt(name, tab.root); return; }
    tab.started = true;
    try { await tab.definition.mount(tab.root, context(name)); }
    catch (error) { console.error(error); Hone.broken && Hone.broken(tab.root, error); }
    watch(tab);
  }

  /** shown() and hidden() follow what is really visible. */
  function watch(tab) {
    let visible = null;
    const look = () => {
      const now = tab.root.offsetParent !== null;
      if (now === visible) return;
      visible = now;
      if (now) Hone.letGo(document.getElementById("steps"));
      const fn = now ? tab.definition.shown : tab.definition.hidden;
      if (fn) fn.call(tab.definition);
    };
    new ResizeObserver(look).observe(tab.root);
    Hone.bus.on("tab", () => setTimeout(look, 30));
    look();
  }

  function context(name) {
    const tab = tabs[name];
    return {
      name,
      root: tab.root,
      get project() { return Hone.project; },
      get visible() { return tab.root.offsetParent !== null; },
      call: (fn, args) => ask(tabs[name].server, fn, args, Hone.project),
      upload: Hone.upload,
      poll: (fn, seconds) => Hone.poll(fn, seconds, tab.root),
      on: (event, fn) => Hone.bus.on(event, fn),
    };
  }

  /** A button pressed with the mouse keeps the focus: Enter would press it again, arrows would turn the tabs. Keys then rest on the page. */
  Hone.letGo = function (inside) {
    const now = document.activeElement;
    if (now && now.tagName === "BUTTON" && inside && inside.contains(now) && !now.matches(":focus-visible")) now.blur();
  };

  /** Keys for one tab: {"1": fn, "ArrowLeft": fn, " ": fn}. Off while typing, composing or behind a dialog. */
  Hone.keys = function (root, map) {
    document.addEventListener("keydown", (e) => {
      if (e.isComposing || e.keyCode === 229 || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
      if (root.offsetParent === null || document.querySelector("dialog[open]")) return;
      if (e.target.closest && e.target.closest("input, textarea, select, [contenteditable]")) return;
      if ((e.key === " " || e.key === "Enter") && e.target.closest && e.target.closest("button, a, summary, [role=tab]")) return;
      if (e.key.startsWith("Arrow") && e.target.closest && e.target.closest("[role=tab], [role=grid], [role=menu], [role=radiogroup]")) return;
      const fn = map[e.key] || (e.key.length === 1 && map[e.key.toLowerCase()]) || map["*"];
      if (fn && fn(e) !== false) e.preventDefault();
    });
  };

  Hone.h = h;
  Hone.t = t;
  Hone.fill = fill;
  Hone.sleep = (s) => new Promise((resolve) => setTimeout(resolve, s * 1000));
  window.h = h;
  window.t = t;
})();
