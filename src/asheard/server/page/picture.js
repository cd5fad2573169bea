// Waveform and spectrogram, and the heard phones under them at their times.

import { el } from "./elements.js";
import { describePhone } from "./inventory.js";
import { levelsAt, NUM_BINS } from "./spectrum.js";
import { RATE } from "./sound.js";

const PIXELS_A_SECOND = 160;
const MAX_PIXELS = 8000; // a canvas has an end: longer recordings are drawn narrower
const RANGE_DB = 55; // below the loudest
const DENSITY = Math.min(2, devicePixelRatio); // of the waveform, whose lines are thin

const byId = (id) => document.getElementById(id);

function widthOf(sound) {
  return Math.round(Math.min(MAX_PIXELS, Math.max(byId("picture").clientWidth, sound.duration * PIXELS_A_SECOND)));
}

// Whether the picture is as wide as it would be drawn now.
export const fits = (sound) => byId("canvas-frame").style.width === `${widthOf(sound)}px`;

export function draw(sound) {
  const width = widthOf(sound);
  byId("canvas-frame").style.width = `${width}px`;
  byId("played").hidden = true;
  const ink = getComputedStyle(document.body).color;
  drawWaveform(byId("waveform"), sound.samples, width, ink);
  drawSpectrogram(byId("spectrogram"), sound.samples, width, ink);
}

// Marks a stretch, in s, as what is played.
export function mark(sound, start, end) {
  const played = byId("played");
  played.hidden = false;
  played.style.left = `${(100 * start) / sound.duration}%`;
  played.style.width = `${(100 * (Math.min(end, sound.duration) - start)) / sound.duration}%`;
  const { scrollLeft, clientWidth } = byId("picture");
  const { offsetLeft, offsetWidth } = played;
  const seen = offsetLeft >= scrollLeft && offsetLeft + offsetWidth <= scrollLeft + clientWidth;
  if (!seen) byId("picture").scrollLeft = offsetLeft - (clientWidth - offsetWidth) / 2;
}

function drawWaveform(canvas, samples, cssWidth, ink) {
  const [width, height] = [cssWidth * DENSITY, 64 * DENSITY];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = ink;
  const step = samples.length / width;
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-4);
  for (let x = 0; x < width; x += 1) {
    let most = 0;
    for (let n = Math.floor(x * step); n < (x + 1) * step; n += 1) most = Math.max(most, Math.abs(samples[n] ?? 0));
    const tall = Math.max(1, (most / peak) * height);
    context.fillRect(x, (height - tall) / 2, 1, tall);
  }
}

function drawSpectrogram(canvas, samples, width, ink) {
  const height = 128; // of 8 kHz
  Object.assign(canvas, { width, height });
  const columns = [];
  let loudest = -100;
  for (let x = 0; x < width; x += 1) {
    const levels = levelsAt(samples, ((x + 0.5) / width) * samples.length);
    for (const level of levels) loudest = Math.max(loudest, level);
    columns.push(levels);
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const [red, green, blue] = ink.match(/\d+/g).map(Number);
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) {
      const level = columns[x][Math.floor(((height - 1 - y) / height) * NUM_BINS)];
      const darkness = Math.max(0, 1 - (loudest - level) / RANGE_DB);
      image.data.set([red, green, blue, 255 * darkness ** 1.5], 4 * (y * width + x));
    }
  }
  context.putImageData(image, 0, 0);
}

// Phones at their times, for the eye and the mouse; the transcript has them for the keyboard and screen readers.
export function drawPhones(sound, phonemes, timesMs, play) {
  const shown = phonemes.map((phone, index) => {
    if (!timesMs[index]) return null;
    const [start, end] = timesMs[index];
    const label = el("span", { title: describePhone(phone), onclick: () => play(index) }, phone);
    label.style.left = `${(100 * (start + end)) / 2000 / sound.duration}%`;
    label.classList.toggle("low", index % 2 === 1);
    return label;
  });
  byId("phone-track").replaceChildren(...shown.filter(Boolean));
}

// Around its own frames a phone goes on: halfway to its neighbours, and a quarter of a second at most.
export function extent(timesMs, index) {
  const own = timesMs[index];
  if (!own) return null;
  const [start, end] = own;
  const before = timesMs[index - 1]?.[1] ?? start - 200;
  const after = timesMs[index + 1]?.[0] ?? end + 200;
  const first = Math.max((before + start) / 2, start - 250) / 1000;
  return [first, Math.max(Math.min((end + after) / 2, end + 250) / 1000, first + 1200 / RATE)];
}
