"""Named transcribers: what a TOML file may say, loading once, unloading, and entries that break."""

import asyncio
import json

import pytest

from asheard.errors import ModelError
from asheard.recognition.registry import built_in_models, read_models
from asheard.server import runtime as registries
from asheard.server.middleware import HTTPError
from asheard.server.runtime import build_model_pool, load_scorer
from asheard.server.smoke_test import export_model, smoke_test
from asheard.server.uploads import read_upload
from support.transcripts import transcripts


def read(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    return read_models(tmp_path / "mine.toml")


def test_what_is_built_in():
    entries = {entry.name: entry for entry in built_in_models()}
    assert list(entries) == ["asheard-tiny", "embedded-base", "hama", "pocketsphinx"]
    for entry in entries.values():
        assert entry.broken is None
        assert entry.trained_on
        assert entry.coverage
        assert entry.limitations


@pytest.mark.parametrize("name", ["asheard-tiny", "embedded-base"])
def test_models_that_come_with_the_package_load_and_hear(name):
    (entry,) = (entry for entry in built_in_models() if entry.name == name)
    model = load_scorer(entry)
    assert len(smoke_test(model.recogniser)) > 3
    assert model.calibrated == (name == "asheard-tiny")


def test_every_kind_of_entry(tmp_path):
    (tmp_path / "ft").mkdir()
    entries = read(
        tmp_path,
        """
        [transcribers.ft-l2]
        kind = "model"
        path = "ft"
        trained_on = "us"
        coverage = "everything"
        limitations = ["none that we know"]
        [transcribers.theirs]
        kind = "hub"
        id = "facebook/wav2vec2-lv-60-espeak-cv-ft"
        [transcribers.program]
        kind = "command"
        command = "python3 hear.py"
        """,
    )
    assert [entry.broken for entry in entries] == [None] * 3
    assert [entry.model for entry in entries] == [
        str(tmp_path / "ft"),
        "facebook/wav2vec2-lv-60-espeak-cv-ft",
        "command:python3 hear.py",
    ]
    assert (entries[0].trained_on, entries[1].trained_on) == ("us", "not stated")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ('kind = "modle"', "field 'kind' is 'modle'; there are model, hub"),
        ("", "field 'kind' is None"),
        ('kind = "model"', "field 'path' must be a text"),
        ('kind = "model"\npath = 7', "field 'path' must be a text, not 7"),
        ('kind = "model"\npath = "x"\nid = "y"', "field 'id' is none of kind, path"),
        ('kind = "hub"\nid = "y"\nlimitations = "many"', "field 'limitations' must be a list"),
    ],
)
def test_a_wrong_entry_is_broken_and_stops_no_other(tmp_path, table, reason):
    wrong, right = read(tmp_path, f'[transcribers.x]\n{table}\n[transcribers.y]\nkind = "command"\ncommand = "echo K"')
    assert f"transcribers.x: {reason}" in wrong.broken
    assert right.broken is None


@pytest.mark.parametrize("text", ["[transcribers", "[models.x]", "", "transcribers = 3"])
def test_files_that_are_no_registry(tmp_path, text):
    with pytest.raises(ModelError, match=r"mine\.toml"):
        read(tmp_path, text)


def test_users_replace_what_is_built_in(tmp_path):
    (tmp_path / "mine.toml").write_text('[transcribers.hama]\nkind = "command"\ncommand = "echo K"')
    found = build_model_pool(tmp_path / "mine.toml")
    assert found.entries["hama"].kind == "command"
    assert len(found.entries) == 4


def test_a_model_is_loaded_once_however_many_ask(registry, monkeypatch):
    loads = []
    load = registries.load_scorer
    monkeypatch.setattr(registries, "load_scorer", lambda entry: loads.append(entry.name) or load(entry))

    async def ask():
        first, *others = await asyncio.gather(*(registry.get("echo") for _ in range(8)))
        assert all(other is first for other in others)
        await registry.unload("echo")
        assert not registry.loaded
        await registry.get("echo")
        await registry.close()

    asyncio.run(ask())
    assert loads == ["echo", "echo"]


def test_what_cannot_be_loaded_is_disabled_with_its_reason(registry):
    async def ask():
        for name in ("gone", "misspelt"):
            with pytest.raises(HTTPError, match="cannot be used") as refused:
                await registry.get(name)
            assert refused.value.status == 503
        with pytest.raises(HTTPError, match="no model 'nix'") as refused:
            await registry.unload("nix")
        assert refused.value.status == 404

    asyncio.run(ask())
    assert set(registry.broken) == {"gone", "misspelt"}


def test_the_list_of_models(client, send):
    assert client.get("/health").json()["loaded"] == []
    send("/transcribe", model="echo")
    send("/transcribe", model="asheard-tiny")
    send("/transcribe", model="gone")
    listed = client.get("/models").json()
    models = {model["name"]: model for model in listed["models"]}
    assert listed["default"] == "asheard-tiny"
    assert listed["prior"]["l1s"] == ["Arabic", "Chinese", "Hindi", "Korean", "Spanish", "Vietnamese"]
    assert {name: model["state"] for name, model in models.items()} == {
        "asheard-tiny": "loaded",
        "embedded-base": "available",
        "hama": "available",
        "pocketsphinx": "available",
        "echo": "loaded",
        "deaf": "available",
        "gone": "disabled",
        "misspelt": "disabled",
    }
    assert "/no/such/folder" in models["gone"]["reason"]
    assert (models["echo"]["probabilities"], models["asheard-tiny"]["probabilities"]) == (False, True)
    assert client.delete("/loaded/echo").status_code == 204
    assert client.get("/health").json()["loaded"] == ["asheard-tiny"]
    assert client.delete("/loaded/nix").status_code == 404


def test_export_and_load_again(registry, tmp_path, wav):
    out = export_model(registry, "asheard-tiny", tmp_path / "mine")
    assert json.loads((out / "card.json").read_text())["kind"] == "faithful"
    entries = read(tmp_path, '[transcribers.copy]\nkind = "model"\npath = "mine"')
    original, copy = (load_scorer(entry).recogniser for entry in (registry.entries["asheard-tiny"], entries[0]))
    samples = read_upload(wav, 60)
    assert transcripts(copy, [samples]) == transcripts(original, [samples])
    assert export_model(registry, "asheard-tiny", tmp_path / "mine.onnx").is_file()
    with pytest.raises(ModelError, match="only models can be written"):
        export_model(registry, "echo", tmp_path / "echo.onnx")
    with pytest.raises(ModelError, match="exists"):
        export_model(registry, "asheard-tiny", out)
    with pytest.raises(ModelError, match="no folder that could be written"):
        export_model(registry, "echo", tmp_path / "other")
    with pytest.raises(ModelError, match="no model 'nix'"):
        export_model(registry, "nix", tmp_path / "other")
