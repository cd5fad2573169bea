"""The README's commands and its Python run as printed, in one process, beside a finished study."""

import re
import shlex
from pathlib import Path

import pytest

from install_check import write_speech
from support.in_process import run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The shell commands, comments and line breaks removed."""
    joined = "\n".join(blocks("sh")).replace("\\\n", " ")
    return [line.split("  #")[0].strip() for line in joined.splitlines() if line.strip()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recording."""
    monkeypatch.chdir(tmp_path)
    write_speech(tmp_path / "my.wav")
    return tmp_path


def test_readme_names_known_programs() -> None:
    """`make study` and `make test` are the study and the tests themselves; `pip install` is tests/install."""
    assert {"make study", "make test", "pip install asheard"} <= set(commands())
    assert {command.split()[0] for command in commands()} <= {"make", "pip", "asheard"}


@pytest.mark.usefixtures("folder", "copied_study")
def test_readme_commands_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands():
        program, *arguments = shlex.split(command)
        if program == "asheard":
            done = run(monkeypatch, capsys, *arguments)
            assert done.code == 0, f"{command}\n{done.err}"


@pytest.mark.usefixtures("folder")
def test_readme_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    phones, *words = capsys.readouterr().out.splitlines()
    assert "m" in phones
    assert [word.split()[0] for word in words] == ["But", "for", "a", "good", "cause"]
