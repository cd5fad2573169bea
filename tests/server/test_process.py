"""`asheard serve`: where the service listens, how it ends, and messages."""

import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import httpx
import pytest

from support.in_process import run
from support.processes import serving

SLOW = """import sys, time; sys.stdin.buffer.read(); time.sleep(1.5); print("S IY")"""


@pytest.fixture
def asheard(monkeypatch, capsys):
    return partial(run, monkeypatch, capsys)


def test_serve_answers_running_requests_after_sigterm(tmp_path, wav):
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "mine.toml").write_text(
        f'[transcribers.slow]\nkind = "command"\ncommand = "{sys.executable} {tmp_path / "slow.py"}"'
    )
    with serving("--registry", tmp_path / "mine.toml", "--preload", "slow") as (process, url):
        assert httpx.get(f"{url}/health").json()["loaded"] == ["slow"]

        def ask(_):
            return httpx.post(f"{url}/transcribe", files={"audio": wav}, data={"model": "slow"}, timeout=30)

        with ThreadPoolExecutor(3) as clients:
            asked = [clients.submit(ask, number) for number in range(3)]
            time.sleep(0.7)
            process.send_signal(signal.SIGTERM)
            answers = [one.result() for one in asked]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert answers[0].json()["phonemes"] == ["s", "i"]
        assert process.wait(20) in (0, -signal.SIGTERM)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health")


def test_serve_needs_a_token_beyond_this_machine(asheard, monkeypatch):
    monkeypatch.delenv("ASHEARD_TOKEN", raising=False)
    done = asheard("serve", "--host", "0.0.0.0")
    assert (done.code, "put it into ASHEARD_TOKEN" in done.err) == (2, True)
    with serving("--host", "0.0.0.0", ASHEARD_TOKEN="sesame") as (_, url):
        assert httpx.get(f"{url}/models").status_code == 401
        assert httpx.get(f"{url}/models", headers={"Authorization": "Bearer sesame"}).status_code == 200


def ask_raw(url, request):
    """Send bytes, and return the status line of the answer."""
    with socket.create_connection((httpx.URL(url).host, httpx.URL(url).port), timeout=20) as connection:
        with suppress(ConnectionError):  # refused before all was sent
            connection.sendall(request)
        return connection.recv(4096).decode().partition("\r\n")[0]


def test_serve_refuses_other_hosts_and_what_is_no_request():
    with serving() as (_, url):
        assert httpx.get(f"{url}/models").status_code == 200
        assert httpx.get(url.replace("127.0.0.1", "localhost")).status_code == 200
        assert httpx.get(f"{url}/models", headers={"Host": "evil.example"}).status_code == 421
        assert httpx.head(url).status_code == 200
        for request in (b"GET / HTTP/1.1\r\nA: " + b"a" * 5_000_000, b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET /\r\n\r\n"):
            assert ask_raw(url, request).startswith("HTTP/1.1 400"), request[:20]
        large = b"POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n"
        assert ask_raw(url, large) == "HTTP/1.1 413 Request Entity Too Large"
        assert httpx.get(f"{url}/health").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--registry", "{here}/gone.toml"], "gone.toml: no such file"),
        (["serve", "--study", "{here}"], "no finished study"),
        (["serve", "--preload", "nix"], "no model 'nix'"),
        (["serve", "--port", "{taken}"], "is the port taken?"),
    ],
)
def test_serve_reports_what_cannot_be_used(asheard, tmp_path, arguments, message):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        done = asheard(*(one.format(here=tmp_path, taken=listener.getsockname()[1]) for one in arguments))
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_serve_loses_no_request_of_64_clients(wav):
    with serving("--preload", "asheard-tiny") as (process, url):
        ends = time.monotonic() + 60

        def ask_on(_):
            statuses = []
            with httpx.Client(timeout=60) as client:
                while time.monotonic() < ends:
                    statuses.append(client.post(f"{url}/transcribe", files={"audio": wav}).status_code)
            return statuses

        with ThreadPoolExecutor(64) as clients:
            answered = list(clients.map(ask_on, range(64)))
        assert all(answered)
        assert {status for statuses in answered for status in statuses} == {200}
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
