/* The chooser of how much of the model learns: the four usual ways, the others folded by their kind. Each says what it is for, how much learns, and
   why it cannot be had here. What stands here comes from the server (core/training/ways.py). */
(() => {
  "use strict";
  const { h, t, fill } = Hone;

  /** For Hone.form's `draw`: options are {ways() -> list, kinds() -> [{id, title}]}. */
  Hone.wayChooser = (options) => (knob, api) => {
    const usual = h("div.set-bases.set-ways");
    const more = h("details.set-known");
    const bad = h("p.set-bad", { role: "alert", hidden: true });
    const node = h("div.set-knob.wide", { "data-knob": knob.name, role: "radiogroup", "aria-label": knob.title },
      h("p.set-help", knob.help, knob.term && h("span.set-term", t(" ({term})", { term: knob.term }))), usual, more, bad);
    let drawn = "";
    return {
      node,
      get focus() { return node.querySelector("input:checked") || node.querySelector("input"); },
      refresh() {
        const ways = options.ways();
        const chosen = api.value();
        const sentence = api.sentence();
        bad.hidden = !sentence;
        bad.textContent = sentence || "";
        const now = JSON.stringify([ways, chosen]);
        if (now === drawn) return;
        const again = node.contains(document.activeElement) && drawn;
        drawn = now;
        const draw = (list) => list.map((way) => entry(way, way.value === chosen, () => api.change(way.value)));
        fill(usual, draw(ways.filter((way) => way.usual)));
        const others = ways.filter((way) => !way.usual);
        more.hidden = others.length === 0;
        if (others.some((way) => way.value === chosen)) more.open = true;
        fill(more, h("summary", t("More ways ({n})", { n: others.length })), options.kinds().map((kind) => {
          const mine = others.filter((way) => way.kind === kind.id);
          return mine.length ? h("section", h("h4.set-kind", kind.title), h("div.set-bases.set-ways", draw(mine))) : null;
        }));
        const focused = again && node.querySelector("input:checked");
        if (focused) focused.focus({ preventScroll: true });
      },
    };
  };

  function entry(way, chosen, pick) {
    const id = "set-way-" + way.value;
    const facts = way.reason || amount(way);
    return h("label.set-base", { class: (chosen ? "chosen" : "") + (way.reason ? " out" : "") },
      h("input", { type: "radio", name: "set-way", id, value: way.value, checked: chosen, disabled: !!way.reason && !chosen, onchange: pick, "aria-describedby": id + "-said" }),
      h("span", h("b", way.title), /[(（]/.test(way.title) ? null : h("span.set-term", t(" ({term})", { term: way.term })), h("small", { id: id + "-said" }, way.sentence), facts ? h("small.set-facts", { class: way.reason ? "set-reason" : "" }, facts) : null));
  }

  /* How many weights learn, and what has to be kept of them. */
  function amount(way) {
    if (way.count === null) return "";
    const told = { n: Hone.fmt.number(way.count), size: Hone.fmt.bytes(way.size), p: percent(way.share) };
    if (way.share === null) return t("{n} weights learn · {size} to keep", told);
    return way.share > 0.9 ? t("All {n} weights learn · {size} to keep", told) : t("{n} weights learn, {p} of all · {size} to keep", told);
  }

  const percent = (share) => (share >= 0.1 ? Hone.fmt.percent(share) : share === null ? "" : Number((100 * share).toPrecision(2)) + " %");
})();
