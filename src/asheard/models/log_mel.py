"""Power in mel bands every 10 ms, and SpecAugment over it: what our encoders of log-mel features share.

What our transformers architectures over log-mel features share: how they are called, loaded and frozen.
"""

from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput
from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices

N_FFT: Final = 400  # samples: 25 ms
HOP: Final = 160  # samples: 10 ms
NUM_BINS: Final = N_FFT // 2 + 1
FLOOR: Final = 1e-10  # of a mel band's power, before the logarithm


def mel_power(waveforms: Tensor, num_samples: Tensor, filters: Tensor) -> Tensor:
    """Power of each mel band in 25 ms Hann windows every 10 ms, each row mirrored at its own ends.

    Args:
        waveforms: (B, S) float32 at 16 kHz. num_samples: (B,) valid samples of each row.
        filters: (201, bands).
    Returns:
        (B, S // 160 + 1, bands), never below 1e-10; a row's first `num_windows(num_samples)` windows are its own.
    """
    mirrored = waveforms.gather(1, _mirror(waveforms.shape[1], num_samples))
    window = torch.hann_window(N_FFT, device=waveforms.device)
    if torch.onnx.is_in_onnx_export():
        power = _power_by_products(mirrored, window)
    else:
        spectrum = torch.stft(mirrored, N_FFT, HOP, window=window, center=False, return_complex=True)
        power = (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)
    return (power @ filters).clamp(min=FLOOR)


def num_windows(num_samples: Tensor) -> Tensor:
    """Windows of 10 ms that so many samples give."""
    return num_samples // HOP + 1


def num_frames(num_samples: Tensor) -> Tensor:
    """Frames of 20 ms after a convolution of stride 2; 0 below one window (25 ms)."""
    return torch.where(num_samples < N_FFT, 0, (num_windows(num_samples) + 1) // 2)


def spec_augment(mel: Tensor, num_valid: Tensor, config: Any) -> Tensor:
    """Put each row's mean in place of random stretches of windows and bands.

    Args:
        mel: (B, T, bands). num_valid: (B,) windows of each row.
        config: says how much, by the names that wav2vec2 has for it (mask_time_prob, ...).
    Source: Park et al. 2019.
    """
    valid = mask(num_valid, mel.shape[1])
    hidden = torch.zeros_like(mel, dtype=torch.bool)
    if config.mask_time_prob > 0:
        shape, length = tuple(mel.shape[:2]), config.mask_time_length
        stretches = _compute_mask_indices(shape, config.mask_time_prob, length, valid, min_masks=1)
        hidden |= torch.from_numpy(stretches).to(mel.device)[:, :, None]
    if config.mask_feature_prob > 0:
        shape, length = (mel.shape[0], mel.shape[2]), config.mask_feature_length
        bands = _compute_mask_indices(shape, config.mask_feature_prob, length)
        hidden |= torch.from_numpy(bands).to(mel.device)[:, None, :]
    mean = (mel * valid[:, :, None]).sum((1, 2)) / (num_valid * mel.shape[2])
    return torch.where(hidden, mean[:, None, None], mel)


def mask(lengths: Tensor, size: int) -> Tensor:
    """(B,) -> (B, size), true before each row's length."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def _power_by_products(waveforms: Tensor, window: Tensor) -> Tensor:
    """The power that `torch.stft` gives, as a convolution: ONNX has no complex numbers."""
    turns = 2 * torch.pi * torch.outer(torch.arange(NUM_BINS), torch.arange(N_FFT)).double() / N_FFT
    waves = (torch.cat([turns.cos(), turns.sin()]).to(window.dtype) * window)[:, None]
    real, imaginary = nn.functional.conv1d(waveforms[:, None], waves, stride=HOP).chunk(2, dim=1)
    return (real.square() + imaginary.square()).transpose(1, 2)


def _mirror(size: int, num_samples: Tensor) -> Tensor:
    """Indices (B, size + 400) of rows mirrored at both of their own ends by half a window."""
    half = N_FFT // 2
    index = torch.arange(-half, size + half, device=num_samples.device).abs()
    last = num_samples[:, None] - 1
    return torch.where(index > last, (2 * last - index).clamp(min=0), index)


class LogMelFrontEnd(nn.Module):
    """Called with (B, S) waveforms and (B,) valid samples, it gives (B, T, H) frames of 20 ms."""

    def _freeze_parameters(self) -> None:
        """What wav2vec2's front ends are frozen by."""
        self.requires_grad_(False)


class LogMelModel(PreTrainedModel):  # type: ignore[misc]
    """16 kHz waveforms to hidden frames of 20 ms; a row's frames do not depend on the rest of its batch.

    An architecture has a `feature_extractor`, and the layers that `_encode` runs.
    """

    main_input_name = "waveforms"
    feature_extractor: LogMelFrontEnd

    def forward(self, waveforms: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutput:
        """Encode padded waveforms.

        Args:
            waveforms: (B, S) float32 at 16 kHz, each row of at least 25 ms.
            attention_mask: (B, S), 1 on valid samples; None where nothing is padded.
        Returns:
            last_hidden_state: (B, T, H); T as `_get_feat_extract_output_lengths` says.
        """
        valid = torch.ones_like(waveforms) if attention_mask is None else attention_mask
        num_samples = valid.sum(1).long()
        frames = self.feature_extractor(waveforms, num_samples)
        return BaseModelOutput(last_hidden_state=self._encode(frames, mask(num_frames(num_samples), frames.shape[1])))

    def _encode(self, frames: Tensor, valid: Tensor) -> Tensor:
        """(B, T, H) frames of the front end, and (B, T) which of them are a row's own, to (B, T, H)."""
        raise NotImplementedError

    def _get_feat_extract_output_lengths(self, num_samples: Tensor) -> Tensor:
        """Frames that so many samples give, as wav2vec2's family tells it; 0 below one window (25 ms)."""
        return num_frames(num_samples)


class LogMelForCTC(PreTrainedModel):  # type: ignore[misc]
    """An `architecture`, kept under its `base_model_prefix`, and one linear layer over CTC labels."""

    main_input_name = "waveforms"
    architecture: ClassVar[type[LogMelModel]]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, self.architecture(config))
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, waveforms: Tensor, attention_mask: Tensor | None = None) -> CausalLMOutput:
        """As `LogMelModel`, giving logits (B, T, vocab_size)."""
        return CausalLMOutput(logits=self.lm_head(self.base_model(waveforms, attention_mask).last_hidden_state))
