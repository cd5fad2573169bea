"""A recording and the text that was read to a score for each phone: what an app shows a learner."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from asheard import DEFAULT_MODEL
from asheard.corpora.audio import SAMPLE_RATE_HZ, check_samples, load_recording
from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.corpora.speech import check_speech
from asheard.errors import CorpusError, ModelError
from asheard.goodness import GopScorer
from asheard.lexicon import canonical_words, pronunciations, syllable_positions
from asheard.models import CTCTranscriber, L1AwareCTC
from asheard.models.forced_alignment import force_align, min_frames
from asheard.models.pronunciations import best_pronunciations, to_label_ids
from asheard.phones import BLANK_ID, id_to_phone
from asheard.transcribers import load_by_name, model_folder

CALIBRATION: Final = "calibration.json"  # in a model folder: the calibration of the scores without a prior


@dataclass(frozen=True, slots=True)
class ScoredPhone:
    """One phone that the text calls for.

    canonical: the dictionary's phone, in IPA. probability: that it was said, 0 to 1. heard: the phone itself, or below
    even odds the phone that was heard instead, None where nothing was. start_s, end_s: where in the recording it was
    decided, which is shorter than its extent.
    """

    canonical: str
    probability: float
    heard: str | None
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class ScoredWord:
    """One word of the text, its phones, and `probability`, their mean."""

    word: str
    phones: tuple[ScoredPhone, ...]

    @property
    def probability(self) -> float:
        """Mean probability of its phones."""
        return float(np.mean([phone.probability for phone in self.phones]))


@dataclass(frozen=True, slots=True)
class Scored:
    """A recording against its text.

    model: its name. l1: the first language that was declared. calibrated: whether probabilities were fitted to people's
    labels, or are the model's own. seconds: length of the recording.
    """

    text: str
    model: str
    l1: str | None
    calibrated: bool
    seconds: float
    words: tuple[ScoredWord, ...]

    @property
    def score(self) -> float:
        """The share of the text's phones that were said, as far as can be expected: their mean probability, 0 to 1."""
        return float(np.mean([phone.probability for word in self.words for phone in word.phones]))

    def to_json(self) -> dict[str, Any]:
        """All of it as one object of JSON, `score` and the words' `probability` included; four decimals."""
        fields = asdict(self) | {"score": self.score}
        for word, scored in zip(fields["words"], self.words, strict=True):
            word["probability"] = scored.probability
        rounded: dict[str, Any] = _rounded(fields)
        return rounded


class Scorer:
    """A loaded model, and what turns its posteriors into probabilities; scores any number of recordings."""

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        *,
        prior: Path | None = None,
        calibration: Path | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: `asheard-tiny`, or the folder of a model of ours.
            prior: file of `asheard prior fit`: what speakers of an L1 are known to say.
            calibration: file of `asheard gop calibrate`; by default calibration.json in the model folder, which holds
                for scores without a prior only.
        Raises:
            ModelError: the model cannot be loaded, or gives no posteriors of the 40 phones.
            CorpusError: prior or calibration cannot be read.
        """
        transcriber, _ = load_by_name(model)
        if not isinstance(transcriber, CTCTranscriber | L1AwareCTC):
            raise ModelError(f"{model} gives no posteriors of the 40 phones to score with; give a model of ours")
        beside = Path(model_folder(model)) / CALIBRATION
        if calibration is None and prior is None and beside.is_file():
            calibration = beside
        self.name = str(model)
        self.calibrated = calibration is not None
        self._model = transcriber
        self._gop = GopScorer.load(calibration, prior)

    def score(self, recording: Path | str | NDArray[np.float32], text: str, l1: str | None = None) -> Scored:
        """Score each phone that a text calls for, of each word's pronunciations in CMUdict the one that fits best.

        Args:
            recording: a file that soundfile reads, or (num_samples,) samples in [-1, 1], mono at 16 kHz.
            text: what was to be read, English in Latin letters.
            l1: the speaker's first language, for the prior or an L1-aware model.
        Raises:
            CorpusError: the recording cannot be read, holds no speech, or is too long, or too short for the text; the
                L1 is missing, unknown to the prior, or of no use to anything.
            ModelError: the model was not trained on the L1.
            PhoneError: the text holds no word, or one that neither CMUdict nor eSpeak NG can say.
        """
        name = "the recording" if isinstance(recording, np.ndarray) else str(recording)
        words = [word.word for word in canonical_words(text)]
        known = [pronunciations(word) for word in words]
        self._check_l1(_utterance(name, l1, text, [first for first, *_ in known]), l1)
        if isinstance(recording, np.ndarray):
            check_samples(name, recording)
        waveform = recording if isinstance(recording, np.ndarray) else load_recording(recording)
        (log_probs,) = self._model.posteriors([waveform], [l1])
        check_speech(name, waveform, [id_to_phone(i) for i in log_probs.argmax(1) if i > BLANK_ID])
        meant = best_pronunciations(log_probs, known)
        label_ids = to_label_ids(meant)
        seconds = len(waveform) / SAMPLE_RATE_HZ
        if len(log_probs) < min_frames(label_ids):
            raise CorpusError(
                f"{name}: {seconds:.2f} s are too short for its text of {len(label_ids)} phones; "
                "is it the recording of this text, and was it cut off?"
            )
        utterance = _utterance(name, l1, text, meant)
        found = self._gop.score(log_probs, utterance)
        spans_s = force_align(log_probs, label_ids) * self._model.encoder.frame_s
        phones = [
            ScoredPhone(canonical, float(expit(log_odds)), heard, float(start_s), float(end_s))
            for canonical, log_odds, heard, (start_s, end_s) in zip(
                utterance.canonical, found.scores, found.heard, spans_s, strict=True
            )
        ]
        rest = iter(phones)
        scored = tuple(
            ScoredWord(word, tuple(islice(rest, len(its_phones))))
            for word, its_phones in zip(words, meant, strict=True)
        )
        return Scored(text, self.name, l1, self.calibrated, seconds, scored)

    def _check_l1(self, utterance: Utterance, l1: str | None) -> None:
        prior = self._gop.prior
        if l1 is None and prior is not None and not prior.options.pooled:
            raise CorpusError(f"the prior knows {', '.join(prior.num_rows)}; say which the speaker's L1 is (--l1)")
        if l1 is not None and prior is None and not isinstance(self._model, L1AwareCTC):
            raise CorpusError(f"{self.name} has no use for the L1; give a prior (--prior), or leave the L1 out")
        try:
            self._gop.check(utterance)
        except CorpusError as error:
            raise CorpusError(f"{utterance.utt} {error}") from None


def score(
    recording: Path | str | NDArray[np.float32],
    text: str,
    model: str | Path = DEFAULT_MODEL,
    *,
    l1: str | None = None,
    prior: Path | None = None,
    calibration: Path | None = None,
) -> Scored:
    """Score each phone that a text calls for in one recording; for several, load one `Scorer`.

    Args and Raises: as of `Scorer` and `Scorer.score`.
    """
    return Scorer(model, prior=prior, calibration=calibration).score(recording, text, l1)


def _utterance(name: str, l1: str | None, text: str, words: Sequence[tuple[str, ...]]) -> Utterance:
    tokens = (
        Token(phone, phone, ErrorType.OK, position=position)
        for phones in words
        for phone, position in zip(phones, syllable_positions(phones), strict=True)
    )
    return Utterance(name, "", l1 or "", name, text, tuple(tokens))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value
