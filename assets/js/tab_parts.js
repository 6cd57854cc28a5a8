/* A tab may have several parts: ways to work on the same thing (labels one by one, many at once, doubtful ones; one run, several at once).
   Each is declared by a file of its own; here is the switch between them. Knows nothing of what a part does. */
"use strict";
(() => {
  const parts = {}; // tab -> [{name, title(), place, when(state), make(host, ctx, more)}] in the order of `place`
  const going = {}; // tab -> function that opens a part of it, once the tab is there

  /* Declare a part of a tab. make(host, ctx, more) fills `host` at its first visit and gives {shown?(), hidden?()}; `more` is what the tab
     hands on. `title` is a function, since words are known late. `when(state)` says whether it is offered; `state` is what the tab told `offer`. */
  Hone.part = (tab, name, { title, place = 9, when = () => true, make }) => {
    const those = (parts[tab] = parts[tab] || []);
    those.push({ name, title, place, when, make });
    those.sort((a, b) => a.place - b.place);
  };

  /* Open a part from anywhere on the page; "one" is the tab's first one. */
  Hone.goPart = (tab, name) => {
    Hone.store.set(`${tab}.part`, name);
    if (going[tab]) going[tab](name);
    Hone.go(tab);
  };

  /* The switch and the hosts of a tab. Gives {host, offer(state), shown(), hidden()}: `host` is where the first part lives. `offer(null)`
     takes the switch away. first: {title(), shown(), hidden?()} is the part that is always there; `label` names the switch for who cannot see it. */
  Hone.parts = (tab, root, ctx, { label, first, more = () => null }) => {
    const bar = h("nav.h-parts", { "aria-label": label });
    const host = h("div.h-part");
    const made = new Map(); // name -> {host, part}
    let offered = [], chosen = "one";
    Hone.fill(root, host);

    function offer(state) {
      const now = state ? (parts[tab] || []).filter((part) => part.when(state)) : [];
      const names = now.map((part) => part.name).join();
      if (names === offered.map((part) => part.name).join()) return;
      offered = now;
      if (offered.length) root.prepend(bar);
      else bar.remove();
      const kept = Hone.store.get(`${tab}.part`, "one");
      pick(offered.some((part) => part.name === kept) ? kept : "one");
    }

    function pick(name) {
      const wanted = name === "one" || offered.some((part) => part.name === name) ? name : "one";
      const before = chosen;
      if (wanted !== before) leave(before);
      chosen = wanted;
      const entries = [{ name: "one", title: first.title }, ...offered];
      Hone.fill(bar, entries.map((part) => h("button", { "data-key": part.name, "aria-current": part.name === chosen ? "page" : null, onclick: () => choose(part.name) }, part.title())));
      host.hidden = chosen !== "one";
      for (const [one, entry] of made) entry.host.hidden = one !== chosen;
      if (chosen !== "one") open(chosen);
      else if (before !== "one") first.shown();
    }

    function choose(name) {
      Hone.store.set(`${tab}.part`, name);
      pick(name);
    }

    function open(name) {
      if (!made.has(name)) {
        const place = h("div.h-part");
        root.append(place);
        made.set(name, { host: place, part: offered.find((part) => part.name === name).make(place, ctx, more()) });
      }
      call(name, "shown");
    }

    function leave(name) {
      if (name === "one") first.hidden && first.hidden();
      else if (made.has(name)) call(name, "hidden");
    }

    function call(name, what) {
      const { part } = made.get(name);
      if (part && part[what]) part[what]();
    }

    going[tab] = choose;
    return {
      host,
      offer,
      now: () => chosen,
      shown: () => (chosen === "one" ? first.shown() : call(chosen, "shown")),
      hidden: () => leave(chosen),
    };
  };
})();
