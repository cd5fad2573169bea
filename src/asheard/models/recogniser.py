"""How models in PyTorch recognise: in chunks, and in batches whose rows cannot change each other's results."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.models.encoders import Encoder, pad
from asheard.phones import BLANK_ID
from asheard.recognition.chunking import run_in_chunks
from asheard.recognition.decoding import decode_recognition
from asheard.recognition.protocol import Recognition
from asheard.recognition.runtime import l1_id

MAX_PADDING: Final = 0.1  # of a row in a batch
BATCH_SAMPLES: Final = 60 * SAMPLE_RATE_HZ  # one minute of audio, padding included, in one forward pass


class TorchRecogniser(ABC):
    """A `Recogniser` in PyTorch: an encoder and a CTC head.

    A subclass sets `kind` and `encoder`. By default its labels are those of `asheard.phones`, and it uses no L1.

    Attributes:
        threads: batches that `recognise` runs in parallel on a CPU, one thread each; None leaves PyTorch's setting as
            it is.
    """

    kind: str
    encoder: Encoder
    engine = "torch"
    gives_posteriors = True
    l1s: tuple[str, ...] = ()
    version = ""
    threads: int | None = None

    @property
    @abstractmethod
    def torch_module(self) -> nn.Module:
        """The module that holds all weights."""

    @property
    @abstractmethod
    def head(self) -> nn.Linear:
        """The layer that gives the logits of V labels."""

    @property
    def blank_id(self) -> int:
        """Label of the CTC blank."""
        return BLANK_ID

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.encoder.frame_s

    @property
    def frame_samples(self) -> int:
        """Samples from one frame to the next."""
        return round(self.frame_s * SAMPLE_RATE_HZ)

    @abstractmethod
    def log_probs(self, waveforms: Tensor, num_samples: Tensor, l1_ids: Tensor | None = None) -> Tensor:
        """Compute (B, T, V) natural logs of the posteriors.

        Args:
            waveforms: (B, S) float32 at 16 kHz, padded with zeros.
            num_samples: (B,) int64 valid samples.
            l1_ids: (B,) int64 L1s, of an L1-aware model; `UNKNOWN_L1` for a row without one, None if no row has one.
        """

    def decode(self, frames: NDArray[np.float32]) -> Recognition:
        """Decode the (T, V) natural logs of one recording greedily."""
        return decode_recognition(frames, self.frame_s)

    def recognise(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Recognition]:
        """See `Recogniser.recognise`; the L1 of a long recording is estimated anew in each chunk."""
        run = partial(self.chunk_log_probs, l1_ids=[l1_id(l1, self.l1s) for l1 in l1s])
        return [self.decode(frames) for frames in run_in_chunks(run, waveforms, self.blank_id, self.frame_samples)]

    def chunk_log_probs(
        self, chunks: Sequence[NDArray[np.float32]], sources: Sequence[int], l1_ids: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        """Compute natural logs of the posteriors of chunks, in independent batches.

        Args:
            chunks: (num_samples,) each, of any length.
            sources: for each chunk the index of its L1 in `l1_ids`.
            l1_ids: as of `log_probs`.
        Returns:
            (T, V) for each chunk; (0, V) if it is shorter than a frame.
        """
        device = self.head.weight.device

        @torch.inference_mode()
        def run_batch(rows: Sequence[int]) -> list[NDArray[np.float32]]:
            padded, num_samples = (part.to(device) for part in pad([chunks[row] for row in rows]))
            ids = torch.tensor([l1_ids[sources[row]] for row in rows], device=device)
            return valid_frames(self.log_probs(padded, num_samples, ids), self.encoder.num_frames(num_samples))

        batches = list(independent_batches(self.encoder, chunks))
        parallel = 1 if self.threads is None or device.type == "cuda" else min(self.threads, len(batches))
        with inference(self.threads):
            if parallel > 1:
                with ThreadPoolExecutor(parallel) as pool:
                    outputs = list(pool.map(run_batch, batches))
            else:
                outputs = list(map(run_batch, batches))
        results = [np.empty((0, self.head.out_features), np.float32)] * len(chunks)
        for rows, frames in zip(batches, outputs, strict=True):
            for row, own in zip(rows, frames, strict=True):
                results[row] = own
        return results


def valid_frames(log_probs: Tensor, num_frames: Tensor) -> list[NDArray[np.float32]]:
    """Copy each row's valid frames, (T_i, V), to memory of their own."""
    rows = zip(log_probs.cpu(), num_frames.tolist(), strict=True)
    return [row[:frames].numpy().copy() for row, frames in rows]


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
