"""A small Conformer over log-mel features, as an ordinary transformers architecture (`asheard-conformer`).

Importing this module registers it with transformers' Auto classes, so its folders load, train and publish like others.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCTC, PretrainedConfig

from asheard.models.log_mel import (
    HOP,
    NUM_BINS,
    LogMelForCTC,
    LogMelFrontEnd,
    LogMelModel,
    mask,
    mel_power,
    num_windows,
    spec_augment,
)


class ConformerConfig(PretrainedConfig):  # type: ignore[misc]
    """Sizes, dropout, and SpecAugment over mel windows (10 ms) and bands, under wav2vec2's names."""

    model_type = "asheard-conformer"
    conv_stride = (HOP, 2)
    feat_extract_norm = "layer"  # in wav2vec2's family: rows are padded with a mask

    def __init__(
        self,
        num_mel_bands: int = 80,
        hidden_size: int = 144,
        intermediate_size: int = 576,
        num_hidden_layers: int = 4,
        num_attention_heads: int = 4,
        conv_kernel_size: int = 31,
        hidden_dropout: float = 0.0,
        mask_time_prob: float = 0.0,
        mask_time_length: int = 10,
        mask_feature_prob: float = 0.0,
        mask_feature_length: int = 10,
        vocab_size: int = 42,
        **other: Any,
    ) -> None:
        super().__init__(**other)
        self.num_mel_bands = num_mel_bands
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.conv_kernel_size = conv_kernel_size
        self.hidden_dropout = hidden_dropout
        self.mask_time_prob = mask_time_prob
        self.mask_time_length = mask_time_length
        self.mask_feature_prob = mask_feature_prob
        self.mask_feature_length = mask_feature_length
        self.vocab_size = vocab_size


class _FeedForward(nn.Module):
    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size)
        self.up = nn.Linear(config.hidden_size, config.intermediate_size)
        self.down = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, frames: Tensor) -> Tensor:
        result: Tensor = self.down(nn.functional.silu(self.up(self.norm(frames))))
        return result


class _Attention(nn.Module):
    """Self-attention without positions: the convolutions carry them."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.norm = nn.LayerNorm(config.hidden_size)
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.out = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, frames: Tensor, valid: Tensor) -> Tensor:
        batch, time, size = frames.shape
        parts = self.query_key_value(self.norm(frames)).view(batch, time, 3, self.num_heads, size // self.num_heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        valid = valid[:, None, None, :]
        if self.training:  # the fused function's backward pass is two to three times slower in bfloat16 on a CPU
            scores = (query @ key.transpose(-1, -2)) * (size // self.num_heads) ** -0.5
            heads = scores.masked_fill(~valid, float("-inf")).softmax(-1) @ value
        else:  # forward it takes a tenth of the time, and its memory grows with the length, not its square
            heads = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=valid)
        result: Tensor = self.out(heads.transpose(1, 2).reshape(batch, time, size))
        return result


class _Convolution(nn.Module):
    """Gated convolution, depthwise over time; its batch normalisation is folded into the kernel."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        size, kernel = config.hidden_size, config.conv_kernel_size
        self.norm = nn.LayerNorm(size)
        self.gate = nn.Linear(size, 2 * size)
        self.depthwise = nn.Conv1d(size, size, kernel, padding=kernel // 2, groups=size)
        self.out = nn.Linear(size, size)

    def forward(self, frames: Tensor, valid: Tensor) -> Tensor:
        gated = nn.functional.glu(self.gate(self.norm(frames))) * valid[:, :, None]
        mixed = nn.functional.silu(self.depthwise(gated.transpose(1, 2)))
        result: Tensor = self.out(mixed.transpose(1, 2))
        return result


class _Block(nn.Module):
    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.feed_forward_1 = _FeedForward(config)
        self.attention = _Attention(config)
        self.convolution = _Convolution(config)
        self.feed_forward_2 = _FeedForward(config)
        self.norm = nn.LayerNorm(config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout)

    def forward(self, frames: Tensor, valid: Tensor) -> Tensor:
        frames = frames + 0.5 * self.dropout(self.feed_forward_1(frames))
        frames = frames + self.dropout(self.attention(frames, valid))
        frames = frames + self.dropout(self.convolution(frames, valid))
        frames = frames + 0.5 * self.dropout(self.feed_forward_2(frames))
        result: Tensor = self.norm(frames)
        return result


class _FrontEnd(LogMelFrontEnd):
    """Log-mel power, then a strided convolution."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mel_filters", torch.zeros(NUM_BINS, config.num_mel_bands))
        self.mel_filters: Tensor
        self.subsample = nn.Conv1d(config.num_mel_bands, config.hidden_size, 3, stride=2, padding=1)

    def forward(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """Compute frames: (B, S) -> (B, T, H)."""
        num_valid = num_windows(num_samples)
        with torch.autocast(waveforms.device.type, enabled=False):
            mel = mel_power(waveforms.float(), num_samples, self.mel_filters).log()
        if self.training:
            mel = spec_augment(mel, num_valid, self.config)
        mel = mel * mask(num_valid, mel.shape[1])[:, :, None]
        return nn.functional.gelu(self.subsample(mel.transpose(1, 2))).transpose(1, 2)


class ConformerModel(LogMelModel):
    """Conformer blocks behind their front end.

    Source: Gulati et al. 2020 (Conformer); SpecAugment: Park et al. 2019.
    """

    config_class = ConformerConfig
    base_model_prefix = "conformer"

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__(config)
        self.feature_extractor = _FrontEnd(config)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.num_hidden_layers))
        self.post_init()

    def _encode(self, frames: Tensor, valid: Tensor) -> Tensor:
        for block in self.blocks:
            frames = block(frames, valid)
        return frames


class ConformerForCTC(LogMelForCTC):
    """A `ConformerModel` and one linear layer over CTC labels."""

    config_class = ConformerConfig
    base_model_prefix = "conformer"
    architecture = ConformerModel


AutoConfig.register(ConformerConfig.model_type, ConformerConfig)
AutoModel.register(ConformerConfig, ConformerModel)
AutoModelForCTC.register(ConformerConfig, ConformerForCTC)
