/* Many at once, as lists: groups of like texts with their typical words, and nearly equal texts. Both do with the keyboard what the map does
   with the pointer. */
"use strict";
(() => {
  const PURE = 0.8; // share of one label from which the others of a group are offered it

  Hone.manyWay("groups", { title: () => t("Groups"), place: 2, when: (state) => state.vectors, make: (me) => groupsView(me) });
  Hone.manyWay("near", { title: () => t("Nearly equal"), place: 4, when: (state) => state.near, make: (me) => nearView(me) });

  // ---------- groups ----------

  function groupsView(me) {
    const view = { me, told: null, node: h("div.stack") };
    view.survey = Hone.manySurvey(me);
    view.say = () => t("Choose a group: its texts are listed here and get their label here.");
    view.shown = async () => {
      if (!view.told) await load(view);
      if (!view.told && !view.survey.job) await view.survey.resume();
      draw(view);
    };
    view.labelled = (visible) => (visible ? load(view) : (view.told = null));
    view.survey.heard.add(() => (view.node.isConnected ? load(view) : (view.told = null)));
    return view;
  }

  async function load(view) {
    view.told = await view.me.call("many_groups", {}).catch((error) => { view.trouble = error; return null; });
    if (view.node.isConnected) draw(view);
  }

  function draw(view) {
    const { told, survey, me } = view;
    const parts = [survey.node()];
    if (view.trouble) parts.push(Hone.notice({ error: view.trouble }));
    if (!told || !told.n) {
      if (!survey.job) parts.push(Hone.empty({ title: t("There are no groups yet"), body: t("A small model reads every text once; texts that are alike then become groups with their typical words."), actions: [Hone.button(t("Look for groups"), () => survey.begin())] }));
      return Hone.fill(view.node, parts);
    }
    const sizes = [...new Set([told.n, 2, 5, 8, 12, 20, 30, 40, 60])].filter((n) => n >= told.least && n <= told.most).sort((a, b) => a - b);
    const select = Hone.select({ label: t("How many groups"), value: String(told.n), options: sizes.map((n) => ({ value: String(n), title: t("{n} groups", { n }) })), disabled: Boolean(survey.job), onchange: (n) => survey.begin(Number(n)), "data-key": "groups" });
    parts.push(h("div.ma-tools", h("p.sub", t("Texts that are alike, with the words that are typical of them beside the others.")), select));
    if (told.missing) parts.push(Hone.notice({ title: t.plural(told.missing, "{n:,} text came later and is in no group.", "{n:,} texts came later and are in no group."), actions: survey.job ? null : [Hone.button(t("Look for groups anew"), () => survey.begin(), { small: true })] }));
    parts.push(h("ul.ma-groups", told.groups.map((group) => card(me, group))));
    Hone.fill(view.node, parts);
  }

  function card(me, group) {
    const words = group.words.length ? h("h3", group.words.slice(0, 6).join(" · ")) : h("h3", t("Group {n}", { n: group.group + 1 }));
    const facts = [t.plural(group.size, "{n:,} text", "{n:,} texts"), t("{p:%} labelled", { p: group.labelled / group.size })];
    const top = group.mix[0] && me.label(group.mix[0].label);
    if (group.purity !== null && group.mix.length > 1) facts.push(t("{p:%} of those “{label}”", { p: group.purity, label: top.name }));
    const open = group.size - group.labelled;
    const choose = () => me.choose({ group: group.group }, group.words.slice(0, 3).join(" · "));
    const acts = [Hone.button(t("Pick them"), choose, { small: true, "data-key": `group-${group.group}` }), Hone.button(t("Show on the map"), () => onMap(me, group, choose), { link: true })];
    if (open && group.purity !== null && group.purity >= PURE && !me.state.several) acts.splice(1, 0, Hone.button(t("Give the other {n:,} “{label}”", { n: open, label: top.name }), () => me.give("set", top.id, { group: group.group }), { small: true }));
    return h("li.card.ma-group", h("div.ma-top", words, h("span.ma-bar-of", { "aria-hidden": true }, h("i", { style: { width: `${(100 * group.labelled) / group.size}%` } }))), h("p.sub", facts.join(" · ")),
      group.mix.length ? me.mix(group.mix.slice(0, 4)) : null, h("ul.ma-central", group.central.map((row) => h("li", row.image ? Hone.picture(row.image) : Hone.said(row.text)))), h("div.acts", acts));
  }

  async function onMap(me, group, choose) {
    choose();
    const found = await me.call("many_where", { pick: { group: group.group } });
    await Hone.manyOnMap(me, found.places);
  }

  // ---------- nearly equal ----------

  function nearView(me) {
    const view = { me, told: null, node: h("div.stack") };
    view.say = () => t("Pick a group of nearly equal texts, or give all groups whose labelled texts agree their label at once.");
    view.shown = () => seek(view);
    view.labelled = (visible) => (visible ? seek(view) : (view.told = null));
    return view;
  }

  async function seek(view) {
    const { me } = view;
    try {
      view.told = await me.call("many_near", {});
      if (!view.told.ready) await wait(view);
    } catch (error) {
      view.told = null;
      return Hone.fill(view.node, Hone.notice({ error, actions: [Hone.button(t("Try again"), () => seek(view), { small: true })] }));
    }
    drawNear(view);
    return undefined;
  }

  async function wait(view) {
    if (view.waiting) return;
    const { job } = view.told;
    const bar = Hone.progress({ text: t("Looking for near-equal texts …"), cancel: () => view.me.call("many_cancel", { job: job.id }) });
    Hone.fill(view.node, h("div.card", bar));
    view.waiting = true;
    try {
      const ended = await Hone.manyFollow(view.me, "near", job, ({ done, total, seconds_left }) => bar.update({ done, total, seconds_left }));
      if (ended && ended.state === "failed") throw new Hone.Trouble(ended.error);
      if (ended && ended.state === "done") view.told = await view.me.call("many_near", {});
    } finally {
      view.waiting = false;
    }
  }

  function drawNear(view) {
    const { told, me } = view;
    if (!told || !told.ready) return Hone.fill(view.node, Hone.empty({ title: t("This was not finished."), body: t("Nearly equal texts are found once, and kept."), actions: [Hone.button(t("Look for them"), () => seek(view))] }));
    if (!told.groups.length) return Hone.fill(view.node, Hone.empty({ title: t("There is nothing to do here"), body: t("No text without a label is nearly equal to another.") }));
    const everything = told.agreed ? Hone.notice({ title: t.plural(told.agreed, "In {n:,} group all labelled texts agree.", "In {n:,} groups all labelled texts agree."), body: t.plural(told.agreed_rows, "{n:,} text of them has no label yet and can get the same.", "{n:,} texts of them have no label yet and can get the same."), actions: [Hone.button(t("Give them the same label"), () => giveAll(me), { small: true })] }) : null;
    const list = h("ul.ma-groups", told.groups.map((group) => nearCard(me, group)));
    Hone.fill(view.node, [h("p.sub", t("Texts that share nearly all their pairs of words.")), everything, list, told.more ? h("p.sub", t("and {n:,} groups more", { n: told.more })) : null]);
    return undefined;
  }

  async function giveAll(me) {
    const told = await me.call("many_near_all", {}).catch(Hone.toast);
    if (told && told.step) await me.done(told.changed ? { step: told.step } : null, t.plural(told.changed, "{n:,} text has the label of its group now.", "{n:,} texts have the label of their group now."));
  }

  function nearCard(me, group) {
    const label = group.label && me.label(group.label);
    const title = t("{n:,} nearly equal texts, {m:,} without a label", { n: group.size, m: group.unlabelled });
    const acts = [Hone.button(t("Pick them"), () => me.choose({ near: group.near }, title), { small: true, "data-key": `near-${group.near}` })];
    if (label) acts.unshift(Hone.button(t("Give the other {n:,} “{label}”", { n: group.unlabelled, label: label.name }), () => me.give("set", label.id, { near: group.near }), { small: true }));
    return h("li.card.ma-group", h("p.sub", title), h("ul.ma-rows", group.rows.map((row) => me.row(row))), group.size > group.rows.length ? h("p.sub", t("and {n:,} more", { n: group.size - group.rows.length })) : null, h("div.acts", acts));
  }
})();
