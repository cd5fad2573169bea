// The result of /compare: several transcripts, one column for each sound.

import { aboutModel, addArrowKeys } from "./chips.js";
import { el } from "./elements.js";
import { describePhone } from "./inventory.js";
import { readTranscription } from "./transcribe.js";

export function show(answer, play) {
  const differing = answer.columns.filter((column) => column.differs).length;
  const rows = answer.transcripts.map((transcription, model) => {
    const transcript = readTranscription(transcription);
    const cells = answer.columns.map((column) => cell(column, model, transcript, play));
    return addArrowKeys(el("tr", {}, el("th", { scope: "row" }, transcript.model), cells));
  });
  const marks = answer.columns.map((column) => el("td", { className: "mark" }, column.differs ? "≠" : ""));
  if (answer.canonical) {
    const expected = answer.columns.map((column) => el("td", {}, column.canonical ?? ""));
    rows.unshift(el("tr", { className: "canonical" }, el("th", { scope: "row" }, "dictionary"), expected));
  }
  rows.push(el("tr", {}, el("th", { scope: "row" }, "differs"), marks));
  const label = "Transcripts side by side; arrow keys scroll";
  return [
    el("h3", {}, differing ? `They differ in ${differing} of ${answer.columns.length} places` : "They agree everywhere"),
    el("div", { className: "scroll", tabIndex: 0, aria: { role: "group", label } },
      el("table", { className: "side" }, el("tbody", {}, rows))),
    answer.canonical
      ? el("p", { className: "hint" }, "A sound that differs from the dictionary is underlined. Be careful with a model that writes the dictionary's sound at every error: it may write what it expects.")
      : null,
    ...answer.transcripts.map((one) => aboutModel(one.model, one.coverage, one.limitations, one.left_out)),
  ].filter(Boolean);
}

function cell(column, model, transcript, play) {
  const phone = column.heard[model];
  const classes = [column.differs ? "differs" : "", column.canonical && phone !== column.canonical ? "other" : ""];
  const properties = { className: classes.join(" ").trim() };
  if (phone === null) return el("td", { ...properties, aria: { label: "nothing" } }, "–");
  const index = column.index[model];
  const title = describePhone(phone);
  if (!transcript.times[index]) return el("td", { ...properties, title }, phone);
  return el("td", properties, el("button", { type: "button", title, onclick: () => play(transcript, index) }, phone));
}
