"""The L1-aware transcriber: it hears the speaker's first language, or is told, and listens accordingly."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.errors import ModelError
from asheard.models.ctc import independent_batches
from asheard.models.encoders import Encoder, load_encoder, pad
from asheard.models.log_mel import mask
from asheard.models.onnx_export import OnnxGraph
from asheard.phones import BLANK_ID, LABELS
from asheard.recognition.decoding import (
    NO_FRAMES,
    decode_segments,
    in_chunks,
    read_transcript,
    to_transcript,
    valid_frames,
)
from asheard.recognition.protocol import Transcript

L2_ARCTIC_L1S: Final = ("Arabic", "Chinese", "Hindi", "Korean", "Spanish", "Vietnamese")
UNKNOWN_L1: Final = -1


class L1AwareCTC(nn.Module):
    """Encoder, L1 classifier on its mean-pooled frames, and a CTC head on [frame ; embedding of the L1].

    Where the L1 is not declared, the classifier's posterior mixes the embeddings: sum over L1s of P(L1 | x) e(L1).
    """

    kind = "l1-aware"
    graph: OnnxGraph | None = None  # what runs the forward pass in place of PyTorch

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

    def forward(
        self, waveforms: Tensor, num_samples: Tensor | None = None, l1_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """CTC and L1 logits.

        Args:
            waveforms: (B, S) float32 at 16 kHz, padded with zeros.
            num_samples: (B,) int64 valid samples; None where nothing is padded.
            l1_ids: (B,) int64 declared L1s, `UNKNOWN_L1` (-1) where a row has none; None where no row has one.
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

    def l1_id(self, l1: str) -> int:
        """Id of an L1's name.

        Raises:
            ModelError: the model was not trained on this L1.
        """
        if l1 not in self.l1s:
            raise ModelError(f"the model knows the L1s {', '.join(self.l1s)}, not {l1!r}; transcribe with --l1 unknown")
        return self.l1s.index(l1)

    @torch.inference_mode()
    def transcribe(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Transcript]:
        """See `Recogniser.transcribe`."""
        return [read_transcript(frames, self.encoder.frame_s) for frames in self.posteriors(waveforms, l1s)]

    @torch.inference_mode()
    def transcribe_with_l1(
        self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
    ) -> list[tuple[Transcript, str | None]]:
        """Transcribe utterances, and name the L1 that the classifier hears (None for what is shorter than a frame)."""
        results: list[tuple[Transcript, str | None]] = [(Transcript((), (), ()), None)] * len(waveforms)
        for rows, (padded, num_samples, l1_ids) in self._batches(waveforms, l1s):
            logits, l1_logits = self(padded, num_samples, l1_ids)
            segments = decode_segments(logits.float().log_softmax(-1), self.encoder.num_frames(num_samples))
            for row, found, heard in zip(rows, segments, l1_logits.argmax(-1).tolist(), strict=True):
                results[row] = to_transcript(found, self.encoder.frame_s), self.l1s[heard]
        return results

    @torch.inference_mode()
    def posteriors(
        self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
    ) -> list[NDArray[np.float32]]:
        """See `PosteriorTranscriber.posteriors`; of a long recording each piece is listened to for its L1."""

        def hear(pieces: Sequence[NDArray[np.float32]], sources: Sequence[int]) -> list[NDArray[np.float32]]:
            posteriors = [NO_FRAMES] * len(pieces)
            for rows, inputs in self._batches(pieces, [l1s[source] for source in sources]):
                num_frames = self.encoder.num_frames(inputs[1])
                for row, frames in zip(rows, valid_frames(self.log_probs(*inputs), num_frames), strict=True):
                    posteriors[row] = frames
            return posteriors

        return in_chunks(self.encoder.frame_s, BLANK_ID, waveforms, hear)

    def log_probs(self, waveforms: Tensor, num_samples: Tensor, l1_ids: Tensor) -> Tensor:
        """(B, T, n_labels) natural logs of the posteriors, by the graph where there is one; inputs as of `forward`."""
        if self.graph is not None:
            return self.graph(waveforms, num_samples, l1_ids)
        logits: Tensor = self(waveforms, num_samples, l1_ids)[0]
        return logits.float().log_softmax(-1)

    def _batches(
        self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
    ) -> Iterator[tuple[list[int], tuple[Tensor, Tensor, Tensor]]]:
        """Batch by batch: indices of waveforms, and the inputs of `forward`."""
        l1_ids = torch.tensor([UNKNOWN_L1 if l1 is None else self.l1_id(l1) for l1 in l1s])
        for rows in independent_batches(self.encoder, waveforms):
            device = self.ctc_head.weight.device
            padded, num_samples = pad([waveforms[i] for i in rows])
            yield rows, (padded.to(device), num_samples.to(device), l1_ids[rows].to(device))


def _mean_over_time(frames: Tensor, num_frames: Tensor) -> Tensor:
    """(B, T, H) -> (B, H) in float32, over the valid frames only."""
    valid = mask(num_frames, frames.shape[1])
    summed = (frames.float() * valid[:, :, None]).sum(1)
    return summed / num_frames.clamp(min=1)[:, None]
