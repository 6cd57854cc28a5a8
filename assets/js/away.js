/* Take the model away: the copy is made, opened again in a fresh process and compared before it is offered.
   The check begins by itself and is a job of the server; the page only follows it. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  const REST = 4000; // milliseconds in which the model is loaded for the first answer, before the check takes a core

  Hone.away = function (view) {
    const box = h("div.aw");
    const own = { view, box, run: view.run, seen: "", progress: null };
    own.look = Hone.evaluate.looking(view.ctx, () => follow(own), 1);
    own.since = Date.now();
    own.look.start();
    return Hone.card({ id: "take-away", title: t("Take the model away"), sub: t("One zip file. It runs wherever there is Python with torch and transformers."), body: box });
  };

  async function follow(own) {
    if (own.shown && !own.box.isConnected) return own.look.stop();
    let state;
    try {
      state = await own.view.ctx.call("away", { run: own.run, begin: Date.now() - own.since > REST });
    } catch (error) {
      if (!own.seen) trouble(own, error);
      throw error;
    }
    own.shown = own.box.isConnected;
    if (state.state === "making") return making(own, state);
    own.look.stop();
    own.progress = null;
    const now = JSON.stringify(state);
    if (now === own.seen) return;
    own.seen = now;
    if (state.state === "ready") ready(own, state);
    else if (state.state === "cancelled") fill(own.box, begin(own, t("Check the copy")));
    else trouble(own, state.error);
  }

  function making(own, state) {
    if (!own.progress || !own.progress.isConnected) {
      own.progress = Hone.progress({});
      fill(own.box, own.progress);
    }
    own.seen = "making";
    own.progress.update({ done: state.done, total: state.total, text: t("Checking the copy…"), seconds_left: state.seconds_left });
  }

  function trouble(own, error) {
    fill(own.box, Hone.notice({ tone: "bad", title: error.message, body: error.fix, actions: [begin(own, t("Try again"))] }));
  }

  function begin(own, title) {
    return Hone.button(title, async () => {
      await own.view.ctx.call("away_make", { run: own.run });
      own.seen = "";
      own.look.start();
    }, { small: true });
  }

  function ready(own, state) {
    const get = async () => Hone.download((await own.view.ctx.call("away_file", { run: own.run })).url);
    const button = Hone.button(t("Download the model"), get, { primary: true, id: "download-model" });
    button.append(h("small", Hone.fmt.bytes(state.size)));
    fill(
      own.box,
      h("p.tick", h("span", state.checked)),
      h("p.tick", h("span", t("Model, labels, recipe, scores, and a page that says what it was made from."))),
      h("p.sub", t("Unpack it, then, in its folder:")),
      code(state.use),
      button,
      state.learnt ? h("p.sub", learnt(own), " ", t("{size}; of use together with the base model.", { size: Hone.fmt.bytes(state.learnt) })) : null,
      state.base ? h("p.sub", onward(own), " ", t("for other runs: learn from plain text first, then from labels, for one.")) : null,
      fold(t("The recipe"), t("Every setting of this run. Load it on the Settings tab, or give it to the command line."), state.recipe),
      fold(t("The same without a browser"), t("This does from the command line what you did here:"), state.command),
    );
  }

  const learnt = (own) => Hone.button(t("Download only what was learnt"), async () => Hone.download((await own.view.ctx.call("away_learnt", { run: own.run })).url), { link: true });

  /* The model as a base for other runs. */
  function onward(own) {
    const button = Hone.button(t("Use it as a base model"), async () => {
      const base = await own.view.ctx.call("away_base", { run: own.run });
      button.disabled = true;
      Hone.toast(t("“{name}” is among the base models on the Settings tab now.", { name: base.title }));
      Hone.bus.emit("data");
    }, { link: true });
    return button;
  }

  function fold(title, sentence, text) {
    return h("details.aw-fold", h("summary", title), h("p.sub", sentence), code(text));
  }

  function code(text) {
    const pre = h("pre", { tabindex: 0 }, text);
    const copy = h("button.aw-copy", { onclick: () => put(copy, pre) }, t("Copy"));
    return h("div.aw-code", pre, copy);
  }

  async function put(button, pre) {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = t("Copied");
    } catch {
      const range = document.createRange(); // no clipboard without https: mark it, so that Ctrl+C takes it
      range.selectNodeContents(pre);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = t("Press Ctrl+C");
    }
    setTimeout(() => { button.textContent = t("Copy"); }, 2500);
  }
})();
