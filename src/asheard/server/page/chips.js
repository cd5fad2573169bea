// Phones as buttons in a row. The row is one tab stop; the arrow keys go from button to button.

import { el, formatPercent, formatSeconds } from "./elements.js";
import { describePhone } from "./inventory.js";

// Make a row of buttons.
export function makeRow(label, chips) {
  return addArrowKeys(el("div", { className: "chips", aria: { role: "group", label } }, chips));
}

// Make all buttons of an element one tab stop, and let the arrow keys go from one to the next.
export function addArrowKeys(group) {
  const buttons = [...group.querySelectorAll("button")];
  buttons.forEach((button, index) => (button.tabIndex = index ? -1 : 0));
  group.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 };
    const next = buttons[moves[event.key]];
    if (at < 0 || !next) return;
    event.preventDefault();
    buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  return group;
}

// Make the button of one phone. span: [start, end] in seconds, or null. play: null if the span is null.
export function phoneChip(phone, confidence, span, play) {
  const parts = [describePhone(phone)];
  if (span) parts.push(`at ${formatSeconds(span[0])}`);
  if (confidence !== null) parts.push(`confidence ${formatPercent(confidence)}`);
  const label = parts.join(", ");
  const chip = el("button", { type: "button", className: "chip", title: label, aria: { label }, onclick: play }, phone);
  if (confidence !== null && confidence < 0.5) chip.classList.add("unsure");
  return chip;
}

// Describe what the model is for. Every result ends with it.
export function aboutModel(model, coverage, limitations, leftOut = []) {
  return el(
    "aside",
    { className: "about", aria: { label: `About ${model}` } },
    el("p", {}, el("strong", {}, model), `: ${coverage}`),
    el("ul", {}, limitations.map((sentence) => el("li", {}, sentence))),
    leftOut.length
      ? el("p", {}, `Left out, because they are no sounds of English: ${[...new Set(leftOut)].join(" ")}.`)
      : null,
  );
}
