"""The models of the service: what a TOML file may say, loading once, unloading, entries that are broken, export."""

import asyncio

import pytest

from asheard.errors import ModelError
from asheard.pronunciation.scorer import Model
from asheard.recognition.load import smoke_test
from asheard.recognition.registry import built_in_models, read_models
from asheard.server.middleware import HTTPError
from asheard.server.runtime import build_model_pool


def read(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    return read_models(tmp_path / "mine.toml")


def test_built_in_models():
    entries = {entry.name: entry for entry in built_in_models()}
    assert list(entries) == ["asheard-tiny", "embedded-base", "hama", "pocketsphinx"]
    for entry in entries.values():
        assert entry.broken is None
        assert entry.trained_on
        assert entry.coverage
        assert entry.limitations


@pytest.mark.parametrize("name", ["asheard-tiny", "embedded-base"])
def test_smoke_test_of_the_shipped_models(name):
    (entry,) = (entry for entry in built_in_models() if entry.name == name)
    model = Model.load(entry)
    assert len(smoke_test(model.recogniser)) > 3
    assert model.calibrated == (name == "asheard-tiny")


def test_read_models_of_every_kind(tmp_path):
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
def test_read_models_marks_a_wrong_entry_as_broken(tmp_path, table, reason):
    wrong, right = read(tmp_path, f'[transcribers.x]\n{table}\n[transcribers.y]\nkind = "command"\ncommand = "echo K"')
    assert f"transcribers.x: {reason}" in wrong.broken
    assert right.broken is None


@pytest.mark.parametrize("text", ["[transcribers", "[models.x]", "", "transcribers = 3"])
def test_read_models_refuses_other_files(tmp_path, text):
    with pytest.raises(ModelError, match=r"mine\.toml"):
        read(tmp_path, text)


def test_pool_replaces_built_in_models_by_those_of_users(tmp_path):
    (tmp_path / "mine.toml").write_text('[transcribers.hama]\nkind = "command"\ncommand = "echo K"')
    pool = build_model_pool(tmp_path / "mine.toml")
    assert pool.configs["hama"].kind == "command"
    assert len(pool.configs) == 4


def test_pool_loads_a_model_once(pool, monkeypatch):
    loads = []
    load = Model.load
    monkeypatch.setattr(Model, "load", lambda config: loads.append(config.name) or load(config))

    async def ask():
        first, *others = await asyncio.gather(*(pool.get("echo") for _ in range(8)))
        assert all(other is first for other in others)
        await pool.unload("echo")
        assert not pool.loaded
        await pool.get("echo")
        await pool.close()

    asyncio.run(ask())
    assert loads == ["echo", "echo"]


def test_pool_disables_what_cannot_be_loaded(pool):
    async def ask():
        for name in ("gone", "misspelt"):
            with pytest.raises(HTTPError, match="cannot be used") as refused:
                await pool.get(name)
            assert refused.value.status == 503
        with pytest.raises(HTTPError, match="no model 'nix'") as refused:
            await pool.unload("nix")
        assert refused.value.status == 404

    asyncio.run(ask())
    assert set(pool.broken) == {"gone", "misspelt"}


def test_models_route_states(client, send):
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
