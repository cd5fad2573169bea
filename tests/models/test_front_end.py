"""An encoder gives the same frames from features of its front end as from the waveform."""

import numpy as np
import pytest
import torch
import transformers
from torch.testing import assert_close

from asheard.models import Encoder, pad
from support.tiny_checkpoints import TINY, tiny_encoder
from support.tiny_log_mel_encoders import tiny_conformer

SMALL = TINY | {
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "mask_time_prob": 0.3,
    "mask_time_length": 3,
    "mask_feature_prob": 0.2,
    "mask_feature_length": 2,
    "mask_feature_min_masks": 0,  # WavLM reads it, and its configuration has no default
}
CONTINUED = ("data2vec-audio", "hubert", "unispeech", "unispeech-sat", "wav2vec2", "wav2vec2-conformer", "wavlm")
CLOSE = {"atol": 0.02, "rtol": 0.0}  # of frames of variance 1, from features rounded to float16


def encoder_of(family: str) -> Encoder:
    torch.manual_seed(0)
    return Encoder(
        transformers.AutoModel.from_config(transformers.AutoConfig.for_model(family, **SMALL)), do_normalize=True
    )


@pytest.fixture
def waveforms():
    random = np.random.default_rng(0)
    return [random.normal(0, 0.1, length).astype(np.float32) for length in (16_000, 9_000, 12_345)]


@pytest.mark.parametrize("family", CONTINUED)
def test_encoder_continues_from_features(family, waveforms):
    """In training mode too: SpecAugment draws the same masks from the same seed."""
    encoder = encoder_of(family)
    assert encoder.continues
    waveform = torch.from_numpy(waveforms[0])
    features = encoder.front_end(waveform)[None]
    for training in (False, True):
        encoder.train(training)
        given = []
        for inputs in (waveform[None], features):
            np.random.seed(0)
            torch.manual_seed(0)
            given.append(encoder(inputs, torch.tensor([16_000])))
        assert_close(*given, **CLOSE)
    assert given[0].requires_grad
    assert not features.requires_grad


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_encoder_features_in_a_batch_are_encoded_as_alone(norm, waveforms):
    encoder = tiny_encoder(norm)
    rows = [encoder.front_end(torch.from_numpy(waveform)) for waveform in waveforms]
    padded, num_frames = pad(rows)
    num_samples = torch.tensor([len(waveform) for waveform in waveforms])
    assert torch.equal(num_frames, encoder.num_frames(num_samples))
    with torch.inference_mode():
        together = encoder(padded, num_samples)
        for frames, waveform in zip(together, waveforms, strict=True):
            alone = encoder(torch.from_numpy(waveform)[None])[0]
            assert_close(frames[: len(alone)], alone, **CLOSE)


def test_encoder_of_log_mel_takes_no_features():
    assert not tiny_conformer(mask_time_length=4).continues
