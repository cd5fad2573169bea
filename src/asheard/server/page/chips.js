// Phones in a row that the arrow keys walk through, one tab stop a row.

import { el, percent, seconds } from "./elements.js";
import { describePhone } from "./inventory.js";

// chips: buttons, in order. Gives the row.
export function row(label, chips) {
  return walkThrough(el("div", { className: "chips", aria: { role: "group", label } }, chips));
}

// One tab stop for all buttons of an element; the arrow keys go from one to the next.
export function walkThrough(group) {
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

// One heard phone. play is null where its time is not known.
export function phoneChip(phone, confidence, time, play) {
  const parts = [describePhone(phone)];
  if (time) parts.push(`at ${seconds(time[0])}`);
  if (confidence !== null) parts.push(`confidence ${percent(confidence)}`);
  const chip = el(
    "button",
    { type: "button", className: "chip", title: parts.join(", "), aria: { label: parts.join(", ") }, onclick: play },
    phone,
  );
  if (confidence !== null && confidence < 0.5) chip.classList.add("unsure");
  return chip;
}

// What the model is good for, always beside what it heard.
export function about(model, answer) {
  return el(
    "aside",
    { className: "about", aria: { label: `About ${model}` } },
    el("p", {}, el("strong", {}, model), `: ${answer.coverage}`),
    el("ul", {}, answer.limitations.map((sentence) => el("li", {}, sentence))),
    answer.left_out?.length
      ? el("p", {}, `It also wrote what is no sound of English, and was left out: ${[...new Set(answer.left_out)].join(" ")}.`)
      : null,
  );
}
