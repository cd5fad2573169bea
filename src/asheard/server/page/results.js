// Studies: their verdicts and their reports.

import * as api from "./api.js";
import { el } from "./elements.js";

const TAGS = new Set(
  "a blockquote br code em h1 h2 h3 h4 h5 h6 hr img li ol p pre strong table tbody td th thead tr ul".split(" "),
);

export async function show() {
  const { studies } = await api.studies();
  if (!studies.length) {
    return [el("p", {}, "No study is shown. Start the service with one: ", el("code", {}, "asheard serve --study runs/embedded"), ".")];
  }
  return studies.map((study) => {
    const report = el("div", { className: "report" });
    const details = el("details", {}, el("summary", {}, "The whole report"), report);
    let loaded = false;
    details.addEventListener("toggle", async () => {
      if (!details.open || loaded) return;
      report.replaceChildren(el("p", { className: "hint" }, "Loading …"));
      try {
        const { report: nodes } = await api.study(study.name);
        report.replaceChildren(...nodes.map((node) => build(node, study.name)));
        loaded = true;
      } catch (error) {
        report.replaceChildren(el("p", { className: "error" }, error.message));
      }
    });
    return el("article", {},
      el("h3", {}, study.name, study.synthetic ? el("span", { className: "badge" }, "synthetic speech") : null),
      el("p", {}, study.sentence), details);
  });
}

// One node of a report, as the service rendered it: a text, or {tag, children, href, table, plot, alt, align}.
function build(node, study) {
  if (typeof node === "string") return node;
  if (!TAGS.has(node.tag)) throw new Error(`The report holds an element ${node.tag}, which this page does not know.`);
  if (node.tag === "img") return picture(study, node.plot, node.alt);
  const children = (node.children ?? []).map((child) => build(child, study));
  if (node.table) return download(study, node.table, children);
  if (node.tag === "a") {
    return node.href.startsWith("https://") ? el("a", { href: node.href, rel: "noreferrer" }, children) : el("span", {}, children);
  }
  if (node.tag === "table") {
    const label = "A table; arrow keys scroll";
    return el("div", { className: "scroll", tabIndex: 0, aria: { role: "group", label } }, el("table", {}, children));
  }
  const heading = /^h(\d)$/.exec(node.tag);
  const tag = heading ? `h${Math.min(6, Number(heading[1]) + 2)}` : node.tag; // the page itself has h1 and h2
  return el(tag, { className: node.align === "right" ? "number" : "" }, children);
}

// A button that saves a CSV file of the study.
function download(study, file, children) {
  const button = el("button", { type: "button", className: "quiet" }, children);
  button.addEventListener("click", async () => {
    try {
      const url = await api.table(study, file);
      el("a", { href: url, download: file }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser may still be reading it
    } catch (error) {
      button.after(el("span", { className: "error" }, ` ${error.message}`));
    }
  });
  return button;
}

function picture(study, file, alt) {
  const image = el("img", { alt });
  api.plot(study, file).then((url) => (image.src = url), () => image.replaceWith(alt));
  return image;
}
