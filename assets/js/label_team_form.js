/* The sheet "Who labels what": names, how texts are dealt out, whether answers are hidden. With a login it also decides who sees the project. */
"use strict";
(() => {
  const { h, t } = Hone;

  Hone.teamForm = (me) => {
    const { state } = me;
    const login = state.mode === "login";
    const now = { ...state.team, people: [...state.team.people] };
    if (now.mode === "off" && !now.people.length) now.people = login ? [state.me] : state.named ? [state.me] : [];
    const told = h("div", { "aria-live": "polite" });
    const body = h("div.lt-form");
    const sheet = Hone.sheet({ title: t("Who labels what"), body, actions: [Hone.button(t("Cancel"), () => sheet.close()), Hone.button(t("Save"), save, { primary: true, id: "lt-save" })] });

    const MODES = () => [
      { value: "off", title: t("No team"), what: t("The last answer to a text is in force, whoever gave it.") },
      { value: "split", title: t("Each text to one person"), what: t("The quickest. How well people agree stays unknown.") },
      { value: "overlap", title: t("Each text to one person, some to several"), what: t("Nearly as quick, and agreement is known from the texts that several get.") },
      { value: "everybody", title: t("Everybody labels every text"), what: t("The slowest and the surest: the answer of most is in force.") },
    ];

    function draw() {
      Hone.fill(body, told, modes(), now.mode === "off" ? null : [names(), now.mode === "overlap" ? overlap() : null, hidden(), h("p.lt-each", each())]);
    }

    function modes() {
      return h("div.lt-modes", { role: "radiogroup", "aria-label": t("How texts are dealt out") }, MODES().map((mode) => {
        const input = h("input", { type: "radio", name: "lt-mode", value: mode.value, checked: now.mode === mode.value, id: "lt-mode-" + mode.value, onchange: () => { now.mode = mode.value; draw(); } });
        return h("label.lt-mode", { for: input.id }, input, h("span", h("b", mode.title), h("span.sub", mode.what)));
      }));
    }

    function names() {
      const box = h("input.text", { id: "lt-person", placeholder: login ? t("Name of the login") : t("A name"), "aria-label": t("Add a person"), maxlength: 40, list: "lt-logins" });
      const add = () => {
        const name = box.value.trim();
        if (!name) return box.focus();
        if (!now.people.includes(name)) now.people.push(name);
        draw();
        body.querySelector("#lt-person").focus();
      };
      const all = state.logins.filter((name) => !now.people.includes(name));
      return h("section.lt-people", h("h3", t("Who takes part")),
        now.people.length ? h("ul", now.people.map((name) => h("li", h("span", name === state.me ? t("{name} (you)", { name }) : name),
          h("button.ico", { "aria-label": t("Take {name} out", { name }), "data-key": "out-" + name, onclick: () => { now.people = now.people.filter((one) => one !== name); draw(); } }, Hone.cross())))) : h("p.sub", t("Nobody yet.")),
        h("form.lt-add", { onsubmit: (e) => { e.preventDefault(); add(); } }, box, Hone.button(t("Add"), add), h("datalist", { id: "lt-logins" }, all.map((name) => h("option", { value: name })))),
        all.length > 1 ? Hone.button(t("Add all {n} who have a login", { n: all.length }), () => { now.people.push(...all); draw(); }, { link: true }) : null,
        login ? check("everybody_with_a_login", t("Whoever has a login here may join"), t("They find the project in their list, and are of the team with their first answer.")) : null,
        h("p.sub", t("Texts of a person who is taken out go to the others. Answers stay.")));
    }

    function overlap() {
      const share = h("input.text", { type: "number", min: 1, max: 100, step: 1, value: Math.round(now.share * 100), onchange: () => { now.share = Number(share.value) / 100; draw(); } });
      const times = h("input.text", { type: "number", min: 2, max: Math.max(2, now.people.length), step: 1, value: now.times, onchange: () => { now.times = Number(times.value); draw(); } });
      return h("div.lt-overlap", Hone.field({ title: t("Share of the texts, in %"), input: share }), Hone.field({ title: t("goes to so many people"), input: times }));
    }

    const hidden = () => check("hidden", t("Hide answers until one's own texts are done"), t("Nobody is led by what others have said."));

    function check(name, title, what) {
      const input = h("input", { type: "checkbox", checked: Boolean(now[name]), id: "lt-" + name, onchange: () => { now[name] = input.checked; } });
      return h("label.lt-check", { for: input.id }, input, h("span", h("b", title), h("span.sub", what)));
    }

    /* What it comes to, before it is saved. */
    function each() {
      const n = now.people.length || 1;
      const times = now.mode === "everybody" ? n : now.mode === "overlap" ? 1 + now.share * (Math.min(now.times, n) - 1) : 1;
      const m = Math.round((state.texts * times) / n);
      return now.people.length ? t.plural(m, "About {n} text for each.", "About {n:,} texts for each.") : "";
    }

    async function save() {
      const { mode, people, share, times, hidden: blind, everybody_with_a_login } = now;
      try {
        await me.ctx.call("team_save", { mode, people, share, times, hidden: Boolean(blind), everybody_with_a_login: Boolean(everybody_with_a_login) });
      } catch (error) {
        Hone.fill(told, Hone.notice({ error }));
        told.scrollIntoView({ block: "nearest" });
        return;
      }
      sheet.close();
      Hone.bus.emit("labels");
      me.bench.restart();
      await me.look();
    }

    draw();
  };
})();
