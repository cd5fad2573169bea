"""How much the service takes, from one request and from one client.

Who comes in: the bearer token, the size of a body, how often a client asks, and what every answer says of itself.

What is refused, as a status and a sentence.
"""

import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from asheard.errors import AsHeardError, CorpusError, ModelError, PhoneError
from asheard.io.audio import LONGEST_READING_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused beyond.

    num_bytes: of a request's body; half an hour at 16 kHz, or three minutes of 96 kHz, stereo, 24 bits, are less.
    seconds: of a recording that is transcribed. seconds_of_reading: of one that is compared or held to a text.
    num_characters: of a text, or of phones. num_models: compared at once. num_waiting: requests that may wait for
    one model; more are told to come again. requests_a_minute: of one client address; None takes any number.
    """

    num_bytes: int = 110_000_000
    seconds: float = 1800.0
    seconds_of_reading: float = LONGEST_READING_S
    num_characters: int = 2_000
    num_models: int = 8
    num_waiting: int = 256
    requests_a_minute: int | None = None


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_OPEN: Final = ("/health", "/page/")  # besides the page itself, at /
_MINUTE_S: Final = 60.0
_MAX_CLIENTS: Final = 10_000  # whose requests are counted; beyond these the longest silent is forgotten
_HEADERS: Final = (
    (b"content-security-policy", b"default-src 'self'; media-src 'self' blob:; img-src 'self' blob: data:; "
     b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


class RequestGuard:
    """ASGI middleware around the application."""

    def __init__(self, app: App, *, limits: Limits, token: str | None) -> None:
        """Guard an application; without a token everybody may come in."""
        self._app, self._limits, self._token = app, limits, token
        self._clients: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self._may_enter(scope["path"], headers.get(b"authorization", b"")):
            await _refuse(send, 401, "this service needs its token: Authorization: Bearer TOKEN")
        elif self._asks_too_often(scope):
            await _refuse(send, 429, "too many requests in a minute; wait a little")
        elif _announced(headers) > self._limits.num_bytes:
            await _refuse(send, 413, self._too_large())
        else:
            await self._let_in(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        num_received, started, refused = 0, False, False

        async def counting() -> MutableMapping[str, Any]:
            nonlocal num_received, refused
            message = await receive()
            num_received += len(message.get("body", b""))
            if num_received > self._limits.num_bytes:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if refused and not started:
                return
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *_headers(scope["path"])]
            await send(message)

        try:
            await self._app(scope, counting, with_headers)
        except Exception:
            if not refused:
                raise
        if refused and not started:
            await _refuse(send, 413, self._too_large())

    def _may_enter(self, path: str, authorization: bytes) -> bool:
        if self._token is None or path == "/" or path.startswith(_OPEN):
            return True
        return hmac.compare_digest(authorization, f"Bearer {self._token}".encode())

    def _asks_too_often(self, scope: Scope) -> bool:
        most = self._limits.requests_a_minute
        if most is None or scope["path"] == "/health":
            return False
        client, now = (scope.get("client") or ("",))[0], time.monotonic()
        asked = self._clients.pop(client, deque())
        self._clients[client] = asked  # at the end: the dict is in the order of the last request
        if len(self._clients) > _MAX_CLIENTS:
            del self._clients[next(iter(self._clients))]
        while asked and now - asked[0] > _MINUTE_S:
            asked.popleft()
        if len(asked) >= most:
            return True
        asked.append(now)
        return False

    def _too_large(self) -> str:
        return f"the request is larger than {self._limits.num_bytes / 1e6:g} MB; send a shorter recording"


def _headers(path: str) -> tuple[tuple[bytes, bytes], ...]:
    """FastAPI's own page of the API draws its scripts from elsewhere, so only it has no content policy."""
    return _HEADERS[1:] if path == "/docs" else _HEADERS


def _announced(headers: dict[bytes, bytes]) -> int:
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


class HTTPError(AsHeardError):
    """A request that the service turns down; `status` is HTTP's."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def status_of(error: AsHeardError) -> int:
    """HTTP's status of an error: what was understood and cannot be worked with is 422; a model that fails is 503."""
    if isinstance(error, HTTPError):
        return error.status
    return 422 if isinstance(error, CorpusError | PhoneError) else 503 if isinstance(error, ModelError) else 400
