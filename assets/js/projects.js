/* The project picker: a short menu in the header, and a sheet with everything: sizes, backups, the bin, delete everything of mine. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const call = (name, args) => Hone.frameCtx.call(name, args);
  let sheet = null;

  Hone.projectMenu = function (anchor, state) {
    if (!state) return;
    const here = state.projects.find((p) => p.id === state.project);
    const others = state.projects.slice(0, 8);
    const phone = matchMedia("(max-width: 760px)").matches;
    Hone.menu(anchor, [
      ...others.map((p) => ({ title: p.name, current: p.id === state.project, onpick: () => p.id !== state.project && Hone.open(p.id) })),
      others.length && state.shared.length && "-",
      ...state.shared.slice(0, 12).map((p) => ({ title: p.name, sub: t("{owner} shares it with you", { owner: p.owner }), current: p.id === state.project, onpick: () => p.id !== state.project && Hone.open(p.id, "label") })),
      "-",
      { title: t("New project"), onpick: create },
      here && { title: t("Rename"), onpick: () => rename(here) },
      here && { title: t("Duplicate"), onpick: () => duplicate(here) },
      { title: t("All projects, backups and the bin"), onpick: () => Hone.shelf() },
      here && { title: t("Delete"), danger: true, onpick: () => remove(here) },
      (phone || state.mode === "login") && "-",
      phone && state.away && { title: t("Take the model away"), onpick: () => Hone.takeAway() },
      phone && { title: t("Help"), onpick: () => Hone.showHelp() },
      state.mode === "login" && { title: t("Log out {user}", { user: state.user }), onpick: () => location.assign("logout?all_session=false") },
    ]);
  };

  /** The sheet with all projects. */
  Hone.shelf = async function () {
    const body = h("div.shelf");
    sheet = Hone.sheet({ title: t("Projects"), body, wide: true, onclose: () => { sheet = null; } });
    await redraw(body);
  };

  async function redraw(body = sheet && sheet.node.querySelector(".shelf")) {
    if (!body) return;
    let all;
    try { all = await call("shelf"); } catch (error) { fill(body, Hone.notice({ error })); return; }
    fill(body,
      h("div.acts", Hone.button(t("New project"), create), Hone.button(t("Bring in a backup"), () => bringIn(body))),
      h("div.shelf-list", all.projects.map((p) => entry(p))),
      h("p.sub", t("{used} used of this disk, {free} free.", { used: Hone.fmt.bytes(all.used), free: Hone.fmt.bytes(all.free) })),
      all.bin.length ? bin(all.bin) : null,
      h("section.shelf-end", h("h3", t("Delete everything of mine")), h("p.sub", t("All projects, runs, models, uploads and the bin, at once and for good.")), Hone.button(t("Delete everything"), everything, { danger: true, id: "delete-everything" })));
  }

  function entry(p) {
    const facts = [t.plural(p.texts, "{n:,} text", "{n:,} texts"), t.plural(p.runs, "{n} run", "{n} runs"), Hone.fmt.bytes(p.used), Hone.fmt.ago(p.touched)];
    const more = h("button.ico", { "aria-label": t("More for {name}", { name: p.name }), "aria-haspopup": "menu" }, "⋯");
    more.addEventListener("click", () => Hone.menu(more, [
      { title: t("Rename"), onpick: () => rename(p) },
      { title: t("Duplicate"), onpick: () => duplicate(p) },
      { title: t("Back up as one zip"), onpick: () => backup(p, row) },
      "-",
      { title: t("Delete"), danger: true, onpick: () => remove(p) },
    ]));
    const row = h("div.shelf-row", { class: p.id === Hone.project ? "current" : "", "data-id": p.id },
      h("div", h("button.lnk", { onclick: () => (p.id === Hone.project ? sheet.close() : Hone.open(p.id)) }, p.name), h("p.sub", facts.join(" · "))), more, h("div.shelf-under"));
    return row;
  }

  function bin(gone) {
    return h("section.shelf-bin", h("h3", t("Bin")), h("p.sub", t("Deleted projects stay here for a day.")),
      gone.map((p) => h("div.shelf-row", h("div", h("span", p.name), h("p.sub", t("{t} left", { t: Hone.fmt.duration(p.seconds) }))), Hone.button(t("Restore"), async () => { await restore(p); }, { small: true }))),
      h("div.acts", Hone.button(t("Empty the bin"), async () => {
        if (!(await Hone.ask({ title: t("Empty the bin?"), body: t("What lies in it cannot be brought back afterwards."), yes: t("Empty the bin"), danger: true }))) return;
        await call("empty_bin");
        await redraw();
      }, { link: true, danger: true })));
  }

  async function create() {
    const name = await Hone.ask({ title: t("New project"), input: t("Name of the project"), yes: t("Create") });
    if (!name) return;
    try { Hone.open((await call("create_project", { name })).id, "data"); } catch (error) { Hone.toast(error); }
  }

  async function rename(p) {
    const name = await Hone.ask({ title: t("Rename {name}", { name: p.name }), input: t("Name of the project"), value: p.name, yes: t("Rename") });
    if (!name || name === p.name) return;
    try { await call("rename_project", { id: p.id, name }); } catch (error) { Hone.toast(error); }
    await Promise.all([Hone.refresh(), redraw()]);
  }

  async function duplicate(p) {
    try { Hone.open((await call("duplicate_project", { id: p.id })).id); } catch (error) { Hone.toast(error); }
  }

  async function remove(p) {
    const running = Hone.overview.running && p.id === Hone.project;
    const body = running ? t("Its training is discarded. The project stays in the bin for a day.") : t("It stays in the bin for a day.");
    if (!(await Hone.ask({ title: t("Delete {name}?", { name: p.name }), body, yes: t("Delete"), danger: true }))) return;
    try { await call("delete_project", { id: p.id }); } catch (error) { Hone.toast(error); return; }
    if (p.id === Hone.project) {
      Hone.store.set("deleted", { id: p.id, name: p.name }, "");
      Hone.store.set("project", null, "");
      location.assign(location.pathname + "#data");
      if (!new URLSearchParams(location.search).get("project")) location.reload();
      return;
    }
    undoable(p);
    await Promise.all([Hone.refresh(), redraw()]);
  }

  function undoable(p) {
    Hone.toast(t("{name} is in the bin.", { name: p.name }), { action: { title: t("Undo"), onpick: () => restore(p) }, seconds: 20 });
  }

  async function restore(p) {
    try { Hone.open((await call("restore_project", { id: p.id })).id); } catch (error) { Hone.toast(error); }
  }

  // the deleted project was the open one: offer the way back on the page that follows
  Hone.ready.then(() => {
    const gone = Hone.store.get("deleted", null, "");
    if (!gone) return;
    Hone.store.set("deleted", null, "");
    undoable(gone);
  });

  async function backup(p, row) {
    const under = row.querySelector(".shelf-under");
    let job = null;
    const bar = Hone.progress({ text: t("Packing {name}", { name: p.name }), cancel: () => job && call("cancel_backup", { job }) });
    fill(under, bar);
    try {
      job = (await call("backup_project", { id: p.id })).job;
      for (;;) {
        const state = await call("backup_state", { job, id: p.id });
        if (state.state === "done") { fill(under); Hone.download(state.url); return; }
        if (state.state === "failed") throw new Hone.Trouble(state.error || { message: t("The backup was not made.") });
        if (state.state === "cancelled") { fill(under); return; }
        bar.update(state);
        await Hone.sleep(0.4);
      }
    } catch (error) { fill(under, Hone.notice({ error })); }
  }

  function bringIn(body) {
    const input = h("input", { type: "file", accept: ".zip" });
    input.addEventListener("change", async () => {
      const file = input.files[0];
      if (!file) return;
      const bar = Hone.progress({ text: t("Reading {name}", { name: file.name }) });
      body.prepend(bar);
      try {
        const upload = await Hone.upload(file, (done, total) => bar.update({ done, total }));
        Hone.open((await call("restore_backup", { upload })).id, "data");
      } catch (error) { bar.replaceWith(Hone.notice({ error })); }
    });
    input.click();
  }

  async function everything() {
    const word = t("delete");
    const said = await Hone.ask({ title: t("Delete everything of mine?"), body: t("Projects, runs, models, uploads and the bin go at once and for good. To go on, write: {word}", { word }), input: t("Write: {word}", { word }), yes: t("Delete everything"), danger: true });
    if (said === null) return;
    if (said.toLowerCase() !== word.toLowerCase()) { Hone.toast(t("Nothing was deleted.")); return; }
    try { await call("delete_everything"); } catch (error) { Hone.toast(error); return; }
    for (const key of Object.keys(localStorage)) if (key.startsWith("hone:") && !["hone:language", "hone:theme"].includes(key)) localStorage.removeItem(key);
    location.assign(location.pathname + "#data");
    location.reload();
  }
})();
