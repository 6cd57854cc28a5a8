/* The guide beside the person who labels: which text comes next, what a small model would say of it and how often it has been right, and how
   good it is by now. It learns on the server while the loop in the browser never waits for it: guesses and other next texts come when they are there.
   A guess is dashed and labels nothing by itself. */
"use strict";
(() => {
  const NEAR = { ahead: 6, count: 12 }; // the next texts are chosen anew after every few labels, so few are fetched
  const FEW = 3; // labels after which it learns again at once
  const QUIET = 1200; // ms without a label after which it learns from fewer
  const EVERY = 10; // labels between two estimates; a twentieth of all, where that is more
  const AUTOMATIC = 20000; // rows up to which vectors are made without being asked for
  const PASSED = 300;
  const PATIENCE = 0.8; // seconds

  Hone.labelGuide = (me) => {
    const guide = { guesses: new Map(), record: null, learnt: 0, missing: 0, since: 0, looking: false, again: false, passed: [], at: 0, like: null, estimate: null, estimated: null, job: null };
    const part = {};
    const along = () => Hone.store.get("label.along", true, "") && Boolean(me.state && me.state.link);
    const names = () => (me.state ? me.state.ways.map((way) => way.name) : []);

    const order = () => {
      const kept = me.filter.order;
      if (kept && names().includes(kept) && (kept !== "similar" || guide.like)) return kept;
      return along() ? me.state.order : "file";
    };
    const chooses = () => !["file", "random"].includes(order());

    /* ---------- asking ---------- */

    const question = (rows, count, more = {}) => {
      const coming = me.list ? me.list.coming(1).map((item) => item.id) : [];
      return me.ctx.call("guided", { rows, count, order: order(), show: me.filter.show, search: me.filter.search, label: me.filter.label, without: [...new Set([...coming, ...guide.passed])], like: guide.like, at: guide.at, ...more });
    };

    /* The guide's process takes some seconds to begin; texts by chance fill the time, and are chosen anew once it is there. */
    async function fetch({ after, count }) {
      const first = after && after !== "more" ? after : null;
      const asked = question([], count, { first });
      const answer = guide.awake || first ? await asked : await Promise.race([asked, Hone.sleep(PATIENCE).then(() => null)]);
      asked.then(() => (guide.awake = true), () => {});
      if (!answer) {
        later(QUIET);
        const some = await me.ctx.call("texts", { ...me.filter, order: "random", after: null, count });
        return { ...some, next: some.next && "more" };
      }
      take(answer);
      return { rows: answer.rows, next: nextOf(answer, count), total: answer.total };
    }

    const nextOf = (answer, count) => (answer.rows.length < count ? null : "more");

    /* Learn from what came, and look again at what is ahead. */
    async function look() {
      clearTimeout(guide.timer);
      if (guide.looking) return void (guide.again = true);
      if (!me.state || !(along() || chooses()) || me.view.built !== "bench" || Hone.connection() === false) return;
      guide.looking = true;
      guide.since = 0;
      try {
        const rows = me.list.coming(NEAR.count).map((item) => item.id);
        const answer = await question(rows, chooses() ? NEAR.count : 0);
        if (chooses() && me.list.current) me.list.renew(answer.rows, nextOf(answer, NEAR.count));
        take(answer);
      } catch (error) {
        if (!error.offline) guide.trouble = error.message;
      }
      guide.looking = false;
      if (guide.again) {
        guide.again = false;
        later(QUIET);
      }
      me.view.draw();
    }

    function later(wait) {
      clearTimeout(guide.timer);
      guide.timer = setTimeout(look, wait);
    }

    function take(answer) {
      guide.trouble = null;
      for (const [row, guess] of Object.entries(answer.guesses)) guide.guesses.set(row, guess);
      Object.assign(guide, { record: answer.record, learnt: answer.learnt, missing: answer.missing });
      if (guide.missing && !guide.job && !guide.refused && along() && me.state.counts.rows <= AUTOMATIC) prepare();
      estimate();
      card();
    }

    /* ---------- vectors of the texts ---------- */

    async function prepare() {
      guide.job = "asked";
      try {
        guide.job = await me.ctx.call("prepare", {});
      } catch (error) {
        guide.job = null;
        guide.refused = true;
        guide.trouble = error.message;
        return card();
      }
      const poll = me.ctx.poll(async () => {
        const state = await me.ctx.call("prepared", { job: guide.job });
        guide.progress = state;
        if (state.done - (guide.seen || 0) >= 500) {
          guide.seen = state.done;
          later(50); // what is known by now serves already
        }
        if (["done", "failed", "cancelled"].includes(state.state)) {
          poll.stop();
          guide.job = null;
          guide.refused = state.state !== "done";
          guide.trouble = state.error ? state.error.message : null;
          look();
        }
        card();
      }, 1);
    }

    /* ---------- how good it is ---------- */

    async function estimate() {
      const labelled = me.state.counts.labelled;
      if (!along() || !guide.learnt || guide.estimating || (guide.estimated !== null && Math.abs(labelled - guide.estimated) < Math.max(EVERY, labelled / 20))) return;
      guide.estimating = true;
      guide.estimated = labelled;
      try {
        guide.estimate = await me.ctx.call("estimated", {});
      } catch {
        guide.estimated = null; // with the next labels once more
      }
      guide.estimating = false;
      card();
    }

    /* ---------- the sheet ---------- */

    const guessOf = (item) => (item && along() ? guide.guesses.get(item.id) || null : null);

    function draw(p, item) {
      const guess = guessOf(item);
      const brief = guess ? me.hand.brief(guess.value, item) : null;
      p.guess.hidden = p.accept.hidden = !brief;
      if (me.hand.guess) me.hand.guess(brief ? guess.value : null);
      if (!brief) return void (p.guessed = null);
      const { right, of } = guide.record || { right: 0, of: 0 };
      const sure = guess.p !== null && guess.p !== undefined ? Hone.fmt.percent(guess.p) : t("give or take {n}", { n: guess.give });
      const said = JSON.stringify([item.id, guess.value, sure, right, of]);
      if (p.guessed === said) return;
      p.guessed = said;
      Hone.fill(p.guess, h("span", t("Hone would say")), brief, h("b.num", sure), of ? h("span", t("right {k} of the last {n} times", { k: right, n: of })) : null,
        h("button.lb-like", { onclick: () => similar(item) }, t("More like this one")));
    }

    /* Space: take the guess for the answer. */
    function accept() {
      const guess = guessOf(me.list.current);
      if (!guess || !me.hand.brief(guess.value, me.list.current)) return false;
      me.decide(guess.value);
      return undefined;
    }

    function similar(item) {
      guide.like = item.id;
      pick("similar");
    }

    /* ---------- beside the sheet ---------- */

    function pick(name) {
      me.filtered({ order: name }).then(() => look());
      drawOrders();
    }

    function orders() {
      part.orders = h("div.lb-order");
      drawOrders();
      return part.orders;
    }

    function drawOrders() {
      if (!part.orders) return;
      const now = order(), way = me.state.ways.find((one) => one.name === now);
      const options = me.state.ways.filter((one) => one.name !== "similar" || guide.like).map((one) => ({ value: one.name, title: one.title }));
      const along_ = h("input", { type: "checkbox", checked: Hone.store.get("label.along", true, ""), onchange: (e) => switched(e.target.checked) });
      Hone.fill(part.orders, h("span", t("Which text next")), Hone.select({ label: t("Which text next"), value: now, options, "data-key": "order", onchange: pick }), h("p.sub", way ? way.sentence : ""),
        me.state.link ? h("label.lb-along", along_, h("span", t("A small model learns along and makes guesses"))) : h("p.sub", t("For answers of this kind no model learns along.")));
    }

    function switched(on) {
      Hone.store.set("label.along", on, "");
      me.filtered({ order: null }).then(() => { if (on) look(); me.view.draw(); });
      drawOrders();
      card();
    }

    const cardNode = () => {
      part.body = h("div.lb-good");
      part.card = Hone.card({ title: t("How good is it by now?"), body: part.body, class: "lb-goodness" });
      card();
      return part.card;
    };

    function card() {
      if (!part.card) return;
      part.card.hidden = !along();
      const { state, seconds_left, done, total } = guide.progress || {};
      const busy = guide.job && (state === "running" || state === "waiting" || !state);
      if (busy && !part.progress) part.progress = Hone.progress({ text: t("Getting to know the texts …"), cancel: () => guide.job && me.ctx.call("unprepare", { job: guide.job }) });
      if (!busy) part.progress = null;
      if (part.progress) part.progress.update({ done, total, seconds_left });
      const prepared = guide.missing && !busy ? h("p.sub", t.plural(guide.missing, "The model does not know {n} text yet.", "The model does not know {n:,} texts yet."), " ", Hone.button(t("Get to know them"), () => { guide.refused = false; return prepare(); }, { link: true })) : null;
      Hone.fill(part.body, part.progress, prepared, guide.trouble ? h("p.sub.warn", guide.trouble) : null, Hone.labelGoodness(me, guide, { rare: () => pick("rare") }));
    }

    return {
      order,
      chooses,
      reach: () => (chooses() ? NEAR : { ahead: 60, count: 100 }),
      fetch,
      draw,
      accept,
      orders,
      card: cardNode,
      /* Texts have come: their guesses follow. */
      arrived: () => { if (along() && me.list.current && !guide.guesses.has(me.list.current.id)) later(50); },
      /* What the model had said before the person answered goes with the answer, so that its record can be counted. */
      told(item) {
        const guess = guessOf(item);
        return guess && typeof guess.p === "number" ? { guess: { value: guess.value, p: guess.p } } : {};
      },
      passed(item) {
        guide.passed.push(item.id);
        if (guide.passed.length > PASSED) guide.passed.shift();
        guide.at += 1;
      },
      answered(n) {
        guide.since += n;
        if (along() || chooses()) later(guide.since >= FEW ? 60 : QUIET);
      },
    };
  };
})();
