/* A whole file: drop it, say where the text is, get it back with the answer and its probability beside each row.
   The work is a job of the server: a reload, another window or a closed laptop lose nothing. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const PICTURES = [".zip"];
  const TABLES = [".csv", ".tsv", ".txt", ".xlsx", ".json", ".jsonl", ".parquet"];

  Hone.wholeFile = function (view) {
    const box = h("div.wf");
    const own = { view, box, run: view.run, progress: null };
    own.look = Hone.evaluate.looking(view.ctx, () => follow(own), 0.8);
    follow(own).catch(() => {
      ask(own);
      own.look.start();
    });
    return Hone.card({ title: t("A whole file"), sub: t("You get it back with the answer and its probability beside each row."), body: box });
  };

  /* What the last file of this project is doing. Somebody who is just choosing another one is not disturbed. */
  async function follow(own) {
    if (own.shown && !own.box.isConnected) return own.look.stop();
    const state = await own.view.ctx.call("file_state");
    own.shown = own.box.isConnected;
    const working = state.state === "running" || state.state === "waiting";
    if (working) own.look.start();
    else own.look.stop();
    if (own.choosing) return;
    if (working) return work(own, state);
    own.progress = null;
    if (state.state === "failed") ask(own, Hone.notice({ tone: "bad", title: state.error.message, body: state.error.fix }));
    else if (state.state === "done") done(own, state);
    else ask(own);
  }

  function ask(own, notice = null) {
    const run = own.view.runs.find((one) => one.id === own.view.run);
    const KINDS = run && run.inputs[0].kind === "image" ? PICTURES : TABLES;
    const input = h("input.wf-input", { type: "file", accept: KINDS.join(","), onchange: () => take(own, input.files[0]) });
    const drop = h("label.wf-drop", input, h("b", t("Drop a file here, or choose one")), h("span", KINDS.map((kind) => kind.slice(1)).join(" ")));
    for (const kind of ["dragover", "dragleave", "drop"]) {
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", kind === "dragover");
        if (kind === "drop") take(own, event.dataTransfer.files[0]);
      });
    }
    fill(own.box, notice, drop);
  }

  const trouble = (own, error) => {
    own.choosing = false;
    ask(own, error.kind === "Cancelled" ? null : Hone.notice({ error }));
  };

  async function take(own, file) {
    if (!file) return;
    own.choosing = true;
    const sending = own.view.ctx.upload(file, (done, total) => bar.update({ done, total }));
    const bar = Hone.progress({ text: t("Sending {name}", { name: file.name }), cancel: () => sending.abort() });
    fill(own.box, bar);
    try {
      const upload = await sending;
      const look = await own.view.ctx.call("file_look", { run: own.view.run, upload });
      choose(own, upload, file.name, look);
    } catch (error) {
      trouble(own, error);
    }
  }

  /* The file has been looked at: which column holds what? The guess is chosen already. */
  function choose(own, upload, name, look) {
    const roles = look.roles.map((one) => ({ ...one }));
    const first = h("blockquote.wf-first");
    const start = async () => {
      const columns = Object.fromEntries(roles.map((one) => [one.role, one.columns.length > 1 ? one.columns : one.columns[0] || null]));
      const asked = roles.length > 1 || roles[0].columns.length > 1 ? { columns } : { column: roles[0].columns[0] };
      try {
        await own.view.ctx.call("file_start", { run: own.view.run, upload, ...asked });
        own.choosing = false;
        await follow(own);
      } catch (error) {
        trouble(own, error);
      }
    };
    const back = () => {
      own.choosing = false;
      ask(own);
    };
    const go = Hone.button(t("Answer every row"), start);
    const show = () => {
      fill(first, look.first[roles[0].columns[0]] || t("The first row is empty there."));
      go.disabled = roles.some((one) => one.required && !one.columns.length);
    };
    show();
    fill(own.box, h("p.wf-name", h("b", name), " ", h("span", look.read)), h("div.wf-columns", roles.map((one, i) => picking(one, i, look, show))), first, h("div.pg-row", go, Hone.button(t("Another file"), back, { link: true })));
  }

  /* The column of one role; a role that several columns make together in this file can be given all of them. */
  function picking(one, i, look, show) {
    const id = i ? "wf-column-" + one.role : "wf-column";
    const together = one.columns.length > 1 ? one.columns : null;
    const options = [...(one.required ? [] : [{ value: "", title: t("No column") }]), ...(together ? [{ value: "\n", title: together.join(" + ") }] : []), ...look.columns];
    const pick = (value) => {
      one.columns = value === "\n" ? together : value ? [value] : [];
      show();
    };
    return h("div.wf-column", h("label", { for: id }, one.title), Hone.select({ options, value: together ? "\n" : one.columns[0] || "", onchange: pick, id }));
  }

  function work(own, state) {
    if (!own.progress || !own.progress.isConnected) {
      own.job = state.id;
      own.progress = Hone.progress({ cancel: () => cancel(own) });
      fill(own.box, h("p.wf-name", h("b", state.name)), own.progress);
    }
    own.job = state.id;
    const { done, total, seconds_left } = state;
    const text = state.cancelling
      ? t("Keeping what is done…")
      : !done
        ? t("Loading the model")
        : total
          ? t("{done:,} of {total:,} rows", { done, total })
          : t("{done:,} rows so far", { done });
    own.progress.update({ done, total: done ? total : 0, text, seconds_left });
  }

  async function cancel(own) {
    await own.view.ctx.call("file_cancel", { job: own.job });
    await follow(own);
  }

  function done(own, state) {
    const told = state.cut
      ? t.plural(state.rows, "{n} row was answered before you cancelled. It is kept.", "{n:,} rows were answered before you cancelled. They are kept.")
      : t.plural(state.rows, "{n} row answered.", "{n:,} rows answered.");
    const get = async () => Hone.download((await own.view.ctx.call("file_result", { job: state.id })).url);
    fill(
      own.box,
      h("p.tick", { class: state.cut ? "cut" : "" }, h("span", h("b", state.name), " · ", told, state.by ? " " + t("By {run}.", { run: state.by }) : "")),
      state.rows ? h("div.pg-row", Hone.button(t("Download {name}", { name: state.out }), get), Hone.button(t("Another file"), () => ask(own), { link: true })) : Hone.button(t("Another file"), () => ask(own), { link: true }),
      state.sample.length ? Hone.table({ class: "wf-sample", columns: [{ title: t("text"), cell: (row) => Hone.said(row.text) }, { title: t("answer"), cell: (row) => (row.colour === null ? Hone.said(row.name) : Hone.chip(row)) }, state.sample.some((row) => row.probability !== null) ? { title: t("probability"), class: "r", cell: (row) => Hone.fmt.percent(row.probability) } : null].filter(Boolean), rows: state.sample }) : null,
    );
  }
})();
