/* How long a person looked at a text: only while it is on the screen, the window has the focus and the Label tab is open. */
"use strict";
(() => {
  Hone.labelClock = () => {
    let of = null; // whose time it is
    let sum = 0; // milliseconds of looks that are over
    let since = null; // when the present look began

    const looking = () => !document.hidden && document.hasFocus() && Hone.current() === "label";
    const now = () => sum + (since === null ? 0 : performance.now() - since);
    function turn() {
      const on = looking();
      if (on && since === null) since = performance.now();
      else if (!on && since !== null) {
        sum = now();
        since = null;
      }
    }
    document.addEventListener("visibilitychange", turn);
    for (const what of ["focus", "blur"]) window.addEventListener(what, turn);
    Hone.bus.on("tab", turn);

    return {
      begin(id) {
        of = id;
        sum = 0;
        since = looking() ? performance.now() : null;
      },
      /* Seconds to a tenth; null where the text was never seen, or is not the one on the screen. */
      seconds: (id) => (id === of && now() > 0 ? Math.round(now() / 100) / 10 : null),
    };
  };
})();
