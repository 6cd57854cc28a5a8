/* The choice of what is cleaned away from texts, with a text of the data that the choice changes, before and after. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const PAUSE = 250; // milliseconds after a tick before asking

  /** For Hone.form's `draw`: {ctx}. */
  Hone.cleaningField = ({ ctx }) => (knob, api) => {
    const plain = Hone.form.control(knob, api);
    const shown = h("div.set-cleaned", { "aria-live": "polite" });
    plain.node.append(shown);
    let asked = null;
    let timer = 0;

    async function look(steps) {
      let told;
      try {
        told = await ctx.call("cleaning", { steps });
      } catch (error) {
        if (asked === String(steps)) fill(shown, h("p.set-help", error.message, " ", error.fix || ""));
        return;
      }
      if (asked !== String(steps)) return;
      if (!told.looked) return fill(shown);
      if (!told.example) return fill(shown, h("p.set-help", t.plural(told.looked, "None of your texts would change.", "None of the first {n:,} texts would change.")));
      fill(shown, h("dl", h("dt", t("before")), h("dd.said", told.example.before), h("dt", t("after")), h("dd.said", told.example.after)));
    }

    return {
      ...plain,
      refresh() {
        plain.refresh();
        const steps = api.value() || [];
        if (asked === String(steps)) return;
        asked = String(steps);
        clearTimeout(timer);
        if (!steps.length) fill(shown);
        else timer = setTimeout(() => look(steps), PAUSE);
      },
    };
  };
})();
