/* "Read it differently": overrule encoding, delimiter, quoting, header or sheet, and see at once what comes of it.
   Knows nothing of file formats: the server reads the sample again for every change. */
"use strict";
(() => {
  const ROWS = 6;
  const ENCODINGS = [["utf-8", "UTF-8"], ["utf-8-sig", "UTF-8 with BOM"], ["utf-16", "UTF-16"], ["utf-16-le", "UTF-16 LE"], ["utf-16-be", "UTF-16 BE"], ["gb18030", "GB18030 / GBK"], ["big5", "Big5"], ["shift_jis", "Shift-JIS"], ["euc_kr", "EUC-KR"], ["cp1252", "Latin-1 (Windows-1252)"], ["cp1250", "Windows-1250"], ["cp1251", "Windows-1251"]];
  const TEXTUAL = ["csv", "txt", "json", "jsonl", "conll", "semeval"];

  Hone.dataReread = (me, one) => {
    const ways = h("div.dr-ways");
    const reasons = h("div.dr-reasons");
    const preview = h("div.dr-preview", h("p.sub", t("Looking …")));
    const go = Hone.button(t("Read it like this"), () => commit(), { primary: true });
    const sheet = Hone.sheet({ title: t("Read it differently"), wide: true, body: h("div.stack", h("p", h("b", one.name)), ways, reasons, preview), actions: [go] });
    let how = { ...one.how };
    let sample = null;
    let asked = 0;

    async function look() {
      const mine = (asked += 1);
      preview.setAttribute("aria-busy", "true");
      try {
        const answer = await me.ctx.call("inspect", { file: one.id, how });
        if (mine !== asked) return;
        sample = answer;
        how = { ...answer.how };
        go.disabled = false;
        draw();
      } catch (error) {
        if (mine !== asked) return;
        go.disabled = true;
        Hone.fill(preview, Hone.notice({ error }));
        if (!sample) drawWays();
      }
      preview.removeAttribute("aria-busy");
    }

    function change(what) {
      how = { ...how, ...what };
      look();
    }

    function draw() {
      drawWays();
      Hone.fill(reasons, [sample.sentence, ...sample.reasons].map((text) => h("p.sub", text)), sample.warnings.map((text) => h("p.sub.dt-warn", text)));
      const shown = sample.rows.slice(0, ROWS);
      const columns = sample.columns.map((name, i) => ({ title: name, cell: (row) => h("div.said", clipped(row[i] ?? "")) }));
      Hone.fill(preview, Hone.table({ columns, rows: shown, caption: t("The first rows"), empty: t("There are no rows when it is read like this.") }));
      preview.scrollLeft = 0;
    }

    function drawWays() {
      const kind = how.kind || "csv";
      Hone.fill(ways, [
        TEXTUAL.includes(kind) ? field("kind", t("The file is"), [["csv", t("a table (CSV, TSV)")], ["txt", t("one text a line")], ["jsonl", t("one JSON record a line")], ["json", t("JSON records")], ["conll", t("one word a line (CoNLL)")], ["semeval", t("sentences with their relation below (SemEval)")]], (kind) => change({ kind, delimiter: null, quote: null, header: null })) : null,
        TEXTUAL.includes(kind) ? field("encoding", t("Encoding"), ENCODINGS, (encoding) => change({ encoding })) : null,
        kind === "csv" ? field("delimiter", t("Between columns stands"), [[",", t("a comma ,")], ["\t", t("a tab")], [";", t("a semicolon ;")], ["|", t("a bar |")], ["", t("nothing: one column")]], (delimiter) => change({ delimiter })) : null,
        kind === "csv" ? field("quote", t("Cells are quoted with"), [['"', t("double quotes \"")], ["'", t("single quotes '")], ["", t("nothing")]], (quote) => change({ quote })) : null,
        kind === "xlsx" && sample && sample.sheets.length > 1 ? field("sheet", t("Sheet"), sample.sheets.map((name) => [name, name]), (name) => change({ sheet: name, header: null })) : null,
        kind === "csv" || kind === "xlsx" ? header() : null,
      ]);
      if (!ways.childElementCount) Hone.fill(ways, h("p.sub", t("This kind of file says itself how it is read.")));
    }

    function field(name, title, options, onchange) {
      const input = Hone.select({ options: options.map(([value, title]) => ({ value, title })), value: how[name] ?? "", onchange, "data-key": name });
      return Hone.field({ title, input });
    }

    function header() {
      const box = h("input", { type: "checkbox", checked: how.header !== false, "data-key": "header", onchange: () => change({ header: box.checked }) });
      return h("label.dr-check", box, t("The first row holds names"));
    }

    async function commit() {
      sheet.close();
      await me.follow(() => me.ctx.call("reread", { file: one.id, how }));
    }

    look();
    return sheet;
  };

  const clipped = (text) => (text.length > 160 ? text.slice(0, 160) + " …" : text);
})();
