"""Request limits, and the middleware in front of every route: host, token, rate, body, memory, errors, headers."""

import asyncio
import hmac
import json
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from asheard.errors import (
    AsHeardError,
    CorpusError,
    DamagedRecordingError,
    LongRecordingError,
    ModelError,
    NotARecordingError,
    PhoneError,
)
from asheard.io.audio import LONGEST_READING_S

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PUBLIC_PATHS: Final = ("/health", "/page/")  # need no token, and neither does the page itself at /
_MINUTE_S: Final = 60.0
# Clients whose requests are counted, 4 kB each; the count of the client that was silent longest is dropped.
_MAX_CLIENTS: Final = 2_000
_LOG: Final = logging.getLogger("uvicorn.error")  # the log that uvicorn prints
_HEADERS: Final = (
    (b"content-security-policy", b"default-src 'self'; media-src 'self' blob:; img-src 'self' blob: data:; "
     b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """Limits of requests; the service refuses what exceeds them.

    Attributes:
        num_bytes: size of a request body. Half an hour of 16 kHz WAV fits, and so do three minutes of 96 kHz, stereo,
            24 bits.
        seconds: length of a recording to transcribe.
        seconds_of_reading: length of a recording to compare or to score.
        num_characters: length of a text, or of its phones.
        num_models: models in one comparison.
        num_waiting: requests that may wait for one model. Further ones get status 503.
        num_bytes_together: request bodies and decoded recordings in memory. Further ones get status 503.
        silence_s: time in which a client that sends a body may send nothing.
        requests_a_minute: of one client address; None means no limit.
    """

    num_bytes: int = 110_000_000
    seconds: float = 1800.0
    seconds_of_reading: float = LONGEST_READING_S
    num_characters: int = 2_000
    num_models: int = 8
    num_waiting: int = 256
    num_bytes_together: int = 1_000_000_000
    silence_s: float = 60.0
    requests_a_minute: int | None = None


class HTTPError(AsHeardError):
    """A refused request: an HTTP status, and a sentence for the client."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


_STATUS_OF_RECORDINGS: Final = {NotARecordingError: 415, DamagedRecordingError: 400, LongRecordingError: 413}


def status_of(error: AsHeardError) -> int:
    """Return the HTTP status of an error.

    A recording: 415 if it is none, 400 if it is damaged, 413 if it is too long. Other input that was read but is of no
    use: 422. A model that fails: 503.
    """
    if isinstance(error, HTTPError):
        return error.status
    for kind, status in _STATUS_OF_RECORDINGS.items():
        if isinstance(error, kind):
            return status
    return 422 if isinstance(error, CorpusError | PhoneError) else 503 if isinstance(error, ModelError) else 400


class Memory:
    """What running requests hold in memory together, up to a limit."""

    def __init__(self, num_bytes: int) -> None:
        """Allow `num_bytes`."""
        self._limit, self._held = num_bytes, 0

    @contextmanager
    def hold(self) -> Iterator[Callable[[int], None]]:
        """Give a function that counts further bytes; all of them are free again at the end.

        Raises:
            HTTPError: by that function, if the limit is exceeded (503).
        """
        held = 0

        def add(num_bytes: int) -> None:
            nonlocal held
            held += num_bytes
            self._held += num_bytes
            if self._held > self._limit:
                raise HTTPError(503, "too many recordings are being sent at the same time; try again later")

        try:
            yield add
        finally:
            self._held -= held


class RequestGuard:
    """ASGI middleware: refuses requests, answers unexpected errors, and adds security headers.

    A request is refused if it is for another host, without the token, too frequent, too large or too slow, or if the
    memory for requests is used up. HEAD is answered as GET without its body. Ranges are ignored: all files are small.
    """

    def __init__(
        self, app: App, *, limits: RequestLimits, memory: Memory, token: str | None, hosts: Collection[str] | None
    ) -> None:
        """Guard an application.

        Args:
            app: what answers.
            limits: of requests.
            memory: for their bodies.
            token: every client may call if it is None.
            hosts: names that requests may give in their Host header; None allows any.
        """
        self._app, self._limits, self._memory, self._token, self._hosts = app, limits, memory, token, hosts
        self._clients: dict[str, deque[float]] = {}  # address -> times of its requests, longest silent client first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope, dict(scope["headers"]))
            with self._memory.hold() as count:
                await self._call(scope, receive, send, count)
        except HTTPError as error:
            await _refuse(send, error)

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Refuse what the head of a request tells."""
        if self._hosts is not None and (host := _host_name(headers)) not in self._hosts:
            named = ", ".join(sorted(self._hosts))
            raise HTTPError(421, f"this service answers as {named}, not as {host!r}; call it so, or set a token")
        if not self._is_allowed(scope["path"], headers.get(b"authorization", b"")):
            raise HTTPError(401, "the token is missing or wrong; send it as 'Authorization: Bearer TOKEN'")
        if self._is_too_frequent(scope):
            most = self._limits.requests_a_minute
            raise HTTPError(429, f"more than {most} requests in a minute; wait and send it again")
        if _announced_bytes(headers) > self._limits.num_bytes:
            raise self._too_large()

    async def _call(self, scope: Scope, receive: Receive, send: Send, count: Callable[[int], None]) -> None:
        """Call the application.

        Raises:
            HTTPError: the body turned out too large, or came too slowly, or the memory is used up; or the application
                failed before it answered.
        """
        num_received, complete, started = 0, False, False
        refusal: HTTPError | None = None

        async def receive_counted() -> Message:
            nonlocal num_received, complete, refusal
            if complete:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._limits.silence_s)
                complete = not message.get("more_body", False)
                num_received += len(message.get("body", b""))
                count(len(message.get("body", b"")))
                if num_received > self._limits.num_bytes:
                    raise self._too_large()
            except TimeoutError:
                refusal = HTTPError(408, f"nothing came for {self._limits.silence_s:g} s; send the request again")
            except HTTPError as error:
                refusal = error
            return message if refusal is None else {"type": "http.disconnect"}

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if refusal is not None and not started:
                return
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *_headers(scope["path"])]
            await send(message)

        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        headers = [header for header in scope["headers"] if header[0] != b"range"]
        try:
            await self._app({**scope, "method": method, "headers": headers}, receive_counted, send_with_headers)
        except Exception as error:
            if started:
                raise
            if refusal is None:
                refusal = _log_unexpected(error, scope)
        if refusal is not None and not started:
            raise refusal

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

    def _too_large(self) -> HTTPError:
        return HTTPError(
            413, f"the request is larger than {self._limits.num_bytes / 1e6:g} MB; send a shorter recording"
        )


def _headers(path: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the security headers. Only /docs has no content policy: FastAPI's page loads its scripts from a CDN."""
    return _HEADERS[1:] if path == "/docs" else _HEADERS


def _host_name(headers: dict[bytes, bytes]) -> str | None:
    """Return the name in the Host header, without its port and in lower case; None if there is none."""
    try:
        return urlsplit(f"//{headers.get(b'host', b'').decode('latin-1')}").hostname
    except ValueError:
        return None


def _announced_bytes(headers: dict[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


def _log_unexpected(error: Exception, scope: Scope) -> HTTPError:
    """Log an error that is a fault of the service, and return the answer, which names it by an id."""
    error_id = secrets.token_hex(4)
    _LOG.error("Error %s in %s %s", error_id, scope["method"], scope["path"], exc_info=error)
    return HTTPError(500, f"the service failed; its log has the details under error {error_id}")


async def _refuse(send: Send, error: HTTPError) -> None:
    body = json.dumps({"detail": str(error)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *_HEADERS]
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if error.status in (408, 413):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
