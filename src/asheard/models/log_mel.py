"""Power in mel bands every 10 ms, and SpecAugment over it: what our encoders of log-mel features share."""

from typing import Any, Final

import torch
from torch import Tensor, nn
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
