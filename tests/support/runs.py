"""Training runs for tests: options, runs in processes of their own, interrupted runs, comparison of runs."""

import json
import multiprocessing
import os
import random
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from asheard.corpora.records import read_manifest, write_manifest
from asheard.errors import OutputError
from asheard.training import TrainingOptions, step, train


def rows_of(folder: Path, event: str) -> list[dict]:
    return [row for row in map(json.loads, (folder / "log.jsonl").read_text().splitlines()) if row["event"] == event]


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for path in folder.glob("*.safetensors") for name, value in load_file(path).items()}


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = weights_of(one), weights_of(other)
    assert first.keys() == second.keys() != set()
    assert all(torch.equal(first[name], second[name]) for name in first)


def short(tones: Path, folder: Path) -> dict[str, Any]:
    """Keywords of a faithful run of one epoch."""
    return {
        "kind": "faithful",
        "train": tones / "train.jsonl",
        "val": tones / "val.jsonl",
        "wav_root": tones,
        "checkpoint_dir": folder,
        "base": str(tones / "base"),
        "epochs": 1,
        "batch_seconds": 4.0,
        "freeze_front_end": False,
        "peak_lr": 3e-3,
    }


def keep_rows(options: dict[str, Any], number: int) -> dict[str, Any]:
    """The same run on the first rows of its training manifest alone."""
    path = options["checkpoint_dir"].parent / f"train-{number}.jsonl"
    write_manifest(path, read_manifest(options["train"])[:number])
    return options | {"train": path}


def interruptible(tones: Path, folder: Path, kind: str, base: str, augment: bool) -> TrainingOptions:
    """A run of two epochs of some 20 steps. Each step draws random numbers; some checkpoints lie within epochs."""
    return TrainingOptions(
        kind=kind,
        train=tones / "train.jsonl",
        val=tones / "val.jsonl",
        wav_root=tones,
        checkpoint_dir=folder,
        base=str(tones / base),
        epochs=2,
        batch_seconds=2.0,
        checkpoint_every=3,
        dropout=0.1,
        augment=augment,
        peak_lr=3e-3,
        audio_cache=folder.with_name(f"{folder.name}-cache"),
    )


def stop_after(monkeypatch, run: TrainingOptions, steps: int) -> None:
    """Train, and raise KeyboardInterrupt after so many steps."""
    whole_step = step.Trainer.step

    def failing(self, index, *rest):
        if index == steps:
            raise KeyboardInterrupt
        return whole_step(self, index, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(step.Trainer, "step", failing)
        with pytest.raises(KeyboardInterrupt):
            train(run)


def train_on_one_thread(options: TrainingOptions) -> None:
    torch.set_num_threads(1)
    train(options)


def train_and_report(options: TrainingOptions, report: Connection) -> None:
    """Train, and send the message of the error; an empty text if there is none."""
    try:
        train_on_one_thread(options)
    except OutputError as error:
        report.send(str(error))
    else:
        report.send("")


def train_as_rank(options: TrainingOptions, rank: int, num_processes: int, port: int) -> None:
    """Train as one of several processes, in float32, with the environment that `accelerate launch` would give it."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(num_processes)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    step.has_bf16 = lambda device: False
    train_on_one_thread(options)


class Processes:
    """Starts functions in processes of their own, which have imported what training needs."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["asheard.training"])

    def start(self, function: Callable[..., None], *arguments: Any) -> BaseProcess:
        process = self._context.Process(target=function, args=arguments)
        process.start()
        return process

    def start_reporting(self, function: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Connection]:
        """Start a process whose function gets the end of a pipe as its last argument; and the other end."""
        received, report = self._context.Pipe(duplex=False)
        process = self.start(function, *arguments, report)
        report.close()  # so that `received` ends when the process dies without a report
        return process, received


def kill_at_step(process: BaseProcess, folder: Path, step: float) -> None:
    """kill -9, at a random moment shortly after the log in `folder` holds so many steps."""
    log = folder / "log.jsonl"
    while process.is_alive() and (log.read_bytes().count(b'"event": "step"') if log.is_file() else 0) < step:
        process.join(0.002)
    process.join(random.uniform(0, 0.05))
    process.kill()
    process.join()
