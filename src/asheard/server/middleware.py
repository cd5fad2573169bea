"""Request limits, and the middleware in front of every route: token, request rate, body size, security headers."""

import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from asheard.errors import AsHeardError, CorpusError, ModelError, PhoneError
from asheard.io.audio import LONGEST_READING_S

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PUBLIC_PATHS: Final = ("/health", "/page/")  # need no token, and neither does the page itself at /
_MINUTE_S: Final = 60.0
_MAX_CLIENTS: Final = 10_000  # whose requests are counted; the count of the client that was silent longest is dropped
_HEADERS: Final = (
    (b"content-security-policy", b"default-src 'self'; media-src 'self' blob:; img-src 'self' blob: data:; "
     b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of requests; the service refuses what exceeds them.

    Attributes:
        num_bytes: size of a request body. Half an hour of 16 kHz WAV fits, and so do three minutes of 96 kHz, stereo,
            24 bits.
        seconds: length of a recording to transcribe.
        seconds_of_reading: length of a recording to compare or to score.
        num_characters: length of a text, or of its phones.
        num_models: models in one comparison.
        num_waiting: requests that may wait for one model. Further ones get status 503.
        requests_a_minute: of one client address; None means no limit.
    """

    num_bytes: int = 110_000_000
    seconds: float = 1800.0
    seconds_of_reading: float = LONGEST_READING_S
    num_characters: int = 2_000
    num_models: int = 8
    num_waiting: int = 256
    requests_a_minute: int | None = None


class HTTPError(AsHeardError):
    """A refused request: an HTTP status, and a sentence for the client."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def status_of(error: AsHeardError) -> int:
    """Return the HTTP status of an error: 422 for input that was read but is of no use, 503 for a model that fails."""
    if isinstance(error, HTTPError):
        return error.status
    return 422 if isinstance(error, CorpusError | PhoneError) else 503 if isinstance(error, ModelError) else 400


class RequestGuard:
    """ASGI middleware: refuses a request without the token, too often or too large, and adds security headers."""

    def __init__(self, app: App, *, limits: Limits, token: str | None) -> None:
        """Guard an application. Without a token, every client may call it."""
        self._app, self._limits, self._token = app, limits, token
        self._clients: dict[str, deque[float]] = {}  # address -> times of its requests, longest silent client first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self._is_allowed(scope["path"], headers.get(b"authorization", b"")):
            await _refuse(send, 401, "the token is missing or wrong; send it as 'Authorization: Bearer TOKEN'")
        elif self._is_too_frequent(scope):
            await _refuse(
                send, 429, f"more than {self._limits.requests_a_minute} requests in a minute; wait and send it again"
            )
        elif _announced_bytes(headers) > self._limits.num_bytes:
            await _refuse(send, 413, self._too_large())
        else:
            await self._call(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; refuse a body that turns out too large while it arrives."""
        num_received, started, refused = 0, False, False

        async def receive_counted() -> Message:
            nonlocal num_received, refused
            message = await receive()
            num_received += len(message.get("body", b""))
            if num_received > self._limits.num_bytes:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if refused and not started:
                return
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *_headers(scope["path"])]
            await send(message)

        try:
            await self._app(scope, receive_counted, send_with_headers)
        except Exception:
            if not refused:
                raise
        if refused and not started:
            await _refuse(send, 413, self._too_large())

    def _is_allowed(self, path: str, authorization: bytes) -> bool:
        if self._token is None or path == "/" or path.startswith(_PUBLIC_PATHS):
            return True
        return hmac.compare_digest(authorization, f"Bearer {self._token}".encode())

    def _is_too_frequent(self, scope: Scope) -> bool:
        most = self._limits.requests_a_minute
        if most is None or scope["path"] == "/health":
            return False
        client, now = (scope.get("client") or ("",))[0], time.monotonic()
        times = self._clients.pop(client, deque())
        self._clients[client] = times  # at the end, so that the dict stays in the order of the last request
        if len(self._clients) > _MAX_CLIENTS:
            del self._clients[next(iter(self._clients))]
        while times and now - times[0] > _MINUTE_S:
            times.popleft()
        if len(times) >= most:
            return True
        times.append(now)
        return False

    def _too_large(self) -> str:
        return f"the request is larger than {self._limits.num_bytes / 1e6:g} MB; send a shorter recording"


def _headers(path: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the security headers. Only /docs has no content policy: FastAPI's page loads its scripts from a CDN."""
    return _HEADERS[1:] if path == "/docs" else _HEADERS


def _announced_bytes(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *_HEADERS]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
