"""The command line without a process of its own: what it prints, and its exit code."""

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, Final, NamedTuple

import pytest
import typer

from asheard import cli
from asheard.cli import entry, main


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


def run_on_terminal(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: object,
    columns: int,
    encoding: str,
    program: entry.Commands = cli.app,
) -> Done:
    """Run a command whose streams have an encoding, and lines of so many columns.

    Typer writes help in UTF-8 if the encoding is ASCII.
    """
    monkeypatch.setenv("COLUMNS", str(columns))
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding, newline="") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = entry.run(program, [str(argument) for argument in arguments])
    return Done(code, *(stream.buffer.getvalue().decode(encoding.replace("ascii", "utf-8")) for stream in (out, err)))


def _commands(group: Any, *names: str) -> Iterator[tuple[str, ...]]:
    yield names
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, *names, name)


COMMANDS: Final = tuple(_commands(typer.main.get_command(cli.app)))  # and groups, each as the words that call it
