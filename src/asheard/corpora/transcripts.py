"""What a transcriber wrote, as its file has it, before any label is folded."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The labels of one utterance.

    where: file, and line where there is one. labels: as written, None where silence stands. places: where each label
    stands. confidences, times_s: one a label, silences included, or None. chain, position_scores: as in `Prediction`.
    """

    where: str
    speaker: str
    utt: str
    labels: Sequence[str | None]
    places: Sequence[str]
    confidences: Sequence[float] | None = None
    times_s: Sequence[tuple[float, float]] | None = None
    chain: str | None = None
    position_scores: tuple[float, ...] | None = None
