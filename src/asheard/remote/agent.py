"""The program that runs on another machine: it reports facts about the machine, and queues training jobs.

ssh starts it in AsHeard's folder there; each verb is a function below and prints one line of JSON (`log` prints text).
It imports the standard library and `asheard.io` only, because the machine may lack other packages.

A job is a folder below jobs/, and belongs to the run of the same name below runs/. A job is under way while a process
holds the lock in its folder; the job's processes inherit the lock. A GPU is reserved by a lock in the same way. The
system releases locks of processes that end, so `kill -9` leaves nothing to clean up.
"""

import fcntl
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from asheard.io.digests import file_digests
from asheard.io.files import read_json, write_json

RUNS: Final = Path("runs")
_JOBS: Final = Path("jobs")
_GPUS: Final = Path("gpus")
_TAIL_BYTES: Final = 1 << 16  # read from the end of a log; about 300 steps
_DISK_FULL_BYTES: Final = 1 << 16  # with less free space a job cannot write its error message
_POLL_S: Final = 0.2  # between two looks for a free GPU, or for new lines of a log


def facts(*packages: str) -> dict[str, Any]:
    """Return the version of Python, those of the packages that are missing, and the free bytes on the disk."""
    return {
        "python": sys.version.split()[0],
        "missing": [name for name in packages if importlib.util.find_spec(name) is None],
        "free_bytes": shutil.disk_usage(".").free,
    }


def gpus() -> dict[str, Any]:
    """Return the version of PyTorch and the names of the GPUs that it finds."""
    import torch

    return {
        "torch": torch.__version__,
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
    }


def install(*requirements: str) -> None:
    """Install packages with pip. Outside a virtual environment, make venv/, which sees the machine's packages."""
    commands = []
    python = sys.executable
    if sys.prefix == sys.base_prefix:
        commands = [[python, "-m", "venv", "--system-site-packages", "venv"]]
        python = "venv/bin/python3"
    commands += [[python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]]
    for command in commands:
        code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
        if code:
            sys.exit(code)


def count(wav_root: str, *manifests: str) -> dict[str, int]:
    """Count the rows of manifests, and the recordings they name that exist, with their bytes."""
    rows = [json.loads(line) for name in manifests for line in Path(name).read_text("utf-8").splitlines() if line]
    wavs = {row["wav"] for row in rows if row["wav"] is not None}
    sizes = [path.stat().st_size for path in (Path(wav_root, wav) for wav in wavs) if path.is_file()]
    return {"rows": len(rows), "recordings": len(sizes), "bytes": sum(sizes)}


def start(name: str, num_gpus: str) -> None:
    """Queue a job; do nothing if it is under way. Standard input holds the training options as JSON."""
    options = json.load(sys.stdin)  # fails if the connection was lost before all of it arrived
    job = _JOBS / name
    job.mkdir(parents=True, exist_ok=True)
    (RUNS / name).mkdir(parents=True, exist_ok=True)
    lock = (job / "lock").open("a")
    with _jobs_locked():
        if not _try_lock(lock):
            return
        for old in ("pid", "gpu", "exit"):
            (job / old).unlink(missing_ok=True)
        write_json(job / "options.json", options)
    if os.fork() == 0:
        try:
            _detach(job / "output.txt")
            _run_job(job, int(num_gpus), lock)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)


def status(*names: str) -> list[dict[str, Any]]:
    """Return the status of jobs; of all jobs if no name is given."""
    return [_status(name) for name in names or sorted(path.name for path in _JOBS.glob("*/"))]


def stop(*names: str) -> None:
    """Kill jobs. A later start resumes them from their checkpoints."""
    for name in names:
        while _is_under_way(name):
            if (pid := _JOBS / name / "pid").is_file():
                with suppress(ProcessLookupError):
                    os.killpg(read_json(pid), signal.SIGKILL)
            time.sleep(0.05)


def digests(name: str) -> dict[str, str]:
    """Return the `file_digests` of a finished model."""
    return file_digests(final) if (final := RUNS / name / "final").is_dir() else {}


def log(name: str, *until_it_ends: str) -> Iterator[str]:
    """Yield the lines that a job printed and logged, from the beginning; with a second argument, until the job ends."""
    sources = [_new_lines(_JOBS / name / "output.txt"), _new_lines(RUNS / name / "log.jsonl")]
    while True:
        goes_on = bool(until_it_ends) and _is_under_way(name)
        for source in sources:
            yield from next(source)
        if not goes_on:
            return
        time.sleep(_POLL_S)


def _run_job(job: Path, num_gpus: int, lock: IO[str]) -> None:
    """Wait for a GPU, train on it, and write the exit status."""
    write_json(job / "pid", os.getpid())
    with _reserved_gpu(num_gpus) as (number, gpu):
        write_json(job / "gpu", number)
        # With a standard traceback the last line that the job prints is the error message.
        settings = {"CUDA_VISIBLE_DEVICES": str(number) if num_gpus else "", "TYPER_STANDARD_TRACEBACK": "1"}
        training = subprocess.run(
            [sys.executable, "-m", "asheard", "train", "options", job / "options.json"],
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            pass_fds=(lock.fileno(), gpu.fileno()),
            check=False,
        )
        write_json(job / "exit", training.returncode)


@contextmanager
def _reserved_gpu(num_gpus: int) -> Iterator[tuple[int, IO[str]]]:
    """Wait until a GPU (the CPU if num_gpus is 0) is free; yield its number and its lock. Jobs wait in order.

    The names of the locks contain the host name, because several machines may share a home folder.
    """
    _GPUS.mkdir(exist_ok=True)
    locks = [(_GPUS / f"{socket.gethostname()}-{number}").open("a") for number in range(max(1, num_gpus))]
    with (_GPUS / f"{socket.gethostname()}-next").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        while not (free := next(((number, lock) for number, lock in enumerate(locks) if _try_lock(lock)), None)):
            time.sleep(_POLL_S)
    yield free


@contextmanager
def _jobs_locked() -> Iterator[None]:
    """Let one process at a time test the locks of jobs, so that a test is not mistaken for a job."""
    _JOBS.mkdir(exist_ok=True)
    with (_JOBS / ".looking").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_under_way(name: str) -> bool:
    path = _JOBS / name / "lock"
    if not path.is_file():
        return False
    with _jobs_locked(), path.open("a") as lock:
        return not _try_lock(lock)


def _status(name: str) -> dict[str, Any]:
    job, run = _JOBS / name, RUNS / name
    code = read_json(job / "exit") if (job / "exit").is_file() else None
    if _is_under_way(name):
        state = "running" if (job / "gpu").is_file() else "queued"
    elif (run / "final").is_dir():
        state = "done"
    elif not job.is_dir():
        state = "absent"
    else:
        state = "stopped" if code is None else "failed"
    rows = list(_last_rows(run / "log.jsonl"))
    steps, epochs = ([row for row in rows if row["event"] == event] for event in ("step", "epoch"))
    printed = [line for line in _tail(job / "output.txt").splitlines() if line.strip()]
    no_output = "the disk is full" if shutil.disk_usage(".").free < _DISK_FULL_BYTES else ""
    return {
        "name": name,
        "state": state,
        "code": code,
        "step": steps[-1]["step"] if steps else None,
        "epoch": steps[-1]["epoch"] if steps else None,
        "loss": steps[-1]["loss"] if steps else None,
        "val_per": epochs[-1]["val_per"] if epochs else None,
        "last": printed[-1].strip() if printed else no_output,
    }


def _last_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the last rows of a JSONL log. The first line read and the last may be incomplete; they are skipped."""
    for line in _tail(path).splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict):
            yield row


def _tail(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")


def _new_lines(path: Path) -> Iterator[list[str]]:
    """Yield, at each step, the lines added to a file since the last step."""
    offset, rest = 0, ""
    while True:
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(offset)
                *lines, rest = (rest + file.read()).split("\n")
                offset = file.tell()
            yield lines
        else:
            yield []


def _detach(output: Path) -> None:
    """Leave the ssh session; print to a file from here on."""
    os.setsid()
    with output.open("w") as out, Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)


_VERBS: Final[dict[str, Callable[..., Any]]] = {
    verb.__name__: verb for verb in (facts, gpus, install, count, start, status, stop, digests, log)
}


def _main(verb: str, *words: str) -> None:
    result = _VERBS[verb](*words)
    for line in result if isinstance(result, Iterator) else [json.dumps(result)]:
        print(line, flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
