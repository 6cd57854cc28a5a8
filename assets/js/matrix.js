/* A confusion matrix: an HTML table of buttons to walk through with the arrow keys, and the same as a picture.
   Knows nothing of runs or reports: it is given names and counts, and says which cell was chosen. */
(function () {
  "use strict";
  const { h, t } = Hone;
  const MANY = 10; // from here on column names stand upright and the table scrolls inside its card
  const FACE = "'IBM Plex Sans', 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif";
  const SVG = "http://www.w3.org/2000/svg";

  /* {names, cells: [[right, said, count], ...], chosen: [right, said] | null, open(right, said)} -> node with .choose(right, said) */
  function matrix({ names, cells, chosen = null, open }) {
    const counts = spread(names.length, cells);
    const totals = counts.map((row) => row.reduce((a, b) => a + b, 0));
    const many = names.length > MANY || names.some((name) => name.length * names.length > 90);
    const line = h("p", { class: "mx-line", "aria-hidden": "true" });
    const table = h(
      "table",
      { class: many ? "mx many" : names.length <= 4 ? "mx few" : "mx", role: "grid", "aria-label": t("What it confuses: rows are right, columns are what it said") },
      h("thead", {}, heads(names)),
    );
    const body = h("tbody", {});
    const buttons = names.map((name, right) => {
      const row = h("tr", {}, h("th", { scope: "row", title: name }, h("span", {}, name)));
      const made = names.map((_, said) => cellOf(row, right, said, counts[right][said], totals[right], names));
      body.append(row);
      return made;
    });
    table.append(body);
    if (names.length <= 4) table.style.setProperty("--cell", Math.round(272 / names.length) + "px");
    let [at, over] = chosen || [0, 0];
    buttons[at][over].tabIndex = 0;

    const place = (button) => [Number(button.dataset.right), Number(button.dataset.said)];
    const tell = (right, said) => {
      for (const th of table.querySelectorAll("th.lit")) th.classList.remove("lit");
      body.rows[right].cells[0].classList.add("lit");
      table.tHead.rows[0].cells[said + 1].classList.add("lit");
      line.textContent = spoken(names, right, said, counts[right][said], totals[right]);
    };
    const move = (right, said) => {
      buttons[at][over].tabIndex = -1;
      [at, over] = [right, said];
      buttons[at][over].tabIndex = 0;
      buttons[at][over].focus();
    };
    const choose = (right, said) => {
      for (const on of body.querySelectorAll("[aria-current]")) on.removeAttribute("aria-current");
      if (right === null) return;
      buttons[right][said].setAttribute("aria-current", "true");
    };
    body.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const [right, said] = place(button);
      buttons[at][over].tabIndex = -1;
      [at, over] = [right, said];
      button.tabIndex = 0;
      if (!counts[right][said]) return;
      choose(right, said);
      open(right, said);
    });
    for (const kind of ["mouseover", "focusin"]) {
      body.addEventListener(kind, (event) => {
        const button = event.target.closest("button");
        if (button) tell(...place(button));
      });
    }
    body.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const next = step(event.key, at, over, names.length);
      if (!next) return;
      event.preventDefault();
      move(...next);
    });
    if (chosen) choose(...chosen);
    const node = h("div", { class: "mx-whole" }, h("div", { class: "mx-scroll" }, table), line);
    node.choose = choose;
    return node;
  }

  function spread(size, cells) {
    const counts = Array.from({ length: size }, () => new Array(size).fill(0));
    for (const [right, said, count] of cells) counts[right][said] = count;
    return counts;
  }

  function heads(names) {
    return h("tr", {}, h("td", {}), names.map((name) => h("th", { scope: "col", title: name }, h("span", {}, name))));
  }

  function cellOf(row, right, said, count, total, names) {
    const button = document.createElement("button"); // thousands of them: no helper in between
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.right = right;
    button.dataset.said = said;
    button.textContent = count ? String(count) : "·";
    button.className = shade(right === said, count, total);
    if (count && right !== said) button.style.setProperty("--s", strength(count, total) + "%");
    button.setAttribute("aria-label", spoken(names, right, said, count, total));
    const cell = document.createElement("td");
    cell.append(button);
    row.append(cell);
    return button;
  }

  function shade(same, count, total) {
    if (!count) return "z";
    if (!same) return "no";
    return count / total > 0.8 ? "yes" : "some";
  }

  // One mistake is visible at once; the tint stops at 58 % so that the number on it stays readable in both themes.
  const strength = (count, total) => Math.round(Math.min(58, 24 + 60 * (count / Math.max(1, total))));

  function spoken(names, right, said, count, total) {
    if (right === said) return t("{label} read as {label}: {n} of {total}", { label: names[right], n: count, total });
    return t("{right} read as {said}, {n}", { right: names[right], said: names[said], n: count });
  }

  function step(key, right, said, size) {
    const last = size - 1;
    const moves = {
      ArrowUp: [Math.max(0, right - 1), said],
      ArrowDown: [Math.min(last, right + 1), said],
      ArrowLeft: [right, Math.max(0, said - 1)],
      ArrowRight: [right, Math.min(last, said + 1)],
      Home: [right, 0],
      End: [right, last],
      PageUp: [Math.max(0, right - 10), said],
      PageDown: [Math.min(last, right + 10), said],
    };
    return moves[key];
  }

  /* The same as a drawing in the colours of the page, for a report: an <svg> node that stands for itself. */
  function drawn({ names, cells, title }) {
    const counts = spread(names.length, cells);
    const style = getComputedStyle(document.documentElement);
    const token = (name) => style.getPropertyValue("--h-" + name).trim();
    const many = names.length > MANY;
    const size = many ? 22 : 44;
    const short = names.map((name) => (name.length > 34 ? name.slice(0, 33) + "…" : name));
    const long = widths(short);
    const longest = Math.max(...long);
    const left = longest + 32;
    const top = 52 + (many ? longest + 12 : 0.643 * longest + 24);
    const over = many ? 0 : Math.max(...long.map((width, i) => 0.766 * width - (names.length - i - 0.5) * size));
    const full = { w: Math.ceil(Math.max(left + names.length * size + 24 + Math.max(0, over), 360)), h: Math.ceil(top + names.length * size + 44) };
    const make = (tag, attributes, text) => {
      const node = document.createElementNS(SVG, tag);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      if (text !== undefined) node.textContent = text;
      return node;
    };
    const svg = make("svg", { xmlns: SVG, width: full.w, height: full.h, viewBox: `0 0 ${full.w} ${full.h}` });
    svg.setAttribute("font-family", FACE);
    svg.append(make("rect", { width: full.w, height: full.h, fill: token("surface") }));
    svg.append(make("text", { x: 16, y: 30, "font-size": 16, "font-weight": 700, fill: token("ink") }, title));
    names.forEach((_, i) => {
      const middle = i * size + size / 2;
      svg.append(make("text", { x: left - 8, y: top + middle + 4, "font-size": 12, "text-anchor": "end", fill: token("ink2") }, short[i]));
      const angle = many ? -90 : -40;
      const head = { "font-size": 12, fill: token("ink2"), transform: `translate(${left + middle + (many ? 4 : 0)} ${top - 8}) rotate(${angle})` };
      svg.append(make("text", head, short[i]));
    });
    counts.forEach((row, right) => {
      const total = row.reduce((a, b) => a + b, 0);
      row.forEach((count, said) => {
        const kind = shade(right === said, count, total);
        const share = { z: 1, yes: 1, some: 0.32, no: strength(count, total) / 100 }[kind];
        const fill = { z: token("ground"), yes: token("accent"), some: token("accent"), no: token("l2") }[kind];
        const x = left + said * size;
        const y = top + right * size;
        svg.append(make("rect", { x: x + 1, y: y + 1, width: size - 2, height: size - 2, rx: many ? 2 : 4, fill, "fill-opacity": share }));
        if (!count) return;
        const ink = kind === "yes" ? token("on-accent") : token("ink");
        svg.append(make("text", { x: x + size / 2, y: y + size / 2 + 4, "font-size": many ? 10 : 13, "text-anchor": "middle", fill: ink }, count));
      });
    });
    const foot = t("Rows: what is right. Columns: what it said.");
    svg.append(make("text", { x: 16, y: full.h - 16, "font-size": 12, fill: token("ink3") }, foot));
    return svg;
  }

  function widths(names) {
    const brush = document.createElement("canvas").getContext("2d");
    brush.font = "12px " + FACE;
    return names.map((name) => brush.measureText(name).width);
  }

  /* Saves the drawing as a file: "svg" as it is, "png" at twice its size. */
  async function save(svg, name, kind) {
    const text = new XMLSerializer().serializeToString(svg);
    const source = new Blob([text], { type: "image/svg+xml;charset=utf-8" });
    if (kind === "svg") return hand(source, name + ".svg");
    const image = new Image();
    const address = URL.createObjectURL(source);
    await new Promise((good, bad) => Object.assign(image, { onload: good, onerror: bad, src: address }));
    const wide = Number(svg.getAttribute("width"));
    const high = Number(svg.getAttribute("height"));
    const scale = Math.min(2, 8000 / Math.max(wide, high));
    const canvas = Object.assign(document.createElement("canvas"), { width: wide * scale, height: high * scale });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    hand(await new Promise((done) => canvas.toBlob(done, "image/png")), name + ".png");
  }

  function hand(blob, name) {
    const address = URL.createObjectURL(blob);
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 30000);
  }

  Hone.matrix = Object.assign(matrix, { drawn, save });
})();
