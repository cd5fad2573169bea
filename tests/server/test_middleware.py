"""Request middleware: token, body size, request rate, security headers, CORS."""

import pytest
from fastapi.testclient import TestClient

from asheard.server.app import create_app
from asheard.server.middleware import Limits


@pytest.fixture
def service(pool):
    """A client of a service with a token and small limits."""
    limits = Limits(num_bytes=100_000, requests_a_minute=20)
    with TestClient(create_app(pool, limits, token="sésame")) as client:
        yield client


TOKEN = {"Authorization": "Bearer sésame".encode()}


@pytest.mark.parametrize("token", [None, b"", b"Bearer", b"Bearer sesame", b"Basic s\xc3\xa9same", b"\xff\xfe"])
@pytest.mark.parametrize("route", ["/models", "/transcribe", "/docs", "/openapi.json", "/studies", "/nowhere"])
def test_guard_refuses_requests_without_the_token(service, route, token):
    answer = service.get(route, headers={"Authorization": token} if token is not None else {})
    assert answer.status_code == 401
    assert "Authorization: Bearer TOKEN" in answer.json()["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"


def test_guard_lets_page_and_health_through_without_token(service):
    assert [service.get(route).status_code for route in ("/", "/health", "/page/index.html")] == [200] * 3
    assert service.get("/models", headers=TOKEN).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_guard_refuses_large_bodies(service, announced):
    """By the announced length, or while the body arrives."""
    body = b"x" * 200_000
    content = body if announced else (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    headers = TOKEN | {"content-type": "multipart/form-data; boundary=b"}
    answer = service.post("/transcribe", content=content, headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert "larger than 0.1 MB" in answer.json()["detail"]


def test_guard_limits_requests_a_minute(service):
    statuses = [service.get("/models", headers=TOKEN).status_code for _ in range(22)]
    assert statuses == [200] * 20 + [429] * 2
    assert service.get("/health").status_code == 200


@pytest.mark.parametrize("route", ["/", "/models", "/nowhere", "/page/index.html"])
def test_guard_adds_security_headers(client, route):
    headers = client.get(route).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_cors_is_closed_by_default(client):
    answer = client.get("/models", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in answer.headers
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/transcribe", headers=asked).status_code == 405


def test_cors_opens_for_named_sites_which_still_need_the_token(pool):
    origin = {"Origin": "https://app.example"}
    with TestClient(create_app(pool, token="sesame", origins=["https://app.example"])) as client:
        asked = origin | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        preflight = client.options("/transcribe", headers=asked)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "https://app.example")
        answer = client.get("/models", headers=origin)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "https://app.example")
        other = client.get("/health", headers={"Origin": "https://elsewhere.example"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page//etc/passwd", "/page/%00",
        "/studies/..%2f..", "/studies/../plots/x", "/studies/x/plots/..%2f..%2fverdict.json", "/loaded/..%2f",
    ],
)  # fmt: skip
def test_static_paths_stay_inside_the_page_folder(client, path):
    for answer in (client.get(path), client.delete(path)):
        assert answer.status_code in (404, 405), (path, answer.status_code)
        assert set(answer.json()) == {"detail"}
