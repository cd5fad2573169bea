"""Speech encoders: a 16 kHz waveform in, a vector every 20 ms out.

They are the wav2vec2 family, w2v-BERT 2.0, Whisper's encoder and models of ours, by hub id or folder.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor, nn

from asheard.errors import ModelError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.models.hub import read_config, read_extractor, read_model, refuse_incomplete
from asheard.models.log_mel import mask
from asheard.models.whisper import read_whisper

# The embedded base: 2.0 M parameters, under 10 MB as float32 safetensors. It has no dropout, because drawing a random
# number for every activation takes a third of a step on a CPU. SpecAugment regularises instead.
SMALL_ENCODER: Final[dict[str, Any]] = {
    "conv_dim": (32, 32, 64, 64, 128, 128, 128),
    "hidden_size": 192,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 768,
    "num_conv_pos_embeddings": 32,
    "num_conv_pos_embedding_groups": 16,
    "feat_extract_norm": "group",
    "do_stable_layer_norm": False,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "final_dropout": 0.0,
    "layerdrop": 0.0,
}

# w2v-BERT 2.0's features
_WINDOW: Final = SAMPLE_RATE_HZ * 25 // 1000
_HOP: Final = SAMPLE_RATE_HZ * 10 // 1000
_N_FFT: Final = 512
_FULL_SCALE: Final = 2.0**15  # Kaldi's samples are 16-bit integers
_PRE_EMPHASIS: Final = 0.97
_FLOOR: Final = 2.0**-23  # of a mel band's power, before the logarithm
_SMALLEST_VARIANCE: Final = 1e-7

# Families in which only a projection, SpecAugment and a transformer follow the convolutions.
_CONTINUED: Final = frozenset(
    ("data2vec-audio", "hubert", "unispeech", "unispeech-sat", "wav2vec2", "wav2vec2-conformer", "wavlm")
)


class Encoder(nn.Module):
    """A Hugging Face model of the wav2vec2 family that takes raw, unnormalised 16 kHz waveforms.

    `forward` does what the published preprocessor does, so every encoder takes the same waveform. Padding is masked
    only if the convolutional front end is layer-normed. Group-normed ones were trained without a mask, and their first
    normalisation includes the padding.
    """

    def __init__(self, backbone: Any, *, do_normalize: bool) -> None:
        super().__init__()
        config = backbone.config
        if not self.fits(backbone):
            raise ModelError(
                f"a {config.model_type} model has no wav2vec2 front end; "
                "give a checkpoint of the wav2vec2 family, w2v-BERT or Whisper"
            )
        if getattr(config, "add_adapter", False):
            raise ModelError(
                "this checkpoint ends in a subsampling adapter (add_adapter); CTC needs 20 ms frames: give one without"
            )
        self.backbone = backbone
        self.do_normalize = do_normalize

    @staticmethod
    def fits(backbone: Any) -> bool:
        """Whether a backbone has the wav2vec2 family's front end, from waveforms."""
        return hasattr(backbone.config, "conv_stride") and hasattr(backbone, "feature_extractor")

    @property
    def config(self) -> Any:
        """The transformers configuration."""
        return self.backbone.config

    @property
    def hidden_size(self) -> int:
        """Size of one frame's vector."""
        return int(self.config.hidden_size)

    @property
    def masks_padding(self) -> bool:
        """Whether the front end is layer-normed, and was trained with an attention mask over the padding."""
        return getattr(self.config, "feat_extract_norm", "layer") == "layer"  # Data2VecAudio is always layer-normed

    @property
    def independent_of_padding(self) -> bool:
        """Whether a row's frames are the same in a padded batch as alone.

        Data2VecAudio masks padding, but its frames depend on it: the mask reaches only the first of its five positional
        convolutions.
        """
        return self.masks_padding and self.config.model_type != "data2vec-audio"

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return int(np.prod(self.config.conv_stride)) / SAMPLE_RATE_HZ

    def num_frames(self, num_samples: Tensor) -> Tensor:
        """Compute how many frames so many samples give; 0 if they are shorter than one window (25 ms).

        Args:
            num_samples: int64 of any shape.
        Returns:
            int64 of the same shape.
        """
        num_frames: Tensor = self.backbone._get_feat_extract_output_lengths(num_samples)
        return num_frames.clamp(min=0)

    @property
    def continues(self) -> bool:
        """Whether `forward` can continue from the output of `front_end`."""
        return self.config.model_type in _CONTINUED

    @torch.no_grad()
    def front_end(self, waveform: Tensor) -> Tensor:
        """Compute the output of the convolutions for one recording alone.

        Args:
            waveform: (S,) float32 at 16 kHz.
        Returns:
            (T, C) float16.
        """
        alone = waveform[None]
        if self.do_normalize:
            whole = torch.ones_like(alone, dtype=torch.bool)
            alone = _zero_mean_unit_variance(alone, whole, whole.sum(1))
        features: Tensor = self.backbone.feature_extractor(alone)
        return features[0].T.half()

    def forward(self, waveforms: Tensor, num_samples: Tensor | None = None) -> Tensor:
        """Encode padded waveforms, or continue from their features.

        Args:
            waveforms: (B, S) float32 at 16 kHz, padded with zeros; or (B, T, C) float16, the output of `front_end` for
                each row, padded with zeros. The padding of features is always masked, so a row is encoded as it would
                be alone.
            num_samples: (B,) int64, valid samples of each row; None if nothing is padded, never with features.
        Returns:
            (B, T, H) frames; ignore those past `num_frames(num_samples)`.
        """
        if waveforms.ndim == 3 and num_samples is not None:
            return self._continue(waveforms.float(), self.num_frames(num_samples))
        if num_samples is None:
            num_samples = torch.full(waveforms.shape[:1], waveforms.shape[1], device=waveforms.device)
        valid = mask(num_samples, waveforms.shape[1])
        if self.do_normalize:
            waveforms = _zero_mean_unit_variance(waveforms, valid, num_samples)
        attention_mask = valid.long() if self.masks_padding else None
        frames: Tensor = self.backbone(waveforms, attention_mask=attention_mask).last_hidden_state
        return frames

    def _continue(self, features: Tensor, num_frames: Tensor) -> Tensor:
        """Continue from (B, T, C) features to (B, T, H) frames, as the family's own forward pass does."""
        valid = mask(num_frames, features.shape[1])
        projected = self.backbone.feature_projection(features)
        if isinstance(projected, tuple):  # all but HuBERT give the normalised features too
            projected = projected[0]
        projected = self.backbone._mask_hidden_states(projected, attention_mask=valid)
        frames: Tensor = self.backbone.encoder(projected, attention_mask=valid).last_hidden_state
        return frames

    def freeze_front_end(self) -> None:
        """Exclude the convolutions from training; no gradient is computed through them."""
        # The family's own switch also stops the gradient that training requires of the input.
        self.backbone.feature_extractor._freeze_parameters()

    def save_preprocessor(self, folder: Path) -> None:
        """Write preprocessor_config.json: how waveforms are read, for transformers and for `load_encoder`."""
        transformers.Wav2Vec2FeatureExtractor(
            sampling_rate=SAMPLE_RATE_HZ, do_normalize=self.do_normalize, return_attention_mask=self.masks_padding
        ).save_pretrained(folder)


def fresh_encoder(config: dict[str, Any], **overrides: Any) -> Encoder:
    """Make a wav2vec2 encoder with random weights, drawn from torch's generator.

    Args:
        config: keywords of `transformers.Wav2Vec2Config`, such as `SMALL_ENCODER`.
        overrides: values that replace those in `config`.
    """
    backbone = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**{**config, **overrides}))
    return Encoder(backbone, do_normalize=True)


def pad(rows: Sequence[NDArray[np.float32] | Tensor]) -> tuple[Tensor, Tensor]:
    """Stack waveforms (S,), or features (T, C), of unequal length.

    Returns:
        (B, S) or (B, T, C), padded with zeros, and (B,) int64 valid samples or frames.
    """
    tensors = [torch.as_tensor(row) for row in rows]
    lengths = torch.tensor([len(tensor) for tensor in tensors])
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True), lengths


def _zero_mean_unit_variance(waveforms: Tensor, valid: Tensor, num_samples: Tensor) -> Tensor:
    """Normalise the valid samples as transformers' Wav2Vec2FeatureExtractor does; padding stays 0."""
    count = num_samples[:, None].to(waveforms.dtype)
    centred = (waveforms - (waveforms * valid).sum(1, keepdim=True) / count) * valid
    variance = centred.square().sum(1, keepdim=True) / count
    return centred / torch.sqrt(variance + 1e-7)


class MelEncoder(Encoder):
    """A `Wav2Vec2BertModel` that takes raw 16 kHz waveforms.

    `forward` computes what the published feature extractor computes on a CPU, on the model's device: Kaldi's log-mel
    power of 25 ms windows every 10 ms, each band of a recording normalised to zero mean and unit variance, two windows
    to a frame.
    """

    def __init__(self, backbone: Any, extractor: Any) -> None:
        """Take the settings of the checkpoint's `SeamlessM4TFeatureExtractor`.

        Raises:
            ModelError: its features have another size than the backbone's input.
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
        """Whether a backbone is a w2v-BERT."""
        return bool(backbone.config.model_type == "wav2vec2-bert")

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return float(self.extractor.stride * _HOP / SAMPLE_RATE_HZ)

    def num_frames(self, num_samples: Tensor) -> Tensor:
        """Compute how many frames so many samples give; 0 if shorter than one frame; int64 of any shape."""
        return torch.div(_num_windows(num_samples), self.extractor.stride, rounding_mode="floor")

    def forward(self, waveforms: Tensor, num_samples: Tensor | None = None) -> Tensor:
        """Encode padded waveforms, each of one frame or longer; see `Encoder.forward`."""
        if num_samples is None:
            num_samples = torch.full(waveforms.shape[:1], waveforms.shape[1], device=waveforms.device)
        with torch.no_grad(), torch.autocast(waveforms.device.type, enabled=False):
            features = self._features(waveforms.float(), num_samples)
        valid = mask(self.num_frames(num_samples), features.shape[1])
        frames: Tensor = self.backbone(features, attention_mask=valid.long()).last_hidden_state
        return frames

    def freeze_front_end(self) -> None:
        """Do nothing: log-mel features have no weights."""

    def save_preprocessor(self, folder: Path) -> None:
        """Write preprocessor_config.json."""
        self.extractor.save_pretrained(folder)

    def _features(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """Compute features: (B, S) -> (B, T, stride * bands)."""
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


def load_encoder(base_id: str | Path, **overrides: Any) -> Encoder:
    """Load a pretrained encoder, without a recognition head or a decoder that is saved with it.

    Args:
        base_id: Hugging Face hub id, or a folder in that layout (a model folder of ours is one).
        overrides: configuration values to change, SpecAugment and dropout for training.
    Raises:
        ModelError: no such folder or id, not of a family that fits, weights that do not match the configuration or are
            not safe to read, or audio at another rate than 16 kHz.
    """
    config = read_config(base_id, **overrides)
    if config.model_type == "whisper":
        return Encoder(read_whisper(base_id, **overrides), do_normalize=False)
    if not hasattr(config, "mask_feature_min_masks"):  # which WavLM's code reads, and its configuration lacks
        config.mask_feature_min_masks = 0
    backbone, missing = read_model(transformers.AutoModel, base_id, config=config)
    refuse_incomplete(base_id, missing)
    return encoder_around(backbone, base_id)


def encoder_around(backbone: Any, source: str | Path) -> Encoder:
    """Make the encoder of a loaded backbone, with the settings of the checkpoint's preprocessor.

    Raises:
        ModelError: no encoder of ours fits it, or what `read_extractor` raises.
    """
    if backbone.config.model_type == "wav2vec2-bert":
        return MelEncoder(backbone, read_extractor(transformers.SeamlessM4TFeatureExtractor, source))
    extractor = read_extractor(transformers.Wav2Vec2FeatureExtractor, source)
    return Encoder(backbone, do_normalize=bool(extractor.do_normalize))
