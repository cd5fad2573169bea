// The Markdown that reports are written in, to elements: headings, paragraphs, lists, tables, code, emphasis, pictures.
// Anything else stays text. image(path) gives the element that stands for a picture.

import { el } from "./elements.js";

const INLINE = /!\[([^\]]*)\]\(([^)\s]+)\)|\[([^\]]+)\]\(([^)\s]+)\)|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|`([^`]+)`/g;

export function render(markdown, image) {
  const blocks = markdown.replace(/<\/?(sub|sup|br)\s*\/?>/g, "").split(/\n{2,}/);
  return blocks.flatMap((block) => renderBlock(block.replace(/^\n+|\s+$/g, ""), image));
}

function renderBlock(block, image) {
  if (!block) return [];
  const heading = /^(#{1,4}) (.*)$/.exec(block.split("\n")[0]);
  if (heading) {
    const level = Math.min(6, heading[1].length + 2); // the page has h1 and h2
    return [el(`h${level}`, {}, inline(heading[2], image)), ...renderBlock(block.split("\n").slice(1).join("\n"), image)];
  }
  const lines = block.split("\n");
  if (lines.length > 1 && /^\|?[\s:|-]+\|?$/.test(lines[1]) && lines[0].includes("|")) return [table(lines, image)];
  if (/^[-*] /.test(block)) {
    const items = block.split(/\n(?=[-*] )/).map((item) => el("li", {}, inline(item.slice(2), image)));
    return [el("ul", {}, items)];
  }
  if (block.startsWith("> ")) {
    return [el("blockquote", {}, renderBlock(block.replace(/^> ?/gm, ""), image))];
  }
  if (block.startsWith("```")) return [el("pre", {}, lines.slice(1, -1).join("\n"))];
  return [el("p", {}, inline(block, image))];
}

function table([head, rule, ...body], image) {
  const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const right = cells(rule).map((cell) => cell.endsWith(":"));
  const line = (tag) => (row) =>
    el("tr", {}, cells(row).map((cell, index) => el(tag, { className: right[index] ? "number" : "" }, inline(cell, image))));
  const label = "A table; arrow keys scroll";
  return el("div", { className: "scroll", tabIndex: 0, aria: { role: "group", label } },
    el("table", {}, el("thead", {}, line("th")(head)), el("tbody", {}, body.map(line("td")))));
}

function inline(text, image) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, alt, source, label, target, strong, emphasis, code] = match;
    parts.push(text.slice(at, match.index));
    at = match.index + whole.length;
    if (source) parts.push(image(source, alt));
    else if (target) parts.push(/^https?:/.test(target) ? el("a", { href: target, rel: "noreferrer" }, label) : label);
    else if (strong) parts.push(el("strong", {}, strong));
    else if (emphasis) parts.push(el("em", {}, emphasis));
    else parts.push(el("code", {}, code));
  }
  return [...parts, text.slice(at)];
}
