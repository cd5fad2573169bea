"""Whether a recording holds speech at all: a check against a dead microphone, not a detector of voices."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.corpora.audio import SAMPLE_RATE_HZ
from asheard.errors import CorpusError

# From its quietest 25 ms to its loudest, pre-emphasised, a minute of a tone, a hum or of white, pink or brown noise
# changes by less than this. Of 126 recordings of learners none changed by less than 30 dB, nor, with white noise 10 dB
# below the speech, by less than 4.
_STEADY_DB: Final = 3.0
_BLOCK: Final = SAMPLE_RATE_HZ // 200
_WINDOW: Final = 5  # blocks: 25 ms
_HOP: Final = 2  # blocks: 10 ms


def check_speech(recording: Path | str, waveform: NDArray[np.float32], phones: Sequence[str]) -> None:
    """See that there is speech in a recording.

    Args:
        recording: its name, for the message.
        waveform: (num_samples,) at 16 kHz.
        phones: what a transcriber heard in it.
    Raises:
        CorpusError: not one phone was heard, or the level never changes.
    """
    if is_steady(waveform):
        reason = "its level never changes, as that of noise, a hum or a tone"
    elif not phones:
        reason = "the model hears not one phone"
    else:
        return
    raise CorpusError(f"no speech heard in {recording}: {reason}; play it, check the microphone and record it again")


def is_steady(waveform: NDArray[np.float32]) -> bool:
    """Whether the level never changes, as that of noise, a hum or a tone does not, and that of speech does.

    Args:
        waveform: (num_samples,) at 16 kHz; below 25 ms there is no telling.
    """
    num_blocks = len(waveform) // _BLOCK
    if num_blocks < _WINDOW:
        return False
    emphasised = np.diff(waveform, prepend=waveform[:1])[: num_blocks * _BLOCK]
    blocks = np.square(emphasised, dtype=np.float64).reshape(num_blocks, _BLOCK).sum(axis=1)
    power = np.lib.stride_tricks.sliding_window_view(blocks, _WINDOW)[::_HOP].sum(axis=1)
    return bool(power.max() < power.min() * 10 ** (_STEADY_DB / 10))
