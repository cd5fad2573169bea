// What studies found: their reports as they wrote them.

import * as api from "./api.js";
import { el } from "./elements.js";
import { render } from "./markdown.js";

export async function show() {
  const { studies } = await api.studies();
  if (!studies.length) {
    return [el("p", {}, "No study is shown. Start the service with one: ", el("code", {}, "asheard serve --study runs/embedded"), ".")];
  }
  return studies.map((study) => {
    const report = el("div", { className: "report" });
    const details = el("details", {}, el("summary", {}, "The whole report"), report);
    let read = false;
    details.addEventListener("toggle", async () => {
      if (!details.open || read) return;
      report.replaceChildren(el("p", { className: "hint" }, "Reading …"));
      try {
        const { markdown } = await api.study(study.name);
        report.replaceChildren(...render(markdown, (path, alt) => picture(study.name, path, alt)));
        read = true;
      } catch (error) {
        report.replaceChildren(el("p", { className: "error" }, error.message));
      }
    });
    return el("article", {},
      el("h3", {}, study.name, study.synthetic ? el("span", { className: "badge" }, "synthetic speech") : null),
      el("p", {}, study.sentence), details);
  });
}

function picture(study, path, alt) {
  const image = el("img", { alt });
  api.plot(study, path.split("/").pop()).then((url) => (image.src = url), () => image.replaceWith(alt));
  return image;
}
