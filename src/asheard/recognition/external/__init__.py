"""External recognisers behind the protocol `asheard.recognition.protocol.Recogniser`; none of them needs torch.

Recognisers published as Hugging Face CTC checkpoints are `asheard.models.OffTheShelf`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.recognition.protocol import Recognition, Transcript

_FRAME_SAMPLES: Final = SAMPLE_RATE_HZ * 25 // 1000  # the analysis window of all of them, 25 ms
_EMPTY: Final = Recognition(Transcript((), (), ()))


class ExternalRecogniser(ABC):
    """A `Recogniser` that takes one recording at a time and does not use L1s.

    kind: its name, which is also the name of its chain. version: an unfinished transcription is resumed with the same
    version only.
    """

    kind: str
    version: str
    engine: str | None = None
    l1s: tuple[str, ...] = ()
    gives_posteriors = False
    frame_s: float | None = None

    @abstractmethod
    def transcribe(self, waveform: NDArray[np.float32]) -> Transcript:
        """Transcribe one recording, independent of earlier ones.

        Args:
            waveform: (num_samples,) float32 mono in [-1, 1] at 16 kHz, one frame (25 ms) or longer.
        Returns:
            IPA phones of the inventory; confidences and times if the recogniser gives them.
        Raises:
            ModelError: a program fails, or writes something else than a transcript; with the program and the reason.
        """

    def recognise(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Recognition]:
        """See `Recogniser.recognise`."""
        return [
            Recognition(self.transcribe(waveform)) if len(waveform) >= _FRAME_SAMPLES else _EMPTY
            for waveform in waveforms
        ]


def to_pcm16(waveform: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round samples in [-1, 1] to 16 bits; louder ones are clipped."""
    rounded: NDArray[np.int16] = np.clip(np.rint(waveform * 2.0**15), -(2**15), 2**15 - 1).astype(np.int16)
    return rounded
