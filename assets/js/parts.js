/* Parts every tab is made of: page head, card, notice, chip, table, progress, menu, sheet, question, toast. Look: assets/css/parts.css. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;
  let made = 0;
  Hone.id = (prefix = "h") => `${prefix}-${(made += 1)}`;

  /** Title, one sentence, buttons. `actions` are Hone.button(...)s; the one with {primary: true} is the page's only filled one. */
  Hone.head = ({ title, sentence, actions = [] }) =>
    h("div.head", h("div.head-words", h("h1", title), sentence && h("p", sentence)), actions.length ? h("div.acts", actions) : null);

  /** kind: primary | danger | small | link | (plain). `busy(promise)` is done for you when onclick returns a promise. */
  Hone.button = (text, onclick, { primary, danger, small, link, ...props } = {}) => {
    const kind = [primary && "primary", danger && "danger", small && "small", link && "link"].filter(Boolean).join(" ");
    const node = h("button", { class: "btn " + kind, ...props }, text);
    node.addEventListener("click", (e) => {
      if (node.getAttribute("aria-busy") === "true" || !onclick) return;
      const result = onclick(e);
      if (result && typeof result.then === "function") {
        node.setAttribute("aria-busy", "true");
        result.then(() => {}, (error) => Hone.toast(error)).finally(() => node.removeAttribute("aria-busy"));
      }
    });
    return node;
  };

  /** `side` stands right of the title; `body` is a node or a list. */
  Hone.card = ({ title, sub, side, body, ...props } = {}) =>
    h("section.card", props, title || side ? h("header.cap", h("div", title && h("h2", title), sub && h("p.sub", sub)), side && h("div.side", side)) : null, body);

  /** tone: info | good | warn | bad. Stays until you remove it. `actions` are its repair. An error (Trouble) may be given as `error`. */
  Hone.notice = ({ tone = "info", title, body, actions, error, ...props } = {}) => {
    if (error) { tone = "bad"; title = error.message; body = body || error.fix; }
    return h("div.notice", { class: tone, role: tone === "bad" ? "alert" : "status", ...props },
      h("i.mark", { "aria-hidden": true }), h("div.words", title && h("b", title), body && (body instanceof Node ? body : h("span", body))), actions ? h("div.acts", actions) : null);
  };

  /** A label: {name, colour (index from 0), key?}; null is "no label". */
  Hone.chip = (label) => (label ? h("span.chip", { class: Hone.colour(label.colour) }, h("i", { "aria-hidden": true }), h("span", label.name)) : h("span.chip.none", "–"));

  /** The class that sets --c to a label's colour: l1 to l8, again from the ninth on. */
  Hone.colour = (index) => "l" + ((((index || 0) % 8) + 8) % 8 + 1);

  /** A person's own text, in the reading face. */
  Hone.said = (text, props) => h("span.said", props || {}, text);

  /** columns: [{title, cell(row) -> node|text, class?, width?}]. `onrow` makes rows open by click and Enter. */
  Hone.table = ({ columns, rows, onrow, caption, empty, ...props }) => {
    if (!rows.length && empty) return h("p.sub", empty);
    return h("div.scroll", h("table.tb", props, caption && h("caption.sr", caption),
      h("thead", h("tr", columns.map((c) => h("th", { scope: "col", class: c.class, style: c.width ? { width: c.width } : null }, c.title)))),
      h("tbody", rows.map((row) => {
        const tr = h("tr", { class: onrow ? "open" : null, tabindex: onrow ? 0 : null }, columns.map((c) => h("td", { class: c.class }, c.cell(row))));
        if (onrow) {
          tr.addEventListener("click", (e) => { if (!e.target.closest("button, a, input, select")) onrow(row, tr); });
          tr.addEventListener("keydown", (e) => { if (e.key === "Enter" && e.target === tr) onrow(row, tr); });
        }
        return tr;
      }))));
  };

  /** An edge that fills. update({done, total, text, seconds_left}); total 0 or null turns it into a moving one. */
  Hone.progress = ({ text = "", cancel, done, total, seconds_left } = {}) => {
    const bar = h("i"), line = h("p.sub", { "aria-live": "polite" }, text);
    const track = h("div.edge", { role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
    const node = h("div.progress", track, h("div.progress-line", line, cancel ? Hone.button(t("Cancel"), cancel, { small: true }) : null));
    node.update = ({ done = 0, total = 0, text: now, seconds_left } = {}) => {
      const share = total ? Math.min(1, done / total) : 0;
      track.classList.toggle("open", !total);
      bar.style.width = total ? share * 100 + "%" : "";
      if (total) track.setAttribute("aria-valuenow", Math.round(share * 100)); else track.removeAttribute("aria-valuenow");
      const left = seconds_left > 1 ? " · " + t("about {t} left", { t: Hone.fmt.duration(seconds_left) }) : "";
      const say = (now ?? text) + left;
      if (line.textContent !== say) line.textContent = say;
      return node;
    };
    return node.update({ done, total, seconds_left });
  };

  /** A native select: options are [{value, title}] or strings. */
  Hone.select = ({ options, value, onchange, label, ...props }) => {
    const node = h("select.select", { "aria-label": label, ...props }, options.map((o) => (typeof o === "string" ? { value: o, title: o } : o)).map((o) => h("option", { value: o.value ?? "", disabled: o.disabled || false }, o.title)));
    node.value = value ?? "";
    if (onchange) node.addEventListener("change", () => onchange(node.value));
    return node;
  };

  /** A field with its name, help and error: {title, term, help, input, error}. `field.error(text|null)` sets the sentence under it. */
  Hone.field = ({ title, term, help, input, error }) => {
    const id = input.id || (input.id = Hone.id("field"));
    const under = h("p.error", { id: id + "-error", role: "alert", hidden: true });
    const node = h("div.field", h("label", { for: id }, title, term && h("span.term", ` (${term})`)), help && h("p.sub", { id: id + "-help" }, help), input, under);
    input.setAttribute("aria-describedby", [help && id + "-help", id + "-error"].filter(Boolean).join(" "));
    node.error = (text) => { under.hidden = !text; under.textContent = text || ""; input.setAttribute("aria-invalid", text ? "true" : "false"); node.classList.toggle("off", Boolean(text)); };
    if (error) node.error(error);
    return node;
  };

  /** A segmented choice: options [{value, title}]. */
  Hone.choice = ({ options, value, onchange, label }) => {
    const node = h("div.choice", { role: "radiogroup", "aria-label": label });
    const draw = () => fill(node, options.map((o) => h("button", { role: "radio", "aria-checked": o.value === value, tabindex: o.value === value ? 0 : -1, "data-key": String(o.value), onclick: () => pick(o.value) }, o.title)));
    const pick = (v) => { if (v === value) return; value = v; draw(); if (onchange) onchange(v); };
    node.addEventListener("keydown", (e) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
      if (!step) return;
      e.preventDefault();
      const i = options.findIndex((o) => o.value === value);
      pick(options[(i + step + options.length) % options.length].value);
      node.querySelector('[aria-checked="true"]').focus();
    });
    draw();
    node.pick = pick;
    return node;
  };

  // ---------- what lies over the page ----------

  /** A sheet from the right (from below on a phone). Returns {node, close}. */
  Hone.sheet = ({ title, body, actions, wide, onclose }) => {
    const dialog = h("dialog.sheet-over", { class: wide ? "wide" : "", "aria-label": title },
      h("header.sheet-head", h("h2", title), h("button.ico", { "aria-label": t("Close"), onclick: () => dialog.close() }, cross())), h("div.sheet-body", body), actions ? h("footer.acts", actions) : null);
    return over(dialog, onclose);
  };

  /** A question with answers: await Hone.ask({title, body, yes, no, danger}) -> true | false | the text when `input` is given. */
  Hone.ask = ({ title, body, yes, no, danger, input, value = "" }) => new Promise((resolve) => {
    let said = input ? null : false;
    const box = input ? h("input.text", { value, "aria-label": input, maxlength: 200 }) : null;
    const form = h("form", { method: "dialog", onsubmit: (e) => { e.preventDefault(); if (box && !box.value.trim()) { box.focus(); return; } said = box ? box.value.trim() : true; layer.close(); } },
      h("h2", title), body && (body instanceof Node ? body : h("p", body)), box,
      h("footer.acts", Hone.button(no || t("Cancel"), () => layer.close()), h("button.btn", { type: "submit", class: danger ? "danger" : "primary" }, yes || t("OK"))));
    const layer = over(h("dialog.ask", { "aria-label": title }, form), () => resolve(said));
    if (box) { box.focus(); box.select(); } else form.querySelector(".acts .btn:last-child").focus();
  });

  /** A menu under `anchor`: items [{title, sub?, onpick, danger?, current?, href?} | "-" | node]. */
  Hone.menu = (anchor, items) => {
    const node = h("div.menu", { role: "menu" }, items.filter(Boolean).map((item) => {
      if (item === "-") return h("hr");
      if (item instanceof Node) return item;
      const entry = h("button", { role: "menuitem", tabindex: -1, class: [item.danger && "danger", item.current && "current"].filter(Boolean).join(" "), "aria-current": item.current ? "true" : null }, h("span", item.title), item.sub && h("small", item.sub));
      entry.addEventListener("click", () => { close(); item.onpick && item.onpick(); });
      return entry;
    }));
    const box = anchor.getBoundingClientRect();
    (anchor.closest("dialog") || layer()).append(node); // a dialog lies over everything that is not in it
    const width = node.offsetWidth, height = node.offsetHeight;
    node.style.left = Math.max(8, Math.min(box.left, innerWidth - width - 8)) + "px";
    node.style.top = (box.bottom + 6 + height > innerHeight && box.top > height ? box.top - height - 6 : box.bottom + 6) + "px";
    anchor.setAttribute("aria-expanded", "true");
    const entries = [...node.querySelectorAll("[role=menuitem]")];
    const outside = (e) => { if (!node.contains(e.target) && !anchor.contains(e.target)) close(false); };
    const keys = (e) => {
      const i = entries.indexOf(document.activeElement);
      if (e.key === "Escape") { e.preventDefault(); e.stopPropagation(); close(); }
      else if (e.key === "Tab") close(false);
      else if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); entries[(i + (e.key === "ArrowDown" ? 1 : -1) + entries.length) % entries.length].focus(); }
      else if (e.key === "Home" || e.key === "End") { e.preventDefault(); entries[e.key === "Home" ? 0 : entries.length - 1].focus(); }
    };
    function close(back = true) {
      node.remove();
      anchor.setAttribute("aria-expanded", "false");
      document.removeEventListener("pointerdown", outside, true);
      if (back) anchor.focus({ preventScroll: true });
    }
    node.addEventListener("keydown", keys);
    setTimeout(() => document.addEventListener("pointerdown", outside, true));
    if (entries.length) (node.querySelector(".current") || entries[0]).focus({ preventScroll: true });
    return { node, close };
  };

  /** Confirms what is already visible; an error with its repair may be given too. `action`: {title, onpick}. */
  Hone.toast = (said, { action, seconds = 6 } = {}) => {
    const trouble = said instanceof Error;
    if (trouble && !(said instanceof Hone.Trouble)) console.error(said);
    if (trouble && said.kind === "Cancelled") return;
    const text = trouble ? [said instanceof Hone.Trouble ? said.message : t("Something went wrong on this page."), said.fix].filter(Boolean).join(" ") : said;
    const node = h("div.toast", { class: trouble ? "bad" : "", role: trouble ? "alert" : "status" }, h("span", text),
      action ? Hone.button(action.title, () => { node.remove(); return action.onpick(); }, { link: true }) : null,
      h("button.ico", { "aria-label": t("Close"), onclick: () => node.remove() }, cross()));
    const stack = layer().querySelector(".toasts") || layer().appendChild(h("div.toasts", { "aria-live": "polite", popover: "manual" }));
    stack.append(node);
    if (stack.matches(":popover-open")) stack.hidePopover();
    stack.showPopover(); // again, so that it lies over a dialog that came after it
    while (stack.children.length > 3) stack.firstChild.remove();
    setTimeout(() => node.remove(), (trouble ? 12 : action ? Math.max(10, seconds) : seconds) * 1000);
    return node;
  };

  function over(dialog, onclose) {
    layer().append(dialog);
    dialog.addEventListener("close", () => { dialog.remove(); if (onclose) onclose(); });
    dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
    dialog.tabIndex = -1;
    dialog.showModal();
    dialog.focus({ preventScroll: true }); // not its first button, which would look pressed
    return { node: dialog, close: () => dialog.close() };
  }

  function layer() {
    let node = document.getElementById("hone-layer");
    if (!node) {
      node = h("div.hone", { id: "hone-layer" });
      (document.querySelector(".gradio-container") || document.body).append(node);
    }
    return node;
  }

  const cross = () => h("svg", { viewBox: "0 0 20 20", "aria-hidden": true }, h("path", { d: "M5 5l10 10M15 5L5 15", stroke: "currentColor", "stroke-width": 1.8, fill: "none", "stroke-linecap": "round" }));
  Hone.cross = cross;

  /** Where a tab has nothing to show yet: a sentence and the way on. */
  Hone.empty = ({ title, body, actions }) => h("div.empty", h("h2", title), body && h("p", body), actions ? h("div.acts", actions) : null);

  Hone.broken = (root, error) => fill(root, Hone.notice({ tone: "bad", title: error instanceof Hone.Trouble ? error.message : t("This page could not be drawn."), body: error.fix || t("Reload the page."), actions: [Hone.button(t("Reload the page"), () => location.reload(), { small: true })] }));
})();
