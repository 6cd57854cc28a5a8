/* Pictures of a project, from the server's own small copies; many of them on a sheet; one to be chosen from this machine.
   A picture goes by the name the server gave it. Knows nothing of tasks or tabs. */
(function () {
  "use strict";
  const { h, t } = Hone;

  /** A picture by its name. `large`: as large as a person wants to look at it; `run`: whose it is, where the data may no longer have it;
      `says`: what a screen reader says of it. */
  Hone.picture = (name, { large = false, run = null, says = "" } = {}) => {
    const image = h("img.pic", { class: large ? "large" : "", alt: says || t("Picture"), loading: "lazy", decoding: "async" });
    image.addEventListener("error", () => image.replaceWith(h("span.vl-file", t("This picture cannot be shown."))));
    const query = new URLSearchParams({ ...(large ? { size: "large" } : {}), ...(run ? { run } : {}) });
    const address = `hone/picture/${encodeURIComponent(Hone.project)}/${encodeURIComponent(name)}?${query}`;
    if (Hone.token) fetched(image, address);
    else image.src = address;
    return image;
  };

  /* In the demo a picture needs the visitor's token, which an address must not carry. */
  async function fetched(image, address) {
    try {
      const answer = await fetch(address, { headers: { "X-Hone-Token": Hone.token } });
      if (!answer.ok) throw new Error(String(answer.status));
      image.src = URL.createObjectURL(await answer.blob());
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
    } catch {
      image.dispatchEvent(new Event("error"));
    }
  }

  /** A sheet of pictures: names, under a title. */
  Hone.pictures = (title, names, about = {}) => Hone.sheet({ title, wide: true, body: h("div.pic-wall", names.map((name) => Hone.picture(name, about))) });
})();
