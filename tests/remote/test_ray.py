"""Ray tasks on a real cluster of two workers: if nodes and callers die, results are those of one process."""

import importlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from asheard.corpora.records import read_manifest, write_manifest
from asheard.errors import AsHeardError, CorpusError, RemoteError
from asheard.io.resume import ResumableRows
from asheard.pronunciation.gop_chain import score_predictions
from asheard.remote import ray as ray_tasks
from asheard.remote.executors import LocalExecutor, executor_at, map_shards_at
from asheard.training import TrainingOptions, train
from asheard.training.log import last_step
from asheard.transcription import transcribe_manifest, transcribe_recordings
from support.runs import assert_same_weights, rows_of


class Workers:
    """A cluster at `address` with two nodes of one CPU; its head runs no tasks."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        head = {"num_cpus": 0, "ray_client_server_port": port, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address = f"ray://127.0.0.1:{port}"
        self.nodes: list[Any] = []
        self.fill()

    def fill(self) -> None:
        """Start the nodes that are missing."""
        while len(self.nodes) < 2:
            self.nodes.append(self.cluster.add_node(num_cpus=1))

    def kill_one(self) -> None:
        """Kill a node and its worker, with SIGKILL."""
        self.cluster.remove_node(self.nodes.pop(0), allow_graceful=False)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Workers]:
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'asheard[ray]')")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S", "300")  # for busy machines
        # With gRPC's fork handlers one in twenty of the client server's children dies before it starts.
        patch.setenv("GRPC_ENABLE_FORK_SUPPORT", "0")
        running = Workers()
    yield running
    running.cluster.shutdown()


@pytest.fixture
def workers(cluster: Workers) -> Workers:
    cluster.fill()
    return cluster


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.01)


def runs_below(folder: Path, options: dict) -> list[TrainingOptions]:
    """Two runs of a few seconds; checkpoints fall between epochs too."""
    changes = {"epochs": 4, "batch_seconds": 2.0, "checkpoint_every": 3, "dropout": 0.1}
    return [
        TrainingOptions(**options | changes | {"kind": kind, "checkpoint_dir": folder / kind})
        for kind in ("faithful", "l1-aware")
    ]


def at_step(run: TrainingOptions, step: int) -> bool:
    row = last_step(run.checkpoint_dir)
    return row is not None and row["step"] >= step


def test_train_when_a_node_is_killed(workers, options, tmp_path):
    here, there = runs_below(tmp_path / "here", options), runs_below(tmp_path / "there", options)
    LocalExecutor().train(here)

    def kill() -> None:
        wait_until(lambda: all(at_step(run, 5) for run in there))
        workers.kill_one()

    killing = threading.Thread(target=kill)
    killing.start()
    executor_at(workers.address).train(there)
    killing.join()
    for one, other in zip(here, there, strict=True):
        assert_same_weights(one.final, other.final)
        assert [row["loss"] for row in rows_of(one.checkpoint_dir, "step")] == [
            row["loss"] for row in rows_of(other.checkpoint_dir, "step")
        ]
    begun = sum(len(list((run.checkpoint_dir / "tensorboard").iterdir())) for run in there)
    assert begun == 3, "no run was interrupted, or both"


@pytest.mark.slow
def test_train_shares_a_gpu_between_small_models(workers, options, tmp_path):
    """A node claims to have a GPU; the runs find none, and train on the CPU."""
    node = workers.cluster.add_node(num_cpus=2, num_gpus=1)
    runs = runs_below(tmp_path, options)
    side_by_side = []

    def watch() -> None:
        wait_until(lambda: all(at_step(run, 1) for run in runs))
        side_by_side.append(not any(run.final.exists() for run in runs))

    watching = threading.Thread(target=watch)
    watching.start()
    executor_at(workers.address).train(runs)
    watching.join()
    workers.cluster.remove_node(node)
    assert side_by_side == [True]


@pytest.mark.slow
def test_train_raises_what_a_run_raises(workers, options, tmp_path):
    rows = read_manifest(options["train"])
    write_manifest(tmp_path / "train.jsonl", [replace(rows[0], wav="wav/gone.wav"), *rows[1:]])
    with pytest.raises(CorpusError, match=r"gone.wav: no such recording"):
        executor_at(workers.address).train([TrainingOptions(**options | {"train": tmp_path / "train.jsonl"})])


@pytest.mark.slow
def test_train_on_a_node_without_our_code(workers, options, tmp_path, monkeypatch):
    (tmp_path / "known_here_only.py").write_text("def train(*arguments): ...")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(ray_tasks, "_in_environment", importlib.import_module("known_here_only").train)
    with pytest.raises(RemoteError, match=r"No module named 'known_here_only'; install AsHeard .* train and ray"):
        executor_at(workers.address).train([TrainingOptions(**options)])


@pytest.fixture
def many(tones, tmp_path) -> Path:
    """A manifest of five shards."""
    rows = read_manifest(tones / "train.jsonl")
    path = tmp_path / "many.jsonl"
    write_manifest(path, [replace(row, utt=f"{row.utt}-{i}") for i in range(3) for row in rows])
    return path


@pytest.mark.slow
def test_map_shards_gives_the_bytes_of_this_process(workers, many, tones, tmp_path):
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    transcribe_manifest(tones / "base", many, tones, here)
    done = transcribe_manifest(tones / "base", many, tones, there, map_shards=map_shards_at(workers.address))
    assert done.num_rows == 144
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.slow
def test_map_shards_of_scores_gives_the_bytes_of_this_process(workers, options, many, tones, tmp_path):
    model = train(TrainingOptions(**options | {"epochs": 1}))
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    score_predictions(model, many, tones, here)
    report = score_predictions(model, many, tones, there, map_shards=map_shards_at(workers.address))
    assert report.num_rows == 144
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.slow
def test_map_shards_resumes(workers, many, tones, tmp_path, monkeypatch):
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    transcribe_manifest(tones / "base", many, tones, here)
    append, written = ResumableRows.append, []

    def failing(self, rows):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(rows)
        append(self, rows)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(ResumableRows, "append", failing)
        transcribe_manifest(tones / "base", many, tones, there, map_shards=map_shards_at(workers.address))
    assert not there.exists()
    done = transcribe_manifest(tones / "base", many, tones, there, map_shards=map_shards_at(workers.address))
    assert done.num_resumed == 64
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.slow
def test_map_shards_with_relative_paths(workers, tones, tmp_path, monkeypatch):
    monkeypatch.chdir(tones)
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    transcribe_recordings(tones / "base", [Path("wav")], here)
    transcribe_recordings(tones / "base", [Path("wav")], there, map_shards=map_shards_at(workers.address))
    assert there.read_bytes() == here.read_bytes()


def test_executor_at_refuses_other_names():
    with pytest.raises(AsHeardError, match=r"--executor moon: no such executor; use local, .*, or ray"):
        executor_at("moon")
    with pytest.raises(AsHeardError, match="--executor ssh://there: recordings are transcribed on local or ray"):
        map_shards_at("ssh://there")


def test_train_without_a_cluster(options, monkeypatch):
    client = pytest.importorskip("ray.util.client.worker", reason="Ray is not installed (pip install 'asheard[ray]')")
    monkeypatch.setattr(client, "INITIAL_TIMEOUT_SEC", 0.1)
    monkeypatch.setattr(client, "MAX_TIMEOUT_SEC", 0.1)
    with pytest.raises(RemoteError, match=r"ray://127.0.0.1:9: no Ray cluster can be used there .*ray start --head"):
        executor_at("ray://127.0.0.1:9").train([TrainingOptions(**options)])


@pytest.mark.slow
def test_study_when_node_and_caller_are_killed(workers, quick_study, quick_study_command, tmp_path):
    out = tmp_path / "quick"
    command = [*quick_study_command, str(out), "--executor", workers.address]
    logs = [out / "models" / f"{kind}-seed1" for kind in ("faithful", "l1-aware")]
    study = subprocess.Popen(command, start_new_session=True)
    wait_until(lambda: any(last_step(log) for log in logs))
    workers.kill_one()
    workers.fill()
    wait_until(lambda: all(last_step(log) for log in logs))
    os.killpg(study.pid, signal.SIGKILL)
    study.wait()
    assert not (out / "metrics.json").exists()
    subprocess.run(command, check=True)
    assert (out / "metrics.json").read_bytes() == (quick_study / "metrics.json").read_bytes()
