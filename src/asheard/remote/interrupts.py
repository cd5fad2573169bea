"""Ctrl-C, SIGTERM and a closed terminal, where something must be cleared away before the process may end."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def exit_on_signal() -> Iterator[None]:
    """Raise `SystemExit` in the block on any of these signals, so that its `finally` runs."""

    def stop(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    with _handled_by(stop):
        yield


@contextmanager
def defer_interrupt(answer: Callable[[], None]) -> Iterator[None]:
    """Answer the first such signal in the block, and raise `SystemExit` on the second."""
    heard: list[int] = []

    def hear(number: int, frame: Any) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise SystemExit(128 + number)
        answer()

    with _handled_by(hear):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, Any], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # signals never come here
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
