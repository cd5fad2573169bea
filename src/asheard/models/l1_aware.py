"""The L1-aware transcriber: it is given the speaker's first language, or estimates it, and transcribes accordingly."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.errors import ModelError
from asheard.models.ctc import batched_log_probs, frame_samples, independent_batches, inference, valid_frames
from asheard.models.encoders import Encoder, load_encoder, pad
from asheard.models.log_mel import mask
from asheard.phones import BLANK_ID, LABELS
from asheard.recognition.chunking import run_in_chunks
from asheard.recognition.decoding import decode_recognition
from asheard.recognition.protocol import Recognition, Transcript
from asheard.recognition.runtime import UNKNOWN_L1

L2_ARCTIC_L1S: Final = ("Arabic", "Chinese", "Hindi", "Korean", "Spanish", "Vietnamese")


class L1AwareCTC(nn.Module):
    """Encoder, L1 classifier on its mean-pooled frames, and a CTC head on [frame ; embedding of the L1].

    If the L1 is not given, the classifier's posterior mixes the embeddings: sum over L1s of P(L1 | x) e(L1).

    It is a `Recogniser`. `threads`: batches that `recognise` runs in parallel on a CPU, one thread each; None
    leaves PyTorch's setting as it is.
    """

    kind = "l1-aware"
    engine = "torch"
    gives_posteriors = True
    version = ""
    threads: int | None = None

    def __init__(
        self,
        base_id: str | Path | Encoder,
        n_labels: int = len(LABELS),
        l1_emb: int = 64,
        l1s: Sequence[str] = L2_ARCTIC_L1S,
    ) -> None:
        """Put fresh heads on an encoder.

        Args:
            base_id: an encoder, or the hub id or folder that `load_encoder` takes.
            n_labels: size of the CTC output, ids as in `asheard.phones.LABELS`.
            l1_emb: size of an L1's embedding.
            l1s: names of the L1s; their order gives their ids (by default the six of L2-ARCTIC, alphabetical).
        """
        super().__init__()
        self.encoder = base_id if isinstance(base_id, Encoder) else load_encoder(base_id)
        self.l1s = tuple(l1s)
        self.l1_classifier = nn.Linear(self.encoder.hidden_size, len(self.l1s))
        self.l1_embedding = nn.Embedding(len(self.l1s), l1_emb)
        self.ctc_head = nn.Linear(self.encoder.hidden_size + l1_emb, n_labels)

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.encoder.frame_s

    def forward(
        self, waveforms: Tensor, num_samples: Tensor | None = None, l1_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute CTC and L1 logits.

        Args:
            waveforms: (B, S) float32 at 16 kHz, padded with zeros.
            num_samples: (B,) int64 valid samples; None if nothing is padded.
            l1_ids: (B,) int64 given L1s, `UNKNOWN_L1` (-1) for a row without one; None if no row has one.
        Returns:
            (B, T, n_labels) CTC logits and (B, N_L1) L1 logits.
        """
        if num_samples is None:
            num_samples = torch.full(waveforms.shape[:1], waveforms.shape[1], device=waveforms.device)
        frames = self.encoder(waveforms, num_samples)
        l1_logits = self.l1_classifier(_mean_over_time(frames, self.encoder.num_frames(num_samples)))
        weights = l1_logits.float().softmax(-1)
        if l1_ids is not None:
            declared = nn.functional.one_hot(l1_ids.clamp(min=0), len(self.l1s)).to(weights.dtype)
            weights = torch.where((l1_ids >= 0)[:, None], declared, weights)
        embedded = (weights @ self.l1_embedding.weight).to(frames.dtype)
        embedded = embedded[:, None].expand(-1, frames.shape[1], -1)
        return self.ctc_head(torch.cat([frames, embedded], dim=-1)), l1_logits

    def log_probs(self, waveforms: Tensor, num_samples: Tensor, l1_ids: Tensor) -> Tensor:
        """Compute (B, T, n_labels) natural logs of the posteriors; inputs as of `forward`."""
        logits: Tensor = self(waveforms, num_samples, l1_ids)[0]
        return logits.float().log_softmax(-1)

    def l1_id(self, l1: str | None) -> int:
        """Find the id of an L1's name; `UNKNOWN_L1` for None.

        Raises:
            ModelError: the model was not trained on this L1.
        """
        if l1 is not None and l1 not in self.l1s:
            raise ModelError(f"the model knows the L1s {', '.join(self.l1s)}, not {l1!r}; use --l1-withheld")
        return UNKNOWN_L1 if l1 is None else self.l1s.index(l1)

    def recognise(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Recognition]:
        """See `Recogniser.recognise`; the L1 of a long recording is estimated anew in each chunk."""
        run = partial(self.chunk_log_probs, l1_ids=[self.l1_id(l1) for l1 in l1s])
        log_probs = run_in_chunks(run, waveforms, BLANK_ID, frame_samples(self.encoder))
        return [decode_recognition(frames, self.frame_s) for frames in log_probs]

    def chunk_log_probs(
        self, chunks: Sequence[NDArray[np.float32]], sources: Sequence[int], l1_ids: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        """Compute (T, n_labels) natural logs of each chunk; `sources` are the indices of its L1 in `l1_ids`."""

        def run(padded: Tensor, num_samples: Tensor, rows: Sequence[int]) -> Tensor:
            ids = torch.tensor([l1_ids[sources[row]] for row in rows], device=padded.device)
            return self.log_probs(padded, num_samples, ids)

        return batched_log_probs(self.encoder, self.ctc_head, chunks, run, self.threads)

    def transcribe_with_l1(
        self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
    ) -> list[tuple[Transcript, str | None]]:
        """Transcribe utterances, and name the L1 that the classifier finds (None if shorter than a frame)."""
        l1_ids = torch.tensor([self.l1_id(l1) for l1 in l1s])
        results: list[tuple[Transcript, str | None]] = [(Transcript((), (), ()), None)] * len(waveforms)
        device = self.ctc_head.weight.device
        with inference(self.threads):
            for rows in independent_batches(self.encoder, waveforms):
                padded, num_samples = (part.to(device) for part in pad([waveforms[row] for row in rows]))
                logits, l1_logits = self(padded, num_samples, l1_ids[rows].to(device))
                log_probs = logits.float().log_softmax(-1)
                frames = valid_frames(log_probs, self.encoder.num_frames(num_samples))
                for row, own, l1 in zip(rows, frames, l1_logits.argmax(-1).tolist(), strict=True):
                    results[row] = decode_recognition(own, self.frame_s).transcript, self.l1s[l1]
        return results


def _mean_over_time(frames: Tensor, num_frames: Tensor) -> Tensor:
    """(B, T, H) -> (B, H) in float32, over the valid frames only."""
    valid = mask(num_frames, frames.shape[1])
    summed = (frames.float() * valid[:, :, None]).sum(1)
    return summed / num_frames.clamp(min=1)[:, None]
