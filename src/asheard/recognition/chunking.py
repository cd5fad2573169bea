"""Long recordings in pieces, so that memory does not grow with their length: cut with overlap, and joined in silence.

Time and memory of attention grow with the square of a recording's length. A piece hears both sides of a cut, and two
pieces are joined at that frame of their overlap where both are surest of the blank; so no phone is cut or doubled.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.io.audio import SAMPLE_RATE_HZ

PIECE: Final = 30 * SAMPLE_RATE_HZ  # samples in a piece; what is no longer is heard whole
STEP: Final = 26 * SAMPLE_RATE_HZ  # samples from one piece to the next: a multiple of every model's frame
_EDGE: Final = 4  # the outer quarters of an overlap of 4 s are too near an end of one piece to be trusted


def cut(waveform: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Cut (num_samples,) at 16 kHz into overlapping pieces of 30 s; the last may be shorter, and one may be all."""
    overlap = PIECE - STEP
    return [waveform[start : start + PIECE] for start in range(0, max(1, len(waveform) - overlap), STEP)]


def join(pieces: Sequence[NDArray[np.float32]], blank_id: int, frame_samples: int) -> NDArray[np.float32]:
    """Join the log posteriors of the pieces of one recording.

    Args:
        pieces: of each (T_i, V) natural logs.
        blank_id: column of the CTC blank.
        frame_samples: samples from one frame to the next.
    Returns:
        (T, V) natural logs of the recording.
    """
    step = STEP // frame_samples
    joined = pieces[0]
    for number, piece in enumerate(pieces[1:], start=1):
        start = number * step  # frame of the recording at which this piece begins
        overlap = len(joined) - start
        trusted = slice(overlap // _EDGE, max(overlap - overlap // _EDGE, overlap // _EDGE + 1))
        blank = np.minimum(joined[start:, blank_id], piece[:overlap, blank_id])
        seam = trusted.start + int(blank[trusted].argmax())
        joined = np.concatenate([joined[: start + seam], piece[seam:]])
    return joined
