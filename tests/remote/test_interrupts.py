"""Signals end a block only after it has cleaned up."""

import os
import signal

import pytest

from asheard.remote.interrupts import defer_interrupt, exit_on_signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_exit_on_signal(number):
    before = signal.getsignal(number)
    cleared = []

    def work():
        with exit_on_signal():
            try:
                os.kill(os.getpid(), number)
            finally:
                cleared.append(True)

    with pytest.raises(SystemExit, match=str(128 + number)):
        work()
    assert cleared
    assert signal.getsignal(number) is before


def test_defer_interrupt():
    answers = []

    def work():
        with defer_interrupt(lambda: answers.append("still busy")):
            os.kill(os.getpid(), signal.SIGINT)
            assert answers == ["still busy"]
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
        work()
    assert answers == ["still busy"]
