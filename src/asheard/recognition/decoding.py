"""From CTC frames to labels with times and confidences."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.phones import BLANK_ID, LABELS, PAD_ID, id_to_phone
from asheard.recognition.chunking import cut, join
from asheard.recognition.protocol import Transcript

SILENT: Final = frozenset({PAD_ID, BLANK_ID})
NO_FRAMES: Final = np.empty((0, len(LABELS)), np.float32)  # posteriors of what is shorter than a frame


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of frames that all say one label: [start, end) in frames, and its mean posterior there."""

    label_id: int
    start: int
    end: int
    confidence: float


def decode_greedy(log_probs: Tensor, num_frames: Tensor) -> list[list[int]]:
    """Collapse CTC frames to phone ids.

    Args:
        log_probs: (B, T, V) float32 natural logs; one frame every 20 ms.
        num_frames: (B,) int64, valid frames in each row.
    Returns:
        B lists of phone ids: repeats merged, then blanks (and padding) removed.
    Raises:
        ValueError: a row has more valid frames than T.
    Source: Graves et al. 2006.
    """
    return [[segment.label_id for segment in row] for row in decode_segments(log_probs, num_frames)]


def decode_segments(log_probs: Tensor, num_frames: Tensor, silent: Set[int] = SILENT) -> list[list[Segment]]:
    """Collapse CTC frames as `decode_greedy` does, keeping frames and confidences.

    Args:
        log_probs: (B, T, V) float32 natural logs.
        num_frames: (B,) int64, valid frames in each row.
        silent: label ids that write nothing: the blank, padding, sentence marks.
    Raises:
        ValueError: a row has more valid frames than T.
    """
    if int(num_frames.max()) > log_probs.shape[1]:
        raise ValueError(f"{int(num_frames.max())} valid frames in a row of {log_probs.shape[1]}")
    best_log_probs, best = log_probs.max(-1)
    return [
        _segments(labels[:frames], logs[:frames], silent)
        for labels, logs, frames in zip(best.cpu(), best_log_probs.cpu(), num_frames.tolist(), strict=True)
    ]


def valid_frames(log_probs: Tensor, num_frames: Tensor) -> list[NDArray[np.float32]]:
    """Each row's valid frames, (T_i, V) in memory of their own."""
    rows = zip(log_probs.cpu(), num_frames.tolist(), strict=True)
    return [row[:frames].numpy().copy() for row, frames in rows]


def read_transcript(log_probs: NDArray[np.float32], frame_s: float) -> Transcript:
    """Decode the (T, 42) posteriors of one recording greedily; frames of `frame_s` seconds."""
    return to_transcript(segments_of(log_probs), frame_s)


def segments_of(log_probs: NDArray[np.float32], silent: Set[int] = SILENT) -> list[Segment]:
    """Collapse the (T, V) posteriors of one recording, as `decode_segments` does; none for no frames."""
    if not len(log_probs):
        return []
    (segments,) = decode_segments(torch.from_numpy(log_probs)[None], torch.tensor([len(log_probs)]), silent)
    return segments


def in_chunks(
    frame_s: float,
    blank_id: int,
    waveforms: Sequence[NDArray[np.float32]],
    hear: Callable[[Sequence[NDArray[np.float32]], Sequence[int]], list[NDArray[np.float32]]],
) -> list[NDArray[np.float32]]:
    """Log posteriors of recordings of any length, long ones heard in pieces (`asheard.recognition.chunking`).

    Args:
        frame_s: from one frame to the next, in seconds.
        blank_id: column of the CTC blank.
        waveforms: (num_samples,) each, at 16 kHz.
        hear: from pieces, and of each the index of its waveform, to the (T, V) log posteriors of each.
    Returns:
        (T, V) natural logs of each waveform.
    """
    pieces = [cut(waveform) for waveform in waveforms]
    sources = [source for source, parts in enumerate(pieces) for _ in parts]
    heard = iter(hear([piece for parts in pieces for piece in parts], sources))
    frame_samples = round(frame_s * SAMPLE_RATE_HZ)
    return [join(list(islice(heard, len(parts))), blank_id, frame_samples) for parts in pieces]


def to_transcript(segments: list[Segment], frame_s: float) -> Transcript:
    """Name the phones of our own 42 labels; frames of `frame_s` seconds."""
    return Transcript(
        phones=tuple(id_to_phone(segment.label_id) for segment in segments),
        confidences=tuple(segment.confidence for segment in segments),
        times_s=tuple((segment.start * frame_s, segment.end * frame_s) for segment in segments),
    )


def _segments(labels: Tensor, log_probs: Tensor, silent: Set[int]) -> list[Segment]:
    values, lengths = torch.unique_consecutive(labels, return_counts=True)
    segments, start = [], 0
    for label_id, length in zip(values.tolist(), lengths.tolist(), strict=True):
        end = start + length
        if label_id not in silent:
            segments.append(Segment(label_id, start, end, float(log_probs[start:end].exp().mean())))
        start = end
    return segments
