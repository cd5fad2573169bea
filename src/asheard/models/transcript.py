"""What a transcriber writes down, and what every transcriber can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Transcript:
    """The phones of one recording.

    phones: IPA symbols of the inventory. confidences: mean posterior of each phone over the frames it was read from.
    times_s: (start, end) of those frames; CTC spikes, so a span is where a phone was decided, not its extent.
    left_out: labels of a published vocabulary that were heard and are no phone of the inventory.
    """

    phones: tuple[str, ...]
    confidences: tuple[float, ...]
    times_s: tuple[tuple[float, float], ...]
    left_out: tuple[str, ...] = ()


class Transcriber(Protocol):
    """Anything that turns waveforms into phones; no utterance's transcript depends on its neighbours."""

    @property
    def kind(self) -> str:
        """faithful, l1-aware or off-the-shelf."""

    def transcribe(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Transcript]:
        """Transcribe waveforms.

        Args:
            waveforms: float32 mono at 16 kHz, of any lengths.
            l1s: the declared first language of each speaker, None where unknown; heeded by L1-aware models only.
        Returns:
            One transcript a waveform; an empty one for what is shorter than a frame.
        Raises:
            ModelError: a declared L1 that the model was not trained on.
        """
