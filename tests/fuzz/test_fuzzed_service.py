"""The service on odd fields and damaged recordings: an answer, or a status from 400 to 499 with one line."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from asheard.recognition.registry import built_in_models
from asheard.server.app import create_app
from asheard.server.runtime import ModelPool
from support.fuzzing import bounded, cases, damaged, examples, fault_becomes_case, json_bytes, texts
from support.recordings import wav_bytes
from support.spoken import SENTENCES, say

ROUTES = ("/transcribe", "/compare", "/score")
FIELDS = ("model", "models", "l1", "text", "phones")
WHOLE = wav_bytes(say(SENTENCES[0]))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    models = [config for config in built_in_models() if config.name == "asheard-tiny"]
    with TestClient(create_app(ModelPool(models)), raise_server_exceptions=True) as client:
        yield client


def send(client: TestClient, name: str, case: bytes, route: str, audio: bytes, fields: dict[str, str]) -> None:
    with fault_becomes_case(name, case), bounded():
        answer = client.post(route, files={"audio": ("x.wav", audio)}, data=fields)
        assert answer.status_code == 200 or 400 <= answer.status_code < 500, answer.text
        if answer.status_code != 200:
            assert isinstance(answer.json()["detail"], str), answer.text


@pytest.mark.parametrize("route", ROUTES)
def test_service_damaged_recordings(client, route):
    name = f"service{route.replace('/', '-')}"
    fields = {"text": "the cat sat on the mat"} if route == "/score" else {}
    for case in cases(name):
        send(client, name, case.read_bytes(), route, case.read_bytes(), fields)

    @examples(20)
    @given(audio=damaged(WHOLE))
    def property(audio: bytes) -> None:
        send(client, name, audio, route, audio, fields)

    property()


@pytest.mark.parametrize("route", ROUTES)
def test_service_fields(client, route):
    for case in cases("service-fields"):
        send(client, "service-fields", case.read_bytes(), route, WHOLE, json.loads(case.read_bytes()))

    @examples(20)
    @given(fields=st.dictionaries(st.sampled_from(FIELDS), texts, max_size=3))
    def property(fields: dict[str, str]) -> None:
        sent = {name: value.encode(errors="replace").decode() for name, value in fields.items()}
        send(client, "service-fields", json_bytes(sent), route, WHOLE, sent)

    property()


def get(client: TestClient, url: str) -> None:
    with fault_becomes_case("service-paths", url.encode()), bounded():
        answer = client.get(url)
        assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("path", ["/studies/{}", "/studies/{}/plots/{}", "/studies/{}/tables/{}", "/{}"])
def test_service_paths(client, path):
    for case in cases("service-paths"):
        get(client, case.read_bytes().decode())

    @examples(20)
    @given(names=st.lists(texts, min_size=2, max_size=2))
    def property(names: list[str]) -> None:
        get(client, path.format(*(quote(name.encode(errors="replace")) for name in names)))

    property()
