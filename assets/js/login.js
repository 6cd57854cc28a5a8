/* The page a person without a login gets instead (webui/shell.py): name, password, and Gradio's own /login behind it. */
(function () {
  "use strict";
  const { h, t, fill } = Hone;

  document.addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("page-login");
    if (root) Hone.wordsReady.then(() => draw(root));
  });

  function draw(root) {
    document.title = `${t("Log in")} · Hone`;
    const name = h("input.text", { name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true });
    const password = h("input.text", { name: "password", type: "password", autocomplete: "current-password", required: true });
    const said = h("div", { role: "alert" });
    const button = h("button.btn.primary", { type: "submit" }, t("Log in"));
    button.type = "submit";
    const form = h("form", { onsubmit: (e) => { e.preventDefault(); send(form, said, button, password); } },
      h("h1", "Hone"), Hone.field({ title: t("User name"), input: name }), Hone.field({ title: t("Password"), input: password }), said, button);
    fill(root, form);
    name.focus();
  }

  async function send(form, said, button, password) {
    button.setAttribute("aria-busy", "true");
    fill(said);
    let answer = null;
    try { answer = await fetch("login", { method: "POST", body: new FormData(form) }); } catch { /* away */ }
    button.removeAttribute("aria-busy");
    if (answer && answer.ok) { location.reload(); return; }
    fill(said, answer
      ? Hone.notice({ tone: "bad", title: t("Name or password is not right."), body: t("After five wrong tries a name rests for five minutes.") })
      : Hone.notice({ tone: "bad", title: t("The server cannot be reached just now."), body: t("Try again.") }));
    password.select();
  }
})();
