// A recording against its text: each sound ok, a variant or an error, and sentences about them.

import { about, row } from "./chips.js";
import { el, percent } from "./elements.js";
import { describePhone } from "./inventory.js";

const MEANINGS = { ok: "as it should be", variant: "near enough", error: "another sound" };

export function show(answer, play) {
  const positions = answer.words.flatMap((word) => word.positions);
  const parts = sentences(answer);
  return [
    el("h3", {}, summary(positions, answer.l1)),
    el("p", { className: "hint" }, `As far as ${answer.model} can tell. ${expected(answer, positions)}`),
    row("Sounds of the text", words(answer, play)),
    legend(),
    el("h4", {}, parts.length ? "What was heard otherwise" : "Every sound was heard as it should be"),
    el("ul", { className: "sentences" }, parts),
    prior(answer, positions),
    about(answer.model, answer),
  ].filter(Boolean);
}

function summary(positions, l1) {
  const count = (name, reason) =>
    positions.filter((position) => position.class === name && (!reason || position.reason === reason)).length;
  const rest = [
    [count("variant", "distance"), "near enough"],
    [count("variant", "l1-prior"), `usual for ${l1} speakers`],
    [count("error"), "otherwise"],
  ].filter(([number]) => number);
  return [`${count("ok")} of ${positions.length} sounds as they should be`, ...rest.map(([number, how]) => `${number} ${how}`)].join(", ");
}

function expected(answer, positions) {
  if (positions.every((position) => position.probability === null)) return "It gives no probabilities.";
  return `Weighing all it heard, it expects ${percent(answer.score)} of the sounds to have been said; `
    + (answer.calibrated ? "its probabilities were fitted to what people heard, and are lenient." : "its probabilities were not fitted to people's labels.");
}

function words(answer, play) {
  let at = 0;
  const parts = answer.words.map((word) => {
    const chips = word.positions.flatMap((position) => {
      const before = added(answer, at, play);
      at += 1;
      return [...before, chip(position, (index) => play(answer.times_ms, index))];
    });
    return el("div", { className: "word" }, el("div", { className: "spelt" }, word.word), el("div", {}, chips));
  });
  const after = added(answer, at, play);
  return after.length ? [...parts, el("div", { className: "word" }, el("div", { className: "spelt" }, "\u00a0"), el("div", {}, after))] : parts;
}

function added(answer, before, play) {
  return answer.added
    .filter((one) => one.before === before)
    .map((one) =>
      el("button", { type: "button", className: "chip added", title: one.sentence, aria: { label: one.sentence },
        onclick: one.times_ms && (() => play(answer.times_ms, one.heard_index)) }, `+${one.phone}`));
}

function chip(position, play) {
  const { canonical, heard, probability } = position;
  const parts = [describePhone(canonical), position.sentence ?? MEANINGS[position.class]];
  if (probability !== null) parts.push(`said with a probability of ${percent(probability)}`);
  const changed = position.class !== position.class_without_prior;
  if (changed) parts.push(`without the first language: ${position.class_without_prior}`);
  const properties = {
    type: "button",
    className: `chip ${position.class}`,
    title: parts.join("; "),
    aria: { label: parts.join("; ") },
    onclick: position.heard_index === null ? null : () => play(position.heard_index),
  };
  return el("button", properties, canonical,
    position.class === "ok" ? null : el("small", {}, heard ?? "∅"),
    changed ? el("sup", {}, "L1") : null);
}

function legend() {
  return el("ul", { className: "legend" },
    el("li", {}, el("span", { className: "chip ok" }, "s"), " as it should be"),
    el("li", {}, el("span", { className: "chip variant" }, "s", el("small", {}, "z")), " near enough, or usual for the first language (L1)"),
    el("li", {}, el("span", { className: "chip error" }, "s", el("small", {}, "t")), " another sound, which stands below; ∅ is none"),
    el("li", {}, el("span", { className: "chip added" }, "+ə"), " an extra sound"));
}

function sentences(answer) {
  const parts = answer.words.flatMap((word) => word.positions.filter((position) => position.sentence));
  const items = [
    ...parts.filter((position) => position.class === "error").map((position) => ["error", position.sentence]),
    ...answer.added.map((one) => ["added", one.sentence]),
    ...parts.filter((position) => position.class === "variant").map((position) => ["variant", position.sentence]),
  ];
  return items.map(([kind, sentence]) => el("li", { className: kind }, `${sentence[0].toUpperCase()}${sentence.slice(1)}.`));
}

function prior(answer, positions) {
  const changed = positions.filter((position) => position.class !== position.class_without_prior);
  if (!answer.l1) return null;
  return el("section", { className: "prior" },
    el("h4", {}, `What knowing ${answer.l1} changed`),
    el("p", {}, !answer.prior.used
      ? `Nothing: ${answer.prior.reason}.`
      : changed.length
        ? `${changed.length} of ${positions.length} sounds would be an error otherwise, and are marked L1: `
          + `${changed.map((one) => `${one.canonical} as ${one.heard}`).join(", ")}.`
        : "Nothing here: no sound was one that its speakers are known for."),
    answer.prior.source ? el("p", { className: "hint" }, `Source: ${answer.prior.source}.`) : null);
}
