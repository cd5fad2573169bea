"""The protocol of every recogniser, and what it returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asheard.errors import PhoneError
from asheard.phones import fold_sequence
from asheard.phones.folding import Alphabet


@dataclass(frozen=True, slots=True)
class Transcript:
    """The phones of one recording.

    Attributes:
        phones: IPA symbols of the inventory.
        confidences: one a phone, 0 to 1; of a CTC model the mean posterior over the frames that the phone was read
            from. None if the recogniser gives none.
        times_s: (start, end) of each phone in seconds. A CTC model decides on a phone in a few frames, so its spans are
            shorter than the phones. None if the recogniser gives none.
        left_out: labels of the recogniser that are no phone of the inventory.
    """

    phones: tuple[str, ...]
    confidences: tuple[float, ...] | None
    times_s: tuple[tuple[float, float], ...] | None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Frames of one recording: `log_probs` (T, 42) natural logs, one row every `frame_s` seconds."""

    log_probs: NDArray[np.float32]
    frame_s: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """A transcript and the posteriors that it was read from; None if the recogniser gives none over our 42 labels."""

    transcript: Transcript
    posteriors: Posteriors | None = None


class Recogniser(Protocol):
    """Anything that turns waveforms into phones.

    A result depends on its own waveform and L1 only, never on the other waveforms of a call.
    """

    @property
    def kind(self) -> str:
        """faithful, l1-aware, off-the-shelf, or the name of an external recogniser."""

    @property
    def version(self) -> str:
        """A text that changes with everything that results depend on besides the recordings."""

    @property
    def engine(self) -> str | None:
        """What runs the model: onnxruntime or torch; None for an external recogniser."""

    @property
    def l1s(self) -> tuple[str, ...]:
        """First languages that the model can be given; empty unless it is L1-aware."""

    @property
    def gives_posteriors(self) -> bool:
        """Whether `Recognition.posteriors` is set."""

    @property
    def frame_s(self) -> float | None:
        """Seconds from one frame to the next; None for an external recogniser."""

    def recognise(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Recognition]:
        """Recognise the phones of waveforms.

        Args:
            waveforms: float32 mono at 16 kHz, of any length.
            l1s: the first language of each speaker; None if unknown. Only L1-aware models use it.
        Returns:
            One recognition a waveform; empty if the waveform is shorter than one frame.
        Raises:
            ModelError: the model was not trained on an L1, or the recogniser fails.
        """


@dataclass(frozen=True, slots=True)
class Label:
    """One label as a recogniser writes it; `span_s` is (start, end). None if not given."""

    label: str
    span_s: tuple[float, float] | None = None
    confidence: float | None = None


def fold_labels(labels: Sequence[Label], alphabet: Alphabet) -> Transcript:
    """Fold a recogniser's labels to the 40 phones.

    A label of several phones (aɪə) divides its time equally between them, and each gets its confidence. A
    label that is no phone is listed in `left_out`.

    Args:
        labels: in order, without silences and blanks; times and confidences are given for all or for none.
        alphabet: the alphabet of the labels.
    """
    phones: list[str] = []
    confidences: list[float] = []
    times_s: list[tuple[float, float]] = []
    left_out: list[str] = []
    for item in labels:
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
