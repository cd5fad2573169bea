"""`asheard remote` on a machine, from sync to pull, and a study that is trained there."""

import re
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asheard.cli import app
from asheard.errors import RemoteError
from asheard.remote.jobs import job_statuses
from asheard.remote.ssh import SshExecutor
from asheard.training import read_options, train
from support.runs import assert_same_weights

RUNNER = CliRunner()


def run(*arguments: object) -> str:
    result = RUNNER.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


@pytest.fixture
def place(machine, user_key, tmp_path, monkeypatch):
    """The machine's address, for a user who has the key in an ssh-agent."""
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


def test_commands_from_sync_to_pull(place, machine, tones, tmp_path):
    """The executor finds the run that a command started, and the model is the one that is trained here."""
    files = ["--wav-root", tones, "--train", tones / "train.jsonl", "--val", tones / "val.jsonl"]
    files += ["--base", tones / "base", "--preset", "quick"]
    with pytest.raises(RemoteError, match=r"has no code of AsHeard; copy it with asheard remote sync"):
        run("remote", "check", place, *files)
    assert "has the code, the manifests, the base and 60 recordings" in run("remote", "sync", place, *files)
    out = ["--out", tmp_path / "runs"]
    trained = run("remote", "train", place, *files, *out, "--kinds", "faithful", "--seeds", "3")
    assert "no GPU; PyTorch" in trained
    assert re.search(r"faithful-seed3-\w{8}: queued; asheard remote logs", trained)
    followed = run("remote", "logs", place, "faithful", "-f")
    assert re.search(r"step: epoch 1, step 1, loss \d", followed)
    assert re.search(r"epoch: epoch 1, step \d+, val_per", followed)
    assert followed.endswith("done ")
    pulled = run("remote", "pull", place, *out)
    assert re.search(r"faithful-seed3-\w{8}: its model is .*/runs/faithful-seed3/final", pulled)
    with pytest.raises(RemoteError, match="no run there has the name l1-aware; there are faithful-seed3"):
        run("remote", "logs", place, "l1-aware")

    final = tmp_path / "runs" / "faithful-seed3" / "final"
    options = read_options(Path(machine.root, "jobs", next(iter(job_statuses(machine))), "options.json"))
    here = replace(
        options,
        train=tones / "train.jsonl",
        val=tones / "val.jsonl",
        wav_root=tones,
        base=str(tones / "base"),
        checkpoint_dir=final.parent,
        audio_cache=tmp_path / "audio-16khz",
    )
    assert train(here) == final  # accepted as finished
    again = replace(here, checkpoint_dir=tmp_path / "again" / "faithful-seed3")
    SshExecutor([machine], poll_s=0.05).train([again])
    assert_same_weights(again.final, final)
    local = replace(here, checkpoint_dir=tmp_path / "local" / "faithful-seed3")
    assert_same_weights(train(local), final)


def test_train_refuses_an_unknown_kind(tones):
    files = ["--wav-root", tones, "--train", tones / "train.jsonl", "--val", tones / "val.jsonl", "--out", "runs"]
    result = RUNNER.invoke(app, [str(word) for word in ["remote", "train", "ssh://gpu", *files, "--kinds", "base"]])
    assert result.exit_code == 2
    assert "'base' is not one of faithful, l1-aware" in result.output


@pytest.mark.slow
def test_study_on_a_machine_has_the_results_of_a_local_one(place, quick_study: Path, quick_study_command, tmp_path):
    """After Ctrl-C the runs go on; the same command finds them again."""
    out = tmp_path / "study"
    command = [*quick_study_command, str(out), "--executor", place]
    study = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    jobs = Path(place[place.index("/", len("ssh+cpu://")) :]) / "jobs"
    end = time.monotonic() + 120
    while not list(jobs.glob("*/gpu")):
        assert time.monotonic() < end
        time.sleep(0.1)
    study.send_signal(signal.SIGINT)
    message = study.communicate(timeout=60)[1]
    assert "4 runs continue on their machines; the same command finds them again" in message
    assert study.returncode != 0
    subprocess.run(command, check=True, capture_output=True)
    assert (out / "metrics.json").read_bytes() == (quick_study / "metrics.json").read_bytes()
