"""Encoders to start from, by hub id or folder: the wav2vec2 family, w2v-BERT 2.0, Whisper, and models of ours."""

from pathlib import Path
from typing import Any

import transformers

from asheard.models.encoders import Encoder
from asheard.models.mel_encoder import MelEncoder
from asheard.models.published import read_config, read_extractor, read_model, refuse_incomplete
from asheard.models.whisper import read_whisper


def load_encoder(base_id: str | Path, **overrides: Any) -> Encoder:
    """Load a pretrained encoder; a recognition head or a decoder saved with it is left behind.

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
    """The encoder of a loaded backbone, which hears as the checkpoint's preprocessor says.

    Raises:
        ModelError: no encoder of ours fits it, or what `read_extractor` raises.
    """
    if backbone.config.model_type == "wav2vec2-bert":
        return MelEncoder(backbone, read_extractor(transformers.SeamlessM4TFeatureExtractor, source))
    extractor = read_extractor(transformers.Wav2Vec2FeatureExtractor, source)
    return Encoder(backbone, do_normalize=bool(extractor.do_normalize))
