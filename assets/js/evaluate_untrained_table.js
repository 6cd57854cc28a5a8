/* Without training: attempts and runs side by side on the same texts, with progress, a way to cancel, and the answers behind each. */
"use strict";
(() => {
  const parts = (Hone.untrained = Hone.untrained || {});
  const PAGE = 20;
  const EVERY = 0.8;
  const GROUPS = [
    { split: "test", title: () => t("On the test texts") },
    { split: "validation", title: () => t("On validation texts, to choose by") },
    { split: "unlabelled", title: () => t("On texts without a label") },
  ];

  /* Gives {shown, hidden, look}: the table in `host`, which follows what is under way. */
  parts.table = (me, host) => {
    const view = { me, host, against: Hone.store.get("untrained.against"), seen: "" };
    view.poll = Hone.evaluate.looking(me.ctx, () => look(view), EVERY);
    return { shown: () => look(view), hidden: () => view.poll.stop(), look: () => look(view) };
  };

  async function look(view) {
    let told;
    try {
      told = await view.me.call("untrained_attempts", { run: view.against });
    } catch (error) {
      if (!view.told) Hone.fill(view.host, Hone.notice({ error, actions: [Hone.button(t("Try again"), () => look(view), { small: true })] }));
      throw error;
    }
    view.told = told;
    if (told.attempts.some((one) => one.state === "waiting" || one.state === "running")) view.poll.start();
    else view.poll.stop();
    const standing = JSON.stringify({ ...told, attempts: told.attempts.map((one) => ({ ...one, job: null })) });
    if (standing !== view.seen) draw(view);
    view.seen = standing;
    for (const one of told.attempts) if (view.bars[one.id] && one.job) view.bars[one.id].update({ ...one.job, text: one.job.note || t("Getting ready …") });
  }

  function draw(view) {
    const { told } = view;
    view.bars = {};
    const runs = told.runs.map((run) => ({ ...run, run: true, state: "ready", scored: run.reported }));
    const groups = GROUPS.map(({ split, title }) => {
      const those = told.attempts.filter((one) => one.split === split);
      if (split === "test" && those.length + runs.length) those.push(...runs);
      if (!those.length) return null;
      those.sort((a, b) => working(b) - working(a) || (b.accuracy ?? -1) - (a.accuracy ?? -1));
      return h("section", h("h3", title()), h("ul.un-rows", those.map((one) => line(view, one))));
    }).filter(Boolean);
    const empty = told.attempts.length ? null : h("p.sub", t("Nothing asked yet. The first way needs only the names of your labels and takes seconds."));
    Hone.fill(view.host, Hone.card({ title: t("Side by side"), sub: t("Share right; the bar is where it would fall 95 times of 100."), side: chooser(view), body: h("div.stack.un-table", empty, groups) }));
  }

  const working = (one) => (one.state === "waiting" || one.state === "running" ? 1 : 0);

  /* Which run attempts are compared with, text by text. */
  function chooser(view) {
    const runs = view.told.runs.filter((run) => run.paired);
    if (runs.length < 2) return null;
    return h("label.un-against", t("Compared with"), " ", Hone.select({ label: t("Compared with"), value: view.told.against && view.told.against.id, options: runs.map((run) => ({ value: run.id, title: run.title })), onchange: (id) => { view.against = id; Hone.store.set("untrained.against", id); look(view).catch(Hone.toast); } }));
  }

  function line(view, one) {
    const name = h("div.un-name", h("b", one.title), h("small", one.run ? t("a run of this project") : [one.sub, Hone.fmt.ago(one.created)].join(" · ")), (one.notes || []).map((note) => h("small", note)), asked(one), one.stale ? h("small.un-stale", t("The data has changed since.")) : null);
    return h("li.un-row", { class: one.run ? "run" : "", "data-key": one.id }, name, middle(view, one), h("div.acts.un-acts", actions(view, one)));
  }

  const asked = (one) => (!one.run && one.total < one.of ? h("small", t("{n:,} of {m:,} texts, drawn by chance", { n: one.total, m: one.of })) : null);

  function middle(view, one) {
    if (working(one)) {
      const bar = (view.bars[one.id] = Hone.progress({ text: t("Getting ready …"), cancel: () => view.me.call("untrained_cancel", { attempt: one.id }).then(() => look(view)) }));
      return h("div.un-wide", bar.update({ ...one.job, text: (one.job && one.job.note) || t("Getting ready …") }));
    }
    if (one.state === "failed") return h("div.un-wide", Hone.notice({ tone: "bad", title: one.error ? one.error.message : t("Something went wrong here."), body: one.error && one.error.fix }));
    if (one.state === "cancelled") return h("div.un-wide.sub", t("Cancelled."));
    if (one.run && !one.reported) return h("div.un-wide.sub", t("Its report is not made yet."));
    if (!one.scored) return h("div.un-wide.sub", t.plural(one.total, "{n:,} text has a guess. It is no label, and nobody knows whether it is right.", "{n:,} texts have a guess. They are no labels, and nobody knows whether they are right."), " ", time(one));
    const between = one.low === null ? "" : t("{low} to {high}", { low: Hone.fmt.fixed(one.low), high: Hone.fmt.fixed(one.high) });
    return [h("div.cmpr.un-bar", Hone.evaluate.axis({ share: one.accuracy, low: one.low ?? one.accuracy, high: one.high ?? one.accuracy, colour: one.run ? "accent" : "l4" })),
      h("div.un-score", h("b", Hone.fmt.fixed(one.accuracy)), h("small", between), h("small", time(one))), beside(view, one)];
  }

  function time(one) {
    const s = one.seconds_a_text;
    if (!s) return "";
    return s < 1 ? t("{n} ms a text", { n: s < 0.01 ? (1000 * s).toFixed(1) : Math.round(1000 * s) }) : t("{n} s a text", { n: s.toFixed(1) });
  }

  /* The paired comparison with the chosen run, in a sentence. */
  function beside(view, one) {
    const pair = one.beside;
    if (!pair || one.run) return null;
    const says = t("Of {n:,} texts, {run} alone is right on {mended:,} and this alone on {broken:,}: {luck}.", { n: pair.n, run: view.told.against.title, mended: pair.mended, broken: pair.broken, luck: pair.luck });
    return h("p.sub.un-beside", says);
  }

  function actions(view, one) {
    const { me } = view;
    if (one.run) return [Hone.button(one.reported ? t("Its report") : t("Make its report"), () => { Hone.store.set("evaluate.run", one.id); Hone.goPart("evaluate", "one"); }, { link: true })];
    const remove = Hone.button(t("Remove"), async () => { await me.call("untrained_remove", { attempt: one.id }); await look(view); }, { link: true, "aria-label": t("Remove {name}", { name: one.title }) });
    if (working(one)) return [];
    if (one.state !== "ready") return [Hone.button(t("Try again"), async () => { await me.call("untrained_again", { attempt: one.id }); await look(view); }, { link: true }), remove];
    const read = Hone.button(one.scored ? t("Its mistakes") : t("Its guesses"), () => sheet(view, one), { link: true, "data-key": "read-" + one.id });
    return [read, remove];
  }

  /* ---------- the answers behind an attempt ---------- */

  function sheet(view, one) {
    const list = h("div");
    const kinds = one.scored ? [{ value: "mistakes", title: t("Mistakes") }, { value: "right", title: t("Right answers") }] : [{ value: "all", title: t("All") }];
    const show = (only) => Hone.fill(list, texts(view, one, only));
    const bar = h("div.un-top", kinds.length > 1 ? Hone.choice({ options: kinds, value: kinds[0].value, label: t("Which answers"), onchange: show }) : h("span"), Hone.button(t("All answers (CSV)"), async () => Hone.download((await view.me.call("untrained_file", { attempt: one.id })).url), { small: true }));
    Hone.sheet({ title: `${one.title} · ${one.sub}`, body: h("div.stack.un-sheet", bar, list), wide: true });
    show(kinds[0].value);
  }

  function texts(view, one, only) {
    const items = h("ul.un-texts"), foot = h("div");
    let shown = 0;
    const next = async () => {
      try {
        const page = await view.me.call("untrained_rows", { attempt: one.id, only, start: shown, count: PAGE });
        shown += page.rows.length;
        items.append(...page.rows.map((row) => h("li", h("p.said", row.text), h("small", answered(row)))));
        const none = !page.total ? h("p.sub", t("There are none.")) : null;
        Hone.fill(foot, none, shown < page.total && page.rows.length ? Hone.button(t("Show {n} more", { n: Math.min(PAGE, page.total - shown) }), next, { small: true }) : null);
      } catch (error) {
        Hone.fill(foot, Hone.notice({ error, actions: [Hone.button(t("Try again"), next, { small: true })] }));
      }
    };
    next();
    return [items, foot];
  }

  function answered(row) {
    const p = Hone.fmt.percent(row.probability);
    return row.right === null || row.right === row.said ? t("{p} sure of {label}", { p, label: row.said }) : t("{p} sure of {said}. Its label: {right}", { p, said: row.said, right: row.right });
  }
})();
