/* The check-up: findings in plain words, each with its repairs; a repair that was made stays in the list with its Undo.
   Knows nothing of how findings are found. */
"use strict";
(() => {
  Hone.dataCheckup = (me) => {
    const count = h("span.sub");
    const list = h("div.dt-findings", { "aria-live": "polite" });
    const node = Hone.card({ title: t("Check-up"), side: count, body: list, class: "dt-checkup" });
    let asked = 0;

    async function refresh() {
      const mine = (asked += 1);
      if (!list.childElementCount) Hone.fill(list, h("p.sub", t("Looking through the texts …")));
      let findings;
      try {
        findings = await me.ctx.call("findings", {});
      } catch (error) {
        if (mine === asked) Hone.fill(list, Hone.notice({ error, actions: [Hone.button(t("Try again"), refresh, { small: true })] }));
        return;
      }
      if (mine !== asked) return;
      const open = findings.filter((f) => !f.done);
      count.textContent = open.length ? t.plural(open.length, "{n} thing to look at", "{n} things to look at") : "";
      Hone.fill(list, findings.map((f) => finding(f)), open.length ? null : h("p.dt-well", tick(), t("Nothing to mend. These texts are fit to learn from.")));
    }

    function finding(f) {
      const fixes = f.done ? [] : f.fixes.map((fix) => Hone.button(fix.title, () => me.act("fix", { finding: f.id, fix: fix.id }), { small: true }));
      if (f.done) fixes.push(h("span.dt-done", t("Done.")), Hone.button(t("Undo"), () => me.act("undo", { group: f.done }), { small: true }));
      const look = f.rows && !f.done ? Hone.button(t("Look at them"), () => me.parts.rows.only("finding:" + f.id, f.title), { link: true }) : null;
      const why = f.done ? null : h("span", f.detail);
      return h("div.dt-find", { class: f.done ? "good" : f.tone }, h("i", { "aria-hidden": true }), h("div.dt-say", h("b", f.title), why, look), fixes.length ? h("div.dt-fixes", fixes) : null);
    }

    return { node, refresh };
  };

  const tick = () => h("svg", { viewBox: "0 0 20 20", "aria-hidden": true, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round" }, h("path", { d: "M4 10.500l4 4 8-9" }));
})();
