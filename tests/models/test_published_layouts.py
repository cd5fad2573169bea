"""Checkpoints in the layout they were published in: what loads, and what is refused and why."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from asheard.errors import ModelError
from asheard.models import OffTheShelf, load_encoder, load_transcriber, pad
from asheard.phones import fold_espeak
from support.published_layouts import CONFIGS, VOCABULARY, change, publish_as, write_weights
from support.transcripts import transcripts

LV60, XLS_R, HUBERT, WAVLM, W2V_BERT, WHISPER = CONFIGS
WAVEFORMS = [np.random.default_rng(i).normal(0, 0.1, 16_000 + 5_000 * i).astype(np.float32) for i in range(2)]


@pytest.fixture
def lv60(tmp_path):
    """The default base, as published: pickled weights."""
    publish_as(LV60, tmp_path)
    return tmp_path


@pytest.mark.parametrize("weights", ["safetensors", "zip", "legacy"])
def test_layout_of_the_default_base(weights, tmp_path):
    model = publish_as(LV60, tmp_path, weights)
    transcriber = load_transcriber(tmp_path)
    assert isinstance(transcriber, OffTheShelf)
    assert len(transcriber.vocabulary.labels) == 392
    assert (transcriber.vocabulary.alphabet, transcriber.vocabulary.silent) == ("espeak", {0, 1, 2, 3})
    names = list(VOCABULARY)
    for waveform, transcript in zip(WAVEFORMS, transcripts(transcriber, WAVEFORMS), strict=True):
        normalised = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
        with torch.inference_mode():
            best = model(torch.from_numpy(normalised)[None]).logits[0].argmax(-1).tolist()
        heard = [label for label, before in zip(best, [None, *best], strict=False) if label != before and label > 3]
        assert list(transcript.phones) == [phone for label in heard for phone in fold_espeak(names[label])]
        assert transcript.phones


@pytest.mark.parametrize("name", [XLS_R, HUBERT, WAVLM, W2V_BERT])
def test_load_encoder_agrees_with_transformers(name, tmp_path):
    import transformers

    model = publish_as(name, tmp_path)
    encoder = load_encoder(tmp_path).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path)
    inputs = extractor(WAVEFORMS, sampling_rate=16_000, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = getattr(model, "wav2vec2", model)(**inputs).last_hidden_state
        frames = encoder(*pad(WAVEFORMS))
    for row, waveform in enumerate(WAVEFORMS):
        count = int(encoder.num_frames(torch.tensor(len(waveform))))
        assert count == pytest.approx(len(waveform) / 320, abs=2)
        assert_close(frames[row, :count], expected[row, :count], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [XLS_R, HUBERT, WAVLM, W2V_BERT, WHISPER])
def test_off_the_shelf_refuses_an_encoder_alone(name, tmp_path):
    publish_as(name, tmp_path)
    with pytest.raises(ModelError, match=r"no CTC head"):
        load_transcriber(tmp_path)


def test_layout_weights_in_several_pickles(lv60):
    shard(lv60)
    assert transcripts(load_transcriber(lv60), WAVEFORMS[:1])[0].phones
    torch.save({"lm_head.bias": torch.zeros(392), "epoch": 3}, lv60 / "pytorch_model-00002-of-00002.bin")
    with pytest.raises(ModelError, match=r"00002-of-00002.bin: refused"):
        load_transcriber(lv60)


def shard(folder: Path) -> None:
    whole = folder / "pytorch_model.bin"
    tensors = torch.load(whole)
    names = [f"pytorch_model-0000{number}-of-00002.bin" for number in (1, 2)]
    where = {key: names[key.startswith("lm_head")] for key in tensors}
    for name in names:
        torch.save({key: value for key, value in tensors.items() if where[key] == name}, folder / name)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    whole.unlink()


class Evil:
    """What runs code when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("load", [load_transcriber, load_encoder])
@pytest.mark.parametrize("kind", ["code", "plain pickle", "number", "nested", "list", "cut"])
def test_layout_pickle_of_more_than_tensors_is_refused(kind, load, lv60):
    path, trace = lv60 / "pytorch_model.bin", lv60 / "ran"
    tensors = torch.load(path)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif kind == "plain pickle":
        path.write_bytes(pickle.dumps(tensors | {"evil": Evil(trace)}))
    else:
        content = {
            "code": tensors | {"evil": Evil(trace)},
            "number": tensors | {"epoch": 3},
            "nested": {"model": tensors},
            "list": list(tensors.values()),
        }
        torch.save(content[kind], path)
    with pytest.raises(ModelError, match=r"pytorch_model.bin: refused, .*model\.safetensors"):
        load(lv60)
    assert not trace.exists()


def test_layout_safetensors_go_before_a_pickle(lv60):
    model = publish_as(LV60, lv60, "safetensors")
    (lv60 / "pytorch_model.bin").write_bytes(b"not to be read")
    encoder = load_encoder(lv60)
    assert torch.equal(encoder.backbone.encoder.layer_norm.weight, model.wav2vec2.encoder.layer_norm.weight)


def test_layout_with_code_is_refused(lv60, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    trace = lv60 / "ran"
    (lv60 / "code.py").write_text(f"open({str(trace)!r}, 'w')\n")
    change(lv60 / "config.json", model_type="novel", auto_map={"AutoConfig": "code.Novel", "AutoModel": "code.Novel"})
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(lv60)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", "config.json missing"),
        ("pytorch_model.bin", "no file named model.safetensors, or pytorch_model.bin"),
        ("vocab.json", "vocab.json"),
    ],
)
def test_layout_with_a_missing_file(name, message, lv60):
    (lv60 / name).unlink()
    with pytest.raises(ModelError, match=message):
        load_transcriber(lv60)


@pytest.mark.parametrize("name", [LV60, HUBERT, W2V_BERT, WHISPER])
def test_layout_of_another_sampling_rate(name, tmp_path):
    publish_as(name, tmp_path)
    change(tmp_path / "preprocessor_config.json", sampling_rate=8_000)
    with pytest.raises(ModelError, match="asks for 8000 Hz audio; AsHeard works at 16000 Hz: take"):
        load_encoder(tmp_path)


def test_layout_with_features_of_another_size(tmp_path):
    publish_as(W2V_BERT, tmp_path)
    change(tmp_path / "preprocessor_config.json", num_mel_bins=40)
    with pytest.raises(ModelError, match=r"gives 80 features a frame, and config.json reads 160"):
        load_encoder(tmp_path)


def test_layout_with_an_adapter_that_halves_the_frames(tmp_path):
    publish_as(W2V_BERT, tmp_path, add_adapter=True)
    with pytest.raises(ModelError, match="ends in a subsampling adapter"):
        load_encoder(tmp_path)


def test_layout_with_fewer_labels_than_rows(lv60):
    (lv60 / "vocab.json").write_text(json.dumps({label: i for label, i in VOCABULARY.items() if i < 390}))
    with pytest.raises(ModelError, match=r"vocab\.json names 390 labels, but the model has the 392 ids"):
        load_transcriber(lv60)


def test_layout_with_a_head_of_another_vocabulary(lv60):
    change(lv60 / "config.json", vocab_size=46)
    with pytest.raises(ModelError, match=r"lm_head\.bias is \(392,\) in its weights and \(46,\) by config.json"):
        load_transcriber(lv60)
    load_encoder(lv60)  # which leaves the head behind


def test_layout_with_a_vocabulary_without_numbers(lv60):
    (lv60 / "vocab.json").write_text(json.dumps({label: str(i) for label, i in VOCABULARY.items()}))
    with pytest.raises(ModelError, match=r"vocab.json names .* its id as a number"):
        load_transcriber(lv60)


def test_layout_with_a_missing_tensor(tmp_path):
    model = publish_as(W2V_BERT, tmp_path)
    del model.encoder.layers[1].ffn1
    write_weights(model, tmp_path, "safetensors")
    with pytest.raises(ModelError, match=r"its weights lack 4 tensors of the configuration \(encoder.layers.1.ffn1"):
        load_encoder(tmp_path)
