"""What every recogniser of somebody else's does."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.recognition.protocol import Transcript

_FRAME_SAMPLES: Final = SAMPLE_RATE_HZ * 25 // 1000  # the analysis window of all of them, 25 ms


class ExternalRecogniser(ABC):
    """A `Recogniser` that hears one recording at a time and does not heed L1s.

    kind: its name, which is also its chain's. version: what its transcripts depend on besides the recording; a
    transcription that was stopped goes on only with the same one.
    """

    kind: str
    version: str

    @abstractmethod
    def hear(self, waveform: NDArray[np.float32]) -> Transcript:
        """Transcribe one recording, whatever was heard before it.

        Args:
            waveform: (num_samples,) float32 mono in [-1, 1] at 16 kHz, a frame (25 ms) or longer.
        Returns:
            IPA phones of the inventory; confidences and times where the recogniser gives them.
        Raises:
            ModelError: a program that fails, or that writes what is no transcript; naming it and the reason.
        """

    def transcribe(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Transcript]:
        """See `Recogniser.transcribe`; `l1s` are not used."""
        empty = Transcript((), (), ())
        return [self.hear(waveform) if len(waveform) >= _FRAME_SAMPLES else empty for waveform in waveforms]


def to_pcm16(waveform: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round samples in [-1, 1] to 16 bits; louder ones are clipped."""
    rounded: NDArray[np.int16] = np.clip(np.rint(waveform * 2.0**15), -(2**15), 2**15 - 1).astype(np.int16)
    return rounded
