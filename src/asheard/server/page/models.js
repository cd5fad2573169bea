// Choose models and a first language; describe the models.

import { el } from "./elements.js";

// Fill all choices from the answer of /models. What was chosen before stays chosen.
export function setModels(listed) {
  for (const select of document.querySelectorAll("select[name=model]")) {
    const chosen = select.value || listed.default;
    select.replaceChildren(...listed.models.map(({ name, state }) =>
      el("option", { value: name, disabled: state === "disabled", selected: name === chosen }, name)));
  }
  setBoxes(listed);
  setL1s(listed.prior);
  document.querySelector("#models .answer").replaceChildren(...listed.models.map((model) => describe(model, listed.default)));
}

function setBoxes(listed) {
  const fieldset = document.querySelector("#compare fieldset");
  const before = [...fieldset.querySelectorAll(":checked")].map((box) => box.value);
  const chosen = before.length ? before : [listed.default, "hama"];
  const boxes = listed.models.map(({ name, state }) => {
    const usable = state !== "disabled";
    const properties = { type: "checkbox", name: "models", value: name, checked: usable && chosen.includes(name), disabled: !usable };
    return el("label", {}, el("input", properties), ` ${name}`);
  });
  fieldset.replaceChildren(fieldset.querySelector("legend"), ...boxes);
}

function setL1s({ l1s, source, note }) {
  const select = document.querySelector("select[name=l1]");
  const chosen = select.value;
  select.replaceChildren(select.options[0], ...l1s.map((name) => el("option", { value: name, selected: name === chosen }, name)));
  select.onchange = () => {
    const sentence = select.value && `What ${select.value} speakers often say is known from ${source}. ${note}`;
    document.getElementById("prior-note").textContent = sentence;
  };
  select.onchange();
}

function describe({ name, trained_on: trainedOn, coverage, limitations, state, reason }, chosen) {
  return el("article", {},
    el("h3", {}, name, name === chosen ? el("span", { className: "badge" }, "default") : null,
      state === "disabled" ? el("span", { className: "badge" }, "cannot be used") : null),
    state === "disabled" ? el("p", {}, reason) : null,
    el("p", {}, `${coverage} Trained on ${trainedOn}.`),
    el("ul", {}, limitations.map((sentence) => el("li", {}, sentence))));
}
