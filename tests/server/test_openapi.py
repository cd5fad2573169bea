"""The OpenAPI description is complete, and requests made from it never break the service."""

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from asheard.pronunciation.result import json_schema
from asheard.recognition.registry import read_models
from asheard.server.app import create_app
from asheard.server.runtime import ModelPool

ROUTES = {
    "/health", "/models", "/loaded/{name}", "/transcribe", "/compare", "/score", "/studies", "/studies/{name}",
    "/studies/{name}/plots/{file}",
    "/studies/{name}/tables/{file}",
}  # fmt: skip


def test_openapi_is_complete(client):
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == ROUTES
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["description"] or operation["summary"], where
            assert {"400", "401", "404", "413", "415", "422", "429", "503"} <= set(operation["responses"]), where
    components = described["components"]["schemas"]
    for name in ("Transcription", "Pronunciation", "Comparison", "Models"):
        for field, schema in components[name]["properties"].items():
            assert schema.keys() & {"type", "items", "anyOf", "$ref"}, f"{name}.{field}"
    form = components["Body_score_score_post"]
    assert form["properties"]["text"]["examples"] == ["very good"]


def test_openapi_of_score_is_the_one_schema(client):
    """The same object as docs/pronunciation.schema.json, with its definitions among the components."""
    described = client.get("/openapi.json").json()
    answer = described["paths"]["/score"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Pronunciation"}
    components = described["components"]["schemas"]
    schema = json_schema()
    for name, definition in ({"Pronunciation": schema} | schema["$defs"]).items():
        assert list(components[name]["properties"]) == list(definition["properties"]), name
    assert "#/$defs/" not in str(described)


def fuzz(num_examples, app, wav):
    """Send requests made from the description to each route, and count the statuses.

    Every other recording is a real one, so that the code behind the decoder is reached too.
    """
    statuses = Counter()
    for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():

        @settings(
            max_examples=num_examples,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=found.ok().as_strategy())
        def ask(case):
            if statuses.total() % 2 and isinstance(case.body, dict) and "audio" in case.body:
                case.body["audio"] = wav
            answer = case.call()
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])

        ask()
    return statuses


@pytest.fixture
def app(tmp_path):
    """A service whose only model is a program."""
    (tmp_path / "mine.toml").write_text('[transcribers.asheard-tiny]\nkind = "command"\ncommand = "echo S IY DH D"')
    return create_app(ModelPool(read_models(tmp_path / "mine.toml")))


def test_fuzzed_requests_do_not_break_the_service(app, wav):
    statuses = fuzz(15, app, wav)
    assert set(statuses) >= {200, 422}


@pytest.mark.slow
def test_two_thousand_fuzzed_requests_do_not_break_the_service(app, wav):
    statuses = fuzz(400, app, wav)
    assert statuses.total() >= 2_000, statuses
