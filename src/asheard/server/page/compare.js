// Several models side by side, one column a sound.

import { about, walkThrough } from "./chips.js";
import { el } from "./elements.js";
import { describePhone } from "./inventory.js";

export function show(answer, play) {
  const differing = answer.columns.filter((column) => column.differs).length;
  const rows = answer.transcripts.map((transcript, model) =>
    walkThrough(el(
      "tr",
      {},
      el("th", { scope: "row" }, transcript.model),
      answer.columns.map((column) => cell(column, model, transcript, play)),
    )),
  );
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
      ? el("p", { className: "hint" }, "A sound that is not the dictionary's is underlined. A model that writes the dictionary's sound at every error hears what it expects.")
      : null,
    ...answer.transcripts.map((transcript) => about(transcript.model, transcript)),
  ].filter(Boolean);
}

function cell(column, model, transcript, play) {
  const phone = column.heard[model];
  const classes = [column.differs ? "differs" : "", column.canonical && phone !== column.canonical ? "other" : ""];
  const properties = { className: classes.join(" ").trim() };
  if (phone === null) return el("td", { ...properties, aria: { label: "nothing" } }, "–");
  const index = column.index[model];
  if (!transcript.times_ms[index]) return el("td", { ...properties, title: describePhone(phone) }, phone);
  const heard = { type: "button", title: describePhone(phone), onclick: () => play(transcript.times_ms, index) };
  return el("td", properties, el("button", heard, phone));
}
