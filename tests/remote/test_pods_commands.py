"""`asheard remote` parses, calls and prints; `asheard study --executor` gives the same result; Ctrl-C stops no run."""

import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from asheard.cli import app
from asheard.errors import RemoteError
from asheard.models import read_card
from asheard.remote.places import machines_at

RUNNER = CliRunner()
PLACES = ("machine_name", "machine_names", "executor")


def run(*arguments: object) -> str:
    result = RUNNER.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


@pytest.fixture
def place(machine, user_key, tmp_path, monkeypatch):
    """The machine as a user has it: the key in an agent, host keys in the user's own file."""
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for _ in range(100):
        if (tmp_path / "agent").exists():
            break
        time.sleep(0.05)
    subprocess.run(["ssh-add", "-q", str(user_key)], check=True)
    yield str(machine)
    agent.terminate()
    agent.wait()


def test_from_sync_to_pull(place, tones, tmp_path):
    files = ["--wav-root", tones, "--train", tones / "train.jsonl", "--val", tones / "val.jsonl"]
    files += ["--base", tones / "base", "--preset", "quick"]
    with pytest.raises(RemoteError, match=r"has no code of AsHeard; copy it with asheard remote sync"):
        run("remote", "check", place, *files)
    assert "has the code, the manifests, the base and 60 recordings" in run("remote", "sync", place, *files)
    assert "no GPU; PyTorch" in run("remote", "check", place, *files)
    out = ["--out", tmp_path / "runs"]
    command = ["remote", "train", place, *files, *out, "--kinds", "faithful", "--seeds", "3"]
    assert re.search(r"faithful-seed3-\w{8}: queued; asheard remote logs", run(*command))
    followed = run("remote", "logs", place, "faithful", "-f")
    assert re.search(r"step: epoch 1, step 1, loss \d", followed)
    assert re.search(r"epoch: epoch 1, step \d+, val_per", followed)
    assert followed.endswith("done ")
    assert re.search(
        r"faithful-seed3-\w{8}: its model is .*/runs/faithful-seed3/final", run("remote", "pull", place, *out)
    )
    assert read_card(tmp_path / "runs" / "faithful-seed3" / "final")["training"]["options"]["seed"] == 3
    assert "already trained" in run(
        "train", "faithful", *files, "--checkpoint-dir", tmp_path / "runs" / "faithful-seed3", "--seed", 3
    )
    with pytest.raises(RemoteError, match="no run there has the name l1-aware; there are faithful-seed3"):
        run("remote", "logs", place, "l1-aware")


def test_the_documented_commands_are_understood():
    """Options and places as docs/ssh.md has them; nothing is run."""
    text = (Path(__file__).parents[2] / "docs" / "ssh.md").read_text(encoding="utf-8").replace("\\\n", "")
    commands = [shlex.split(line) for line in re.findall(r"^    asheard (.*)$", text, re.MULTILINE)]
    assert len(commands) >= 8
    for words in commands:
        command = get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        context = command.make_context("asheard", words)
        places = [
            context.params[name] for name in ("machine_name", "machine_names", "executor") if name in context.params
        ]
        assert places
        assert all(map(machines_at, places))


def test_a_kind_that_is_none(tones):
    files = ["--wav-root", tones, "--train", tones / "train.jsonl", "--val", tones / "val.jsonl", "--out", "runs"]
    result = RUNNER.invoke(app, [str(word) for word in ["remote", "train", "ssh://gpu", *files, "--kinds", "base"]])
    assert result.exit_code == 2
    assert "'base' is not one of faithful, l1-aware" in result.output


@pytest.mark.slow
def test_a_study_on_another_machine_ends_as_it_does_here(place, quick_study: Path, quick_study_command, tmp_path):
    """Ctrl-C in the middle leaves the runs going; the same command comes back to them."""
    out = tmp_path / "study"
    command = [*quick_study_command, str(out), "--executor", place]
    study = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    jobs = Path(place[place.index("/", len("ssh+cpu://")) :]) / "jobs"
    end = time.monotonic() + 120
    while not list(jobs.glob("*/gpu")):
        assert time.monotonic() < end
        time.sleep(0.1)
    study.send_signal(signal.SIGINT)
    said = study.communicate(timeout=60)[1]
    assert "4 runs go on where they are; the same command finds them again" in said
    assert study.returncode != 0
    subprocess.run(command, check=True, capture_output=True)
    assert (out / "metrics.json").read_bytes() == (quick_study / "metrics.json").read_bytes()
