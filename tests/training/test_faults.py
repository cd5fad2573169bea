"""Whatever befalls a run, it goes on to the very weights of an undisturbed one, or says what to mend."""

import ctypes
import json
import multiprocessing
import os
import random
import resource
import shutil
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asheard.corpora.records import read_manifest
from asheard.errors import ModelError
from asheard.models import CTCTranscriber, save_transcriber
from asheard.training import TrainingOptions, train
from asheard.training.checkpoint import LAST, PREVIOUS, find_checkpoint
from support.runs import assert_same_weights, interruptible, rows_of, say_what_stops, stop_after, train_alone

STOPPED = 17  # steps, of some 60; checkpoints lie every 3, and after the first epoch's 20
PROCESSES = multiprocessing.get_context("forkserver")
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x00020000, 0x4000, 0x40000


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """What this process and its children must share for the same sums in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def processes():
    """Starts `do(*arguments)` in a process of its own, which has what training needs imported."""
    PROCESSES.set_forkserver_preload(["asheard.training"])

    def start(do, *arguments):
        process = PROCESSES.Process(target=do, args=arguments)
        process.start()
        return process

    return start


def started(processes, do, *arguments):
    """A process that is given an end of a pipe as its last argument, and the other end."""
    said, say = PROCESSES.Pipe(duplex=False)
    process = processes(do, *arguments, say)
    say.close()  # so that a process that dies in silence is not waited for
    return process, said


def faithful(tones: Path, folder: Path) -> TrainingOptions:
    return interruptible(tones, folder, "faithful", "base", augment=False)


@pytest.fixture(scope="module")
def whole(tones, tmp_path_factory):
    """An undisturbed run."""
    run = faithful(tones, tmp_path_factory.mktemp("whole"))
    train(run)
    return run


@pytest.fixture(scope="module")
def stopped(tones, tmp_path_factory):
    """The folder of a run that the power failed."""
    run = faithful(tones, tmp_path_factory.mktemp("stopped"))
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, run, STOPPED)
    return run.checkpoint_dir


@pytest.fixture
def halfway(stopped, tones, tmp_path):
    """That run, to be gone on with."""
    shutil.copytree(stopped, tmp_path / "run")
    assert step_of(tmp_path / "run" / LAST) == 15
    assert step_of(tmp_path / "run" / PREVIOUS) == 12
    return faithful(tones, tmp_path / "run")


def step_of(checkpoint: Path) -> int:
    from safetensors import safe_open

    with safe_open(checkpoint, framework="pt") as file:
        return json.loads(file.metadata()["asheard"])["step"]


def assert_same_run(one: TrainingOptions, other: TrainingOptions) -> None:
    """The same weights, the same books, and nothing left lying about."""
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
def test_killed_again_and_again(kind, base, augment, num_kills, tones, tmp_path, processes):
    undisturbed, killed = (interruptible(tones, tmp_path / name, kind, base, augment) for name in ("one", "other"))
    took_s = seconds_of(processes(train_alone, undisturbed))
    for _ in range(num_kills):
        kill_after(random.uniform(0, took_s / 2), processes(train_alone, killed))
    train(killed)
    assert_same_run(undisturbed, killed)


@pytest.mark.slow
def test_killed_at_twenty_moments(whole, tones, tmp_path, processes):
    """Each of a run of its own, from its start to past its end."""
    took_s = seconds_of(processes(train_alone, faithful(tones, tmp_path / "timed")))
    num_begun = 0
    for number in range(20):
        run = faithful(tones, tmp_path / str(number))
        kill_after(took_s * (number + random.random()) / 20, processes(train_alone, run))
        num_begun += find_checkpoint(run.checkpoint_dir) is not None
        train(run)
        assert_same_run(whole, run)
    assert num_begun >= 5


def seconds_of(process: multiprocessing.Process) -> float:
    """How long it lives from now on."""
    began = time.monotonic()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - began


def kill_after(seconds: float, process: multiprocessing.Process) -> None:
    """kill -9, wherever it is then."""
    process.join(seconds)
    process.kill()
    process.join()


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: random.randrange(len(content))])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_without_the_last_checkpoint_the_one_before_serves(damage, halfway, whole, caplog):
    damage(halfway.checkpoint_dir / LAST)
    train(halfway)
    assert ("going on from the one before it, of step 12" in caplog.text) == (damage is not Path.unlink)
    assert_same_run(whole, halfway)


def test_every_flipped_bit_is_noticed(halfway):
    """Of 300, anywhere in the file: its header, its metadata, its tensors."""
    (halfway.checkpoint_dir / PREVIOUS).unlink()
    path = halfway.checkpoint_dir / LAST
    content = path.read_bytes()
    for _ in range(300):
        flip(path)
        with pytest.raises(ModelError, match=r"checkpoint.safetensors: damaged, .*; remove it to start again"):
            find_checkpoint(halfway.checkpoint_dir)
        path.write_bytes(content)
    assert find_checkpoint(halfway.checkpoint_dir)[1].step == 15


def test_a_damaged_checkpoint_never_takes_the_place_of_a_whole_one(halfway, whole, monkeypatch):
    flip(halfway.checkpoint_dir / LAST)
    stop_after(monkeypatch, halfway, 16)
    assert step_of(halfway.checkpoint_dir / LAST) == 15
    flip(halfway.checkpoint_dir / LAST)
    train(halfway)
    assert_same_run(whole, halfway)


def test_all_checkpoints_damaged(halfway):
    for name in (LAST, PREVIOUS):
        (halfway.checkpoint_dir / name).write_bytes(b"not a checkpoint")
    with pytest.raises(ModelError, match=r"checkpoint.safetensors: damaged.*previous.*remove it to start again"):
        train(halfway)


def test_a_file_that_may_grow_no_more(tones, whole, tmp_path, processes):
    """The limit falls upon the process between two checkpoints."""
    run = faithful(tones, tmp_path / "run")
    process, said = started(processes, say_what_stops, run)
    previous = run.checkpoint_dir / PREVIOUS
    while process.is_alive() and not previous.is_file():
        time.sleep(0.002)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (previous.stat().st_size // 2,) * 2)
    assert tells_of_it(said.recv(), "File too large")
    process.join()
    assert not list(run.checkpoint_dir.glob(".*"))
    train(run)
    assert_same_run(whole, run)


def tells_of_it(message: str, reason: str) -> bool:
    """What cannot be written, why, and what to do."""
    return "cannot be written" in message and reason in message and "make room on the disk" in message


def test_a_full_disk(tones, stopped, whole, tmp_path, processes):
    """A file system that is full in the middle of the second checkpoint; then room is made."""
    disk = tmp_path / "disk"
    disk.mkdir()
    run = replace(faithful(tones, disk / "run"), audio_cache=tmp_path / "cache")
    room = int(1.7 * (stopped / LAST).stat().st_size)
    process, said = started(processes, fill_and_free, run, disk, room, tmp_path / "kept")
    message = said.recv()
    if message == "no mount":
        pytest.skip("a file system of one's own needs root")
    assert tells_of_it(message, "No space left on device")
    process.join()
    assert process.exitcode == 0
    assert_same_run(whole, replace(run, checkpoint_dir=tmp_path / "kept"))


def fill_and_free(options: TrainingOptions, disk: Path, room: int, kept: Path, say) -> None:
    """Mount a small file system for this process alone, train until it is full, make room, and go on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        say.send("no mount")
        return
    size = 16 * 2**20
    assert libc.mount(b"none", str(disk).encode(), b"tmpfs", 0, f"size={size}".encode()) == 0
    (disk / "filler").write_bytes(bytes(size - room))
    say_what_stops(options, say)
    assert [path.name for path in options.checkpoint_dir.glob("*checkpoint*")] == [PREVIOUS]
    (disk / "filler").unlink()
    train_alone(options)
    shutil.copytree(options.checkpoint_dir, kept)


def test_a_full_disk_leaves_no_half_a_model(tones, tmp_path, processes):
    process, said = started(processes, save_in_little_room, tones / "base", tmp_path / "final")
    assert tells_of_it(said.recv(), "File too large")
    process.join()
    assert list(tmp_path.iterdir()) == []


def save_in_little_room(base: Path, folder: Path, say) -> None:
    model = CTCTranscriber(base)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        save_transcriber(model, folder, {})
    except ModelError as error:
        say.send(str(error))


def test_a_loss_that_is_no_number_keeps_its_batch(halfway, whole, tones, tmp_path):
    """Finite samples so loud that their mean overflows; mended, the run goes on as if nothing had been."""
    shutil.copytree(tones / "wav", tmp_path / "wav")
    bad = replace(halfway, wav_root=tmp_path)
    name, sound = "S1/train25", tmp_path / "wav" / "train25.wav"
    samples, rate = soundfile.read(sound, dtype="float32")
    soundfile.write(sound, np.full_like(samples, 3e38), rate, subtype="FLOAT")
    with pytest.raises(ModelError, match=r"gradient norm nan .*kept in (\S+\.npz) .*lower the learning rate") as told:
        train(bad)
    (kept,) = halfway.checkpoint_dir.glob("*.npz")
    assert str(kept) in str(told.value)
    batch = np.load(kept)
    row = batch["names"].tolist().index(name)
    assert batch["num_samples"][row] == len(samples)
    assert batch["recordings"][row].max() == np.float32(3e38)
    labels = batch["label_ids"][row, : batch["num_labels"][row]]
    produced = {f"{row.speaker}/{row.utt}": row.produced for row in read_manifest(tones / "train.jsonl")}
    assert len(labels) == len(produced[name])
    shutil.copy(tones / "wav" / "train25.wav", sound)
    kept.unlink()
    train(bad)
    assert_same_run(whole, bad)


def test_a_clock_that_goes_backwards(halfway, whole, tmp_path):
    """A year back since the run began, and an hour further at every look."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(
        textwrap.dedent("""
            import itertools, time
            hours = itertools.count(1)
            start = time.time() - 365 * 86400
            time.time = lambda: start - 3600 * next(hours)
            time.time_ns = lambda: int(time.time() * 1e9)
        """)
    )
    child = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from support.runs import interruptible, train_alone
        before = time.time()
        folders = Path({str(halfway.wav_root)!r}), Path({str(halfway.checkpoint_dir)!r})
        train_alone(interruptible(*folders, "faithful", "base", augment=False))
        assert time.time() < before - 86400
    """)
    path = os.pathsep.join([str(tmp_path / "clock"), os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", child], check=True, env=os.environ | {"PYTHONPATH": path})
    assert_same_run(whole, halfway)
