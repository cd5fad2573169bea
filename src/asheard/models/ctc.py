"""The faithful transcriber: an encoder and one linear layer, trained with CTC on produced phones.

How all models here run: in batches whose rows cannot change each other's results, with a given number of threads.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.models.encoders import Encoder, load_encoder, pad
from asheard.phones import BLANK_ID, LABELS
from asheard.recognition.chunking import run_in_chunks
from asheard.recognition.decoding import decode_recognition, find_segments
from asheard.recognition.protocol import Recognition

MAX_PADDING: Final = 0.1  # of a row in a batch
BATCH_SAMPLES: Final = 60 * SAMPLE_RATE_HZ  # one minute of audio, padding included, in one forward pass


class CTCTranscriber(nn.Module):
    """Encoder + Linear(H -> n_labels); ids as in `asheard.phones.LABELS`, 0 padding and 1 the blank.

    It is a `Recogniser`. `threads`: batches that `recognise` runs in parallel on a CPU, one thread each; None
    leaves PyTorch's setting as it is.
    """

    kind = "faithful"
    engine = "torch"
    gives_posteriors = True
    l1s: tuple[str, ...] = ()
    version = ""
    threads: int | None = None

    def __init__(self, base_id: str | Path | Encoder, n_labels: int = len(LABELS)) -> None:
        """Put a fresh head on an encoder, or on the one `load_encoder` finds under a hub id or folder."""
        super().__init__()
        self.encoder = base_id if isinstance(base_id, Encoder) else load_encoder(base_id)
        self.ctc_head = nn.Linear(self.encoder.hidden_size, n_labels)

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.encoder.frame_s

    def forward(self, waveforms: Tensor, num_samples: Tensor | None = None) -> Tensor:
        """Compute CTC logits.

        Args:
            waveforms: (B, S) float32 at 16 kHz, padded with zeros.
            num_samples: (B,) int64 valid samples; None if nothing is padded.
        Returns:
            (B, T, n_labels) logits.
        """
        logits: Tensor = self.ctc_head(self.encoder(waveforms, num_samples))
        return logits

    def log_probs(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """Compute (B, T, n_labels) natural logs of the posteriors; inputs as of `forward`."""
        logits: Tensor = self(waveforms, num_samples)
        return logits.float().log_softmax(-1)

    def recognise(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Recognition]:
        """See `Recogniser.recognise`; `l1s` are not used."""
        log_probs = run_in_chunks(self.chunk_log_probs, waveforms, BLANK_ID, frame_samples(self.encoder))
        return [decode_recognition(frames, self.frame_s) for frames in log_probs]

    def chunk_log_probs(
        self, chunks: Sequence[NDArray[np.float32]], sources: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        """Compute (T, n_labels) natural logs of each chunk, whatever its length; `sources` are not used."""

        def run(padded: Tensor, num_samples: Tensor, rows: Sequence[int]) -> Tensor:
            return self.log_probs(padded, num_samples)

        return batched_log_probs(self.encoder, self.ctc_head, chunks, run, self.threads)


def decode_greedy(log_probs: Tensor, num_frames: Tensor) -> list[list[int]]:
    """Collapse CTC frames to phone ids.

    Args:
        log_probs: (B, T, V) float32 natural logs.
        num_frames: (B,) int64, valid frames in each row.
    Returns:
        B lists of phone ids: repeats merged, then blanks (and padding) removed.
    Raises:
        ValueError: a row has more valid frames than T.
    Source: Graves et al. 2006.
    """
    if int(num_frames.max()) > log_probs.shape[1]:
        raise ValueError(f"{int(num_frames.max())} valid frames in a row of {log_probs.shape[1]}")
    return [[segment.label_id for segment in find_segments(row)] for row in valid_frames(log_probs, num_frames)]


def valid_frames(log_probs: Tensor, num_frames: Tensor) -> list[NDArray[np.float32]]:
    """Copy each row's valid frames, (T_i, V), to memory of their own."""
    rows = zip(log_probs.cpu(), num_frames.tolist(), strict=True)
    return [row[:frames].numpy().copy() for row, frames in rows]


def frame_samples(encoder: Encoder) -> int:
    """Samples from one frame to the next."""
    return round(encoder.frame_s * SAMPLE_RATE_HZ)


@contextmanager
def inference(threads: int | None) -> Iterator[None]:
    """Run PyTorch without gradients; a forward pass takes one CPU thread, unless `threads` is None.

    By default a pass takes a thread a core. These wait for each other actively, so two busy processes slow each other
    down a hundred times.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if threads is None else 1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)


def batched_log_probs(
    encoder: Encoder,
    head: nn.Linear,
    waveforms: Sequence[NDArray[np.float32]],
    run: Callable[[Tensor, Tensor, Sequence[int]], Tensor],
    threads: int | None,
) -> list[NDArray[np.float32]]:
    """Run waveforms in independent batches.

    Args:
        encoder, head: of the model, on its device.
        waveforms: (num_samples,) each, of any length.
        run: takes (B, S) padded waveforms, (B,) valid samples and the B indices of the waveforms; gives (B, T, V)
            natural logs.
        threads: batches in parallel on a CPU, one thread each; None leaves PyTorch's setting as it is.
    Returns:
        (T, V) for each waveform; (0, V) if it is shorter than a frame.
    """

    @torch.inference_mode()
    def run_batch(rows: Sequence[int]) -> list[NDArray[np.float32]]:
        padded, num_samples = (part.to(head.weight.device) for part in pad([waveforms[row] for row in rows]))
        return valid_frames(run(padded, num_samples, rows), encoder.num_frames(num_samples))

    batches = list(independent_batches(encoder, waveforms))
    parallel = 1 if threads is None or head.weight.is_cuda else min(threads, len(batches))
    with inference(threads):
        if parallel > 1:
            with ThreadPoolExecutor(parallel) as pool:
                outputs = list(pool.map(run_batch, batches))
        else:
            outputs = list(map(run_batch, batches))
    results = [np.empty((0, head.out_features), np.float32)] * len(waveforms)
    for rows, frames in zip(batches, outputs, strict=True):
        for row, own in zip(rows, frames, strict=True):
            results[row] = own
    return results


def independent_batches(encoder: Encoder, waveforms: Sequence[NDArray[np.float32]]) -> Iterator[list[int]]:
    """Yield indices of waveforms that may share a batch without changing each other's result, longest first.

    Only similar lengths share a batch, because padding costs as much time as speech. If padding changes an encoder's
    results, only equal lengths do. Waveforms shorter than one frame are in no batch.
    """
    lengths = [len(waveform) for waveform in waveforms]
    frames = encoder.num_frames(torch.tensor(lengths)).tolist()
    least = 1 - MAX_PADDING if encoder.independent_of_padding else 1.0
    rows: list[int] = []
    for row in sorted((row for row, count in enumerate(frames) if count), key=lambda row: -lengths[row]):
        longest = lengths[rows[0]] if rows else 0
        if longest * (len(rows) + 1) > BATCH_SAMPLES or lengths[row] < longest * least:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows
