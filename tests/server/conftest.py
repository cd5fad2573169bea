"""A service with small models, and recordings to send to it."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

from asheard.phones.espeak import Voice, render_phonemes
from asheard.recognition.registry import built_in_models, read_models
from asheard.server.app import create_app
from asheard.server.runtime import ModelPool
from support.recordings import wav_bytes

# A program that always writes the same, one that writes nothing, a folder that is missing, and a wrong entry.
REGISTRY = """
[transcribers.echo]
kind = "command"
command = "echo S IY DH AH M UW D"
limitations = ["It writes the same for every recording."]

[transcribers.deaf]
kind = "command"
command = "echo"

[transcribers.gone]
kind = "model"
path = "/no/such/folder"

[transcribers.misspelt]
kind = "modle"
path = "x"
"""


@pytest.fixture(scope="session")
def moon() -> np.ndarray:
    """(num_samples,) float64 at 22,050 Hz: `see the moon`, by eSpeak NG."""
    speech = render_phonemes("s'i: D@ m'u:n", Voice("en-us"), seed=1)
    assert speech.sample_rate_hz == 22_050
    return speech.samples / 2**15


@pytest.fixture(scope="session")
def wav(moon) -> bytes:
    return wav_bytes(moon, 22_050)


@pytest.fixture
def pool(tmp_path) -> ModelPool:
    (tmp_path / "mine.toml").write_text(REGISTRY)
    return ModelPool([*built_in_models(), *read_models(tmp_path / "mine.toml")])


@pytest.fixture
def client(pool):
    with TestClient(create_app(pool)) as client:
        yield client


@pytest.fixture
def send(client, wav):
    """POST a recording and form fields to a route."""

    def post(route, audio=wav, **fields):
        return client.post(route, files={"audio": ("x.wav", audio)} if audio is not None else None, data=fields)

    return post
