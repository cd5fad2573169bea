"""A model is fetched completely or not at all, and undamaged."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from asheard.errors import RemoteError
from asheard.remote.jobs import JobStatus
from asheard.remote.machine import UnreachableError
from asheard.remote.transfer import pull_model, sync
from support import in_process

WEIGHTS = os.urandom(6_000_000)


def silent(what: str, share: float) -> None:
    pass


@pytest.fixture
def finished(machine):
    """The machine with a finished run."""
    sync(machine, [], silent)
    run = Path(machine.root) / "runs" / "faithful-seed1-0123abcd"
    (run / "final").mkdir(parents=True)
    (run / "tensorboard").mkdir()
    (run / "final" / "model.safetensors").write_bytes(WEIGHTS)
    (run / "final" / "card.json").write_text("{}")
    (run / "tensorboard" / "events").write_text("numbers")
    (run / "log.jsonl").write_text('{"event": "step", "step": 1}\n')
    (run / "checkpoint.safetensors").write_bytes(b"large, and not needed here")
    return machine


def test_pull_model_and_logs_without_checkpoints(finished, tmp_path):
    into = tmp_path / "here" / "faithful-seed1"
    final = pull_model(finished, "faithful-seed1-0123abcd", into, lambda share: None)
    assert final == into / "final"
    found = sorted(str(path.relative_to(into)) for path in into.rglob("*") if path.is_file())
    assert found == ["final/card.json", "final/model.safetensors", "log.jsonl", "tensorboard/events"]
    assert (final / "model.safetensors").read_bytes() == WEIGHTS
    with pytest.raises(RemoteError, match="no finished model of faithful-seed2-4567cdef there; "):
        pull_model(finished, "faithful-seed2-4567cdef", tmp_path / "none", lambda share: None)


def test_pull_model_resumes_after_cuts(finished, line, tmp_path):
    into, by_line = tmp_path / "here", replace(finished, port=line.port)
    times = 0
    for _ in range(20):
        line.cut(after_bytes=2_500_000)
        try:
            pull_model(by_line, "faithful-seed1-0123abcd", into, lambda share: None)
        except UnreachableError:
            assert not (into / "final").exists()
            times += 1
            line.mend()
        else:
            break
    assert 2 <= times <= 4
    assert (into / "final" / "model.safetensors").read_bytes() == WEIGHTS


def test_pull_model_refuses_damaged_files(finished, monkeypatch, tmp_path):
    """The digests are from before a bit of the file changed on the machine."""
    name, into = "faithful-seed1-0123abcd", tmp_path / "here"
    sent = finished.call_agent("digests", name)
    monkeypatch.setattr("asheard.remote.machine.Machine.call_agent", lambda machine, *words: sent)
    weights = Path(finished.root) / "runs" / name / "final" / "model.safetensors"
    weights.write_bytes(b"\0" + WEIGHTS[1:])
    with pytest.raises(RemoteError, match=r"model.safetensors of faithful-seed1-0123abcd arrived damaged; pull it"):
        pull_model(finished, name, into, lambda share: None)
    assert not (into / "final").exists()
    weights.write_bytes(WEIGHTS)
    assert pull_model(finished, name, into, lambda share: None).is_dir()


@pytest.mark.parametrize("name", ["../escape-12345678", "/tmp/escape-12345678", "run", "..-12345678"])
def test_pull_refuses_names_of_a_hostile_machine(monkeypatch, capsys, tmp_path, name):
    status = JobStatus(name=name, state="done", code=0, step=1, epoch=1, loss=0.0, val_per=0.0, last="")
    monkeypatch.setattr("asheard.remote.jobs.job_statuses", lambda machine: {name: status})
    done = in_process.run(monkeypatch, capsys, "remote", "pull", "ssh://nowhere.invalid", "--out", tmp_path / "out")
    assert done.code == 2
    assert "ssh://nowhere.invalid: run" in done.err
    assert "cannot be the name of a file" in done.err
    assert not list(tmp_path.iterdir())
