"""What the API says of itself, and that it holds: fuzzed by what it says."""

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from asheard.recognition.registry import read_models
from asheard.server.app import create_app
from asheard.server.runtime import ModelPool

ROUTES = {
    "/health", "/models", "/loaded/{name}", "/transcribe", "/compare", "/score", "/studies", "/studies/{name}",
    "/studies/{name}/plots/{file}",
}  # fmt: skip


def test_it_is_complete(client):
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == ROUTES
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["description"] or operation["summary"], where
            assert {"400", "401", "404", "413", "415", "422", "429", "503"} <= set(operation["responses"]), where
    for name in ("Transcription", "Pronunciation", "Comparison", "Models"):
        for field, schema in described["components"]["schemas"][name]["properties"].items():
            assert schema.keys() & {"type", "items", "anyOf", "$ref"}, f"{name}.{field}"
    form = described["components"]["schemas"]["Body_score_score_post"]
    assert form["properties"]["text"]["examples"] == ["very good"]


def fuzz(num_examples, app, wav):
    """Send to each route what the description allows, and much that it does not; gives the statuses.

    The recording is bytes of any sort, or every other time a real one, so that what lies behind it is reached too.
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
    """Whose only model is a program, so that what is fuzzed is the service."""
    (tmp_path / "mine.toml").write_text('[transcribers.asheard-tiny]\nkind = "command"\ncommand = "echo S IY DH D"')
    return create_app(ModelPool(read_models(tmp_path / "mine.toml")))


def test_nothing_that_is_sent_breaks_it(app, wav):
    statuses = fuzz(15, app, wav)
    assert set(statuses) >= {200, 422}


@pytest.mark.slow
def test_two_thousand_requests_do_not_break_it(app, wav):
    statuses = fuzz(400, app, wav)
    assert statuses.total() >= 2_000, statuses
