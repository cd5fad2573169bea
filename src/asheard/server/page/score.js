// The result of /score (docs/pronunciation.schema.json): each sound of a text, and sentences for the learner.

import { aboutModel, makeRow } from "./chips.js";
import { el, formatPercent } from "./elements.js";
import { describePhone } from "./inventory.js";

const MEANINGS = { ok: "as it should be", variant: "near enough", error: "another sound" };

// The transcript in the page's form (transcribe.js).
export function readTranscript({ model, transcript: { phones, confidences, times_s: timesS } }) {
  const nothing = phones.map(() => null);
  return { model, phones, confidences: confidences ?? nothing, times: timesS ?? nothing };
}

export function show(answer, play) {
  const phones = answer.words.flatMap((word) => word.phones);
  const feedback = sentences(answer, phones);
  return [
    el("h3", {}, summary(phones, answer.l1)),
    el("p", { className: "hint" }, `As far as ${answer.model} can tell. ${expectation(answer, phones)}`),
    answer.warnings.length ? el("ul", { className: "sentences" }, answer.warnings.map((warning) => asSentence(warning, "warning"))) : null,
    makeRow("Sounds of the text", words(answer, play)),
    legend(),
    el("h4", {}, feedback.length ? "Sounds that differ" : "Every sound was heard as it should be"),
    el("ul", { className: "sentences" }, feedback),
    priorSection(answer, phones),
    aboutModel(answer.model, answer.coverage, answer.limitations, answer.transcript.left_out),
  ].filter(Boolean);
}

function summary(phones, l1) {
  const count = (name, reason) =>
    phones.filter((phone) => phone.class === name && (!reason || phone.reason === reason)).length;
  const rest = [
    [count("variant", "distance"), "near enough"],
    [count("variant", "l1-prior"), `common for ${l1} speakers`],
    [count("error"), "different"],
  ].filter(([number]) => number);
  return [`${count("ok")} of ${phones.length} sounds as they should be`, ...rest.map(([number, how]) => `${number} ${how}`)].join(", ");
}

function expectation(answer, phones) {
  if (phones.every((phone) => phone.probability === null)) return "It gives no probabilities.";
  return `Its probabilities say that ${formatPercent(answer.score)} of the sounds were said; `
    + (answer.calibrated ? "they were fitted to what people heard, and are lenient." : "they were not fitted to what people heard.");
}

function words(answer, play) {
  const transcript = readTranscript(answer);
  let at = 0;
  const parts = answer.words.map((word) => {
    const chips = word.phones.flatMap((phone) => [...addedBefore(at++), phoneOf(phone)]);
    return wordOf(word.word, chips);
  });
  const after = addedBefore(at);
  return after.length ? [...parts, wordOf("\u00a0", after)] : parts;

  function playIndex(index) {
    return index !== null && transcript.times[index] ? () => play(transcript, index) : null;
  }

  function addedBefore(position) {
    return answer.added
      .filter((added) => added.before === position)
      .map(({ phone, heard_index: index, feedback }) =>
        el("button", { type: "button", className: "chip added", title: feedback, aria: { label: feedback }, onclick: playIndex(index) }, `+${phone}`));
  }

  function phoneOf(phone) {
    const changed = phone.class !== phone.class_without_prior;
    const parts = [describePhone(phone.canonical), phone.feedback ?? MEANINGS[phone.class]];
    if (phone.probability !== null) parts.push(`said with a probability of ${formatPercent(phone.probability)}`);
    if (changed) parts.push(`without the first language: ${phone.class_without_prior}`);
    const label = parts.join("; ");
    const properties = { type: "button", className: `chip ${phone.class}`, title: label, aria: { label }, onclick: playIndex(phone.heard_index) };
    return el("button", properties, phone.canonical,
      phone.class === "ok" ? null : el("small", {}, phone.heard ?? "∅"),
      changed ? el("sup", {}, "L1") : null);
  }
}

function wordOf(spelling, chips) {
  return el("div", { className: "word" }, el("div", { className: "spelling" }, spelling), el("div", {}, chips));
}

function legend() {
  return el("ul", { className: "legend" },
    el("li", {}, el("span", { className: "chip ok" }, "s"), " as it should be"),
    el("li", {}, el("span", { className: "chip variant" }, "s", el("small", {}, "z")), " near enough, or common for the first language (L1)"),
    el("li", {}, el("span", { className: "chip error" }, "s", el("small", {}, "t")), " another sound (the lower one), or none (∅)"),
    el("li", {}, el("span", { className: "chip added" }, "+ə"), " an extra sound"));
}

// Errors first, then added sounds, then variants.
function sentences(answer, phones) {
  const of = (name) => phones.filter((phone) => phone.class === name && phone.feedback);
  const items = [
    ...of("error").map(({ feedback }) => ["error", feedback]),
    ...answer.added.map(({ feedback }) => ["added", feedback]),
    ...of("variant").map(({ feedback }) => ["variant", feedback]),
  ];
  return items.map(([kind, sentence]) => asSentence(sentence, kind));
}

function asSentence(text, kind) {
  return el("li", { className: kind }, `${text[0].toUpperCase()}${text.slice(1)}.`);
}

function priorSection({ l1, prior }, phones) {
  if (!l1) return null;
  const changed = phones.filter((phone) => phone.class !== phone.class_without_prior);
  return el("section", { className: "prior" },
    el("h4", {}, `What knowing ${l1} changed`),
    el("p", {}, !prior.used
      ? `Nothing: ${prior.reason}.`
      : changed.length
        ? `${changed.length} of ${phones.length} sounds are marked L1. Without the first language they would be errors: `
          + `${changed.map((phone) => `${phone.canonical} as ${phone.heard}`).join(", ")}.`
        : "Nothing here: no sound is one that its speakers are known for."),
    prior.source ? el("p", { className: "hint" }, `Source: ${prior.source}.`) : null);
}
