"""A recording and what was to be said to a verdict and a score for each phone."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from asheard import DEFAULT_MODEL
from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.errors import CorpusError
from asheard.io.audio import LONGEST_READING_S, SAMPLE_RATE_HZ, check_samples, check_speech, load_recording
from asheard.io.digests import values_digest
from asheard.phones.lexicon import syllable_positions
from asheard.prior import Prior, real_voices_prior
from asheard.pronunciation.compare import judge, nearest_pronunciations
from asheard.pronunciation.gop import GopScorer
from asheard.pronunciation.result import Scored, ScoredPhone, ScoredWord
from asheard.pronunciation.target import Phones, Target, target_of_text
from asheard.recognition.load import load_by_name, model_folder
from asheard.recognition.protocol import Posteriors, Recogniser, Recognition, gives_posteriors, hear

CALIBRATION: Final = "calibration.json"  # in a model folder: the calibration of the scores without a prior

_Span = tuple[float | None, float | None]  # start and end, in seconds
_Probabilities = Sequence[float | None]
_NO_SPAN: Final[_Span] = (None, None)


class Scorer:
    """A loaded transcriber, and what turns what it hears into verdicts and scores; for any number of recordings."""

    def __init__(
        self,
        transcriber: Recogniser,
        name: str,
        gop: GopScorer,
        l1_prior: Prior | None,
        *,
        calibrated: bool,
        version: str = "",
    ) -> None:
        """Put parts together; `load` does so for a model by its name.

        Args:
            transcriber: heard with; probabilities come from posteriors, so only models of ours give them.
            name: what results call it.
            gop: from posteriors to probabilities.
            l1_prior: what makes a variant of an error where an L1 is declared; None: the L1 excuses nothing.
            calibrated: whether the probabilities of `gop` were fitted to people's labels.
            version: a text that changes with what results depend on besides the recordings and their targets.
        """
        self.transcriber, self.name, self.calibrated, self.version = transcriber, name, calibrated, version
        self._gop, self._l1_prior = gop, l1_prior

    @classmethod
    def load(
        cls, model: str | Path = DEFAULT_MODEL, *, prior: Path | None = None, calibration: Path | None = None
    ) -> Self:
        """Load a model.

        Args:
            model: as `load_by_name` takes it.
            prior: file of `asheard prior fit`: what speakers of an L1 are known to say, for verdicts and for
                probabilities. By default verdicts take the prior that ships for real voices, and probabilities none.
            calibration: file of `asheard gop calibrate`; by default calibration.json in the model folder, which holds
                for scores without a prior only.
        Raises:
            ModelError: the model cannot be loaded.
            CorpusError: prior or calibration cannot be read.
        """
        transcriber, version = load_by_name(model)
        if calibration is None and prior is None and gives_posteriors(transcriber):
            calibration = own_calibration(model)
        gop = GopScorer.load(calibration, prior)
        version = values_digest([version, calibration, prior])
        l1_prior, calibrated = gop.prior or real_voices_prior(), calibration is not None
        return cls(transcriber, str(model), gop, l1_prior, calibrated=calibrated, version=version)

    def score(self, recording: Path | str | NDArray[np.float32], target: str | Target, l1: str | None = None) -> Scored:
        """Class and score each phone of a target, of each word's pronunciations the one that fits best.

        Args:
            recording: a file that soundfile reads, or (num_samples,) samples in [-1, 1], mono at 16 kHz.
            target: what was to be read, English in Latin letters, or its phones (`target_of_phones`).
            l1: the speaker's first language, for the prior or an L1-aware model.
        Raises:
            CorpusError: the recording cannot be read, holds no speech, or is too long, or too short for the target; the
                L1 is missing, or unknown to the prior.
            ModelError: the model was not trained on the L1, or fails.
            PhoneError: the text holds no word, or one that neither CMUdict nor eSpeak NG can say.
        """
        name = "the recording" if isinstance(recording, np.ndarray) else str(recording)
        target = target_of_text(target) if isinstance(target, str) else target
        self.check_l1(name, l1)
        if isinstance(recording, np.ndarray):
            check_samples(name, recording, LONGEST_READING_S)
            waveform = recording
        else:
            waveform = load_recording(recording, LONGEST_READING_S)
        (hearing,) = hear(self.transcriber, [waveform], [l1])
        return self.judge(name, waveform, hearing, target, l1)

    def judge(
        self, name: str, waveform: NDArray[np.float32], hearing: Recognition, target: Target, l1: str | None
    ) -> Scored:
        """Class and score what has been heard already; `name` is the recording's in messages.

        Raises:
            CorpusError: no speech was heard, or too little for the target.
        """
        transcript = hearing.transcript
        check_speech(name, waveform, transcript.phones)
        seconds = len(waveform) / SAMPLE_RATE_HZ
        if hearing.posteriors is None:
            words = nearest_pronunciations(target, transcript.phones)
            judged, added = judge(words, transcript.phones, l1, self._l1_prior)
            times_s: Sequence[_Span] = transcript.times_s or [_NO_SPAN] * len(transcript.phones)
            spans_s: list[_Span] = [_NO_SPAN if one.heard_index is None else times_s[one.heard_index] for one in judged]
            probabilities: _Probabilities = [None] * len(judged)
        else:
            words, spans_s, probabilities = self._goodness(name, seconds, hearing.posteriors, target, l1)
            judged, added = judge(words, transcript.phones, l1, self._l1_prior)
        rest = (
            ScoredPhone(**asdict(one), probability=probability, start_s=start_s, end_s=end_s)
            for one, probability, (start_s, end_s) in zip(judged, probabilities, spans_s, strict=True)
        )
        scored = (
            ScoredWord(word, tuple(islice(rest, len(phones)))) for word, phones in zip(target.words, words, strict=True)
        )
        return Scored(
            text=target.text,
            model=self.name,
            l1=l1,
            calibrated=self.calibrated,
            prior_used=l1 is not None and self._l1_prior is not None,
            seconds=seconds,
            words=tuple(scored),
            added=tuple(added),
        )

    def check_l1(self, name: str, l1: str | None) -> None:
        """See whether a declared L1 can be used, or whether one is missing.

        Raises:
            CorpusError: the prior does not know it, or tells no score without one.
        """
        prior = self._gop.prior
        if l1 is None and prior is not None and not prior.options.pooled:
            raise CorpusError(f"the prior knows {', '.join(prior.num_rows)}; say which the speaker's L1 is (--l1)")
        known = self._l1_prior
        if l1 is not None and known is not None and not known.options.pooled and l1 not in known.num_rows:
            raise CorpusError(
                f"{name} has the L1 {l1!r}, and the prior knows {', '.join(known.num_rows)}; leave the L1 out, or give "
                "a prior fitted on speakers of it (asheard prior fit)"
            )

    def _goodness(
        self, name: str, seconds: float, heard: Posteriors, target: Target, l1: str | None
    ) -> tuple[list[Phones], list[_Span], _Probabilities]:
        """The pronunciations that were meant, and of each of their phones its span in seconds and its probability."""
        from asheard.pronunciation.ctc_alignment import best_pronunciations, force_align, min_frames, to_label_ids

        words = best_pronunciations(heard.log_probs, target.pronunciations)
        label_ids = to_label_ids(words)
        if len(heard.log_probs) < min_frames(label_ids):
            raise CorpusError(
                f"{name}: {seconds:.2f} s are too short for its text of {len(label_ids)} phones; "
                "is it the recording of this text, and was it cut off?"
            )
        found = self._gop.score(heard.log_probs, _utterance(name, l1, target.text, words))
        spans_s = force_align(heard.log_probs, label_ids) * heard.frame_s
        return words, [(float(start), float(end)) for start, end in spans_s], expit(found.scores).tolist()


def score(
    recording: Path | str | NDArray[np.float32],
    target: str | Target,
    model: str | Path = DEFAULT_MODEL,
    *,
    l1: str | None = None,
    prior: Path | None = None,
    calibration: Path | None = None,
) -> Scored:
    """Class and score each phone of a target in one recording; for several, load one `Scorer`.

    Args and Raises: as of `Scorer.load` and `Scorer.score`.
    """
    return Scorer.load(model, prior=prior, calibration=calibration).score(recording, target, l1)


def own_calibration(model: str | Path) -> Path | None:
    """The calibration in a model's folder, where it has one."""
    beside = Path(model_folder(model)) / CALIBRATION
    return beside if beside.is_file() else None


def _utterance(name: str, l1: str | None, text: str, words: Sequence[Phones]) -> Utterance:
    tokens = (
        Token(phone, phone, ErrorType.OK, position=position)
        for phones in words
        for phone, position in zip(phones, syllable_positions(phones), strict=True)
    )
    return Utterance(name, "", l1 or "", name, text, tuple(tokens))
