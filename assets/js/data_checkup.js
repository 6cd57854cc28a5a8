/* The check-up: findings in plain words, each with examples and its repairs; a repair that was made stays in the list with its Undo.
   What takes a while to find out is fetched by a job, and comes in when that is done. Knows nothing of how findings are found. */
"use strict";
(() => {
  Hone.dataCheckup = (me) => {
    const count = h("span.sub");
    const download = Hone.button(t("Data report"), () => reports(), { link: true, "aria-haspopup": "menu", hidden: true });
    const list = h("div.dt-findings", { "aria-live": "polite" });
    const looking = h("div.dt-looking", { hidden: true });
    const node = Hone.card({ title: t("Check-up"), side: h("div.dt-checkup-side", count, download), body: [looking, list], class: "dt-checkup" });
    const unfolded = new Set(); // findings whose examples are shown
    let asked = 0, job = null;

    const poll = me.ctx.poll(async () => {
      if (!job) return 30;
      const told = await me.ctx.call("job", { job });
      if (job !== told.id) return 1;
      if (told.state === "waiting" || told.state === "running") { progress(told); return 0.6; }
      job = null;
      looking.hidden = true;
      if (told.state === "failed") Hone.fill(looking, Hone.notice({ tone: "bad", title: told.error.message, body: told.error.fix, actions: [Hone.button(t("Try again"), refresh, { small: true })] })), (looking.hidden = false);
      else { await refresh(); me.parts.counted(); }
      return job ? 0.6 : 30;
    }, 30);

    function progress(told) {
      if (!looking.bar || !looking.contains(looking.bar)) Hone.fill(looking, (looking.bar = Hone.progress({ text: t("Looking through the texts …") })));
      looking.hidden = false;
      looking.bar.update({ done: told.done, total: told.total, text: told.note || t("Looking through the texts …"), seconds_left: told.seconds_left });
    }

    async function refresh() {
      const mine = (asked += 1);
      if (!list.childElementCount) Hone.fill(list, h("p.sub", t("Looking through the texts …")));
      let told;
      try {
        told = await me.ctx.call("findings", {});
      } catch (error) {
        if (mine === asked) Hone.fill(list, Hone.notice({ error, actions: [Hone.button(t("Try again"), refresh, { small: true })] }));
        return;
      }
      if (mine !== asked) return;
      const open = told.findings.filter((f) => !f.done);
      count.textContent = open.length ? t.plural(open.length, "{n} thing to look at", "{n} things to look at") : "";
      download.hidden = Boolean(told.looking);
      job = told.looking ? told.looking.id : null;
      if (job) { progress(told.looking); poll.every(0.6); } else looking.hidden = true;
      const well = open.length || told.looking ? null : h("p.dt-well", tick(), t("Nothing to mend. These texts are fit to learn from."));
      Hone.fill(list, told.findings.map((f) => finding(f)), well);
    }

    function reports() {
      const fetch = async (form) => { const { url } = await me.ctx.call("report", { form }); Hone.download(url); };
      Hone.menu(download, [
        { title: t("As a page (HTML)"), onpick: () => fetch("html").catch((error) => Hone.toast(error)) },
        { title: t("As text (Markdown)"), onpick: () => fetch("md").catch((error) => Hone.toast(error)) },
      ]);
    }

    function finding(f) {
      const fixes = f.done ? [] : f.fixes.map((fix) => Hone.button(fix.title, () => me.act("fix", { finding: f.id, fix: fix.id }), { small: true }));
      if (f.done) fixes.push(h("span.dt-done", t("Done.")), Hone.button(t("Undo"), () => me.act("undo", { group: f.done }), { small: true }));
      const look = f.rows && !f.done ? Hone.button(t("Look at them"), () => me.parts.rows.only("finding:" + f.id, f.title), { link: true }) : null;
      const why = f.done ? null : h("span", f.detail);
      const [fold, shown] = f.done || !f.examples.length ? [null, null] : examples(f);
      const links = look || fold ? h("div.dt-links", fold, look) : null;
      return h("div.dt-find", { class: f.done ? "good" : f.tone }, h("i", { "aria-hidden": true }), h("div.dt-say", h("b", f.title), why, links), fixes.length ? h("div.dt-fixes", fixes) : null, shown);
    }

    /* Folded until asked for; it stays open when the list is drawn again. */
    function examples(f) {
      const id = Hone.id("examples");
      const shown = h("div.dt-samples", { id, hidden: !unfolded.has(f.id) }, f.examples.map((lines) => h("div.dt-sample", lines.map(line))));
      const fold = Hone.button(t("Examples"), () => {
        shown.hidden = !shown.hidden;
        unfolded[shown.hidden ? "delete" : "add"](f.id);
        fold.setAttribute("aria-expanded", String(!shown.hidden));
      }, { link: true, "aria-expanded": String(!shown.hidden), "aria-controls": id, "data-key": "examples-" + f.id });
      return [fold, shown];
    }

    return { node, refresh };
  };

  const line = (one) => h("p", one.notes.length ? h("small", one.notes.join(" · ")) : null, h("span.said", one.pieces.map(([text, marked]) => (marked ? h("mark", text) : text))));

  const tick = () => h("svg", { viewBox: "0 0 20 20", "aria-hidden": true, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round" }, h("path", { d: "M4 10.500l4 4 8-9" }));
})();
