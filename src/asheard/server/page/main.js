// The page: the recording, and who is asked what about it.

import * as api from "./api.js";
import * as compare from "./compare.js";
import { el, seconds } from "./elements.js";
import * as transcribe from "./transcribe.js";
import { showModels } from "./models.js";
import { draw, drawPhones, extent, fits, mark } from "./picture.js";
import * as score from "./score.js";
import { Recorder } from "./recorder.js";
import * as results from "./results.js";
import { Sound } from "./sound.js";
import { openPanel, startTabs } from "./tabs.js";
import { startTheme } from "./theme.js";

const byId = (id) => document.getElementById(id);

let recording = null; // what is sent
let sound = null; // the same, as the page plays it; null where the browser cannot decode it
let running = null; // AbortController of the question under way
const transcripts = new Map(); // panel -> the transcript that stands under the picture while it is open

// --- messages

function setStatus(...parts) {
  byId("status").replaceChildren(...parts);
}

function showError(error) {
  setStatus(error.name === "AbortError" ? "Stopped." : "");
  if (error.name === "AbortError") return;
  byId("error").hidden = false;
  byId("error").textContent = error.message;
  if (error.status === 401) {
    byId("token-form").hidden = false;
    byId("token").focus();
  }
  if (error.status === 503) api.models().then(showModels, () => {}); // a model may have become one that cannot be used
}

// --- the recording

async function setRecording(blob, name) {
  cancel();
  [recording, sound] = [blob, null];
  transcripts.clear();
  byId("error").hidden = true;
  document.querySelectorAll("form + .answer").forEach((answer) => answer.replaceChildren());
  const decoded = await Sound.of(blob).catch(() => null);
  if (recording !== blob) return; // another was taken meanwhile
  sound = decoded;
  byId("picture").hidden = byId("play").hidden = sound === null;
  byId("about").textContent = sound
    ? `${name}, ${seconds(sound.duration * 1000)}`
    : `${name}: the browser cannot show it; the service may still hear it`;
  redraw();
  setStatus("The recording is ready.");
}

function redraw() {
  if (!sound) return;
  draw(sound);
  drawTranscript();
}

function drawTranscript() {
  const shown = transcripts.get(openPanel());
  byId("transcript-source").textContent = shown && sound ? `Under the picture: what ${shown.model} heard.` : "";
  if (sound) drawPhones(sound, shown?.phonemes ?? [], shown?.times_ms ?? [], (index) => play(shown.times_ms, index));
}

function play(timesMs, index) {
  const stretch = extent(timesMs, index);
  if (!sound || !stretch) return;
  sound.play(...stretch);
  mark(sound, ...stretch);
}

const recorder = new Recorder((peak, length) => {
  byId("level").value = peak;
  byId("about").textContent = `recording, ${length.toFixed(1)} s`;
});

async function record() {
  if (recorder.opening) return;
  try {
    if (recorder.running) {
      const wav = await recorder.stop();
      showRecording(false);
      await setRecording(wav, "recorded here");
    } else {
      await recorder.start();
      showRecording(true);
    }
  } catch (error) {
    showError(error);
  }
}

function showRecording(on) {
  byId("level").hidden = !on;
  byId("record").classList.toggle("on", on);
  byId("record").lastElementChild.textContent = on ? "Stop" : "Record";
}

// --- asking: one question at a time; another one, or another recording, calls it off

function cancel() {
  running?.abort();
  running = null;
  document.querySelectorAll("[aria-busy]").forEach((place) => place.removeAttribute("aria-busy"));
}

function answers(panel, question, ask, transcriptOf, show) {
  const form = document.querySelector(`#${panel} form`);
  const place = document.querySelector(`#${panel} .answer`);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (recorder.running) await record();
    cancel();
    byId("error").hidden = true;
    if (!recording) {
      showError(new Error("Record something first, or choose a file."));
      byId("record").focus();
      return;
    }
    const asked = new AbortController();
    running = asked;
    place.setAttribute("aria-busy", "true");
    setStatus(question, " ", el("button", { type: "button", className: "quiet", onclick: () => asked.abort() }, "Stop"));
    try {
      const answer = await ask(form.elements, asked.signal);
      if (running !== asked) return;
      transcripts.set(panel, transcriptOf(answer));
      place.replaceChildren(...show(answer, play));
      drawTranscript();
      setStatus("Done.");
    } catch (error) {
      if (running === asked) showError(error);
    }
    if (running === asked) cancel();
  });
}

answers(
  "transcribe",
  "Listening …",
  ({ model }, signal) => api.transcribe(recording, { model: model.value }, signal),
  (answer) => answer,
  transcribe.show,
);

answers(
  "compare",
  "The models are listening …",
  ({ models, text }, signal) => {
    const chosen = [...models].filter((box) => box.checked).map((box) => box.value);
    if (chosen.length < 2) throw new Error("Choose two models or more.");
    return api.compare(recording, { models: chosen, text: text.value }, signal);
  },
  (answer) => answer.transcripts[0],
  compare.show,
);

answers(
  "score",
  "Listening …",
  ({ text, phones, l1, model }, signal) => {
    if (!text.value.trim() && !phones.value.trim()) throw new Error("Write what was read.");
    return api.score(recording, { text: text.value, phones: phones.value, l1: l1.value, model: model.value }, signal);
  },
  (answer) => answer,
  score.show,
);

// --- what there is

function opened(panel) {
  byId("error").hidden = true;
  drawTranscript();
  if (panel === "results") {
    results.show().then((shown) => document.querySelector("#results .answer").replaceChildren(...shown), showError);
  }
}

async function load() {
  try {
    showModels(await api.models());
    byId("version").textContent = `AsHeard ${(await api.health()).version}`;
    byId("token-form").hidden = true;
    opened(openPanel());
  } catch (error) {
    showError(error);
  }
}

startTabs(opened);
startTheme(byId("theme"), redraw);
new ResizeObserver(() => sound && !fits(sound) && redraw()).observe(byId("picture"));
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  api.setToken(byId("token").value);
  load();
});
byId("record").addEventListener("click", record);
byId("play").addEventListener("click", () => {
  sound.play();
  mark(sound, 0, sound.duration);
});
byId("file").addEventListener("change", ({ target }) => target.files[0] && setRecording(target.files[0], target.files[0].name));
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.body.addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return; // text is dropped into fields as ever
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) setRecording(event.dataTransfer.files[0], event.dataTransfer.files[0].name);
  });
}
load();
