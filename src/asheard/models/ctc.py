"""The transcribers that AsHeard trains with CTC: the faithful one, and the one that is given the speaker's L1."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.models.encoders import Encoder, load_encoder, pad
from asheard.models.log_mel import mask
from asheard.models.recogniser import TorchRecogniser, independent_batches, inference, valid_frames
from asheard.phones import LABELS
from asheard.recognition.decoding import decode_recognition
from asheard.recognition.protocol import Transcript
from asheard.recognition.runtime import l1_id

L2_ARCTIC_L1S: Final = ("Arabic", "Chinese", "Hindi", "Korean", "Spanish", "Vietnamese")


class Transcriber(TorchRecogniser, nn.Module):
    """A model that AsHeard trains: an encoder and a CTC head."""

    ctc_head: nn.Linear

    def __init__(self, base_id: str | Path | Encoder) -> None:
        """Take an encoder, or the one that `load_encoder` finds under a hub id or folder."""
        super().__init__()
        self.encoder = base_id if isinstance(base_id, Encoder) else load_encoder(base_id)

    @property
    def torch_module(self) -> nn.Module:
        """The module that holds all weights."""
        return self

    @property
    def head(self) -> nn.Linear:
        """The layer that gives the CTC logits."""
        return self.ctc_head


class CTCTranscriber(Transcriber):
    """The faithful transcriber: Encoder + Linear(H -> n_labels); ids as in `asheard.phones.LABELS`."""

    kind = "faithful"

    def __init__(self, base_id: str | Path | Encoder, n_labels: int = len(LABELS)) -> None:
        """Put a fresh head on an encoder, or on the one `load_encoder` finds under a hub id or folder."""
        super().__init__(base_id)
        self.ctc_head = nn.Linear(self.encoder.hidden_size, n_labels)

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

    def log_probs(self, waveforms: Tensor, num_samples: Tensor, l1_ids: Tensor | None = None) -> Tensor:
        """See `TorchRecogniser.log_probs`; `l1_ids` are not used."""
        logits: Tensor = self(waveforms, num_samples)
        return logits.float().log_softmax(-1)


class L1AwareCTC(Transcriber):
    """Encoder, L1 classifier on its mean-pooled frames, and a CTC head on [frame ; embedding of the L1].

    If the L1 is not given, the classifier's posterior mixes the embeddings: sum over L1s of P(L1 | x) e(L1).
    """

    kind = "l1-aware"

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
        super().__init__(base_id)
        self.l1s = tuple(l1s)
        self.l1_classifier = nn.Linear(self.encoder.hidden_size, len(self.l1s))
        self.l1_embedding = nn.Embedding(len(self.l1s), l1_emb)
        self.ctc_head = nn.Linear(self.encoder.hidden_size + l1_emb, n_labels)

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

    def log_probs(self, waveforms: Tensor, num_samples: Tensor, l1_ids: Tensor | None = None) -> Tensor:
        """See `TorchRecogniser.log_probs`."""
        logits: Tensor = self(waveforms, num_samples, l1_ids)[0]
        return logits.float().log_softmax(-1)

    def transcribe_with_l1(
        self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
    ) -> list[tuple[Transcript, str | None]]:
        """Transcribe utterances, and name the L1 that the classifier finds (None if shorter than a frame)."""
        l1_ids = torch.tensor([l1_id(l1, self.l1s) for l1 in l1s])
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
