"""What our encoders of log-mel features share: mel power every 10 ms, SpecAugment, and their model classes."""

from abc import ABC, abstractmethod
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
    """Compute the power of each mel band in 25 ms Hann windows every 10 ms; each row is mirrored at its own ends.

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
    """Compute how many windows, one every 10 ms, so many samples give."""
    return num_samples // HOP + 1


def num_frames(num_samples: Tensor) -> Tensor:
    """Compute how many frames of 20 ms so many samples give, after a convolution of stride 2; 0 below 25 ms."""
    return torch.where(num_samples < N_FFT, 0, (num_windows(num_samples) + 1) // 2)


def spec_augment(mel: Tensor, num_valid: Tensor, config: Any) -> Tensor:
    """Replace random stretches of windows and bands by each row's mean.

    Args:
        mel: (B, T, bands). num_valid: (B,) windows of each row.
        config: how much, by wav2vec2's names (mask_time_prob, ...).
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
    """Make a mask (B,) -> (B, size), true before each row's length."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def _power_by_products(waveforms: Tensor, window: Tensor) -> Tensor:
    """Compute the power that `torch.stft` gives as a convolution, because ONNX has no complex numbers."""
    turns = 2 * torch.pi * torch.outer(torch.arange(NUM_BINS), torch.arange(N_FFT)).double() / N_FFT
    waves = (torch.cat([turns.cos(), turns.sin()]).to(window.dtype) * window)[:, None]
    real, imaginary = nn.functional.conv1d(waveforms[:, None], waves, stride=HOP).chunk(2, dim=1)
    return (real.square() + imaginary.square()).transpose(1, 2)


def _mirror(size: int, num_samples: Tensor) -> Tensor:
    """Compute indices (B, size + 400) that mirror each row at both of its own ends by half a window."""
    half = N_FFT // 2
    index = torch.arange(-half, size + half, device=num_samples.device).abs()
    last = num_samples[:, None] - 1
    return torch.where(index > last, (2 * last - index).clamp(min=0), index)


class LogMelFrontEnd(nn.Module):
    """Front end: (B, S) waveforms and (B,) valid samples to (B, T, H) frames of 20 ms."""

    def _freeze_parameters(self) -> None:
        """Freeze the front end; wav2vec2's front ends have this method too."""
        self.requires_grad_(False)


class LogMelModel(PreTrainedModel, ABC):  # type: ignore[misc]
    """Base class: 16 kHz waveforms to hidden frames of 20 ms. A row's frames do not depend on the rest of its batch.

    A subclass has a `feature_extractor` and implements `_encode`.
    """

    main_input_name = "waveforms"
    feature_extractor: LogMelFrontEnd

    def forward(self, waveforms: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutput:
        """Encode padded waveforms.

        Args:
            waveforms: (B, S) float32 at 16 kHz, each row of at least 25 ms.
            attention_mask: (B, S), 1 on valid samples; None if nothing is padded.
        Returns:
            last_hidden_state: (B, T, H); `_get_feat_extract_output_lengths` gives T.
        """
        valid = torch.ones_like(waveforms) if attention_mask is None else attention_mask
        num_samples = valid.sum(1).long()
        frames = self.feature_extractor(waveforms, num_samples)
        return BaseModelOutput(last_hidden_state=self._encode(frames, mask(num_frames(num_samples), frames.shape[1])))

    @abstractmethod
    def _encode(self, frames: Tensor, valid: Tensor) -> Tensor:
        """Encode frames of the front end: (B, T, H), and (B, T) which of them are valid, to (B, T, H)."""

    def _get_feat_extract_output_lengths(self, num_samples: Tensor) -> Tensor:
        """Compute how many frames so many samples give, under the name that wav2vec2's family has for it."""
        return num_frames(num_samples)


class LogMelForCTC(PreTrainedModel):  # type: ignore[misc]
    """Base class: an `architecture`, stored under its `base_model_prefix`, and one linear layer over CTC labels."""

    main_input_name = "waveforms"
    architecture: ClassVar[type[LogMelModel]]

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        setattr(self, self.base_model_prefix, self.architecture(config))
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, waveforms: Tensor, attention_mask: Tensor | None = None) -> CausalLMOutput:
        """Compute logits (B, T, vocab_size); inputs as of `LogMelModel`."""
        return CausalLMOutput(logits=self.lm_head(self.base_model(waveforms, attention_mask).last_hidden_state))
