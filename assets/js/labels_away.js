/* Take the labels away: a sheet with the format, one row a text or one an answer, and what the format cannot hold, said before. The file is
   made as a job of the server; it comes as a download. Opened from the Data and from the Label tab: Hone.labelsAway(ctx). */
"use strict";
(() => {
  const LAYOUTS = () => ({
    merged: [t("One row a text"), t("All columns, with the label that counts now, where it comes from, who gave it and when.")],
    answers: [t("One row an answer"), t("Everything anybody answered, with who, when and how long it took.")],
  });

  Hone.labelsAway = async (ctx) => {
    const told = await ctx.call("labels_formats", {});
    const kept = Hone.store.get("labels.away") || {};
    const own = { ctx, told, job: null, chosen: { format: known(told, kept.format), layout: kept.layout || "merged", labelled: Boolean(kept.labelled) } };
    own.body = h("div.la");
    own.foot = h("div.la-foot");
    own.sheet = Hone.sheet({ title: t("Take the labels away"), wide: true, body: h("div.stack", own.body, own.foot), onclose: () => own.job && ctx.call("labels_cancel", { job: own.job }).catch(() => {}) });
    draw(own);
  };

  const known = (told, name) => (told.formats.some((one) => one.name === name) ? name : told.formats[0].name);
  const formatOf = (own) => own.told.formats.find((one) => one.name === own.chosen.format);

  function draw(own) {
    const { told, chosen } = own;
    const format = formatOf(own);
    if (!format.layouts.includes(chosen.layout)) chosen.layout = format.layouts[0];
    Hone.store.set("labels.away", chosen);
    const focus = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
    own.lost = h("ul.la-lost", { "aria-live": "polite" });
    Hone.fill(own.body,
      h("p.sub", counted(told)),
      group(t("Format"), told.formats.map((one) => choice(own, "format", one.name, one.title, one.help))),
      format.layouts.length > 1 && told.answers ? group(t("What a row is"), format.layouts.map((name) => choice(own, "layout", name, ...LAYOUTS()[name]))) : null,
      group(t("Which texts"), [choice(own, "labelled", false, t("All texts")), choice(own, "labelled", true, t("Only those with an answer"))]),
      own.lost);
    if (focus) own.body.querySelector(`[data-key="${focus}"]`)?.focus();
    losses(own);
    offer(own);
  }

  function counted(told) {
    const texts = t.plural(told.labelled, "{n} text has an answer", "{n:,} texts have an answer");
    const answers = told.people ? t.plural(told.people, "{n} person gave answers", "{n:,} people gave answers") : t("the answers are the file's own");
    return t("{texts}; {answers}.", { texts, answers });
  }

  const group = (title, choices) => h("fieldset.la-group", h("legend", title), h("div.la-choices", choices));

  function choice(own, name, value, title, help) {
    const input = h("input", { type: "radio", name: "la-" + name, value: String(value), checked: own.chosen[name] === value, "data-key": `${name}-${value}`, onchange: () => { own.chosen[name] = value; draw(own); } });
    return h("label.la-choice", input, h("span", h("b", title), help ? h("small", help) : null));
  }

  /* Asked anew with every choice; an older answer that comes late is dropped. */
  async function losses(own) {
    const asked = (own.asked = `${own.chosen.format} ${own.chosen.layout}`);
    try {
      const said = await own.ctx.call("labels_losses", { format: own.chosen.format, layout: own.chosen.layout });
      if (own.asked === asked) Hone.fill(own.lost, said.map((one) => h("li", one)));
    } catch (error) {
      if (own.asked === asked) Hone.fill(own.lost, h("li", error.message));
    }
  }

  function offer(own, above) {
    Hone.fill(own.foot, above, h("div.acts", Hone.button(t("Make the file"), () => make(own), { primary: true })));
  }

  async function make(own) {
    let state;
    try {
      state = await own.ctx.call("labels_make", own.chosen);
      own.job = state.id;
      const bar = Hone.progress({ text: t("Writing the file"), cancel: () => own.ctx.call("labels_cancel", { job: state.id }) });
      Hone.fill(own.foot, bar);
      while (state.state === "waiting" || state.state === "running") {
        await Hone.sleep(0.3);
        state = await own.ctx.call("labels_state", { job: state.id });
        bar.update({ done: state.done, total: state.total, seconds_left: state.seconds_left, text: state.total ? t("{done:,} of {total:,} rows", state) : t("Writing the file") });
      }
      state = await own.ctx.call("labels_state", { job: state.id });
    } catch (error) {
      own.job = null;
      return offer(own, Hone.notice({ error }));
    }
    own.job = null;
    if (state.state === "done") return done(own, state);
    return offer(own, state.state === "failed" ? Hone.notice({ error: state.error }) : null);
  }

  async function done(own, state) {
    const get = async () => Hone.download((await own.ctx.call("labels_file", { job: state.id })).url);
    const said = t.plural(state.rows, "The file with {n} row is made.", "The file with {n:,} rows is made.");
    Hone.fill(own.foot, Hone.notice({ tone: "good", title: said, actions: [Hone.button(t("Download again"), get, { small: true })] }),
      state.config ? h("div.la-config", h("p.sub", t("Label Studio shows these tasks with this labelling configuration. Paste it under Settings, Labeling Interface, Code:")), h("pre", { tabindex: 0 }, state.config)) : null,
      h("div.acts", Hone.button(t("Make another file"), () => offer(own))));
    own.foot.scrollIntoView({ block: "end" });
    await get();
  }
})();
