/* The Label tab has several ways to work on the same labels: one text after the other, many at once, looking through doubtful ones,
   together with others. Each is a part with a file of its own; here is the switch between them. Knows nothing of what a part does. */
"use strict";
(() => {
  const parts = []; // {name, title(), place, when(state), make(host, ctx, bench)} in the order of `place`

  /* Declare a part. make(host, ctx, bench) fills `host` at its first visit and gives {shown?(), hidden?()}. `title` is a function, since
     words are known late. `when(state)` says whether the data set has a use for it; `state` is what the call "state" answers. */
  Hone.labelPart = (name, { title, place = 9, when = () => true, make }) => {
    parts.push({ name, title, place, when, make });
    parts.sort((a, b) => a.place - b.place);
  };

  let go = null;
  /* Open a part from anywhere on the page. */
  Hone.labelGo = (name) => {
    Hone.store.set("label.part", name);
    if (go) go(name);
    Hone.go("label");
  };

  /* The switch and the hosts. Gives {host, offer(state), shown(), hidden()}: `host` is where the bench lives. */
  Hone.labelParts = (root, ctx, benchOf) => {
    const bar = h("nav.lb-parts", { "aria-label": t("Ways to label") });
    const host = h("div.lb-part");
    const made = new Map(); // name -> {host, part}
    let offered = [], chosen = "one";
    Hone.fill(root, host);

    function offer(state) {
      const now = state && !state.empty && state.kind !== "none" ? parts.filter((part) => part.when(state)) : [];
      const names = now.map((part) => part.name).join();
      if (names === offered.map((part) => part.name).join()) return;
      offered = now;
      if (offered.length) root.prepend(bar);
      else bar.remove();
      const kept = Hone.store.get("label.part", "one");
      pick(offered.some((part) => part.name === kept) ? kept : "one");
    }

    function pick(name) {
      const wanted = name === "one" || offered.some((part) => part.name === name) ? name : "one";
      const before = chosen;
      if (wanted !== before && made.has(before)) call(before, "hidden");
      chosen = wanted;
      const entries = [{ name: "one", title: () => t("One by one") }, ...offered];
      Hone.fill(bar, entries.map((part) => h("button", { "data-key": part.name, "aria-current": part.name === chosen ? "page" : null, onclick: () => choose(part.name) }, part.title())));
      host.hidden = chosen !== "one";
      for (const [one, entry] of made) entry.host.hidden = one !== chosen;
      if (chosen !== "one") open(chosen);
      else if (before !== "one") benchOf().refresh();
    }

    function choose(name) {
      Hone.store.set("label.part", name);
      pick(name);
    }

    function open(name) {
      if (!made.has(name)) {
        const place = h("div.lb-part");
        root.append(place);
        made.set(name, { host: place, part: offered.find((part) => part.name === name).make(place, ctx, benchOf()) });
      }
      call(name, "shown");
    }

    function call(name, what) {
      const { part } = made.get(name);
      if (part && part[what]) part[what]();
    }

    go = choose;
    return {
      host,
      offer,
      shown: () => (chosen === "one" ? benchOf() && benchOf().refresh() : call(chosen, "shown")),
      hidden: () => chosen !== "one" && call(chosen, "hidden"),
    };
  };
})();
