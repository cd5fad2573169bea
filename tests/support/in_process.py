"""The command line without a process of its own: what it prints, and its exit code."""

import sys
from typing import NamedTuple

import pytest

from asheard.cli import main


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> Done:
    monkeypatch.setattr(sys, "argv", ["asheard", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return Done(int(ended.value.code or 0), *capsys.readouterr())
