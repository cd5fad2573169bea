"""The models of the service: loaded once, unloaded, disabled if they are broken."""

import asyncio

import pytest

from asheard.pronunciation.scorer import Model
from asheard.server.middleware import HTTPError
from asheard.server.runtime import build_model_pool


def test_pool_replaces_built_in_models_by_those_of_users(tmp_path):
    (tmp_path / "mine.toml").write_text('[transcribers.hama]\nkind = "command"\ncommand = "echo K"')
    pool = build_model_pool(tmp_path / "mine.toml")
    assert pool.configs["hama"].kind == "command"
    assert len(pool.configs) == 4


def test_pool_loads_a_model_once(pool, monkeypatch):
    loads = []
    load = Model.load
    monkeypatch.setattr(Model, "load", lambda config, **options: loads.append(config.name) or load(config, **options))

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
