"""Whisper's encoder against transformers' own, from published checkpoints."""

import numpy as np
import pytest
import torch
import transformers
from torch.testing import assert_close

from asheard.errors import ModelError
from asheard.models import load_encoder
from support.tiny_log_mel_encoders import TINY_WHISPER


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A random checkpoint in the published layout, for recordings of 2 s."""
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("whisper")
    config = transformers.WhisperConfig(**TINY_WHISPER | {"max_source_positions": 100})
    transformers.WhisperModel(config).save_pretrained(folder)
    return folder


@torch.inference_mode()
def test_whisper_frames_equal_transformers(published):
    """Of 200 windows, the last of which Whisper's extractor leaves out."""
    waveform = np.random.default_rng(0).normal(0, 0.1, 199 * 160).astype(np.float32)
    encoder = load_encoder(published).eval()
    seen = []
    encoder.backbone.feature_extractor.conv1.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    frames = encoder(torch.from_numpy(waveform)[None])
    extractor = transformers.WhisperFeatureExtractor(feature_size=TINY_WHISPER["num_mel_bins"])
    features = extractor(waveform, sampling_rate=16_000, padding="do_not_pad", return_tensors="pt").input_features
    assert_close(seen[0][:, :, :199], features, atol=1e-5, rtol=1e-5)
    whisper = transformers.WhisperModel.from_pretrained(published).encoder.eval()
    assert_close(frames, whisper(seen[0]).last_hidden_state, atol=1e-5, rtol=1e-5)


def test_whisper_of_an_encoder_alone(published, tmp_path):
    """As some publish it: the decoder's weights left out."""
    whole = transformers.WhisperModel.from_pretrained(published)
    weights = {name: tensor for name, tensor in whole.state_dict().items() if not name.startswith("decoder.")}
    whole.save_pretrained(tmp_path / "encoder", state_dict=weights)
    first, second = load_encoder(published), load_encoder(tmp_path / "encoder")
    for name, tensor in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor), name


def test_whisper_refuses_a_decoder_alone(published, tmp_path):
    whole = transformers.WhisperModel.from_pretrained(published)
    weights = {name: tensor for name, tensor in whole.state_dict().items() if not name.startswith("encoder.")}
    whole.save_pretrained(tmp_path / "decoder", state_dict=weights)
    with pytest.raises(ModelError, match=r"decoder: its weights lack \d+ tensors of the configuration \(encoder"):
        load_encoder(tmp_path / "decoder")
