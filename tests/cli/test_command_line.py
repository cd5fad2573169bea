"""The command line: help of every command, errors in one line, exit codes, and no needless imports."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from asheard import __version__
from support.in_process import COMMANDS, Done, run

HEAVY = ("torch", "transformers", "polars", "matplotlib", "numba", "scipy", "numpy", "soundfile", "fastapi")


@pytest.fixture
def asheard(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    return partial(run, monkeypatch, capsys)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_every_command(asheard, command: tuple[str, ...]) -> None:
    done = asheard(*command, "--help")
    assert done.code == 0, done.err
    assert "Usage: asheard" in done.out
    assert "None" not in done.out.split("Options")[0]


def test_import_loads_nothing_heavy() -> None:
    """In a process of its own: a command that is not called costs nothing."""
    check = f"import sys, asheard.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version_as_a_process() -> None:
    command = [sys.executable, "-m", "asheard", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"asheard {__version__}"


def test_error_is_one_line_and_exit_code_2(asheard, tmp_path: Path) -> None:
    done = asheard("corpus", "check", tmp_path)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert len(done.err.strip().splitlines()) == 1
    assert str(tmp_path) in done.err


def test_error_shows_markup_in_a_file_name_as_text(asheard, tmp_path: Path) -> None:
    done = asheard("report", tmp_path / "[bold]x[/bold]")
    assert done.code == 2
    assert "[bold]x[/bold]" in done.err


def test_error_folder_in_place_of_a_file(asheard, tmp_path: Path) -> None:
    done = asheard("prior", "fit", "--train", tmp_path, "--out", tmp_path / "prior.json")
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
    assert str(tmp_path) in done.err


def test_error_output_that_cannot_be_written(asheard, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = asheard("corpus", "synth", "--out", tmp_path / "file" / "corpus")
    assert done.code == 2
    assert done.err.startswith("error: ")
