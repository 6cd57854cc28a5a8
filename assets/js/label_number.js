/* An answer that is a number: digits go into the field wherever one stands, the slider covers the numbers that stand in the data. */
"use strict";
(() => {
  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)$/;

  Hone.answering("number", (me) => {
    const scale = me.state.scale; // {low, high, whole} of the data, null where it has fewer than two different numbers
    const step = scale ? (scale.whole ? 1 : 10 ** Math.floor(Math.log10((scale.high - scale.low) / 50))) : 1;
    const digits = Math.max(0, -Math.round(Math.log10(step)));
    // A phone's keys for decimals have no minus, so they come up only where no number is below nought.
    const field = h("input.text.num", { inputmode: scale && scale.low >= 0 ? "decimal" : "text", enterkeyhint: "next", autocomplete: "off", "aria-label": t("Number"), placeholder: t("Number"), maxlength: 24 });
    const slider = scale && h("input", { type: "range", min: scale.low, max: scale.high, step, "aria-label": t("Number, from {low} to {high}", scale) });
    const note = h("p.sub", { "aria-live": "polite" });
    const commit = Hone.commitButton(done);
    const typed = () => {
      const now = me.drafted();
      return now === null || now === undefined ? "" : typeof now === "number" ? short(now) : now;
    };
    const read = () => {
      const text = typed().trim().replace(",", ".").replace("−", "-");
      return NUMBER.test(text) ? Number(text) : null;
    };
    const type = (text) => me.draft(text, { typing: true });

    field.addEventListener("input", () => type(field.value));
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Enter") done();
      else if (event.key === "Escape") field.blur();
      else if (event.key === "ArrowUp" || event.key === "ArrowDown") nudge(event.key === "ArrowUp" ? 1 : -1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    if (slider) {
      slider.addEventListener("input", () => type(Number(slider.value).toFixed(digits)));
      slider.addEventListener("pointerup", () => slider.blur()); // keys rest on the page again
      slider.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        done();
      });
    }

    function nudge(by) {
      const from = read();
      const start = from === null ? (scale ? (scale.low + scale.high) / 2 : 0) : from + by * step;
      type((scale ? Math.min(scale.high, Math.max(scale.low, start)) : start).toFixed(digits));
    }

    function done() {
      const value = read();
      if (value !== null && me.list.current) {
        if (slider) slider.blur(); // its arrows would go on moving the next number
        return me.decide(value);
      }
      note.textContent = typed().trim() ? t("“{text}” is no number.", { text: typed() }) : t("Type a number first, or skip.");
      field.focus();
    }

    return {
      labels: 0,
      sentence: t("Type the number, Enter goes on. The next text is there at once."),
      keys: [["0 – 9", t("type the number")], ["↑ ↓", t("a little more or less")], ["Enter", t("save and go on")]],
      node: h("div.lb-number.lb-hand", h("div.lb-scale", field, slider && h("div.lb-slide", slider, h("div.lb-ends", { "aria-hidden": true }, h("span", short(scale.low)), h("span", short(scale.high))))), note),
      commit,
      labelsIn: () => [],
      brief: (value) => h("b.num", short(value)),
      draw(item) {
        const text = item ? typed() : "", value = read();
        if (field.value !== text) field.value = text;
        field.disabled = commit.disabled = !item;
        commit.say(value === null ? t("save the number") : t("save {n}", { n: short(value) }));
        if (slider) {
          slider.disabled = !item;
          slider.value = value === null ? (scale.low + scale.high) / 2 : value;
          slider.classList.toggle("unset", value === null);
          slider.setAttribute("aria-valuetext", value === null ? t("no number yet") : short(value));
          slider.style.setProperty("--at", (value === null ? 0 : Math.min(1, Math.max(0, (value - scale.low) / (scale.high - scale.low)))) * 100 + "%");
        }
        const outside = scale && value !== null && (value < scale.low || value > scale.high);
        const say = outside ? t("So far the numbers go from {low} to {high}.", { low: short(scale.low), high: short(scale.high) }) : "";
        if (note.textContent !== say) note.textContent = say;
      },
      key(event, key) {
        if (key === "Enter") return done();
        if (key === "ArrowUp" || key === "ArrowDown") return nudge(key === "ArrowUp" ? 1 : -1);
        const begun = me.drafts.get(me.list.current.id) !== undefined;
        if (/^[0-9.,-]$/.test(key)) return type((begun ? typed() : "") + key);
        if (key === "Backspace" && begun && typed()) return type(typed().slice(0, -1));
        return false;
      },
    };
  });

  const short = (n) => String(Number(n.toPrecision(6)));
})();
