"""The faithful transcriber: an encoder and one linear layer, trained with CTC on produced phones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.models.encoders import Encoder, load_encoder, pad
from asheard.models.onnx_export import OnnxGraph
from asheard.phones import BLANK_ID, LABELS
from asheard.recognition.decoding import NO_FRAMES, in_chunks, read_transcript, valid_frames
from asheard.recognition.protocol import Transcript

MOST_PADDING: Final = 0.1  # of a row in a batch
BATCH_SAMPLES: Final = 60 * SAMPLE_RATE_HZ  # one minute of audio, padding included, goes through the encoder at once


class CTCTranscriber(nn.Module):
    """Encoder + Linear(H -> n_labels); ids as in `asheard.phones.LABELS`, 0 padding and 1 the blank."""

    kind = "faithful"
    graph: OnnxGraph | None = None  # what runs the forward pass in place of PyTorch

    def __init__(self, base_id: str | Path | Encoder, n_labels: int = len(LABELS)) -> None:
        """Put a fresh head on an encoder, or on the one `load_encoder` finds under a hub id or folder."""
        super().__init__()
        self.encoder = base_id if isinstance(base_id, Encoder) else load_encoder(base_id)
        self.ctc_head = nn.Linear(self.encoder.hidden_size, n_labels)

    def forward(self, waveforms: Tensor, num_samples: Tensor | None = None) -> Tensor:
        """CTC logits.

        Args:
            waveforms: (B, S) float32 at 16 kHz, padded with zeros.
            num_samples: (B,) int64 valid samples; None where nothing is padded.
        Returns:
            (B, T, n_labels) logits.
        """
        logits: Tensor = self.ctc_head(self.encoder(waveforms, num_samples))
        return logits

    @torch.inference_mode()
    def transcribe(self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]) -> list[Transcript]:
        """See `Recogniser.transcribe`; `l1s` are not used."""
        return [read_transcript(frames, self.encoder.frame_s) for frames in self.posteriors(waveforms, l1s)]

    @torch.inference_mode()
    def posteriors(
        self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
    ) -> list[NDArray[np.float32]]:
        """See `PosteriorTranscriber.posteriors`; `l1s` are not used."""
        return in_chunks(self.encoder.frame_s, BLANK_ID, waveforms, self._hear)

    def log_probs(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """(B, T, n_labels) natural logs of the posteriors, by the graph where there is one; inputs as of `forward`."""
        if self.graph is not None:
            return self.graph(waveforms, num_samples)
        logits: Tensor = self(waveforms, num_samples)
        return logits.float().log_softmax(-1)

    def _hear(self, waveforms: Sequence[NDArray[np.float32]], _: Sequence[int]) -> list[NDArray[np.float32]]:
        posteriors = [NO_FRAMES] * len(waveforms)
        for rows in independent_batches(self.encoder, waveforms):
            padded, num_samples = (part.to(self.ctc_head.weight.device) for part in pad([waveforms[i] for i in rows]))
            log_probs = self.log_probs(padded, num_samples)
            for row, frames in zip(rows, valid_frames(log_probs, self.encoder.num_frames(num_samples)), strict=True):
                posteriors[row] = frames
        return posteriors


def independent_batches(encoder: Encoder, waveforms: Sequence[NDArray[np.float32]]) -> Iterator[list[int]]:
    """Indices of waveforms that may share a batch without changing each other's result, longest first.

    Only similar lengths go together, for padding costs as much as speech; and where an encoder sees its padding, equal
    ones. Waveforms shorter than one frame are in no batch.
    """
    lengths = [len(waveform) for waveform in waveforms]
    frames = encoder.num_frames(torch.tensor(lengths)).tolist()
    least = 1 - MOST_PADDING if encoder.independent_of_padding else 1.0
    rows: list[int] = []
    for row in sorted((row for row, count in enumerate(frames) if count), key=lambda row: -lengths[row]):
        longest = lengths[rows[0]] if rows else 0
        if longest * (len(rows) + 1) > BATCH_SAMPLES or lengths[row] < longest * least:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows
