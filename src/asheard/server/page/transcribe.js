// The result of /transcribe: the transcript of one model.

import { aboutModel, makeRow, phoneChip } from "./chips.js";
import { el, formatPercent, formatSeconds } from "./elements.js";

// A transcript as the page uses it: {model, phones, confidences, times}. times: [start, end] in seconds, or null.
export function readTranscription({ model, phonemes, confidences, times_ms: timesMs }) {
  return { model, phones: phonemes, confidences, times: timesMs.map((span) => span && span.map((ms) => ms / 1000)) };
}

export function show(answer, play) {
  const transcript = readTranscription(answer);
  const { phones, confidences, times } = transcript;
  const chips = phones.map((phone, index) =>
    phoneChip(phone, confidences[index], times[index], times[index] && (() => play(transcript, index))),
  );
  return [
    el("h3", {}, `${phones.length} sounds in ${formatSeconds(answer.duration_ms / 1000)}`),
    makeRow("Sounds that were heard", chips),
    el("p", { className: "hint" }, "Click a sound, or press Enter on it, to play it. The model is less sure of the pale ones."),
    aboutModel(answer.model, answer.coverage, answer.limitations, answer.left_out),
    el("details", {}, el("summary", {}, "Times and confidences"), table(transcript)),
  ];
}

function table({ phones, confidences, times }) {
  const rows = phones.map((phone, index) =>
    el(
      "tr",
      {},
      el("td", {}, phone),
      el("td", {}, times[index] ? formatSeconds(times[index][0]) : "–"),
      el("td", {}, times[index] ? formatSeconds(times[index][1]) : "–"),
      el("td", {}, confidences[index] === null ? "–" : formatPercent(confidences[index])),
    ),
  );
  const headings = ["sound", "from", "to", "confidence"].map((name) => el("th", { scope: "col" }, name));
  return el("div", { className: "scroll", tabIndex: 0, aria: { role: "group", label: "Times and confidences" } },
    el("table", {}, el("thead", {}, el("tr", {}, headings)), el("tbody", {}, rows)));
}
