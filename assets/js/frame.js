/* The frame around the tabs: header, steps of the rail, keyboard, language and theme, the line about a lost connection. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  let ctx, root, state = null, poller = null;

  Hone.frame = async function (node, context) {
    root = node;
    ctx = context;
    Hone.token = Hone.store.get("token", null, "");
    Hone.project = new URLSearchParams(location.search).get("project") || Hone.store.get("project", null, "");
    poller = Hone.poll(refresh, 3);
    steps();
    Hone.bus.on("connection", offline);
    for (const event of ["data", "labels", "settings", "runs"]) Hone.bus.on(event, () => poller.now());
  };

  async function refresh() {
    const first = state === null;
    state = await ctx.call("overview", {});
    Hone.project = state.project;
    Hone.overview = state;
    Hone.store.set("project", state.project, "");
    draw();
    if (first) { Hone.begin(); }
    Hone.bus.emit("overview", state);
  }

  function draw() {
    const project = state.projects.find((p) => p.id === state.project);
    fill(root, h("div.top", h("div.brand", "Hone"), h("span", project ? project.name : "")));
  }

  function offline() { }

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
    if (!list) { setTimeout(steps, 50); return; }
    const wanted = location.hash.slice(1);
    if (Hone.TABS.includes(wanted)) Hone.go(wanted);
    let last = null;
    const noticed = () => {
      const now = Hone.current();
      if (now === last) return;
      last = now;
      history.replaceState(null, "", location.pathname + location.search + "#" + now);
      Hone.bus.emit("tab", now);
    };
    new MutationObserver(noticed).observe(list, { subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
    window.addEventListener("hashchange", () => { const name = location.hash.slice(1); if (Hone.TABS.includes(name)) Hone.go(name); });
    noticed();
  }

  Hone.unbuilt = (name, node) => fill(node, Hone.empty({ title: t("This step is not here yet."), body: name }));
})();
