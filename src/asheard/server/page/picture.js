// Draw the waveform, the spectrogram and, under them, the phones of a transcript at their times.

import { el } from "./elements.js";
import { describePhone } from "./inventory.js";
import { levelsAt, NUM_BINS } from "./spectrum.js";

const PIXELS_A_SECOND = 160;
const MAX_PIXELS = 8000; // a canvas cannot be wider; a longer recording is drawn narrower
const SHORTEST_S = 0.075; // played at least
const RANGE_DB = 55; // levels below the loudest that are drawn
const DENSITY = Math.min(2, devicePixelRatio); // canvas pixels of the waveform for each pixel of the page

const byId = (id) => document.getElementById(id);

function widthOf(sound) {
  return Math.round(Math.min(MAX_PIXELS, Math.max(byId("picture").clientWidth, sound.duration * PIXELS_A_SECOND)));
}

// Whether the picture has the width that it would have if it were drawn now.
export const fits = (sound) => byId("canvas-frame").style.width === `${widthOf(sound)}px`;

export function draw(sound) {
  const width = widthOf(sound);
  byId("canvas-frame").style.width = `${width}px`;
  byId("played").hidden = true;
  const ink = getComputedStyle(document.body).color;
  drawWaveform(byId("waveform"), sound.samples, width, ink);
  drawSpectrogram(byId("spectrogram"), sound.samples, width, ink);
}

// Mark the part that is played, in seconds, and scroll to it.
export function mark(sound, start, end) {
  const played = byId("played");
  played.hidden = false;
  played.style.left = `${(100 * start) / sound.duration}%`;
  played.style.width = `${(100 * (Math.min(end, sound.duration) - start)) / sound.duration}%`;
  const { scrollLeft, clientWidth } = byId("picture");
  const { offsetLeft, offsetWidth } = played;
  const visible = offsetLeft >= scrollLeft && offsetLeft + offsetWidth <= scrollLeft + clientWidth;
  if (!visible) byId("picture").scrollLeft = offsetLeft - (clientWidth - offsetWidth) / 2;
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
  const height = 128; // pixels, from 0 to 8 kHz
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

// Draw phones at their times for eye and mouse. Keyboard and screen reader use the buttons of the result instead.
export function drawPhones(sound, phones, times, play) {
  const labels = phones.map((phone, index) => {
    if (!times[index]) return null;
    const [start, end] = times[index];
    const label = el("span", { title: describePhone(phone), onclick: () => play(index) }, phone);
    label.style.left = `${(50 * (start + end)) / sound.duration}%`;
    label.classList.toggle("low", index % 2 === 1);
    return label;
  });
  byId("phone-track").replaceChildren(...labels.filter(Boolean));
}

// What to play for a phone, [start, end] in seconds: a CTC model decides in a few frames, so its span is extended halfway
// to its neighbours, at most a quarter of a second.
export function playedSpan(times, index) {
  if (!times[index]) return null;
  const [start, end] = times[index];
  const before = times[index - 1]?.[1] ?? start - 0.2;
  const after = times[index + 1]?.[0] ?? end + 0.2;
  const first = Math.max((before + start) / 2, start - 0.25);
  return [first, Math.max(Math.min((end + after) / 2, end + 0.25), first + SHORTEST_S)];
}
