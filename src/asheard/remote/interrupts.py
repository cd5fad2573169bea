"""Handling of Ctrl-C, SIGTERM and a closed terminal in code that must clean up before the process ends."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def exit_on_signal() -> Iterator[None]:
    """Raise `SystemExit` in the block when one of the signals arrives, so that its `finally` clauses run."""

    def exit_now(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _handled_by(exit_now):
        yield


@contextmanager
def defer_interrupt(on_first: Callable[[], None]) -> Iterator[None]:
    """Call `on_first` when the first signal arrives in the block; raise `SystemExit` on the second."""
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            raise SystemExit(128 + number)
        on_first()

    with _handled_by(receive):
        yield


@contextmanager
def _handled_by(handler: _Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python delivers signals to the main thread only
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
