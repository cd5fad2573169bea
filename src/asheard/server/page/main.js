// The page: the recording, the forms, and what they show.

import * as api from "./api.js";
import * as compare from "./compare.js";
import { el, formatSeconds } from "./elements.js";
import { setModels } from "./models.js";
import { draw, drawPhones, fits, mark, playedSpan } from "./picture.js";
import { Recorder } from "./recorder.js";
import * as results from "./results.js";
import * as score from "./score.js";
import { Sound } from "./sound.js";
import { openPanel, startTabs } from "./tabs.js";
import { startTheme } from "./theme.js";
import * as transcribe from "./transcribe.js";

const byId = (id) => document.getElementById(id);

let recording = null; // the file to send
let sound = null; // the same, decoded for playing; null if the browser cannot decode it
let running = null; // AbortController of the running request
const transcripts = new Map(); // panel -> the transcript that is drawn under the picture while the panel is open

// --- status and errors

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
  if (error.status === 503) api.models().then(setModels, () => {}); // the model may be disabled now
}

// --- the recording

async function setRecording(blob, name) {
  cancel();
  [recording, sound] = [blob, null];
  transcripts.clear();
  byId("error").hidden = true;
  document.querySelectorAll("form + .answer").forEach((answer) => answer.replaceChildren());
  const decoded = await Sound.decode(blob).catch(() => null);
  if (recording !== blob) return; // the user chose another one meanwhile
  sound = decoded;
  byId("picture").hidden = byId("play").hidden = sound === null;
  byId("about").textContent = sound
    ? `${name}, ${formatSeconds(sound.duration)}`
    : `${name}: the browser cannot show it; the service may still read it`;
  redraw();
  setStatus("The recording is ready.");
}

function redraw() {
  if (!sound) return;
  draw(sound);
  drawTranscript();
}

function drawTranscript() {
  const transcript = transcripts.get(openPanel());
  byId("transcript-source").textContent = transcript && sound ? `Under the picture: what ${transcript.model} heard.` : "";
  if (sound) drawPhones(sound, transcript?.phones ?? [], transcript?.times ?? [], (index) => play(transcript, index));
}

function play({ times }, index) {
  const span = playedSpan(times, index);
  if (!sound || !span) return;
  sound.play(...span);
  mark(sound, ...span);
}

const recorder = new Recorder((peak, seconds) => {
  byId("level").value = peak;
  byId("about").textContent = `recording, ${seconds.toFixed(1)} s`;
});

async function record() {
  if (recorder.opening) return;
  try {
    if (recorder.running) {
      const wav = await recorder.stop();
      showRecorder(false);
      await setRecording(wav, "recorded here");
    } else {
      await recorder.start();
      showRecorder(true);
    }
  } catch (error) {
    showError(error);
  }
}

function showRecorder(on) {
  byId("level").hidden = !on;
  byId("record").classList.toggle("on", on);
  byId("record").lastElementChild.textContent = on ? "Stop" : "Record";
}

// --- requests: one at a time; another request or another recording cancels the running one

function cancel() {
  running?.abort();
  running = null;
  document.querySelectorAll("[aria-busy]").forEach((place) => place.removeAttribute("aria-busy"));
}

// send(fields, signal): make the request. readTranscript(answer): what is drawn under the picture.
// show(answer, play): the elements of the result.
function connectForm(panel, send, readTranscript, show) {
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
    const request = new AbortController();
    running = request;
    place.setAttribute("aria-busy", "true");
    setStatus("Working …", " ", el("button", { type: "button", className: "quiet", onclick: () => request.abort() }, "Stop"));
    try {
      const answer = await send(form.elements, request.signal);
      if (running !== request) return;
      transcripts.set(panel, readTranscript(answer));
      place.replaceChildren(...show(answer, play));
      drawTranscript();
      setStatus("Done.");
    } catch (error) {
      if (running === request) showError(error);
    }
    if (running === request) cancel();
  });
}

connectForm(
  "transcribe",
  ({ model }, signal) => api.transcribe(recording, { model: model.value }, signal),
  transcribe.readTranscription,
  transcribe.show,
);

connectForm(
  "compare",
  ({ models, text }, signal) => {
    const chosen = [...models].filter((box) => box.checked).map((box) => box.value);
    if (chosen.length < 2) throw new Error("Choose two models or more.");
    return api.compare(recording, { models: chosen, text: text.value }, signal);
  },
  (answer) => transcribe.readTranscription(answer.transcripts[0]),
  compare.show,
);

connectForm(
  "score",
  ({ text, phones, l1, model }, signal) => {
    if (!text.value.trim() && !phones.value.trim()) throw new Error("Write the text that was read.");
    return api.score(recording, { text: text.value, phones: phones.value, l1: l1.value, model: model.value }, signal);
  },
  score.readTranscript,
  score.show,
);

// --- start

function opened(panel) {
  byId("error").hidden = true;
  drawTranscript();
  if (panel === "results") {
    results.show().then((articles) => document.querySelector("#results .answer").replaceChildren(...articles), showError);
  }
}

async function load() {
  try {
    setModels(await api.models());
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
    if (!event.dataTransfer.types.includes("Files")) return; // text can still be dropped into fields
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) setRecording(event.dataTransfer.files[0], event.dataTransfer.files[0].name);
  });
}
load();
