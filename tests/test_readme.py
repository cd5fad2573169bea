"""The README's commands run as printed, in order, beside a finished study."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line.split("  #")[0].strip() for line in joined.splitlines() if line.strip()]


def run(command: str, folder: Path) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_every_command_is_known() -> None:
    """`make study` and `make test` are the study and the tests themselves; all others are run below."""
    assert {"make study", "make test"} <= set(commands())
    assert {command.split()[0] for command in commands()} <= {"make", "asheard", "git", "cd"}


def test_the_commands_run(quick_study: Path) -> None:
    folder = quick_study.parents[1]
    for command in commands():
        if command.startswith("asheard") and "../shared" not in command:
            run(command, folder)


@pytest.mark.shared
def test_the_commands_on_real_data_run(real_data: Path, tmp_path: Path) -> None:
    real = [command for command in commands() if "../shared" in command]
    assert real
    for command in real:
        run(command.replace("../shared", str(real_data)), tmp_path)
