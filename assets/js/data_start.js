/* The Data tab before there is anything: drop area, pasted cells, examples, the hub. And what to do with a file that comes later.
   Knows nothing of reading; data.js brings files in. */
"use strict";
(() => {
  /* Two sentences in a row; Chinese ones stand without a space between. */
  const both = (first, second) => first + (Hone.language === "zh" ? "" : " ") + second;

  Hone.dataStart = (me) => {
    const { state } = me;
    const body = t("A table with one text per row is enough. Labels can already be in it, or you add them in the next step.");
    const sentence = state.private ? both(body, t("Nothing leaves this machine.")) : body;
    const side = [state.examples.length ? examples(me) : null, hub(me)];
    Hone.fill(me.root, Hone.head({ title: t("Start with your texts"), sentence }), Hone.dataTrouble(me),
      h("div.g2.dt-start", Hone.card({ body: [area(me), me.busy ? null : pasting(me)] }), h("div.stack", side)));
  };

  /* What went wrong with the last file, until the next one is tried. */
  Hone.dataTrouble = (me) => {
    if (!me.trouble) return null;
    const close = Hone.button(t("Close"), () => { me.trouble = null; me.redraw(); }, { small: true });
    return Hone.notice({ error: me.trouble, actions: me.state.empty ? null : [close] });
  };

  /* A file dropped while there is data already: what is it for? */
  Hone.dataDropped = (me, file) => (me.state && !me.state.empty ? Hone.dataSecond(me, file) : me.bring(file));

  Hone.dataSecond = (me, file) => {
    const choices = [
      { value: "", title: t("More texts"), sub: t("Added to the ones that are there.") },
      { value: "test", title: t("For the final test"), sub: t("The model never learns from them.") },
      { value: "validation", title: t("To steer by (validation)"), sub: t("They decide when to stop, and which moment to keep.") },
      { value: "replace", title: t("Instead of what is here"), sub: t("The rows that are here go. Labels given by hand stay with texts that are the same.") },
    ];
    const pick = (value) => {
      sheet.close();
      const choice = value === "replace" ? { replace: true } : { split: value || null };
      if (file) me.bring(file, choice);
      else me.choose(choice);
    };
    const buttons = choices.map((c) => h("button.dt-example", { onclick: () => pick(c.value) }, h("b", c.title), h("span", c.sub)));
    const title = file ? t("What is {file} for?", { file: file.name }) : t("What is the next file for?");
    const sheet = Hone.sheet({ title, body: h("div.stack.dt-second", buttons) });
  };

  function area(me) {
    if (me.busy) return h("div.dt-drop.busy", me.busy);
    const kinds = t("CSV, Excel, JSON, Parquet, TXT.");
    const limited = me.state.limit ? both(kinds, t("Up to {size}.", { size: Hone.fmt.bytes(me.state.limit) })) : kinds;
    return h("button.dt-drop", { onclick: () => me.choose({}), "data-key": "drop" }, upload(), h("b", t("Drop a file here, or choose one")), h("span.sub", limited));
  }

  function upload() {
    return h("svg", { viewBox: "0 0 24 24", "aria-hidden": true, fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" }, h("path", { d: "M12 15V4M7.5 8.500L12 4l4.500 4.500M4 14.500V18a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3.500" }));
  }

  function pasting(me) {
    const box = h("textarea.text", { id: "dt-paste", rows: 3, spellcheck: false, placeholder: t("message") + "\t" + t("topic") + "\n" + t("Where is my parcel?") + "\t" + t("Delivery") });
    box.value = Hone.store.get("data.paste", "");
    const go = Hone.button(t("Use these cells"), () => {
      Hone.store.set("data.paste", null);
      return me.bring(new File([box.value], "pasted.tsv", { type: "text/plain" }));
    }, { small: true });
    const show = () => { go.hidden = !box.value.trim(); };
    box.addEventListener("input", () => {
      show();
      if (box.value.length < 200000) Hone.store.set("data.paste", box.value || null);
    });
    show();
    return h("div.dt-paste", h("label", { for: "dt-paste" }, t("or paste cells from a spreadsheet")), box, go);
  }

  function examples(me) {
    const list = me.state.examples.map((e) => h("button.dt-example", { disabled: Boolean(me.busy), onclick: () => me.follow(() => me.ctx.call("example", { example: e.id })) },
      h("b", e.title), h("span", both(t("{n:,} texts, {labels} labels.", { n: e.rows, labels: e.labels }), e.about))));
    return Hone.card({ title: t("Or try an example"), sub: t("Ready in two seconds, free to use."), body: h("div.dt-examples", list) });
  }

  function hub(me) {
    const box = (name, props) => h("input.text", { spellcheck: false, autocapitalize: "off", "aria-label": name, ...props });
    const name = box(t("Name of the data set"), { placeholder: "owner/name", value: Hone.store.get("data.hub", "") });
    const config = box(t("Configuration, if it has several"), { placeholder: t("configuration") });
    const split = box(t("Split"), { placeholder: "train", value: "train" });
    const go = (event) => {
      event.preventDefault();
      if (!name.value.trim()) return name.focus();
      Hone.store.set("data.hub", name.value.trim());
      return me.follow(() => me.ctx.call("hub", { name: name.value.trim(), config: config.value.trim() || null, split: split.value.trim() || "train" }));
    };
    const button = h("button.btn", { disabled: Boolean(me.busy) }, t("Load"));
    button.type = "submit";
    const form = h("form.dt-hub", { onsubmit: go }, name, h("div.dt-two", config, split), button);
    return h("details.card.dt-hubcard", { open: Boolean(Hone.store.get("data.hub")) }, h("summary", t("Or a data set of the Hugging Face hub")), h("p.sub", t("Needs a network. Its texts are copied here, once.")), form);
  }
})();
