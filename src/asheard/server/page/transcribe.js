// What one model heard.

import { about, phoneChip, row } from "./chips.js";
import { el, percent, seconds } from "./elements.js";

export function show(answer, play) {
  const { phonemes, confidences, times_ms: times } = answer;
  const chips = phonemes.map((phone, index) =>
    phoneChip(phone, confidences[index], times[index], times[index] && (() => play(times, index))),
  );
  return [
    el("h3", {}, `${phonemes.length} sounds in ${seconds(answer.duration_ms)}`),
    row("Sounds that were heard", chips),
    el("p", { className: "hint" }, "Click a sound, or press Enter on it, to hear it. Faint ones the model was less sure of."),
    about(answer.model, answer),
    el("details", {}, el("summary", {}, "Times and confidences"), table(answer)),
  ];
}

function table({ phonemes, confidences, times_ms: times }) {
  const rows = phonemes.map((phone, index) =>
    el(
      "tr",
      {},
      el("td", {}, phone),
      el("td", {}, times[index] ? seconds(times[index][0]) : "–"),
      el("td", {}, times[index] ? seconds(times[index][1]) : "–"),
      el("td", {}, confidences[index] === null ? "–" : percent(confidences[index])),
    ),
  );
  const headings = ["sound", "from", "to", "confidence"].map((name) => el("th", { scope: "col" }, name));
  return el("div", { className: "scroll", tabIndex: 0, aria: { role: "group", label: "Times and confidences" } },
    el("table", {}, el("thead", {}, el("tr", {}, headings)), el("tbody", {}, rows)));
}
