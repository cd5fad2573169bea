"""Split long recordings into overlapping chunks, and merge what a model gives for them.

Time and memory of attention grow with the square of a recording's length, so a model sees at most 30 s at once. Both
chunks contain the speech on either side of a cut. They are merged at the frame of their overlap where both are surest
of the blank, so no phone is lost or doubled.

A model is not given seconds of steady noise or silence. Models normalise each band of what they are given to one mean
and variance; with a minute of noise behind three seconds of speech these are the noise's, the model misses most of the
speech, and alignment finds likelier phones in the noise.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.speech import block_powers

CHUNK_SAMPLES: Final = 30 * SAMPLE_RATE_HZ  # longest chunk; a shorter recording is one chunk
STEP_SAMPLES: Final = 26 * SAMPLE_RATE_HZ  # from one chunk to the next: a multiple of every model's frame
_EDGE: Final = 4  # the outer quarters of an overlap (4 s) are too near the end of one chunk to be trusted

# Speech changes its level with every syllable, four times a second. Noise, hums and silence do not: a stretch in which
# the level of 100 ms changes by less than 3 dB within each second, for 5 s or more, holds no speech.
_BLOCK: Final = SAMPLE_RATE_HZ // 10
_BLOCKS_A_SECOND: Final = SAMPLE_RATE_HZ // _BLOCK
_STEADY_DB: Final = 3.0
_STEADY_BLOCKS: Final = 5 * _BLOCKS_A_SECOND
_MARGIN: Final = _BLOCKS_A_SECOND // 2  # blocks of a steady stretch that stay with the speech beside it
_FLOOR: Final = _BLOCK * (3 / 2**15) ** 2  # power of a block below which it is silent: digital silence is steady
_NO_PHONE: Final = -30.0  # natural log of a phone's posterior in a stretch without speech

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
    spans = [[speech_spans(chunk, frame_samples) for chunk in parts] for parts in chunks]
    inputs = [
        (chunk[start:end], source)
        for source, parts in enumerate(chunks)
        for chunk, of_chunk in zip(parts, spans[source], strict=True)
        for start, end in of_chunk
    ]
    log_probs = iter(run([samples for samples, _ in inputs], [source for _, source in inputs]))
    return [
        merge_chunks(
            [
                _fill_blanks(of_chunk, list(islice(log_probs, len(of_chunk))), len(chunk), blank_id, frame_samples)
                for chunk, of_chunk in zip(parts, of_waveform, strict=True)
            ],
            blank_id,
            frame_samples,
        )
        for parts, of_waveform in zip(chunks, spans, strict=True)
    ]


def speech_spans(chunk: NDArray[np.float32], frame_samples: int) -> list[tuple[int, int]]:
    """Find the spans of a chunk that may hold speech: what is left without its steady stretches of 5 s or more.

    Args:
        chunk: (num_samples,) at 16 kHz.
        frame_samples: samples from one frame to the next; spans begin at a frame.
    Returns:
        (start, end) in samples of each span; the whole chunk if no stretch is steady. If all is steady, its beginning.
    """
    if len(chunk) < _STEADY_BLOCKS * _BLOCK:
        return [(0, len(chunk))]
    steady = _steady_blocks(chunk)
    edges = np.flatnonzero(np.diff(steady, prepend=False, append=False)).reshape(-1, 2).tolist()
    cuts = [
        (start + _MARGIN if start else 0, end - _MARGIN if end < len(steady) else end)
        for start, end in edges
        if end - start >= _STEADY_BLOCKS
    ]
    ends = [border * _BLOCK for cut in cuts for border in cut]
    if ends and cuts[-1][1] == len(steady):
        ends[-1] = len(chunk)  # with the samples after the last block
    borders = [0, *ends, len(chunk)]
    spans = [span for span in zip(borders[::2], borders[1::2], strict=True) if span[0] < span[1]]
    return [(start - start % frame_samples, end) for start, end in spans] or [(0, SAMPLE_RATE_HZ)]


def _steady_blocks(chunk: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(B,) whether each block belongs to a second in which the level does not change."""
    power = block_powers(chunk, _BLOCK) + _FLOOR
    seconds = np.lib.stride_tricks.sliding_window_view(10 * np.log10(power), _BLOCKS_A_SECOND)
    steady = np.zeros(len(power), bool)
    for start in np.flatnonzero(np.ptp(seconds, axis=1) < _STEADY_DB):
        steady[start : start + _BLOCKS_A_SECOND] = True
    return steady


def _fill_blanks(
    spans: Sequence[tuple[int, int]],
    log_probs: Sequence[NDArray[np.float32]],
    num_samples: int,
    blank_id: int,
    frame_samples: int,
) -> NDArray[np.float32]:
    """Put the frames of a chunk's spans in their places, and blanks between them."""
    if spans == [(0, num_samples)]:
        return log_probs[0]
    starts = [start // frame_samples for start, _ in spans]
    # The end of a chunk that ends without speech may lack a frame.
    num_frames = max(starts[-1] + len(log_probs[-1]), num_samples // frame_samples - 1)
    filled = np.full((num_frames, log_probs[0].shape[1]), _NO_PHONE, np.float32)
    filled[:, blank_id] = 0.0
    for start, frames in zip(starts, log_probs, strict=True):
        filled[start : start + len(frames)] = frames
    return filled
