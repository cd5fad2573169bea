"""What a transcriber writes down, and what every transcriber can do.

What a transcriber makes of a recording in one pass: its transcript, and its posteriors where it gives them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from asheard.errors import PhoneError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.phones import BLANK_ID, fold_sequence
from asheard.phones.folding import Alphabet
from asheard.recognition.chunking import cut, join


@dataclass(frozen=True, slots=True)
class Transcript:
    """The phones of one recording.

    phones: IPA symbols of the inventory. confidences: for CTC, the mean posterior of each phone over the frames it was
    read from; None from a recogniser that gives none. times_s: (start, end) of each phone; CTC spikes, so there a span
    is where a phone was decided, not its extent; None from a recogniser that gives none. left_out: labels of a
    recogniser that were heard and stand for no phone of the inventory. position_scores: one a canonical phone, where
    these were scored.
    """

    phones: tuple[str, ...]
    confidences: tuple[float, ...] | None
    times_s: tuple[tuple[float, float], ...] | None
    left_out: tuple[str, ...] = ()
    position_scores: tuple[float, ...] | None = None


class Recogniser(Protocol):
    """Anything that turns waveforms into phones; no utterance's transcript depends on its neighbours."""

    @property
    def kind(self) -> str:
        """faithful, l1-aware, off-the-shelf, or the name of somebody else's recogniser."""

    def transcribe(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Transcript]:
        """Transcribe waveforms.

        Args:
            waveforms: float32 mono at 16 kHz, of any lengths.
            l1s: the declared first language of each speaker, None where unknown; heeded by L1-aware models only.
        Returns:
            One transcript a waveform; an empty one for what is shorter than a frame.
        Raises:
            ModelError: a declared L1 that the model was not trained on, or a recogniser that fails.
        """


@runtime_checkable
class PosteriorTranscriber(Recogniser, Protocol):
    """A transcriber that also gives the posteriors it decodes, over our own 42 labels."""

    def posteriors(
        self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
    ) -> list[NDArray[np.float32]]:
        """CTC posteriors.

        Args and Raises: as of `transcribe`.
        Returns:
            For each waveform (T, 42) natural logs, its own frames only; (0, 42) for what is shorter than a frame.
        """


@dataclass(frozen=True, slots=True)
class Label:
    """One label as a recogniser writes it. span_s: (start, end); it and the confidence are None where not given."""

    label: str
    span_s: tuple[float, float] | None = None
    confidence: float | None = None


def fold_labels(heard: Sequence[Label], alphabet: Alphabet) -> Transcript:
    """Fold a recogniser's labels to the 40 phones.

    A label that is several phones (aɪə) shares its time between them and gives each its confidence; one that is no
    phone is left out and named.

    Args:
        heard: labels in order, silences and blanks taken out; times and confidences given for all or for none.
        alphabet: which alphabet the labels are in.
    """
    phones: list[str] = []
    confidences: list[float] = []
    times_s: list[tuple[float, float]] = []
    left_out: list[str] = []
    for item in heard:
        try:
            folded = fold_sequence([item.label], alphabet)
        except PhoneError:
            left_out.append(item.label)
            continue
        phones += folded
        if item.confidence is not None:
            confidences += [item.confidence] * len(folded)
        if item.span_s is not None:
            edges = np.linspace(*item.span_s, len(folded) + 1).tolist()
            times_s += pairwise(edges)
    return Transcript(
        phones=tuple(phones),
        confidences=tuple(confidences) if len(confidences) == len(phones) else None,
        times_s=tuple(times_s) if len(times_s) == len(phones) else None,
        left_out=tuple(left_out),
    )


@dataclass(frozen=True, slots=True)
class Posteriors:
    """log_probs: (T, 42) natural logs of a recording's own frames, of `frame_s` seconds each."""

    log_probs: NDArray[np.float32]
    frame_s: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """A transcript, and the posteriors that it was read from; None from what gives none over the 40 phones."""

    transcript: Transcript
    posteriors: Posteriors | None = None


def gives_posteriors(transcriber: Recogniser) -> bool:
    """Whether it is a model of ours, loaded: recognisers need no torch, so that is not imported for them."""
    return hasattr(transcriber, "posteriors") and hasattr(transcriber, "encoder")


def pieces(transcriber: Recogniser, waveform: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What to hear one after the other, and then `joined`: of what gives no posteriors the recording as it is."""
    return cut(waveform) if gives_posteriors(transcriber) else [waveform]


def joined(transcriber: Recogniser, hearings: Sequence[Recognition]) -> Recognition:
    """The hearing of a recording from those of its `pieces`."""
    from asheard.recognition.decoding import read_transcript

    frame_s = transcriber.encoder.frame_s  # type: ignore[attr-defined]
    parts = [hearing.posteriors.log_probs for hearing in hearings if hearing.posteriors is not None]
    log_probs = join(parts, BLANK_ID, round(frame_s * SAMPLE_RATE_HZ))
    return Recognition(read_transcript(log_probs, frame_s), Posteriors(log_probs, frame_s))


def hear(
    transcriber: Recogniser, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
) -> list[Recognition]:
    """Hear waveforms, in one forward pass.

    Args and Raises: as of `Recogniser.transcribe`.
    Returns:
        One hearing a waveform; none depends on its neighbours.
    """
    if not gives_posteriors(transcriber):
        return [Recognition(transcript) for transcript in transcriber.transcribe(waveforms, l1s)]
    from asheard.recognition.decoding import read_transcript

    frame_s = transcriber.encoder.frame_s  # type: ignore[attr-defined]
    return [
        Recognition(read_transcript(log_probs, frame_s), Posteriors(log_probs, frame_s))
        for log_probs in transcriber.posteriors(waveforms, l1s)  # type: ignore[attr-defined]
    ]
