// Short-time spectrum in dB: Hann windows of 16 ms with pre-emphasis, as in phonetics.

const SIZE = 512;
const WINDOW = 256; // 16 ms at 16 kHz: a wide band, which shows formants
const cosines = Float32Array.from({ length: SIZE / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / SIZE));
const sines = Float32Array.from({ length: SIZE / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / SIZE));
const hann = Float32Array.from({ length: WINDOW }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / WINDOW));
const reversed = Uint16Array.from({ length: SIZE }, (_, n) => {
  let bits = 0;
  for (let bit = 1, at = n; bit < SIZE; bit <<= 1, at >>= 1) bits = (bits << 1) | (at & 1);
  return bits;
});

export const NUM_BINS = SIZE / 2;

// Fast Fourier transform in place: radix 2, Cooley and Tukey 1965.
function transform(re, im) {
  for (let length = 2; length <= SIZE; length *= 2) {
    const stride = SIZE / length;
    for (let start = 0; start < SIZE; start += length) {
      for (let k = 0; k < length / 2; k += 1) {
        const low = start + k;
        const high = low + length / 2;
        const real = re[high] * cosines[k * stride] - im[high] * sines[k * stride];
        const imaginary = re[high] * sines[k * stride] + im[high] * cosines[k * stride];
        re[high] = re[low] - real;
        im[high] = im[low] - imaginary;
        re[low] += real;
        im[low] += imaginary;
      }
    }
  }
}

// Return the level in dB of each bin, in the window around one sample.
export function levelsAt(samples, centre) {
  const re = new Float32Array(SIZE);
  const im = new Float32Array(SIZE);
  const first = Math.round(centre) - WINDOW / 2;
  for (let n = 0; n < WINDOW; n += 1) {
    const at = first + n;
    const emphasised = (samples[at] ?? 0) - 0.95 * (samples[at - 1] ?? 0);
    re[reversed[n]] = emphasised * hann[n];
  }
  transform(re, im);
  return Float32Array.from({ length: NUM_BINS }, (_, k) => 10 * Math.log10(re[k] ** 2 + im[k] ** 2 + 1e-10));
}
