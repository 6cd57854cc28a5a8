/* The list of runs: open one, tick others to lay their curves over it, rename, note, resume, delete. Runs of a study stand under its name. */
(() => {
  "use strict";
  const { h, t, fill, button, fmt } = Hone;
  const MOST = 3; // curves over the shown one: so many colours and dashes there are

  const STATES = {
    queued: () => t("in line"), preparing: () => t("preparing"), running: (r) => t("learning, {p} %", { p: Math.floor(100 * r.share) }), paused: (r) => t("paused at step {s}", { s: r.step }),
    interrupted: (r) => t("interrupted at step {s}", { s: r.step }), finished: () => t("finished"), stopped: (r) => t("stopped at step {s}, kept", { s: r.step }), discarded: () => t("discarded"), failed: (r) => t("failed at step {s}", { s: r.step }),
  };

  const unfolded = new Set(); // studies whose runs are shown

  /** The runs, and for those of a study one line with its name; folded, but for the run that is shown. */
  function lines(page) {
    const studies = new Map((page.studies || []).map((one) => [one.id, { ...one, group: true, runs: [] }]));
    const found = [];
    for (const run of page.runs) {
      const group = studies.get(run.study);
      if (!group) { found.push(run); continue; }
      if (!group.runs.length) found.push(group);
      group.runs.push(run);
    }
    return found.flatMap((line) => (line.group ? [line, ...line.runs.filter((run) => unfolded.has(line.id) || run.id === page.id)] : [line]));
  }

  function draw(node, page, act) {
    if (!page.runs.length) return fill(node);
    const shown = JSON.stringify([page.runs, page.ticked, page.id, page.studies, [...unfolded]]);
    if (node.dataset.shown === shown) return;
    node.dataset.shown = shown;
    const others = page.ticked.filter((id) => id !== page.id);
    const side = others.length
      ? button(t("Take the other curves off"), () => others.forEach((id) => act.tick(id, false)), { link: true })
      : page.runs.length > 1 ? h("span.sub", t("Tick runs to lay their curves over this one.")) : null;
    const rows = lines(page);
    const toggle = (line) => { if (!unfolded.delete(line.id)) unfolded.add(line.id); draw(node, page, act); };
    fill(node, Hone.card({ id: "train-runs", title: t("Runs"), side, body: Hone.table({ rows, onrow: (line) => (line.group ? toggle(line) : act.open(line.id)), caption: t("Runs"), columns: columns(page, act, others).map((column, i) => ({ ...column, cell: (line) => (line.group ? group(line, i, toggle) : column.cell(line)) })) }) }));
    for (const [i, tr] of [...node.querySelectorAll("tbody tr")].entries()) { tr.classList.toggle("current", rows[i].id === page.id); tr.classList.toggle("train-group", Boolean(rows[i].group)); tr.classList.toggle("train-within", !rows[i].group && (page.studies || []).some((one) => one.id === rows[i].study)); }
  }

  /** The cells of a study's line: its name, how many runs, and the way to its result. */
  function group(line, column, toggle) {
    if (column === 1) return h("span", button((unfolded.has(line.id) ? "▾ " : "▸ ") + line.name, () => toggle(line), { link: true, "data-key": "fold-" + line.id, "aria-expanded": unfolded.has(line.id) ? "true" : "false" }), h("span.when", " · " + t.plural(line.runs.length, "{n} run", "{n} runs")));
    if (column !== 2) return "";
    const busy = line.runs.some((run) => ["queued", "preparing", "running"].includes(run.state));
    return h("span", busy ? t("at work") + " " : null, button(t("Side by side"), () => Hone.openStudy(line.id), { link: true }));
  }

  function columns(page, act, others) {
    return [
      { title: "", class: "train-tick", cell: (run) => tick(run, page, act, others) },
      { title: t("Run"), cell: (run) => h("span", h("b", run.name), h("span.when", " · " + when(run.created)), run.changed.length ? h("small.train-changed", run.changed.join(" · ")) : null, run.note && h("small.train-note", run.note)) },
      { title: t("State"), cell: (run) => h("span", { class: "train-run-state " + run.state }, (STATES[run.state] || STATES.running)(run), ["interrupted", "paused"].includes(run.state) && button(t("Resume"), () => act.resume(run.id), { link: true })) },
      { title: t("learnt from"), class: "r nop", cell: (run) => fmt.number(run.texts) },
      { title: h("span", { title: t("on validation") }, measure(page.runs)), class: "r", cell: (run) => h("span", { title: run.measure }, typeof run.score === "number" ? run.score.toFixed(3) : "–") },
      { title: t("time"), class: "r", cell: (run) => clock(run.seconds) },
      { title: h("span.sr", t("More")), class: "r", cell: (run) => more(run, act) },
    ];
  }

  /** The measure of the column, where all runs have the same. */
  const measure = (runs) => (runs.every((run) => run.measure === runs[0].measure) ? runs[0].measure : t("score"));

  function tick(run, page, act, others) {
    const own = run.id === page.id;
    const full = others.length >= MOST && !others.includes(run.id);
    return h("input", { type: "checkbox", id: "train-tick-" + run.id, checked: own || others.includes(run.id), disabled: own || full, "aria-label": t("Show the curve of {name}", { name: run.name }), onchange: (e) => act.tick(run.id, e.target.checked) });
  }

  function more(run, act) {
    const node = button("⋯", () => {
      Hone.menu(node, [
        { title: t("Show"), onpick: () => act.open(run.id) },
        { title: t("Rename"), onpick: () => rename(run, act) },
        { title: t("Write a note"), onpick: () => note(run, act) },
        "-",
        { title: t("Delete"), danger: true, onpick: () => remove(run, act) },
      ]);
    }, { small: true, class: "train-more", id: "train-more-" + run.id, "aria-label": t("More about {name}", { name: run.name }), "aria-haspopup": "menu" });
    return node;
  }

  async function rename(run, act) {
    const name = await Hone.ask({ title: t("Rename this run"), input: t("Name"), value: run.name, yes: t("Rename") });
    if (name) await act.call("note", { run: run.id, name }).then(act.again).catch(Hone.toast);
  }

  function note(run, act) {
    const text = h("textarea.train-note-text", { rows: 6, maxlength: 4000, "aria-label": t("Note"), value: run.note || "", placeholder: t("What did you try, and what came of it?") });
    const sheet = Hone.sheet({ title: t("A note about {name}", { name: run.name }), body: text, actions: [button(t("Keep"), async () => { await act.call("note", { run: run.id, text: text.value.trim() }); sheet.close(); await act.again(); }, { primary: true })] });
    text.focus();
  }

  async function remove(run, act) {
    const yes = await Hone.ask({ title: t("Delete {name}?", { name: run.name }), body: t("Its curve, its model and its report are removed from the disk. This cannot be undone."), yes: t("Delete"), danger: true });
    if (yes) await act.call("delete", { run: run.id }).then(() => { Hone.bus.emit("runs"); return act.forget(run.id); }).catch(Hone.toast);
  }

  function when(iso) {
    const date = new Date(iso), now = new Date();
    const clockTime = String(date.getHours()).padStart(2, "0") + ":" + String(date.getMinutes()).padStart(2, "0");
    return date.toDateString() === now.toDateString() ? clockTime : `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")} ${clockTime}`;
  }

  function clock(seconds) {
    const s = Math.round(seconds || 0);
    const two = (n) => String(n).padStart(2, "0");
    return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  }

  Hone.trainRuns = { draw, when };
})();
