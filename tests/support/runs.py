"""Training runs for tests: with checkpoints in plenty, in a process of their own, stopped half-way, compared."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from asheard.errors import ModelError
from asheard.training import TrainingOptions, train


def rows_of(folder: Path, event: str) -> list[dict]:
    return [row for row in map(json.loads, (folder / "log.jsonl").read_text().splitlines()) if row["event"] == event]


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for path in folder.glob("*.safetensors") for name, value in load_file(path).items()}


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = weights_of(one), weights_of(other)
    assert first.keys() == second.keys() != set()
    assert all(torch.equal(first[name], second[name]) for name in first)


def short(tones: Path, folder: Path) -> dict[str, Any]:
    """Keywords of a short faithful run; change any of them."""
    return {
        "kind": "faithful",
        "train": tones / "train.jsonl",
        "val": tones / "val.jsonl",
        "wav_root": tones,
        "checkpoint_dir": folder,
        "base": str(tones / "base"),
        "epochs": 2,
        "batch_seconds": 4.0,
        "freeze_front_end": False,
        "peak_lr": 3e-3,
    }


def interruptible(tones: Path, folder: Path, kind: str, base: str, augment: bool) -> TrainingOptions:
    """Dropout, SpecAugment and variants draw random numbers at every step; checkpoints fall between epochs too."""
    return TrainingOptions(
        kind=kind,
        train=tones / "train.jsonl",
        val=tones / "val.jsonl",
        wav_root=tones,
        checkpoint_dir=folder,
        base=str(tones / base),
        epochs=3,
        batch_seconds=2.0,
        checkpoint_every=3,
        dropout=0.1,
        augment=augment,
        peak_lr=3e-3,
        audio_cache=folder.with_name(f"{folder.name}-cache"),
    )


def stop_after(monkeypatch, run: TrainingOptions, steps: int) -> None:
    """Train until the power fails after so many steps."""
    from asheard.training import loop

    step = loop.Trainer.step

    def failing(self, index, *rest):
        if index == steps:
            raise KeyboardInterrupt
        return step(self, index, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "step", failing)
        with pytest.raises(KeyboardInterrupt):
            train(run)


def train_alone(options: TrainingOptions) -> None:
    """In a process of its own."""
    torch.set_num_threads(1)
    train(options)


def say_what_stops(options: TrainingOptions, say: Any) -> None:
    """Train, and send the error's message; nothing where there is none."""
    try:
        train_alone(options)
    except ModelError as error:
        say.send(str(error))
    else:
        say.send("")
