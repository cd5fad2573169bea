"""The faithful transcriber: an encoder and one linear layer, trained with CTC on produced phones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.models.decoding import NO_FRAMES, decode_segments, to_transcript, valid_frames
from asheard.models.encoders import SAMPLE_RATE_HZ, Encoder, load_encoder, pad
from asheard.models.mel_encoder import MelEncoder
from asheard.phones import LABELS
from asheard.transcript import Transcript

BATCH_SAMPLES: Final = 60 * SAMPLE_RATE_HZ  # one minute of audio, padding included, goes through the encoder at once


class CTCTranscriber(nn.Module):
    """Encoder + Linear(H -> n_labels); ids as in `asheard.phones.LABELS`, 0 padding and 1 the blank."""

    kind = "faithful"

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
        """See `Transcriber.transcribe`; `l1s` are not used."""
        transcripts = [Transcript((), (), ())] * len(waveforms)
        for rows, log_probs, num_frames in self._log_probs(waveforms):
            for row, found in zip(rows, decode_segments(log_probs, num_frames), strict=True):
                transcripts[row] = to_transcript(found, self.encoder.frame_s)
        return transcripts

    @torch.inference_mode()
    def posteriors(
        self, waveforms: Sequence[NDArray[np.float32]], l1s: Sequence[str | None]
    ) -> list[NDArray[np.float32]]:
        """See `PosteriorTranscriber.posteriors`; `l1s` are not used."""
        posteriors = [NO_FRAMES] * len(waveforms)
        for rows, log_probs, num_frames in self._log_probs(waveforms):
            for row, frames in zip(rows, valid_frames(log_probs, num_frames), strict=True):
                posteriors[row] = frames
        return posteriors

    def _log_probs(self, waveforms: Sequence[NDArray[np.float32]]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Batch by batch: indices of waveforms, their (B, T, 42) log posteriors, and (B,) valid frames."""
        for rows in independent_batches(self.encoder, waveforms):
            padded, num_samples = (part.to(self.ctc_head.weight.device) for part in pad([waveforms[i] for i in rows]))
            yield rows, self(padded, num_samples).float().log_softmax(-1), self.encoder.num_frames(num_samples)


def independent_batches(encoder: Encoder | MelEncoder, waveforms: Sequence[NDArray[np.float32]]) -> Iterator[list[int]]:
    """Indices of waveforms that may share a batch without changing each other's result, longest first.

    Where an encoder sees its padding, only equal lengths go together. Waveforms shorter than one frame are in no batch.
    """
    lengths = [len(waveform) for waveform in waveforms]
    frames = encoder.num_frames(torch.tensor(lengths)).tolist()
    rows: list[int] = []
    for row in sorted((row for row, count in enumerate(frames) if count), key=lambda row: -lengths[row]):
        full = rows and lengths[rows[0]] * (len(rows) + 1) > BATCH_SAMPLES
        padded = rows and lengths[rows[0]] != lengths[row]
        if full or (padded and not encoder.independent_of_padding):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows
