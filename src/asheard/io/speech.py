"""Tell whether samples hold speech: a recording whose level never changes, or without phones, has none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import NoSpeechError
from asheard.io.audio import SAMPLE_RATE_HZ

# The level of a tone, a hum, or white, pink or brown noise of a minute changes by less than this between its quietest
# and its loudest 25 ms, after pre-emphasis. Of 126 recordings of learners none changed by less than 30 dB; with white
# noise 10 dB below the speech, none by less than 4 dB.
_STEADY_DB: Final = 3.0
_BLOCK: Final = SAMPLE_RATE_HZ // 200
_WINDOW: Final = 5  # blocks: 25 ms
_HOP: Final = 2  # blocks: 10 ms


def check_speech(recording: Path | str, waveform: NDArray[np.float32], phones: Sequence[str]) -> None:
    """Check that a recording holds speech.

    This finds a dead microphone; it does not distinguish voices from other sounds.

    Args:
        recording: its name, for the message.
        waveform: (num_samples,) at 16 kHz.
        phones: what a transcriber recognised in it.
    Raises:
        NoSpeechError: no phone was recognised, or the level never changes.
    """
    if is_steady(waveform):
        reason = "its level never changes, as in noise, a hum or a tone"
    elif not phones:
        reason = "the model recognised no phone"
    else:
        return
    raise NoSpeechError(f"no speech in {recording}: {reason}; play it, check the microphone and record it again")


def is_steady(waveform: NDArray[np.float32]) -> bool:
    """Tell whether the level never changes, as in noise, a hum or a tone, and unlike in speech.

    Args:
        waveform: (num_samples,) at 16 kHz. Below 25 ms the answer is False.
    """
    blocks = block_powers(waveform, _BLOCK)
    if len(blocks) < _WINDOW:
        return False
    power = np.lib.stride_tricks.sliding_window_view(blocks, _WINDOW)[::_HOP].sum(axis=1)
    return bool(power.max() < power.min() * 10 ** (_STEADY_DB / 10))


def block_powers(waveform: NDArray[np.float32], block: int) -> NDArray[np.float64]:
    """Sum the squares of each whole block of `block` samples, after pre-emphasis."""
    num_blocks = len(waveform) // block
    emphasised = np.diff(waveform, prepend=waveform[:1])[: num_blocks * block]
    powers: NDArray[np.float64] = np.square(emphasised, dtype=np.float64).reshape(num_blocks, block).sum(axis=1)
    return powers
