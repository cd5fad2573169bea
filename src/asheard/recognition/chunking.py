"""Split long recordings into overlapping chunks, and merge what a model gives for them.

Time and memory of attention grow with the square of a recording's length, so a model sees at most 30 s at once. Both
chunks contain the speech on either side of a cut. They are merged at the frame of their overlap where both are surest
of the blank, so no phone is lost or doubled.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.io.audio import SAMPLE_RATE_HZ

CHUNK_SAMPLES: Final = 30 * SAMPLE_RATE_HZ  # longest chunk; a shorter recording is one chunk
STEP_SAMPLES: Final = 26 * SAMPLE_RATE_HZ  # from one chunk to the next: a multiple of every model's frame
_EDGE: Final = 4  # the outer quarters of an overlap (4 s) are too near the end of one chunk to be trusted

RunModel = Callable[[Sequence[NDArray[np.float32]], Sequence[int]], Sequence[NDArray[np.float32]]]


def split_chunks(waveform: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Split a waveform (num_samples,) at 16 kHz into overlapping chunks of 30 s; the last may be shorter."""
    overlap = CHUNK_SAMPLES - STEP_SAMPLES
    starts = range(0, max(1, len(waveform) - overlap), STEP_SAMPLES)
    return [waveform[start : start + CHUNK_SAMPLES] for start in starts]


def merge_chunks(chunks: Sequence[NDArray[np.float32]], blank_id: int, frame_samples: int) -> NDArray[np.float32]:
    """Merge the log posteriors of one recording's chunks.

    Args:
        chunks: (T_i, V) natural logs of each chunk.
        blank_id: column of the CTC blank.
        frame_samples: samples from one frame to the next.
    Returns:
        (T, V) natural logs of the recording.
    """
    step = STEP_SAMPLES // frame_samples
    merged = chunks[0]
    for number, chunk in enumerate(chunks[1:], start=1):
        start = number * step  # frame of the recording at which this chunk begins
        overlap = len(merged) - start
        trusted = slice(overlap // _EDGE, max(overlap - overlap // _EDGE, overlap // _EDGE + 1))
        blank = np.minimum(merged[start:, blank_id], chunk[:overlap, blank_id])
        seam = trusted.start + int(blank[trusted].argmax())
        merged = np.concatenate([merged[: start + seam], chunk[seam:]])
    return merged


def run_in_chunks(
    run: RunModel, waveforms: Sequence[NDArray[np.float32]], blank_id: int, frame_samples: int
) -> list[NDArray[np.float32]]:
    """Compute the log posteriors of recordings of any length.

    Args:
        run: takes chunks, and for each chunk the index of its waveform; gives (T, V) natural logs for each chunk.
        waveforms: (num_samples,) each, at 16 kHz.
        blank_id: column of the CTC blank.
        frame_samples: samples from one frame to the next.
    Returns:
        (T, V) natural logs for each waveform.
    """
    chunks = [split_chunks(waveform) for waveform in waveforms]
    sources = [source for source, parts in enumerate(chunks) for _ in parts]
    log_probs = iter(run([chunk for parts in chunks for chunk in parts], sources))
    return [merge_chunks(list(islice(log_probs, len(parts))), blank_id, frame_samples) for parts in chunks]
