"""Loading by name, and the commands over named models."""

import json
from functools import partial

import numpy as np
import pytest

from asheard.errors import ModelError
from asheard.recognition.load import copy_model, load_recogniser, model_folder, smoke_test
from asheard.recognition.registry import ASHEARD_TINY, ModelConfig, find_model
from support.in_process import run
from support.spoken import SENTENCES, say
from support.transcripts import transcripts


@pytest.fixture
def asheard(monkeypatch, capsys):
    return partial(run, monkeypatch, capsys)


def test_load_recogniser_by_name_and_by_folder():
    named, folder = load_recogniser("asheard-tiny"), load_recogniser(ASHEARD_TINY)
    assert (named.kind, named.engine, named.l1s, named.gives_posteriors) == ("faithful", "onnxruntime", (), True)
    assert named.version == folder.version
    speech = [say(SENTENCES[0])]
    assert transcripts(named, speech) == transcripts(folder, speech)


def test_protocol_of_every_engine():
    """All attributes of the protocol are there, whatever is behind it."""
    for name in ("asheard-tiny", "embedded-base", "command:echo K"):
        recogniser = load_recogniser(name)
        (empty,) = recogniser.recognise([np.zeros(100, np.float32)], [None])
        assert empty.transcript.phones == ()
        assert isinstance(recogniser.version, str)
        assert recogniser.gives_posteriors == (name == "asheard-tiny") == (empty.posteriors is not None)
        assert (recogniser.engine, recogniser.frame_s) == ((None, None) if ":" in name else ("onnxruntime", 0.02))


def test_find_model():
    assert find_model("asheard-tiny").limitations
    assert find_model("/some/folder").coverage == "not stated"


def test_copy_model_loads_again(tmp_path):
    copy_model(find_model("asheard-tiny"), tmp_path / "mine")
    assert json.loads((tmp_path / "mine" / "card.json").read_text())["kind"] == "faithful"
    assert smoke_test(load_recogniser(tmp_path / "mine")) == smoke_test(load_recogniser("asheard-tiny"))
    with pytest.raises(ModelError, match="exists"):
        copy_model(find_model("asheard-tiny"), tmp_path / "mine")
    with pytest.raises(ModelError, match="is not a folder"):
        copy_model(ModelConfig(name="echo", kind="command", model="command:echo K"), tmp_path / "other")


def test_smoke_test_of_a_recogniser_that_recognises_nothing():
    with pytest.raises(ModelError, match="recognises no phone in speech"):
        smoke_test(load_recogniser("command:true"))


def test_models_commands(asheard, tmp_path):
    (tmp_path / "mine.toml").write_text(
        '[transcribers.echo]\nkind = "command"\ncommand = "echo K"\n'
        '[transcribers.gone]\nkind = "model"\npath = "/no/such/folder"\n'
    )
    listed = asheard("models", "list", "--registry", tmp_path / "mine.toml")
    names = [line.split()[0] for line in listed.out.splitlines()[1:] if not line.startswith(" ")]
    assert {"asheard-tiny", "embedded-base", "hama", "pocketsphinx", "echo", "gone"} <= set(names)
    checked = asheard("models", "check", "asheard-tiny", "echo", "gone", "nix", "--registry", tmp_path / "mine.toml")
    assert checked.code == 2
    assert "asheard-tiny: ok by onnxruntime, recognised s i" in checked.out
    assert "echo: ok, recognised k" in checked.out
    assert "/no/such/folder" in checked.err
    assert "no model 'nix'; there are asheard-tiny" in checked.err


def test_models_export(asheard, tmp_path):
    assert asheard("models", "export", "asheard-tiny", "--out", tmp_path / "mine").code == 0
    assert load_recogniser(tmp_path / "mine").version == load_recogniser("asheard-tiny").version
    assert asheard("models", "export", "asheard-tiny", "--out", tmp_path / "mine.onnx").code == 0
    assert (tmp_path / "mine.onnx").stat().st_size > model_folder("asheard-tiny").stat().st_size
    refused = asheard("models", "export", "hama", "--out", tmp_path / "hama.onnx")
    assert (refused.code, "not external recognisers" in refused.err) == (2, True)
