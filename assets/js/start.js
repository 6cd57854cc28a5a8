/* Runs in the head before anything is drawn: which language, which theme. Kept tiny because it is part of the page itself. */
(function () {
  const path = location.pathname.replace(/\/+$/, "");
  const here = /\/zh$/.test(path) ? "zh" : "en";
  const remembered = read("hone:language");
  const first = window.HONE.language || (/^zh/i.test(navigator.language || "") ? "zh" : "en");
  const wanted = remembered || first;
  window.HONE.language = here;
  if (here === "en" && wanted === "zh") {
    location.replace("zh" + location.search + location.hash);
  }
  const lang = here === "zh" ? "zh-CN" : "en";
  const named = function () { if (document.documentElement.lang !== lang) document.documentElement.lang = lang; };
  named();
  new MutationObserver(named).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] }); // Gradio writes the browser's

  window.HONE.theme = function () {
    const chosen = window.HONE.chosen || read("hone:theme");
    return chosen || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  };
  window.HONE.paint = function () {
    const dark = window.HONE.theme() === "dark";
    for (const node of [document.documentElement, document.body]) {
      if (node && node.classList.contains("dark") !== dark) node.classList.toggle("dark", dark);
    }
  };
  window.HONE.paint();
  document.addEventListener("DOMContentLoaded", function () {
    window.HONE.paint();
    new MutationObserver(window.HONE.paint).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });

  function read(key) {
    try { return localStorage.getItem(key); } catch { return null; }
  }
})();
