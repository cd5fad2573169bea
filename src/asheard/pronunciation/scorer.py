"""A loaded model: it transcribes recordings and scores them against a target, phone by phone."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from asheard import DEFAULT_MODEL
from asheard.errors import CorpusError, check_type
from asheard.io.audio import LONGEST_READING_S, LONGEST_S, SAMPLE_RATE_HZ, convert_samples, load_recording
from asheard.io.digests import values_digest
from asheard.io.speech import check_speech
from asheard.phones.folding import Phones
from asheard.phones.lexicon import syllable_positions
from asheard.prior import REAL_VOICES_SOURCE, Prior, load_prior, real_voices_prior
from asheard.pronunciation.calibration import Calibration, load_calibration, logistic
from asheard.pronunciation.compare import closest_pronunciations, compare, pause_warnings
from asheard.pronunciation.ctc_alignment import best_pronunciations, force_align, min_frames, to_label_ids
from asheard.pronunciation.gop import GopScorer, fold_posteriors
from asheard.pronunciation.result import AddedPhone, PriorUse, Pronunciation, ScoredWord
from asheard.pronunciation.target import Target, target_of_text
from asheard.recognition.load import load_recogniser, model_folder
from asheard.recognition.protocol import Posteriors, Recogniser, Recognition, Transcript
from asheard.recognition.registry import CALIBRATION, ModelConfig, find_model

_RECORDING: Final = (str, PathLike, np.ndarray)
_NAME: Final = "the recording"  # of samples, in messages


class Model:
    """A loaded recogniser and the scorer behind it, for any number of recordings. `load_model` makes one.

    name: as given to `load_model`. recogniser: what transcribes. config: what is known of the model. calibrated:
    whether probabilities were fitted to annotations. version: a text that changes with everything that results depend
    on, except recordings and targets.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        config: ModelConfig,
        gop: GopScorer,
        l1_prior: Prior | None,
        *,
        calibrated: bool,
        version: str = "",
    ) -> None:
        """Put the parts together.

        Args:
            recogniser: what transcribes. Only one that gives posteriors leads to probabilities.
            config: name, coverage and limitations of the model, and its decisions about the L1.
            gop: turns posteriors into probabilities.
            l1_prior: decides which errors are variants in a declared L1; None if the L1 changes no class.
            calibrated: whether the probabilities of `gop` were fitted to annotations.
            version: see the class.
        """
        self.recogniser, self.config, self.calibrated, self.version = recogniser, config, calibrated, version
        self._gop, self._l1_prior = gop, l1_prior

    def __repr__(self) -> str:
        kind, engine = self.recogniser.kind, self.recogniser.engine
        return f"<Model {self.name!r}: {kind}{f', {engine}' if engine else ''}>"

    @classmethod
    def load(cls, config: ModelConfig, *, prior_in_probabilities: bool = False, threads: int = 1) -> Self:
        """Load a model of the registry.

        Args:
            config: its prior decides classes; without one the prior of real voices does. Its calibration makes
                probabilities; without one `CALIBRATION` in the model folder does.
            prior_in_probabilities: let the prior weigh in the probabilities too. These need a calibration of their own,
                so the one in the model folder is not taken.
            threads: threads of the recogniser.
        Raises:
            ModelError: the model cannot be loaded, or the calibration is not one.
            CorpusError: the prior or the calibration cannot be read.
        """
        recogniser = load_recogniser(config.model, threads=threads)
        calibration = config.calibration
        if calibration is None and not prior_in_probabilities and recogniser.gives_posteriors:
            calibration = default_calibration(config.model)
        l1_prior = load_prior(config.prior) if config.prior else real_voices_prior()
        gop = GopScorer(
            load_calibration(calibration) if calibration else Calibration(),
            l1_prior if prior_in_probabilities else None,
        )
        return cls(
            recogniser,
            config,
            gop,
            l1_prior if config.use_prior else None,
            calibrated=calibration is not None and recogniser.gives_posteriors,
            version=values_digest([recogniser.version, calibration, config.prior]),
        )

    @property
    def name(self) -> str:
        """The model's name in results."""
        return self.config.name

    def transcribe(self, recording: Path | str | NDArray[np.float32], l1: str | None = None) -> Transcript:
        """Transcribe one recording.

        Args:
            recording: a file that soundfile reads, or (num_samples,) samples in [-1, 1], mono at 16 kHz.
            l1: the speaker's first language, for an L1-aware model.
        Returns:
            The phones in IPA, with times in seconds and confidences if the recogniser gives them.
        Raises:
            CorpusError: the recording cannot be read, holds no speech, or is longer than an hour.
            ModelError: the model was not trained on the L1, or fails.
            TypeError, ValueError: an argument has another type, or the L1 is empty.
        """
        _check_l1_argument(l1)
        name, waveform = _read(recording, LONGEST_S)
        (recognition,) = self.recogniser.recognise([waveform], [l1])
        check_speech(name, waveform, recognition.transcript.phones)
        return recognition.transcript

    def score(
        self, recording: Path | str | NDArray[np.float32], target: str | Target, l1: str | None = None
    ) -> Pronunciation:
        """Classify and score each phone of a target. Of each word's pronunciations the one that fits best counts.

        Args:
            recording: a file that soundfile reads, or (num_samples,) samples in [-1, 1], mono at 16 kHz.
            target: what was read, English in Latin letters, or its phones (`target_of_phones`).
            l1: the speaker's first language, for the prior and for an L1-aware model.
        Raises:
            CorpusError: the recording cannot be read, holds no speech, is longer than three minutes or too short for
                the target; the L1 is missing, or the prior does not know it.
            ModelError: the model was not trained on the L1, or fails.
            PhoneError: the text holds no word, or one that neither CMUdict nor eSpeak NG can pronounce.
            TypeError, ValueError: an argument has another type, or the L1 is empty.
        """
        check_type("recording", recording, *_RECORDING)
        check_type("target", target, str, Target)
        _check_l1_argument(l1)
        target = target_of_text(target) if isinstance(target, str) else target
        self.check_l1(_NAME if isinstance(recording, np.ndarray) else str(recording), l1)
        name, waveform = _read(recording, LONGEST_READING_S)
        (recognition,) = self.recogniser.recognise([waveform], [l1])
        return self.score_recognition(name, waveform, recognition, target, l1)

    def score_recognition(
        self, name: str, waveform: NDArray[np.float32], recognition: Recognition, target: Target, l1: str | None
    ) -> Pronunciation:
        """Classify and score what was recognised already.

        Args:
            name: the recording's name, for messages.
            waveform: (num_samples,) at 16 kHz.
            recognition: the model's transcript of it, and its posteriors if it gives them.
            target, l1: as in `score`.
        Raises:
            CorpusError: no speech was recognised, or the recording is too short for the target.
        """
        transcript = recognition.transcript
        check_speech(name, waveform, transcript.phones)
        seconds = len(waveform) / SAMPLE_RATE_HZ
        folded = replace(transcript, phones=tuple(target.merges.get(phone, phone) for phone in transcript.phones))
        if recognition.posteriors is None:
            variants = closest_pronunciations(target, folded.phones)
            words, added = self._compare(target, variants, folded, l1)
        else:
            log_probs = fold_posteriors(recognition.posteriors.log_probs, target.merges)
            posteriors = Posteriors(log_probs, recognition.posteriors.frame_s)
            variants = self._likeliest(name, seconds, posteriors, target)
            words, added = self._compare(target, variants, folded, l1)
            words = self._with_probabilities(words, posteriors, l1)
        return Pronunciation(
            model=self.name,
            text=target.text,
            l1=l1,
            seconds=seconds,
            calibrated=self.calibrated,
            prior=self._prior_use(l1),
            transcript=transcript,
            words=words,
            added=added,
            warnings=pause_warnings(words, transcript, seconds),
            num_pronunciations=target.num_pronunciations,
            coverage=self.config.coverage,
            limitations=self.config.limitations,
        )

    def check_l1(self, name: str, l1: str | None) -> None:
        """Check that a declared L1 can be used, and that none is missing.

        Args:
            name: the recording's name, for messages.
            l1: the declared first language.
        Raises:
            CorpusError: the prior does not know the L1, or weighs in the probabilities and no L1 is declared.
        """
        weighing, classifying = self._gop.prior, self._l1_prior
        if l1 is None and weighing is not None and not weighing.options.pooled:
            known = ", ".join(weighing.tokens_per_l1)
            raise CorpusError(f"the prior knows {known}; say which the speaker's L1 is (--l1)")
        if l1 is not None and classifying is not None and not classifying.knows(l1):
            known = ", ".join(classifying.tokens_per_l1)
            raise CorpusError(
                f"{name} has the L1 {l1!r}, and the prior knows {known}; leave the L1 out, or give a prior fitted on "
                "speakers of it (asheard prior fit)"
            )

    def _compare(
        self, target: Target, variants: Sequence[Phones], transcript: Transcript, l1: str | None
    ) -> tuple[tuple[ScoredWord, ...], tuple[AddedPhone, ...]]:
        return compare(list(zip(target.words, variants, strict=True)), transcript, l1, self._l1_prior)

    def _likeliest(self, name: str, seconds: float, posteriors: Posteriors, target: Target) -> list[Phones]:
        """Return the likeliest pronunciation of each word; raise if the recording has too few frames for them."""
        variants = best_pronunciations(posteriors.log_probs, target.pronunciations)
        label_ids = to_label_ids(variants)
        if len(posteriors.log_probs) < min_frames(label_ids):
            raise CorpusError(
                f"{name}: {seconds:.2f} s are too short for its text of {len(label_ids)} phones; "
                "is it the recording of this text, and was it cut off?"
            )
        return variants

    def _with_probabilities(
        self, words: Sequence[ScoredWord], posteriors: Posteriors, l1: str | None
    ) -> tuple[ScoredWord, ...]:
        """Return the words with the probability of each phone, and the frames that decided it."""
        variants = [tuple(phone.canonical for phone in word.phones) for word in words]
        canonical = [phone for phones in variants for phone in phones]
        positions = [position for phones in variants for position in syllable_positions(phones)]
        scores = self._gop.score(posteriors.log_probs, canonical, positions, l1).scores
        spans_s = force_align(posteriors.log_probs, to_label_ids(variants)) * posteriors.frame_s
        rest = zip(logistic(np.array(scores)).tolist(), spans_s.tolist(), strict=True)
        return tuple(
            ScoredWord(
                word.word,
                tuple(
                    replace(phone, probability=probability, start_s=start_s, end_s=end_s)
                    for phone, (probability, (start_s, end_s)) in zip(word.phones, rest, strict=False)
                ),
            )
            for word in words
        )

    def _prior_use(self, l1: str | None) -> PriorUse:
        config = self.config
        if l1 is None:
            return PriorUse(used=False, source=None, reason="no first language was declared")
        if self._l1_prior is None:
            reason = f"the first language changes no class: {config.prior_reason}"
            return PriorUse(used=False, source=None, reason=reason)
        if config.prior is None:
            source = REAL_VOICES_SOURCE
        elif config.kind == "study":
            source = f"the training speakers of {config.prior.parent.name}"
        else:
            source = f"the file {config.prior.name}"
        return PriorUse(used=True, source=source, reason=config.prior_reason or "a first language was declared")


def load_model(
    name: str | Path = DEFAULT_MODEL,
    *,
    prior: Path | str | None = None,
    calibration: Path | str | None = None,
    threads: int = 1,
) -> Model:
    """Load a model.

    Args:
        name: a name of the registry (`asheard-tiny`), a model folder, a hub id, or another recogniser (`hama`,
            `pocketsphinx`, `command:PROGRAM ARGUMENTS`).
        prior: file of `asheard prior fit`: what speakers of an L1 are known to say, for classes and for probabilities.
            By default classes take the prior of real voices that ships, and probabilities take none.
        calibration: file of `asheard calibrate`. By default `calibration.json` in the model folder, which holds for
            scores without a prior only.
        threads: recordings that are recognised in parallel, a thread each.
    Raises:
        ModelError: the model cannot be loaded.
        CorpusError: the prior or the calibration cannot be read.
        TypeError, ValueError: an argument has another type, or `threads` is less than 1.
    """
    check_type("name", name, str, PathLike)
    check_type("prior", prior, str, PathLike, NoneType)
    check_type("calibration", calibration, str, PathLike, NoneType)
    check_type("threads", threads, int)
    if threads < 1:
        raise ValueError(f"threads is {threads}; it must be 1 or more")
    config = find_model(name)
    if prior is not None:
        config = replace(config, prior=Path(prior))
    if calibration is not None:
        config = replace(config, calibration=Path(calibration))
    return Model.load(config, prior_in_probabilities=prior is not None, threads=threads)


def default_calibration(model: str | Path) -> Path | None:
    """Return the calibration in a model's folder; None if there is none."""
    path = Path(model_folder(model)) / CALIBRATION
    return path if path.is_file() else None


def _check_l1_argument(l1: str | None) -> None:
    check_type("l1", l1, str, NoneType)
    if l1 == "":
        raise ValueError("l1 is empty; give a language, or None if it is not known")


def _read(recording: Path | str | NDArray[np.float32], longest_s: float) -> tuple[str, NDArray[np.float32]]:
    """Return the recording's name for messages, and its samples."""
    check_type("recording", recording, *_RECORDING)
    if isinstance(recording, np.ndarray):
        return _NAME, convert_samples(_NAME, recording, longest_s)
    return str(recording), load_recording(recording, longest_s)
