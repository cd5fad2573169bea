"""Shapes, padding, and what an L1-aware model makes of a declared or unknown L1."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from transformers import Wav2Vec2FeatureExtractor

from asheard.corpora.l2arctic import SPK_L1
from asheard.errors import ModelError
from asheard.models import CTCTranscriber, Encoder, L1AwareCTC, fresh_encoder, load_encoder, pad
from asheard.models.ctc import L2_ARCTIC_L1S
from asheard.models.encoders import SMALL_ENCODER
from asheard.recognition.runtime import UNKNOWN_L1
from support.tiny_checkpoints import tiny_encoder

LENGTHS = (16_000, 9_000, 12_345)


@pytest.fixture
def waveforms():
    random = np.random.default_rng(0)
    return [random.normal(0, 0.1, length).astype(np.float32) for length in LENGTHS]


def test_ctc_transcriber_logits(waveforms):
    model = CTCTranscriber(tiny_encoder())
    padded, num_samples = pad(waveforms)
    assert model(padded, num_samples).shape == (3, 49, 42)
    assert model.encoder.num_frames(num_samples).tolist() == [49, 27, 38]


def test_l1_aware_ctc_logits(waveforms):
    model = L1AwareCTC(tiny_encoder())
    padded, num_samples = pad(waveforms)
    ctc_logits, l1_logits = model(padded, num_samples)
    assert ctc_logits.shape == (3, 49, 42)
    assert l1_logits.shape == (3, 6)
    assert model.l1s == L2_ARCTIC_L1S
    assert model.ctc_head.in_features == 16 + 64


def test_l1_aware_ctc_default_l1s():
    assert list(L2_ARCTIC_L1S) == sorted(set(SPK_L1.values()))


@pytest.mark.parametrize("num_samples", [399, 400, 719, 720, 16_000, 50_001])
def test_encoder_num_frames(num_samples):
    encoder = tiny_encoder()
    expected = encoder(torch.zeros(1, num_samples)).shape[1] if num_samples >= 400 else 0
    assert int(encoder.num_frames(torch.tensor(num_samples))) == expected
    assert encoder.frame_s == 0.02


def test_encoder_normalises_waveforms(waveforms):
    encoder, seen = tiny_encoder(), []
    encoder.backbone.feature_extractor.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder(*pad(waveforms))
    published = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    expected = published(waveforms, sampling_rate=16_000, padding=True, return_tensors="pt").input_values
    assert_close(seen[0], expected, atol=1e-5, rtol=1e-5)


def test_encoder_layer_norm_masks_padding(waveforms):
    model = L1AwareCTC(tiny_encoder("layer")).eval()
    together = model(*pad(waveforms))
    for row, waveform in enumerate(waveforms):
        alone = model(*pad([waveform]))
        frames = alone[0].shape[1]
        assert_close(together[0][row, :frames], alone[0][0], atol=1e-4, rtol=1e-4)
        assert_close(together[1][row], alone[1][0], atol=1e-4, rtol=1e-4)


def test_encoder_group_norm_masks_nothing(waveforms, monkeypatch):
    encoder = tiny_encoder("group")
    seen = []
    forward = encoder.backbone.forward
    monkeypatch.setattr(
        encoder.backbone, "forward", lambda *args, **kwargs: seen.append(kwargs) or forward(*args, **kwargs)
    )
    encoder(*pad(waveforms))
    assert seen[0]["attention_mask"] is None


@pytest.mark.parametrize("norm", ["layer", "group"])
@pytest.mark.parametrize("kind", [CTCTranscriber, L1AwareCTC])
def test_recognise_does_not_depend_on_neighbours(waveforms, norm, kind):
    model = kind(tiny_encoder(norm)).eval()
    waveforms = [*waveforms, waveforms[0][::-1].copy(), np.zeros(100, np.float32)]
    together = [one.transcript for one in model.recognise(waveforms, [None] * 5)]
    alone = [model.recognise([waveform], [None])[0].transcript for waveform in waveforms]
    assert [t.phones for t in together] == [t.phones for t in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.confidences == pytest.approx(other.confidences, abs=1e-4)
        assert one.times_s == other.times_s
    assert together[-1].phones == ()  # shorter than a frame


def test_l1_aware_ctc_declared_l1_replaces_the_posterior(waveforms):
    model = L1AwareCTC(tiny_encoder()).eval()
    padded, num_samples = pad(waveforms)
    mixed, l1_logits = model(padded, num_samples)
    by_l1 = torch.stack([model(padded, num_samples, torch.full((3,), l1))[0] for l1 in range(6)])
    # The head is linear in the embedding, so mixing embeddings is mixing logits.
    expected = torch.einsum("bl,lbtv->btv", l1_logits.softmax(-1), by_l1)
    assert_close(mixed, expected, atol=1e-5, rtol=1e-5)
    some = model(padded, num_samples, torch.tensor([2, UNKNOWN_L1, 5]))[0]
    assert_close(some, torch.stack([by_l1[2, 0], mixed[1], by_l1[5, 2]]), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(by_l1[0], by_l1[1], atol=1e-3)


def test_recognise_refuses_an_unknown_l1(waveforms):
    model = L1AwareCTC(tiny_encoder(), l1s=("Hindi", "Thai"))
    with pytest.raises(ModelError, match=r"Hindi, Thai, not 'Korean'.*--l1-withheld"):
        model.recognise(waveforms[:1], ["Korean"])


def test_encoder_front_end_stays_frozen(waveforms):
    model = CTCTranscriber(tiny_encoder("group")).train()
    model.encoder.freeze_front_end()
    model(*pad(waveforms)).sum().backward()
    front_end = list(model.encoder.backbone.feature_extractor.parameters())
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in front_end)
    assert model.encoder.backbone.feature_projection.projection.weight.grad is not None


def test_encoder_attention_is_sdpa():
    assert tiny_encoder().config._attn_implementation == "sdpa"


def test_small_encoder_size():
    encoder = fresh_encoder(SMALL_ENCODER)
    assert sum(parameter.numel() for parameter in encoder.parameters()) * 4 < 10_000_000
    assert not encoder.masks_padding


@pytest.mark.parametrize("family", ["Hubert", "WavLM", "Data2VecAudio", "UniSpeech"])
def test_load_encoder_of_other_families(family, waveforms, tmp_path):
    import transformers

    from support.tiny_checkpoints import TINY

    config = getattr(transformers, f"{family}Config")(**TINY)
    model = getattr(transformers, f"{family}Model")(config)
    model.save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    transcriber = CTCTranscriber(tmp_path).eval()
    padded, num_samples = pad(waveforms)
    frames = transcriber.encoder.num_frames(num_samples)
    assert transcriber(padded, num_samples).shape == (3, int(frames.max()), 42)


def test_load_encoder_refuses_other_models():
    from transformers import BertConfig, BertModel

    with pytest.raises(ModelError, match="bert model has no wav2vec2 front end"):
        Encoder(
            BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1)),
            do_normalize=True,
        )


@pytest.mark.parametrize("kind", [CTCTranscriber, L1AwareCTC])
def test_load_encoder_without_a_processor(kind, waveforms, tmp_path):
    published = tiny_encoder().backbone
    published.save_pretrained(tmp_path)
    encoder = kind(tmp_path).encoder.eval()
    defaults = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    with torch.inference_mode():
        inputs = defaults(waveforms, sampling_rate=16_000, padding=True, return_tensors="pt")
        expected = published(**inputs).last_hidden_state
        frames = encoder(*pad(waveforms))
    for row, num_frames in enumerate((49, 27, 38)):
        assert_close(frames[row, :num_frames], expected[row, :num_frames], atol=1e-4, rtol=1e-4)


def test_load_encoder_with_a_processor(tmp_path):
    tiny_encoder().backbone.save_pretrained(tmp_path)
    extractor = Wav2Vec2FeatureExtractor(do_normalize=False).to_dict()
    (tmp_path / "processor_config.json").write_text(json.dumps({"feature_extractor": extractor}))
    assert not load_encoder(tmp_path).do_normalize


@pytest.mark.parametrize("content", ["not JSON", '{"sampling_rate": 8000}'])
def test_load_encoder_with_a_faulty_preprocessor(content, tmp_path):
    tiny_encoder().backbone.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(content)
    with pytest.raises(ModelError, match=r"cannot be loaded|8000 Hz"):
        load_encoder(tmp_path)


def test_load_encoder_of_an_empty_folder(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json missing; copy the whole folder"):
        load_encoder(tmp_path)
