"""Speech encoders that read log-mel features instead of the waveform: w2v-BERT 2.0."""

from pathlib import Path
from typing import Any, Final

import torch
import transformers
from torch import Tensor, nn

from asheard.models.encoders import SAMPLE_RATE_HZ, explained

_WINDOW: Final = SAMPLE_RATE_HZ * 25 // 1000
_HOP: Final = SAMPLE_RATE_HZ * 10 // 1000


class MelEncoder(nn.Module):
    """A `Wav2Vec2BertModel` behind its published feature extractor, with the interface of `Encoder`."""

    independent_of_padding = True

    def __init__(self, backbone: Any, model_id: str | Path) -> None:
        """Read the feature extractor that was published with the checkpoint.

        Raises:
            ModelError: it cannot be read.
        """
        super().__init__()
        self.backbone = backbone
        with explained(model_id):
            self.extractor = transformers.SeamlessM4TFeatureExtractor.from_pretrained(model_id)

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return float(self.extractor.stride * _HOP / SAMPLE_RATE_HZ)

    def num_frames(self, num_samples: Tensor) -> Tensor:
        """Frames that so many samples give, 0 for what is shorter than one frame.

        Args:
            num_samples: int64 of any shape.
        Returns:
            int64 of the same shape.
        """
        num_windows = torch.div(num_samples - _WINDOW, _HOP, rounding_mode="floor") + 1
        return torch.div(num_windows.clamp(min=0), self.extractor.stride, rounding_mode="floor")

    def forward(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """Encode padded waveforms.

        Args:
            waveforms: (B, S) float32 at 16 kHz, padded with zeros.
            num_samples: (B,) int64, valid samples of each row.
        Returns:
            (B, T, H) frames; those past `num_frames(num_samples)` mean nothing.
        """
        rows = [row[:length].cpu().numpy() for row, length in zip(waveforms, num_samples.tolist(), strict=True)]
        features = self.extractor(rows, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt").to(waveforms.device)
        frames: Tensor = self.backbone(**features).last_hidden_state
        return frames
