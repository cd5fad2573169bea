"""Request middleware: host, token, body, request rate, memory, errors, security headers, CORS."""

import asyncio
import re

import httpx
import pytest
from fastapi.testclient import TestClient

from asheard.recognition.registry import read_models
from asheard.server.app import create_app
from asheard.server.middleware import HTTPError, Memory, RequestLimits
from asheard.server.runtime import ModelPool


@pytest.fixture
def service(pool):
    """A client of a service with a token and small limits."""
    limits = RequestLimits(num_bytes=100_000, requests_a_minute=20)
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


LOCAL = {"localhost", "127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1:8765", "127.0.0.1", "[::1]:8765", "[::1]"])
def test_guard_answers_by_the_names_of_this_machine(pool, host):
    with TestClient(create_app(pool, hosts=LOCAL)) as client:
        assert client.get("/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8765", "localhost.evil.example", "", "[::1", "a@b"]
)
def test_guard_refuses_other_hosts(pool, host):
    """The page of another site may lead its own name to this machine."""
    with TestClient(create_app(pool, hosts=LOCAL)) as client:
        for route in ("/", "/health", "/models", "/page/main.js"):
            answer = client.get(route, headers={"Host": host})
            assert answer.status_code == 421
            assert answer.json()["detail"].startswith("this service answers as 127.0.0.1, ::1, localhost, not as ")


def test_guard_refuses_a_body_that_stops(pool, wav):
    async def body():
        yield b"--b\r\n"
        await asyncio.sleep(5)

    async def ask():
        transport = httpx.ASGITransport(create_app(pool, RequestLimits(silence_s=0.05)))
        headers = {"content-type": "multipart/form-data; boundary=b"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/transcribe", content=body(), headers=headers)

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert answer.json() == {"detail": "nothing came for 0.05 s; send the request again"}


def test_guard_waits_for_a_slow_model(tmp_path, wav):
    """The limit on silence is for the client, not for the answer."""
    command = "sh -c 'sleep 0.4; echo S IY'"
    (tmp_path / "mine.toml").write_text(f'[transcribers.asheard-tiny]\nkind = "command"\ncommand = "{command}"')
    with TestClient(create_app(ModelPool(read_models(tmp_path / "mine.toml")), RequestLimits(silence_s=0.1))) as client:
        assert client.post("/transcribe", files={"audio": wav}).json()["phonemes"] == ["s", "i"]


def test_memory_counts_what_is_held_together():
    memory = Memory(100)
    with memory.hold() as first:
        first(60)
        with memory.hold() as second:
            second(40)
            with pytest.raises(HTTPError, match=r"too many recordings .* try again later") as refused:
                second(1)
            assert refused.value.status == 503
        first(40)
    with memory.hold() as third:
        third(100)


@pytest.mark.parametrize("num_bytes", [20_000, 50_000])
def test_requests_beyond_the_memory_are_refused(pool, wav, num_bytes):
    """By the body (34 kB), or by what it is decoded to (50 kB more); then others are answered."""
    assert 30_000 < len(wav) < 40_000
    with TestClient(create_app(pool, RequestLimits(num_bytes_together=num_bytes))) as client:
        for _ in range(2):
            answer = client.post("/transcribe", files={"audio": wav}, data={"model": "echo"})
            assert answer.status_code == 503
            assert "too many recordings" in answer.json()["detail"]
        assert client.get("/models").status_code == 200


def test_unexpected_error_has_an_id_that_the_log_has(client, wav, monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("asheard.server.app.decode_recording", fail)
    answer = client.post("/transcribe", files={"audio": wav})
    assert (answer.status_code, set(answer.json())) == (500, {"detail"})
    sentence = "the service failed; its log has the details under error ([0-9a-f]{8})"
    (error_id,) = re.fullmatch(sentence, answer.json()["detail"]).groups()
    assert answer.headers["x-content-type-options"] == "nosniff"
    (record,) = [record for record in caplog.records if error_id in record.getMessage()]
    assert record.getMessage() == f"Error {error_id} in POST /transcribe"
    assert record.exc_info[0] is ZeroDivisionError
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("route", ["/", "/health", "/models", "/page/main.js"])
def test_head_is_answered_as_get_without_a_body(client, route):
    head, got = client.head(route), client.get(route)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("range_", ["bytes=0-3", "bytes=99999999-", "bytes=x", "lines=1"])
def test_ranges_are_ignored(client, range_):
    answer = client.get("/page/main.js", headers={"Range": range_})
    assert (answer.status_code, answer.content) == (200, client.get("/page/main.js").content)


PART = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\n'


@pytest.mark.parametrize(
    ("content", "type_", "status"),
    [
        (b"", None, 422),
        (b"RIFF", "audio/wav", 422),
        (b"RIFF", "multipart/form-data", 400),
        (b"RIFF", "multipart/form-data; boundary=b", 400),
        (b"RIFF", b"\xff\xfe", 422),
        (b"{}", "application/json", 422),
        (b"audio=x", "application/x-www-form-urlencoded", 422),
        (b"&".join([b"a=b"] * 2_000), "application/x-www-form-urlencoded", 400),
        (PART + b"RIFF", "multipart/form-data; boundary=b", 422),  # without an end
        (PART + b"\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
        (PART + b"junk\r\n--b--\r\n", "multipart/form-data; boundary=b; charset=klingon", 415),
        ((PART + b"\r\n") * 1_100 + b"--b--\r\n", "multipart/form-data; boundary=b", 400),
        (PART.replace(b"\r\n\r\n", b"\r\nA: b" * 10_000 + b"\r\n\r\n"), "multipart/form-data; boundary=b", 400),
        (PART.replace(b'="a"', b'="' + b"a" * 100_000 + b'"'), "multipart/form-data; boundary=b", 400),
    ],
)  # fmt: skip
def test_odd_bodies_are_refused_in_one_shape(client, content, type_, status):
    answer = client.post("/transcribe", content=content, headers={"content-type": type_} if type_ else {})
    assert (answer.status_code, set(answer.json())) == (status, {"detail"})
    assert "<class" not in answer.json()["detail"]


def test_unknown_fields_are_ignored_and_of_repeated_ones_the_last_counts(client, wav):
    parts = [("audio", ("a.wav", wav)), ("model", (None, "nothing")), ("model", (None, "echo")), ("mode", (None, "x"))]
    answer = client.post("/transcribe", files=parts)
    assert (answer.status_code, answer.json()["model"]) == (200, "echo")


def test_l1_of_a_model_that_knows_none_changes_nothing(send):
    assert send("/transcribe", l1="Klingon").json() == send("/transcribe").json()
