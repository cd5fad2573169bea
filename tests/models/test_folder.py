"""Model folders: what is written is read back, by AsHeard and by transformers; broken folders are refused."""

import json

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModelForCTC

from asheard.errors import ModelError, OutputError
from asheard.models import (
    CTCTranscriber,
    L1AwareCTC,
    OffTheShelf,
    export_ctc,
    load_encoder,
    load_transcriber,
    read_card,
    save_transcriber,
)
from asheard.models.folder import EXPORTED_LABELS
from asheard.phones import LABELS, PHONES
from support.tiny_checkpoints import publish, tiny_encoder
from support.transcripts import transcripts

WAVEFORMS = [np.random.default_rng(i).normal(0, 0.1, 12_000 + 3_000 * i).astype(np.float32) for i in range(3)]
UNKNOWN = [None] * 3


@pytest.fixture(params=["layer", "group"])
def faithful(request):
    return CTCTranscriber(tiny_encoder(request.param)).eval()


def test_folder_faithful_round_trip(faithful, tmp_path):
    folder = save_transcriber(faithful, tmp_path / "final", {"seed": 1})
    loaded = load_transcriber(folder)
    assert isinstance(loaded, CTCTranscriber)
    assert loaded.state_dict().keys() == faithful.state_dict().keys()
    for name, value in faithful.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert transcripts(loaded, WAVEFORMS, UNKNOWN) == transcripts(faithful, WAVEFORMS, UNKNOWN)
    assert read_card(folder) == {"kind": "faithful", "training": {"seed": 1}}
    assert list(json.loads((folder / "vocab.json").read_text())) == list(LABELS)


def test_folder_faithful_is_an_ordinary_checkpoint(faithful, tmp_path):
    folder = save_transcriber(faithful, tmp_path / "final", {})
    published, found = AutoModelForCTC.from_pretrained(folder, output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    assert published.config.vocab_size == 42
    waveform = torch.from_numpy(WAVEFORMS[0])[None]
    normalised = (waveform - waveform.mean()) / torch.sqrt(waveform.var(unbiased=False) + 1e-7)
    assert_close(published.eval()(normalised).logits, faithful(waveform), atol=1e-5, rtol=1e-5)


def test_folder_l1_aware_round_trip(tmp_path):
    model = L1AwareCTC(tiny_encoder(), l1_emb=8, l1s=("Hindi", "Thai")).eval()
    folder = save_transcriber(model, tmp_path / "final", {})
    loaded = load_transcriber(folder)
    assert isinstance(loaded, L1AwareCTC)
    assert loaded.l1s == ("Hindi", "Thai")
    for l1s in (UNKNOWN, ["Thai", "Hindi", None]):
        assert transcripts(loaded, WAVEFORMS, l1s) == transcripts(model, WAVEFORMS, l1s)


@pytest.mark.parametrize("kind", [CTCTranscriber, L1AwareCTC])
def test_folder_as_the_next_base(kind, tmp_path):
    model = kind(tiny_encoder())
    folder = save_transcriber(model, tmp_path / "final", {})
    for name, value in load_encoder(folder, mask_time_prob=0.1, hidden_dropout=0.0).state_dict().items():
        assert torch.equal(value, model.encoder.state_dict()[name]), name


def test_export_ctc_is_off_the_shelf(faithful, tmp_path):
    with torch.no_grad():
        faithful.ctc_head.bias[0] = -50.0  # as training leaves the padding label, which is not exported
    folder = export_ctc(faithful, tmp_path / "base", {"recipe": "base"})
    loaded = load_transcriber(folder)
    assert isinstance(loaded, OffTheShelf)
    assert all(loaded.vocabulary.phones.values())
    assert loaded.vocabulary.silent == {0, 1, 2, 3}
    assert tuple(json.loads((folder / "vocab.json").read_text())) == EXPORTED_LABELS
    published = AutoModelForCTC.from_pretrained(folder)
    assert published.config.pad_token_id == 0
    before, after = transcripts(faithful, WAVEFORMS, UNKNOWN), transcripts(loaded, WAVEFORMS, UNKNOWN)
    assert [t.phones for t in before] == [t.phones for t in after]
    assert any(t.phones for t in after)


def test_save_transcriber_overwrites_no_folder(faithful, tmp_path):
    (tmp_path / "final").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        save_transcriber(faithful, tmp_path / "final", {})


def test_save_transcriber_failure_leaves_nothing(faithful, tmp_path):
    with pytest.raises(TypeError):
        save_transcriber(faithful, tmp_path / "final", {"unserialisable": object()})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json", "vocab.json"])
def test_load_transcriber_names_a_missing_file(name, tmp_path):
    folder = save_transcriber(CTCTranscriber(tiny_encoder()), tmp_path / "final", {})
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name} missing"):
        load_transcriber(folder)


def test_load_transcriber_names_missing_heads(tmp_path):
    folder = save_transcriber(L1AwareCTC(tiny_encoder()), tmp_path / "final", {})
    (folder / "l1_aware.safetensors").unlink()
    with pytest.raises(ModelError, match=r"l1_aware.safetensors missing"):
        load_transcriber(folder)


def test_load_transcriber_refuses_other_labels(tmp_path):
    folder = save_transcriber(CTCTranscriber(tiny_encoder()), tmp_path / "final", {})
    labels = list(LABELS)
    labels[4], labels[5] = labels[5], labels[4]
    (folder / "vocab.json").write_text(json.dumps({label: i for i, label in enumerate(labels)}))
    with pytest.raises(ModelError, match="other labels"):
        load_transcriber(folder)


def test_load_transcriber_refuses_truncated_weights(tmp_path):
    folder = save_transcriber(CTCTranscriber(tiny_encoder()), tmp_path / "final", {})
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match=r"final"):
        load_transcriber(folder)


def test_load_transcriber_refuses_weights_of_another_model(tmp_path):
    """Tensors that the configuration wants and the file lacks would silently be random."""
    publish(tmp_path, ["<pad>", *PHONES])
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(ModelError, match="its weights lack"):
        load_encoder(tmp_path)


def test_load_transcriber_runs_no_code_of_a_pickle(tmp_path):
    class Evil:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w').close()",))

    publish(tmp_path, ["<pad>", *PHONES])
    (tmp_path / "model.safetensors").unlink()
    torch.save({"wav2vec2.masked_spec_embed": Evil()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError):
        load_encoder(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_load_transcriber_refuses_another_sampling_rate(tmp_path):
    publish(tmp_path, ["<pad>", *PHONES], sampling_rate=8_000)
    with pytest.raises(ModelError, match="8000 Hz"):
        load_transcriber(tmp_path)
