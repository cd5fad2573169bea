"""A run that was killed, damaged or stopped ends with the weights of an undisturbed run, or says what to do."""

import ctypes
import json
import math
import random
import resource
import shutil
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from asheard.corpora.records import read_manifest
from asheard.errors import ModelError, OutputError
from asheard.io.audio import load_audio
from asheard.models import CTCTranscriber, save_transcriber
from asheard.training import TrainingOptions, train
from asheard.training.checkpoint import LAST, PREVIOUS, find_checkpoint
from asheard.training.step import compute_loss
from support.runs import (
    assert_same_weights,
    interruptible,
    kill_at_step,
    rows_of,
    stop_after,
    train_and_report,
    train_on_one_thread,
)

NUM_STEPS = 40  # about; a checkpoint is written every 3 steps, and after each of the two epochs
STOPPED = 17
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x00020000, 0x4000, 0x40000


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """This process and its children must use the same number of threads, for equal sums."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def faithful(tones: Path, folder: Path) -> TrainingOptions:
    return interruptible(tones, folder, "faithful", "base", augment=False)


@pytest.fixture(scope="module")
def whole(tones, tmp_path_factory):
    """A finished run that nothing disturbed."""
    run = faithful(tones, tmp_path_factory.mktemp("whole"))
    train(run)
    return run


@pytest.fixture(scope="module")
def stopped(tones, tmp_path_factory):
    """The folder of an interrupted run."""
    run = faithful(tones, tmp_path_factory.mktemp("stopped"))
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, run, STOPPED)
    return run.checkpoint_dir


@pytest.fixture
def halfway(stopped, tones, tmp_path):
    """A copy of the interrupted run, to be resumed."""
    shutil.copytree(stopped, tmp_path / "run")
    assert step_of(tmp_path / "run" / LAST) == 15
    assert step_of(tmp_path / "run" / PREVIOUS) == 12
    return faithful(tones, tmp_path / "run")


def step_of(checkpoint: Path) -> int:
    with safe_open(checkpoint, framework="pt") as file:
        return json.loads(file.metadata()["asheard"])["step"]


def assert_same_run(one: TrainingOptions, other: TrainingOptions) -> None:
    """The same weights and logs, and no other files."""
    assert_same_weights(one.final, other.final)
    for name in ("step", "epoch", "loss", "grad_norm", "rate"):
        first, second = ([row[name] for row in rows_of(run.checkpoint_dir, "step")] for run in (one, other))
        assert first == second, name
    assert rows_of(one.checkpoint_dir, "epoch") == rows_of(other.checkpoint_dir, "epoch")
    left = {path.name for path in other.checkpoint_dir.iterdir()}
    assert left == {"final", "log.jsonl", "tensorboard"}


@pytest.mark.parametrize(
    ("kind", "base", "augment", "num_kills"),
    [("faithful", "base", False, 3), ("l1-aware", "base", False, 1), ("faithful", "conformer", True, 1)],
)
def test_train_killed_runs_end_the_same(kind, base, augment, num_kills, whole, tones, tmp_path, processes):
    undisturbed, killed = (interruptible(tones, tmp_path / name, kind, base, augment) for name in ("one", "other"))
    if undisturbed.fingerprint() == whole.fingerprint():
        undisturbed = whole
    train(undisturbed)
    for step in sorted(random.sample(range(NUM_STEPS), num_kills)):
        kill_at_step(processes.start(train_on_one_thread, killed), killed.checkpoint_dir, step)
    train(killed)
    assert_same_run(undisturbed, killed)


@pytest.mark.slow
def test_train_killed_at_twenty_moments(whole, tones, tmp_path, processes):
    """Each is a moment of another run, from its start to its end."""
    num_resumed = 0
    for number in range(20):
        run = faithful(tones, tmp_path / str(number))
        step = NUM_STEPS * (number + random.random()) / 20
        kill_at_step(processes.start(train_on_one_thread, run), run.checkpoint_dir, step)
        num_resumed += find_checkpoint(run.checkpoint_dir) is not None
        train(run)
        assert_same_run(whole, run)
    assert num_resumed >= 5


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random.randrange(len(content))])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_train_resumes_from_the_previous_checkpoint(damage, halfway, whole, caplog):
    damage(halfway.checkpoint_dir / LAST)
    train(halfway)
    assert ("resuming from the previous one, of step 12" in caplog.text) == (damage is not Path.unlink)
    assert_same_run(whole, halfway)


def test_find_checkpoint_notices_flipped_bits(halfway):
    """100 bits anywhere in the file: header, metadata, tensors."""
    (halfway.checkpoint_dir / PREVIOUS).unlink()
    path = halfway.checkpoint_dir / LAST
    content = path.read_bytes()
    for _ in range(100):
        flip(path)
        with pytest.raises(ModelError, match=r"checkpoint.safetensors: damaged, .*. Remove it to start again"):
            find_checkpoint(halfway.checkpoint_dir)
        path.write_bytes(content)
    assert find_checkpoint(halfway.checkpoint_dir)[1].step == 15


def test_train_never_replaces_a_whole_checkpoint_by_a_damaged_one(halfway, whole, monkeypatch):
    flip(halfway.checkpoint_dir / LAST)
    stop_after(monkeypatch, halfway, 16)
    assert step_of(halfway.checkpoint_dir / LAST) == 15
    flip(halfway.checkpoint_dir / LAST)
    train(halfway)
    assert_same_run(whole, halfway)


def test_train_refuses_if_all_checkpoints_are_damaged(halfway):
    for name in (LAST, PREVIOUS):
        (halfway.checkpoint_dir / name).write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match=r"checkpoint.safetensors: damaged.*previous.*Remove it to start again"):
        train(halfway)


def test_train_reports_a_file_size_limit(tones, whole, tmp_path, processes):
    """The limit is set while the process runs, after its second checkpoint."""
    run = faithful(tones, tmp_path / "run")
    process, report = processes.start_reporting(train_and_report, run)
    previous = run.checkpoint_dir / PREVIOUS
    while process.is_alive() and not previous.is_file():
        time.sleep(0.002)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (previous.stat().st_size // 2,) * 2)
    assert names_reason_and_remedy(report.recv(), "File too large")
    process.join()
    assert not list(run.checkpoint_dir.glob(".*"))
    train(run)
    assert_same_run(whole, run)


def names_reason_and_remedy(message: str, reason: str) -> bool:
    return "cannot be written" in message and reason in message and "make room on the disk" in message


def test_train_reports_a_full_disk_and_resumes(tones, stopped, whole, tmp_path, processes):
    """The file system becomes full within the second checkpoint; then a file is removed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run = replace(faithful(tones, disk / "run"), audio_cache=tmp_path / "cache")
    room = int(1.7 * (stopped / LAST).stat().st_size)
    process, report = processes.start_reporting(fill_and_free, run, disk, room, tmp_path / "kept")
    message = report.recv()
    if message == "no mount":
        pytest.skip("mounting a file system needs root")
    assert names_reason_and_remedy(message, "No space left on device")
    process.join()
    assert process.exitcode == 0
    assert_same_run(whole, replace(run, checkpoint_dir=tmp_path / "kept"))


def fill_and_free(options: TrainingOptions, disk: Path, room: int, kept: Path, report) -> None:
    """Mount a small file system for this process alone, train until it is full, make room, and resume."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        report.send("no mount")
        return
    size = 16 * 2**20
    assert libc.mount(b"none", str(disk).encode(), b"tmpfs", 0, f"size={size}".encode()) == 0
    (disk / "filler").write_bytes(bytes(size - room))
    train_and_report(options, report)
    assert [path.name for path in options.checkpoint_dir.glob("*checkpoint*")] == [PREVIOUS]
    (disk / "filler").unlink()
    train_on_one_thread(options)
    shutil.copytree(options.checkpoint_dir, kept)


def test_save_transcriber_leaves_no_partial_model(tones, tmp_path, processes):
    process, report = processes.start_reporting(save_with_size_limit, tones / "base", tmp_path / "final")
    assert names_reason_and_remedy(report.recv(), "File too large")
    process.join()
    assert list(tmp_path.iterdir()) == []


def save_with_size_limit(base: Path, folder: Path, report) -> None:
    model = CTCTranscriber(base)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        save_transcriber(model, folder, {})
    except OutputError as error:
        report.send(str(error))


def test_train_keeps_the_batch_of_a_loss_that_is_nan(halfway, whole, tones, monkeypatch):
    """One utterance has a loss that is no number. Without that the run ends as if undisturbed."""
    name = "S1/train25"

    def nan_with_it(forward, model, batch, lambda_l1):
        loss = compute_loss(forward, model, batch, lambda_l1)
        return replace(loss, total=loss.total * math.nan) if name in batch.names else loss

    with monkeypatch.context() as patch:
        patch.setattr("asheard.training.step.compute_loss", nan_with_it)
        message = r"gradient norm is nan .*kept in (\S+\.npz) .*lower learning rate"
        with pytest.raises(ModelError, match=message) as raised:
            train(halfway)
    (kept,) = halfway.checkpoint_dir.glob("*.npz")
    assert str(kept) in str(raised.value)
    batch = np.load(kept)
    row = batch["names"].tolist().index(name)
    samples = load_audio(tones, "wav/train25.wav")
    assert batch["num_samples"][row] == len(samples)
    assert np.array_equal(batch["recordings"][row][: len(samples)], samples)
    labels = batch["label_ids"][row, : batch["num_labels"][row]]
    produced = {f"{row.speaker}/{row.utt}": row.produced for row in read_manifest(tones / "train.jsonl")}
    assert len(labels) == len(produced[name])
    kept.unlink()
    train(halfway)
    assert_same_run(whole, halfway)


def test_train_does_not_depend_on_the_clock(halfway, whole, processes):
    process = processes.start(train_with_a_clock_that_runs_backwards, halfway)
    process.join()
    assert process.exitcode == 0
    assert_same_run(whole, halfway)


def train_with_a_clock_that_runs_backwards(options: TrainingOptions) -> None:
    """A year back since the run began, and an hour further back at every look."""
    before = time.time()
    hours = count(1)
    time.time = lambda: before - 365 * 86400 - 3600 * next(hours)
    time.time_ns = lambda: int(time.time() * 1e9)
    train_on_one_thread(options)
    assert next(hours) > 10  # the run did look at the clock
