"""w2v-BERT 2.0: an encoder that reads log-mel features in place of the waveform."""

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from asheard.errors import ModelError
from asheard.models.encoders import SAMPLE_RATE_HZ, Encoder
from asheard.models.log_mel import mask

_WINDOW: Final = SAMPLE_RATE_HZ * 25 // 1000
_HOP: Final = SAMPLE_RATE_HZ * 10 // 1000
_N_FFT: Final = 512
_FULL_SCALE: Final = 2.0**15  # Kaldi's samples are 16-bit integers
_PRE_EMPHASIS: Final = 0.97
_FLOOR: Final = 2.0**-23  # of a mel band's power, before the logarithm
_SMALLEST_VARIANCE: Final = 1e-7


class MelEncoder(Encoder):
    """A `Wav2Vec2BertModel` fed with raw 16 kHz waveforms.

    What its published feature extractor does on a CPU happens in `forward`, on the model's device: Kaldi's log-mel
    power of 25 ms windows every 10 ms, each band of a recording brought to zero mean and unit variance, two windows to
    a frame.
    """

    def __init__(self, backbone: Any, extractor: Any) -> None:
        """Take over what the checkpoint's `SeamlessM4TFeatureExtractor` says.

        Raises:
            ModelError: its features are not those that the backbone reads.
        """
        super().__init__(backbone, do_normalize=False)
        self.extractor = extractor
        size = extractor.stride * extractor.num_mel_bins
        if size != self.config.feature_projection_input_dim:
            raise ModelError(
                f"preprocessor_config.json gives {size} features a frame, and config.json reads "
                f"{self.config.feature_projection_input_dim} (feature_projection_input_dim); they belong to two models"
            )
        self.register_buffer("mel_filters", torch.from_numpy(extractor.mel_filters).float(), persistent=False)
        self.register_buffer("window", torch.from_numpy(extractor.window).float(), persistent=False)
        self.mel_filters: Tensor
        self.window: Tensor

    @staticmethod
    def fits(backbone: Any) -> bool:
        """It is a w2v-BERT."""
        return bool(backbone.config.model_type == "wav2vec2-bert")

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return float(self.extractor.stride * _HOP / SAMPLE_RATE_HZ)

    def num_frames(self, num_samples: Tensor) -> Tensor:
        """Frames that so many samples give, 0 for what is shorter than one frame; int64 of any shape."""
        return torch.div(_num_windows(num_samples), self.extractor.stride, rounding_mode="floor")

    def forward(self, waveforms: Tensor, num_samples: Tensor | None = None) -> Tensor:
        """Encode padded waveforms, each of a frame at least; see `Encoder.forward`."""
        if num_samples is None:
            num_samples = torch.full(waveforms.shape[:1], waveforms.shape[1], device=waveforms.device)
        with torch.no_grad(), torch.autocast(waveforms.device.type, enabled=False):
            features = self._features(waveforms.float(), num_samples)
        valid = mask(self.num_frames(num_samples), features.shape[1])
        frames: Tensor = self.backbone(features, attention_mask=valid.long()).last_hidden_state
        return frames

    def freeze_front_end(self) -> None:
        """Nothing: log-mel features have no weights."""

    def save_preprocessor(self, folder: Path) -> None:
        """Write preprocessor_config.json."""
        self.extractor.save_pretrained(folder)

    def _features(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """(B, S) -> (B, T, stride * bands)."""
        windows = waveforms.unfold(1, _WINDOW, _HOP) * _FULL_SCALE
        windows = windows - windows.mean(-1, keepdim=True)
        before = nn.functional.pad(windows[..., :-1], (1, 0), mode="replicate")
        spectrum = torch.fft.rfft((windows - _PRE_EMPHASIS * before) * self.window, _N_FFT)
        mel = ((spectrum.real.square() + spectrum.imag.square()) @ self.mel_filters).clamp(min=_FLOOR).log()
        num_windows = _num_windows(num_samples)[:, None, None]
        valid = mask(num_windows[:, 0, 0], mel.shape[1])[:, :, None]
        centred = (mel - (mel * valid).sum(1, keepdim=True) / num_windows) * valid
        variance = centred.square().sum(1, keepdim=True) / (num_windows - 1).clamp(min=1)
        mel = centred / torch.sqrt(variance + _SMALLEST_VARIANCE)
        stride = int(self.extractor.stride)
        frames: Tensor = mel[:, : mel.shape[1] // stride * stride].reshape(len(mel), -1, stride * mel.shape[2])
        return frames


def _num_windows(num_samples: Tensor) -> Tensor:
    return (torch.div(num_samples - _WINDOW, _HOP, rounding_mode="floor") + 1).clamp(min=0)
