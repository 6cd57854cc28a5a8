/* Data: what did Hone read, and is it fit to learn from? This file holds the state and the way files come in; the start page is in
   data_start.js, the cards in data_cards.js and data_checkup.js, the table in data_rows.js. Knows nothing of how a file is read. */
"use strict";
(() => {
  const LOOK = 0.4; // seconds between two looks at an import

  Hone.tab("data", {
    mount(root, ctx) {
      this.desk = desk(root, ctx);
      return this.desk.refresh();
    },
    shown() {
      this.desk.refresh();
    },
  });

  function desk(root, ctx) {
    const me = { ctx, root, state: null, trouble: null, busy: null, parts: {} };
    me.refresh = () => refresh(me);
    me.changed = () => changed(me);
    me.act = (name, args) => act(me, name, args);
    me.bring = (file, choice) => bring(me, file, choice);
    me.follow = (start) => follow(me, start);
    me.tell = (error) => tell(me, error);
    me.redraw = () => draw(me);
    me.choose = (choice) => choose(me, choice);
    Hone.bus.on("labels", () => later(me));
    droppable(me);
    Hone.keys(root, {
      ArrowLeft: () => me.parts.rows ? me.parts.rows.turn(-1) : false,
      ArrowRight: () => me.parts.rows ? me.parts.rows.turn(1) : false,
      "/": () => me.parts.rows ? me.parts.rows.search() : false,
    });
    return me;
  }

  /* What is there; redraws only what differs. An import that is under way (begun before a reload, or in another window) is followed. */
  async function refresh(me) {
    let state;
    try {
      state = await me.ctx.call("state", {});
    } catch (error) {
      if (!me.state) Hone.fill(me.root, Hone.notice({ error, actions: [Hone.button(t("Try again"), me.refresh, { small: true })] }));
      return;
    }
    const same = me.state && me.state.version === state.version && me.state.empty === state.empty;
    me.state = state;
    if (state.job && !me.busy) watch(me, state.job);
    if (!same || !me.drawn) draw(me);
  }

  function draw(me) {
    me.drawn = true;
    if (me.state.empty) {
      me.parts = {};
      Hone.dataStart(me);
    } else Hone.dataPage(me);
  }

  /* After something was changed here: everybody hears of it. */
  async function changed(me) {
    await refresh(me);
    Hone.bus.emit("data");
  }

  /* One call that changes the data: its answer, or null when it failed, which has been told then. */
  async function act(me, name, args) {
    try {
      const answer = await me.ctx.call(name, args);
      me.trouble = null;
      await changed(me);
      return answer ?? {};
    } catch (error) {
      Hone.toast(error);
      return null;
    }
  }

  /* Labels come one by one while somebody labels: the counts here follow when this tab is looked at. */
  function later(me) {
    clearTimeout(me.soon);
    me.soon = setTimeout(() => me.root.offsetParent && refresh(me), 400);
  }

  /* ---------- files coming in ---------- */

  /* A file from this computer: sent, then read. `choice`: {split, replace}. */
  async function bring(me, file, choice = {}) {
    if (me.busy) return Hone.toast(t("One file at a time. The first is still being read."));
    me.trouble = null;
    const sending = me.ctx.upload(file, (loaded, total) => {
      if (me.busy) me.busy.update({ done: loaded, total, text: t("Sending {file}, {p} %", { file: file.name, p: Math.floor((loaded / Math.max(1, total)) * 100) }) });
    });
    busy(me, t("Sending {file}, {p} %", { file: file.name, p: 0 }), () => sending.abort());
    let upload;
    try {
      upload = await sending;
    } catch (error) {
      busy(me, null);
      return tell(me, error);
    }
    busy(me, null);
    return follow(me, () => me.ctx.call("load", { upload, ...choice }));
  }

  /* Start a job with `start` and see it to its end. */
  async function follow(me, start) {
    if (me.busy) return;
    me.trouble = null;
    busy(me, t("Reading …"), null);
    try {
      const job = await start();
      me.busy = null;
      await watch(me, job);
    } catch (error) {
      busy(me, null);
      tell(me, error);
    }
  }

  async function watch(me, job) {
    busy(me, t("Reading …"), () => me.ctx.call("cancel", { job: job.id }));
    let state = job;
    while (state.state === "running" || state.state === "waiting") {
      const text = state.done ? t("Reading, {n:,} rows so far", { n: state.done }) : t("Reading …");
      me.busy.update({ done: state.done, total: state.total, text, seconds_left: state.seconds_left });
      await Hone.sleep(state.seconds < 1 ? 0.1 : LOOK);
      try {
        state = await me.ctx.call("job", { job: job.id });
      } catch (error) {
        if (!error.offline) state = { state: "failed", error };
      }
    }
    busy(me, null);
    if (state.state === "failed") tell(me, state.error);
    if (state.state === "done") await changed(me);
  }

  /* The bar that stands where the file was dropped; null takes it away. */
  function busy(me, text, cancel) {
    me.busy = text === null ? null : Hone.progress({ text, cancel });
    if (me.drawn) draw(me);
  }

  function tell(me, error) {
    if (error && error.kind === "Cancelled") return;
    if (error instanceof Error && !(error instanceof Hone.Trouble)) console.error(error);
    me.trouble = error;
    if (me.drawn) draw(me);
    window.scrollTo({ top: 0 });
  }

  /* The file dialog. */
  function choose(me, choice) {
    const input = h("input", { type: "file", accept: ".csv,.tsv,.txt,.tab,.xlsx,.json,.jsonl,.ndjson,.parquet,.conll,.zip,text/*" });
    input.addEventListener("change", () => input.files.length && me.bring(input.files[0], choice));
    input.click();
  }

  /* A file may be dropped anywhere on this tab; without this a drop beside the area would leave the page. */
  function droppable(me) {
    const files = (event) => event.dataTransfer && Array.from(event.dataTransfer.types || []).includes("Files");
    const here = () => me.root.offsetParent !== null && !document.querySelector("dialog[open]");
    let depth = 0;
    const mark = () => me.root.classList.toggle("dropping", depth > 0);
    document.addEventListener("dragenter", (event) => {
      if (files(event) && here()) { depth += 1; mark(); }
    });
    document.addEventListener("dragleave", (event) => {
      if (files(event) && depth) { depth -= 1; mark(); }
    });
    document.addEventListener("dragover", (event) => {
      if (files(event) && here()) event.preventDefault();
    });
    document.addEventListener("drop", (event) => {
      depth = 0;
      mark();
      if (!files(event) || !here()) return;
      event.preventDefault();
      if (event.dataTransfer.files.length > 1) return Hone.toast(t("One file at a time, please drop them one after the other."));
      Hone.dataDropped(me, event.dataTransfer.files[0]);
    });
  }
})();
