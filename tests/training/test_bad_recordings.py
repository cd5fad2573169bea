"""Recordings that cannot be read are found before the first step. They are named, or left out on request."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from accelerate import Accelerator
from typer.testing import CliRunner

from asheard.cli import app
from asheard.corpora.records import read_manifest, write_manifest
from asheard.errors import CorpusError, ModelError
from asheard.io.audio import load_audio
from asheard.models import read_card
from asheard.training import TrainingOptions, train
from asheard.training.data import read_recordings
from support.runs import assert_same_weights, stop_after


def empty(path: Path) -> None:
    path.write_bytes(b"")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garble(path: Path) -> None:
    path.write_bytes(b"no recording at all")


def poison(path: Path) -> None:
    samples, rate = soundfile.read(path, dtype="float32")
    samples[len(samples) // 2] = np.nan
    soundfile.write(path, samples, rate, subtype="FLOAT")


@pytest.mark.parametrize("damage", [empty, halve, garble, poison, Path.unlink])
def test_read_recordings_names_or_excludes_damaged_ones(damage, tones, tmp_path):
    shutil.copytree(tones / "wav", tmp_path / "wav")
    rows = read_manifest(tones / "train.jsonl")
    read = partial(read_recordings, tones / "train.jsonl", rows, partial(load_audio, tmp_path), Accelerator(cpu=True))
    assert read(skip_bad=False)[0] == rows
    for number in (25, 40):
        damage(tmp_path / rows[number].wav)
    with pytest.raises(
        CorpusError,
        match=r"train.jsonl, row 26 \(S1/train25\): \S+train25.wav: .* \(2 of 48 .*--skip-bad leaves them out\)",
    ):
        read(skip_bad=False)
    kept, exclusions = read(skip_bad=True)
    assert kept == [row for number, row in enumerate(rows) if number not in (25, 40)]
    assert exclusions.counts() == {"recording cannot be read": 2}
    assert exclusions.items["recording cannot be read"][0].startswith("S1/train25: ")


def test_train_without_a_damaged_recording_equals_a_manifest_without_it(options, tones, tmp_path):
    """The recording is found before the first step."""
    shutil.copytree(tones / "wav", tmp_path / "wav")
    halve(tmp_path / "wav" / "train25.wav")
    run = TrainingOptions(**options | {"wav_root": tmp_path})
    with pytest.raises(CorpusError, match=r"row 26 \(S1/train25\)"):
        train(run)
    assert not run.checkpoint_dir.exists()
    train(replace(run, skip_bad=True))
    excluded = read_card(run.final)["training"]["excluded"]
    assert list(excluded["train"]) == ["recording cannot be read"]

    without = [row for row in read_manifest(tones / "train.jsonl") if row.utt != "train25"]
    write_manifest(tmp_path / "train.jsonl", without)
    other = replace(run, train=tmp_path / "train.jsonl", checkpoint_dir=tmp_path / "other")
    train(other)
    assert_same_weights(run.final, other.final)


def test_train_refuses_to_resume_after_a_recording_was_repaired(options, tones, tmp_path, monkeypatch):
    shutil.copytree(tones / "wav", tmp_path / "wav")
    halve(tmp_path / "wav" / "train25.wav")
    run = TrainingOptions(**options | {"wav_root": tmp_path, "skip_bad": True, "checkpoint_every": 2})
    stop_after(monkeypatch, run, 3)
    shutil.copy(tones / "wav" / "train25.wav", tmp_path / "wav")
    with pytest.raises(ModelError, match="other recordings that can be read"):
        train(run)


def test_train_command_skip_bad(tones, tmp_path):
    shutil.copytree(tones / "wav", tmp_path / "wav")
    halve(tmp_path / "wav" / "val3.wav")
    command = ["train", "faithful", "--train", tones / "train.jsonl", "--val", tones / "val.jsonl", "--preset", "quick"]
    command += ["--wav-root", tmp_path, "--base", tones / "base", "--checkpoint-dir", tmp_path / "run"]
    refused = CliRunner().invoke(app, [str(argument) for argument in command])
    assert "val.jsonl, row 4 (S0/val3)" in str(refused.exception)
    done = CliRunner().invoke(app, [str(argument) for argument in [*command, "--skip-bad"]])
    assert "leftoutofval:1(recordingcannotberead)" in "".join(done.output.split())


@pytest.mark.slow
def test_train_excludes_recordings_of_all_processes(tones, tmp_path):
    """Each process reads its share, and all processes get the result. The launcher is that of PyTorch."""
    shutil.copytree(tones / "wav", tmp_path / "wav")
    for number in (12, 25):
        halve(tmp_path / "wav" / f"train{number}.wav")
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "asheard", "train", "faithful"]
    command += ["--train", tones / "train.jsonl", "--val", tones / "val.jsonl", "--preset", "quick", "--skip-bad"]
    command += ["--wav-root", tmp_path, "--base", tones / "base", "--checkpoint-dir", tmp_path / "run"]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true"}
    subprocess.run([sys.executable, "-m", *map(str, command)], check=True, capture_output=True, env=environment)
    card = read_card(tmp_path / "run" / "final")["training"]
    assert (card["num_processes"], card["num_train"]) == (2, 46)
    assert [line[:10] for line in card["excluded"]["train"]["recording cannot be read"]] == ["S0/train12", "S1/train25"]
