"""Whisper's encoder as an ordinary transformers architecture (`asheard-whisper`): waveform in, frames of 20 ms out.

It runs over the recording's own length; Whisper pads every recording to 30 s. Importing this module registers it with
transformers' Auto classes.
"""

from pathlib import Path
from typing import Any, Final

import torch
import transformers
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCTC, WhisperConfig
from transformers.audio_utils import mel_filter_bank
from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer, sinusoids

from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.models.hub import read_extractor, read_model, refuse_incomplete
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

MEL_FILTERS: Final = "feature_extractor.mel_filters"
_RANGE: Final = 8.0  # decades of power below the recording's loudest band; weaker bands are clipped


class WhisperCTCConfig(WhisperConfig):  # type: ignore[misc]
    """Whisper's own configuration; SpecAugment is over mel windows (10 ms) and bands."""

    model_type = "asheard-whisper"
    attribute_map = WhisperConfig.attribute_map | {"hidden_dropout": "dropout"}
    conv_stride = (HOP, 2)
    feat_extract_norm = "layer"  # in wav2vec2's family: rows are padded with a mask


class _FrontEnd(LogMelFrontEnd):
    """Log-mel power as Whisper was trained on it, and its two convolutions."""

    def __init__(self, config: WhisperCTCConfig) -> None:
        super().__init__()
        self.config = config
        filters = mel_filter_bank(NUM_BINS, config.num_mel_bins, 0.0, 8000.0, SAMPLE_RATE_HZ, "slaney", "slaney")
        self.register_buffer("mel_filters", torch.from_numpy(filters).float())
        self.mel_filters: Tensor
        self.conv1 = nn.Conv1d(config.num_mel_bins, config.d_model, 3, padding=1)
        self.conv2 = nn.Conv1d(config.d_model, config.d_model, 3, stride=2, padding=1)

    def forward(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """Compute frames: (B, S) -> (B, T, H)."""
        num_valid = num_windows(num_samples)
        with torch.autocast(waveforms.device.type, enabled=False):
            mel = mel_power(waveforms.float(), num_samples, self.mel_filters).log10()
            valid = mask(num_valid, mel.shape[1])[:, :, None]
            loudest = mel.masked_fill(~valid, float("-inf")).amax((1, 2), keepdim=True)
            mel = (torch.maximum(mel, loudest - _RANGE) + 4.0) / 4.0
        if self.training and self.config.apply_spec_augment:
            mel = spec_augment(mel, num_valid, self.config)
        windows = nn.functional.gelu(self.conv1((mel * valid).transpose(1, 2))) * valid.transpose(1, 2)
        return nn.functional.gelu(self.conv2(windows)).transpose(1, 2)


class WhisperEncoderModel(LogMelModel):
    """Whisper's encoder behind its front end.

    Source: Radford et al. 2022 (Whisper); SpecAugment: Park et al. 2019.
    """

    config_class = WhisperCTCConfig
    base_model_prefix = "whisper"
    _supports_sdpa = True

    def __init__(self, config: WhisperCTCConfig) -> None:
        super().__init__(config)
        self.feature_extractor = _FrontEnd(config)
        self.layers = nn.ModuleList(WhisperEncoderLayer(config) for _ in range(config.encoder_layers))
        self.layer_norm = nn.LayerNorm(config.d_model)
        self.post_init()

    def _encode(self, frames: Tensor, valid: Tensor) -> Tensor:
        frames = frames + sinusoids(*frames.shape[1:]).to(frames)
        attended = valid[:, None, None, :]
        bias = torch.zeros_like(attended, dtype=frames.dtype).masked_fill(~attended, torch.finfo(frames.dtype).min)
        bias = bias.expand(-1, 1, frames.shape[1], -1)
        for layer in self.layers:
            frames = layer(frames, bias)
        encoded: Tensor = self.layer_norm(frames)
        return encoded


class WhisperForCTC(LogMelForCTC):
    """A `WhisperEncoderModel` and one linear layer over CTC labels."""

    config_class = WhisperCTCConfig
    base_model_prefix = "whisper"
    _supports_sdpa = True
    architecture = WhisperEncoderModel


def read_whisper(base_id: str | Path, **overrides: Any) -> WhisperEncoderModel:
    """Load the encoder of a published Whisper checkpoint, without its decoder.

    Args:
        base_id: hub id (openai/whisper-tiny.en) or folder.
        overrides: configuration values to change.
    Raises:
        ModelError: it cannot be loaded, holds no encoder, or takes audio at another rate than 16 kHz.
    """
    read_extractor(transformers.WhisperFeatureExtractor, base_id)
    published, missing = read_model(transformers.WhisperModel, base_id)
    refuse_incomplete(base_id, [name for name in missing if name.startswith("encoder.")])
    weights = {
        f"feature_extractor.{name}" if name.startswith("conv") else name: tensor
        for name, tensor in published.encoder.state_dict().items()
        if name != "embed_positions.weight"  # sinusoids, computed for any length
    }
    model = WhisperEncoderModel(WhisperCTCConfig.from_dict(published.config.to_diff_dict(), **overrides))
    model.load_state_dict(weights | {MEL_FILTERS: model.state_dict()[MEL_FILTERS]})
    return model


AutoConfig.register(WhisperCTCConfig.model_type, WhisperCTCConfig)
AutoModel.register(WhisperCTCConfig, WhisperEncoderModel)
AutoModelForCTC.register(WhisperCTCConfig, WhisperForCTC)
