"""Encoders of log-mel features with a few thousand weights; the Conformer's mel bands are made up."""

import torch

from asheard.models import ConformerConfig, Encoder
from asheard.models.conformer import ConformerModel
from asheard.models.whisper import WhisperCTCConfig, WhisperEncoderModel

TINY = {
    "num_mel_bands": 12,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "conv_kernel_size": 7,
}

TINY_WHISPER = {
    "num_mel_bins": 12,
    "d_model": 16,
    "encoder_ffn_dim": 32,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_layers": 1,
    "decoder_ffn_dim": 32,
    "decoder_attention_heads": 2,
    "vocab_size": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}


def tiny_conformer(**config) -> Encoder:
    torch.manual_seed(0)
    backbone = ConformerModel(ConformerConfig(**TINY | config))
    filters = backbone.feature_extractor.mel_filters
    filters.copy_(torch.rand(filters.shape))
    return Encoder(backbone, do_normalize=False).eval()


def tiny_whisper(**config) -> Encoder:
    torch.manual_seed(0)
    return Encoder(WhisperEncoderModel(WhisperCTCConfig(**TINY_WHISPER | config)), do_normalize=False).eval()
