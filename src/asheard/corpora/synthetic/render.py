"""Render phones to sound with true times: eSpeak NG takes mnemonics and reports phoneme events."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from asheard.errors import PhoneError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.phones import VOWELS
from asheard.phones.espeak import Voice, render_phonemes

LEAD_IN_S = 0.1  # silence before the first phone, as in a recording

# Mnemonics of the voice en-us. `t2` is the t that is never flapped, so that the sound is the one that was asked for.
MNEMONICS = {
    "p": "p", "b": "b", "t": "t2", "d": "d", "k": "k", "ɡ": "g", "tʃ": "tS", "dʒ": "dZ", "f": "f", "v": "v",
    "θ": "T", "ð": "D", "s": "s", "z": "z", "ʃ": "S", "ʒ": "Z", "h": "h", "m": "m", "n": "n", "ŋ": "N", "l": "l",
    "ɹ": "r", "w": "w", "j": "j", "i": "i:", "ɪ": "I", "eɪ": "eI", "ɛ": "E", "æ": "a", "ɑ": "A:", "ɔ": "O:",
    "oʊ": "oU", "ʊ": "U", "u": "u:", "ʌ": "V", "ə": "@", "ɝ": "3:", "aɪ": "aI", "aʊ": "aU", "ɔɪ": "OI",
}  # fmt: skip
# The voice changes some of them, which was found by rendering all pairs of phones: unstressed final ɪ becomes the happY
# vowel, and n before k or ɡ becomes ŋ. The label follows the sound. ə before ɹ is only coloured by it.
_SAID = {mnemonic: phone for phone, mnemonic in MNEMONICS.items()} | {"i": "i", "3": "ə"}
_SILENT = {"_", "_:", ";"}  # pauses, and the glide mark between two vowels
_LINKING_R = {"r", "r-"}  # inserted between ɝ and a vowel: the end of ɝ
_STRESS_MARKS = "',%=_"


@dataclass(frozen=True, slots=True)
class Sound:
    """A phone to render; stress: CMUdict's digit of its vowel (0, 1, 2); starts_word: it is the first of a word."""

    phone: str
    stress: int
    starts_word: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """Rendered sounds.

    Attributes:
        samples: (T,) float32 at 16 kHz.
        phones: (phone, start, end in seconds) of each sound.
    """

    samples: NDArray[np.float32]
    phones: tuple[tuple[str, float, float], ...]


def render(sounds: Sequence[Sound], voice: Voice, seed: int) -> Rendered:
    """Render sounds; labels and times are those that eSpeak NG reports.

    Raises:
        PhoneError: eSpeak NG said another number of phones, or a phone outside the inventory.
    """
    mnemonics = "".join(
        (" " if sound.starts_word else "|") + _stress_mark(sound) + MNEMONICS[sound.phone] for sound in sounds
    )
    speech = render_phonemes(mnemonics.strip(" |"), voice, seed=seed)
    said: list[tuple[str, float]] = []
    ends: list[float] = []
    for mnemonic, sample in speech.phonemes:
        name = mnemonic.strip(_STRESS_MARKS)
        if name in _LINKING_R and said and said[-1][0] == "ɝ" and _phone_at(sounds, len(said)) != "ɹ":
            continue
        if len(ends) < len(said):
            ends.append(sample / speech.sample_rate_hz)
        if mnemonic in _SILENT:
            continue
        if name not in _SAID:
            raise PhoneError(f"eSpeak NG said {mnemonic!r}, which is not in the inventory, for {mnemonics!r}")
        said.append((_SAID[name], sample / speech.sample_rate_hz))
    if len(said) != len(sounds) or len(ends) != len(said):
        raise PhoneError(f"eSpeak NG said {len(said)} phones for the {len(sounds)} of {mnemonics!r}")
    samples = soxr.resample(speech.samples.astype(np.float32) / 32768.0, speech.sample_rate_hz, SAMPLE_RATE_HZ)
    lead_in = np.zeros(round(LEAD_IN_S * SAMPLE_RATE_HZ), np.float32)
    phones = tuple((phone, start + LEAD_IN_S, end + LEAD_IN_S) for (phone, start), end in zip(said, ends, strict=True))
    return Rendered(np.concatenate([lead_in, samples]), phones)


def add_noise(samples: NDArray[np.float32], snr_db: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add pink noise (its power falls by 3 dB an octave) at a signal-to-noise ratio over the whole utterance."""
    fast_length = 1 << (len(samples) - 1).bit_length()
    spectrum = np.fft.rfft(rng.standard_normal(fast_length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, fast_length)[: len(samples)]
    gain = np.sqrt(np.mean(samples**2) / np.mean(noise**2) / 10 ** (snr_db / 10))
    noisy: NDArray[np.float32] = (samples + gain * noise).astype(np.float32)
    return noisy / max(1.0, float(np.abs(noisy).max()) / 0.99)


def _phone_at(sounds: Sequence[Sound], index: int) -> str | None:
    return sounds[index].phone if index < len(sounds) else None


def _stress_mark(sound: Sound) -> str:
    return ("", "'", ",")[sound.stress] if sound.phone in VOWELS else ""
