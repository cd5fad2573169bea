"""Random models of a few thousand weights, saved the way the hub publishes large ones."""

import json
from pathlib import Path

import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC, Wav2Vec2Model

from asheard.models import Encoder

TINY = {
    "conv_dim": (8,) * 7,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.0,
}


def tiny_encoder(norm: str = "layer", **config) -> Encoder:
    torch.manual_seed(0)
    settings = TINY | {"feat_extract_norm": norm, "do_stable_layer_norm": norm == "layer"} | config
    return Encoder(Wav2Vec2Model(Wav2Vec2Config(**settings)), do_normalize=True).eval()


def publish(folder: Path, labels: list[str], norm: str = "layer", sampling_rate: int = 16_000) -> Wav2Vec2ForCTC:
    """Write config, weights, preprocessor and vocabulary of a random recogniser; blank = <pad> = 0."""
    torch.manual_seed(1)
    settings = TINY | {"feat_extract_norm": norm, "do_stable_layer_norm": norm == "layer"}
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**settings, vocab_size=len(labels), pad_token_id=0)).eval()
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=sampling_rate, return_attention_mask=True).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({label: i for i, label in enumerate(labels)}))
    return model
