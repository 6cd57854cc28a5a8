/* The Label tab before there are labels: a field for each of the first ones, and a few of the texts to know what to tell apart. */
"use strict";
(() => {
  Hone.firstLabels = function (view) {
    view.built = "first";
    const { me } = view;
    const two = me.hand.labels > 1; // one label of several needs two of them; marks and sets can begin with one
    const boxes = [t("First label"), t("Second label")].slice(0, two ? 2 : 1).map((name) => h("input.text", { "aria-label": name, placeholder: name, maxlength: 100 }));
    const error = h("p.error", { role: "alert", hidden: true });
    const make = async () => {
      const names = boxes.map((box) => box.value.trim());
      const missing = names.findIndex((name) => !name);
      if (missing >= 0) return boxes[missing].focus();
      try {
        await me.ctx.call("create", { names });
      } catch (trouble) {
        error.hidden = false;
        error.textContent = trouble.message;
        return;
      }
      Hone.bus.emit("labels");
      await me.refresh();
    };
    const form = h("form.lb-first", { onsubmit: (e) => { e.preventDefault(); make(); } }, boxes, error, h("button.btn.primary", { type: "submit" }, t("Start labelling")));
    form.querySelector("button").type = "submit";
    Hone.fill(me.root, Hone.head({ title: me.state.question, sentence: me.hand.sentence }),
      h("div.g2", Hone.card({ title: two ? t("No labels yet: name the first two") : t("No labels yet: name the first"), sub: t("More can be added at any time, and a name can be changed later."), body: form }), samples(me)));
    boxes[0].focus({ preventScroll: true });
  };

  /* A few of the texts, so that a person knows what to tell apart. */
  function samples(me) {
    const list = h("ul.lb-samples");
    me.ctx.call("texts", { show: "all", order: "random", count: 5 }).then((answer) => Hone.fill(list, answer.rows.map((row) => h("li.said", me.state.inputs[0].kind === "image" ? Hone.picture(row.inputs[me.state.inputs[0].role]) : row.text))), () => {});
    return Hone.card({ title: t("Some of your texts"), body: list });
  }
})();
