/* Help for each tab: three sentences, the keys, five words with their terms. A tab may replace its own by Hone.help(name, {...}). */
(function () {
  "use strict";
  const { h, t } = Hone;
  const own = {};
  Hone.help = (name, content) => { const before = own[name]; own[name] = content; return before; }; // to be put back by a part of a tab

  Hone.showHelp = function () {
    const name = Hone.current();
    const { sentences = [], keys = [], terms = [] } = { ...general(name), ...(own[name] || {}) };
    Hone.sheet({
      title: t("Help: {tab}", { tab: Hone.tabName(name) }),
      body: h("div.help",
        sentences.map((s) => h("p", s)),
        keys.length ? h("section", h("h3", t("Keys")), h("dl.help-keys", keys.map(([key, what]) => [h("dt", key.split(" ").map((k) => h("kbd", k))), h("dd", what)]))) : null,
        terms.length ? h("section", h("h3", t("Words")), h("dl.help-terms", terms.map(([word, term, meaning]) => [h("dt", h("b", word), " ", h("span.term", term)), h("dd", meaning)]))) : null),
    });
  };

  const word = {
    text: () => [t("text"), t("example"), t("One thing to be given a label: a message, a review, a sentence.")],
    label: () => [t("label"), t("class"), t("The answer you want for a text. Each text has one.")],
    learn: () => [t("to learn from"), t("training set"), t("The texts whose labels the model sees.")],
    steer: () => [t("to steer by"), t("validation set"), t("Texts kept apart while learning; they show when to stop.")],
    test: () => [t("final test"), t("test set"), t("Texts the model never sees before the end. Only they show what to expect.")],
    round: () => [t("round"), t("epoch"), t("Once through all texts to learn from.")],
    batch: () => [t("texts per step"), t("batch size"), t("How many texts are looked at before the model is moved a little.")],
    width: () => [t("step width"), t("learning rate"), t("How far each step moves the model. Too wide and it jumps about; too narrow and it crawls.")],
    base: () => [t("base model"), t("pretrained model"), t("A model that has read a great deal already and now learns your labels.")],
    recipe: () => [t("recipe"), t("hyperparameters"), t("All settings of a training, as a small file to keep and share.")],
    wrong: () => [t("how wrong"), t("loss"), t("Small when the model is sure and right, large when it is sure and wrong.")],
    right: () => [t("share right"), t("accuracy"), t("How many of the texts get their right label.")],
    heart: () => [t("learning by heart"), t("overfitting"), t("It gets better on texts it has seen and worse on new ones. The best moment before that is kept.")],
    before: () => [t("before tuning"), t("linear probe"), t("The untouched base model with only a thin last layer fitted to your labels.")],
    counting: () => [t("word counting"), t("TF-IDF"), t("A simple method that only counts words or characters. Tuning should beat it.")],
    trust: () => [t("trust"), t("precision"), t("When the model says this label, how often it is right.")],
    found: () => [t("found"), t("recall"), t("Of the texts that have this label, how many it finds.")],
    both: () => [t("both"), t("F1"), t("One number for trust and found together.")],
    confusion: () => [t("what it confuses"), t("confusion matrix"), t("Each label against each answer: what was right, and what it was taken for.")],
    pieces: () => [t("word pieces"), t("tokens"), t("The parts into which the model cuts a text; rare words fall into several.")],
    probability: () => [t("how sure"), t("probability"), t("The share of certainty the model gives to each label; together they make 100 %.")],
  };

  function general(name) {
    return {
      data: () => ({
        sentences: [t("Bring a table with one text per row; Hone finds how it is written and which column is which."), t("The check-up lists what would spoil the training, each with a repair that you can undo."), t("Your file is never changed; every repair is a note beside it.")],
        keys: [["← →", t("pages of rows")], ["/", t("search")], ["?", t("help")]],
        terms: [word.text(), word.label(), word.learn(), word.steer(), word.test()],
      }),
      label: () => ({
        sentences: [t("One text, one key; the next text is there at once."), t("Under Labels you add, rename, recolour, merge and delete them; each change says how many rows it touches and can be undone."), t("Everything is saved as you go, also when the connection is gone for a while.")],
        keys: [["1 – 9", t("choose a label; letters from the tenth on")], ["Enter", t("find one of many labels by its name")], ["S", t("skip")], ["U", t("undo")], ["← →", t("back and forth")], ["/", t("search")], ["Esc", t("leave a field")]],
        terms: [word.text(), word.label(), word.learn(), word.steer(), word.test()],
      }),
      settings: () => ({
        sentences: [t("One choice at the top sets everything below from your texts and this machine, and says why."), t("Change only what you want; the way back is always there."), t("Time and memory come from a few real steps on this machine.")],
        keys: [["?", t("help")]],
        terms: [word.base(), word.round(), word.batch(), word.width(), word.recipe()],
      }),
      train: () => ({
        sentences: [t("Watch the curve: downward is good, the model is wrong less often."), t("You may close this page; training goes on and the curve is here when you come back."), t("Pausing, stopping and resuming lose nothing; the best moment is kept.")],
        keys: [["P", t("pause or resume")], ["?", t("help")]],
        terms: [word.wrong(), word.right(), word.round(), word.heart(), word.steer()],
      }),
      evaluate: () => ({
        sentences: [t("Everything here is measured on texts the model has never seen."), t("Compare it with simpler answers: tuning is worth it only when it beats them."), t("Open a cell to read the texts behind a number.")],
        keys: [["← → ↑ ↓", t("move in the matrix")], ["Enter", t("open the texts of a cell")]],
        terms: [word.trust(), word.found(), word.both(), word.confusion(), word.counting()],
      }),
      playground: () => ({
        sentences: [t("Type anything and see at once what the model says and how sure it is."), t("Drop a whole file and get it back with the answers beside each row."), t("The download is offered once it has been opened again elsewhere and gave the same answers.")],
        keys: [["?", t("help")]],
        terms: [word.probability(), word.label(), word.before(), word.pieces(), word.base()],
      }),
    }[name]();
  }
})();
