"""The command line: help that reads well, errors in one line, exit codes, and no needless imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from asheard import __version__


def asheard(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "asheard", *arguments], capture_output=True, text=True, check=False)


COMMANDS = (
    ["corpus", "synth"],
    ["corpus", "build", "l2arctic"],
    ["corpus", "build", "table"],
    ["corpus", "check"],
    ["corpus", "stats"],
    ["train", "faithful"],
    ["train", "l1-aware"],
    ["train", "options"],
    ["remote", "sync"],
    ["remote", "train"],
    ["remote", "logs"],
    ["remote", "pull"],
    ["prior", "fit"],
    ["gop", "calibrate"],
    ["transcribe"],
    ["score"],
    ["evaluate"],
    ["report"],
    ["study"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    done = asheard(*command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_help_and_version_load_nothing_heavy() -> None:
    check = (
        "import sys, asheard.cli; "
        "print([name for name in ('torch', 'transformers', 'polars', 'matplotlib', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert asheard("--version").stdout.strip() == f"asheard {__version__}"


def test_an_error_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = asheard("corpus", "check", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(tmp_path) in done.stderr


def test_markup_in_a_file_name_stays_text(tmp_path: Path) -> None:
    done = asheard("report", str(tmp_path / "[bold]x[/bold]"))
    assert done.returncode == 2
    assert "[bold]x[/bold]" in done.stderr


def test_a_folder_in_place_of_a_file_is_one_line(tmp_path: Path) -> None:
    done = asheard("prior", "fit", "--train", str(tmp_path), "--out", str(tmp_path / "prior.json"))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(tmp_path) in done.stderr


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = asheard("corpus", "synth", "--out", str(tmp_path / "file" / "corpus"))
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
