// Choosing models and a first language, with what is known of each.

import { el } from "./elements.js";

// listed: the answer of /models. What was chosen before stays chosen.
export function showModels(listed) {
  for (const select of document.querySelectorAll("select[name=model]")) {
    const chosen = select.value || listed.default;
    select.replaceChildren(...listed.models.map(({ name, state }) =>
      el("option", { value: name, disabled: state === "disabled", selected: name === chosen }, name)));
    const place = select.form.querySelector(".model");
    select.onchange = () => place.replaceChildren(...about(listed.models.filter(({ name }) => name === select.value), listed));
    select.onchange();
  }
  showBoxes(listed);
  showL1s(listed.prior);
}

function showBoxes(listed) {
  const models = document.querySelector("#compare .models");
  const before = [...models.querySelectorAll(":checked")].map((box) => box.value);
  const chosen = before.length ? before : [listed.default, "hama"];
  const boxes = listed.models.map(({ name, state }) => {
    const usable = state !== "disabled";
    const properties = { type: "checkbox", name: "models", value: name, checked: usable && chosen.includes(name), disabled: !usable };
    return el("label", {}, el("input", properties), ` ${name}`);
  });
  models.replaceChildren(models.querySelector("legend"), ...boxes);
  document.querySelector("#compare .model").replaceChildren(...about(listed.models, listed));
}

function showL1s({ l1s, source, note }) {
  const select = document.querySelector("select[name=l1]");
  const chosen = select.value;
  select.replaceChildren(select.options[0], ...l1s.map((name) => el("option", { value: name, selected: name === chosen }, name)));
  select.onchange = () => {
    const parts = select.value && `What ${select.value} speakers are known to say comes from ${source}. ${note}`;
    document.getElementById("prior-note").textContent = parts;
  };
  select.onchange();
}

// What these models are good for, and which others cannot be used, and why.
function about(models, listed) {
  const disabled = listed.models.filter(({ state }) => state === "disabled");
  const known = models.filter(({ state }) => state !== "disabled");
  return [
    el("details", {},
      el("summary", {}, known.length === 1 ? `What ${known[0].name} is good for` : "What these models are good for"),
      known.flatMap(({ name, coverage, limitations, trained_on: trainedOn }) => [
        el("p", {}, el("strong", {}, name), `: ${coverage} Trained on ${trainedOn}.`),
        el("ul", {}, limitations.map((sentence) => el("li", {}, sentence))),
      ])),
    ...disabled.map(({ name, reason }) => el("p", { className: "hint" }, el("strong", {}, name), ` cannot be used: ${reason}`)),
  ];
}
