"""A Conformer of a few thousand weights, its mel bands made up."""

import torch

from asheard.models import ConformerConfig, Encoder
from asheard.models.conformer import ConformerModel

TINY = {
    "num_mel_bands": 12,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "conv_kernel_size": 7,
}


def tiny_conformer(**config) -> Encoder:
    torch.manual_seed(0)
    backbone = ConformerModel(ConformerConfig(**TINY | config))
    filters = backbone.feature_extractor.mel_filters
    filters.copy_(torch.rand(filters.shape))
    return Encoder(backbone, do_normalize=False).eval()
