"""What runs on a machine itself: facts about it, and its queue of training jobs. Begun over ssh, in the root there.

It answers with one line of JSON, and imports nothing that is slow or may be missing. A job is a folder below jobs/ that
belongs to a folder of training below runs/; it is under way as long as somebody holds the lock in it, which the job's
processes inherit. A GPU is a lock too: a queued job waits for one. So nothing has to be tidied up after `kill -9`.
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

_JOBS: Final = Path("jobs")
RUNS: Final = Path("runs")
_GPUS: Final = Path("gpus")
_TAIL: Final = 1 << 16  # bytes at the end of a log that are looked at: some 300 steps
_FULL: Final = 1 << 16  # bytes free where a job cannot even write down why it ended
_LOOK_S: Final = 1.0  # between two looks for a free GPU, or for more of a log


def facts(*packages: str) -> dict[str, Any]:
    """The Python here, the packages among some that it lacks, and the bytes free on the disk."""
    return {
        "python": sys.version.split()[0],
        "missing": [name for name in packages if importlib.util.find_spec(name) is None],
        "free_bytes": shutil.disk_usage(".").free,
    }


def gpus() -> dict[str, Any]:
    """The version of torch, and the names of the GPUs that it sees."""
    import torch

    return {
        "torch": torch.__version__,
        "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
    }


def install(*requirements: str) -> None:
    """Install packages, in a virtual environment of the root's own unless Python runs in one already."""
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
    """Rows of manifests, and how many of the recordings that they name are there, with how many bytes."""
    rows = [json.loads(line) for name in manifests for line in Path(name).read_text("utf-8").splitlines() if line]
    wavs = {row["wav"] for row in rows if row["wav"] is not None}
    sizes = [path.stat().st_size for path in (Path(wav_root, wav) for wav in wavs) if path.is_file()]
    return {"rows": len(rows), "recordings": len(sizes), "bytes": sum(sizes)}


def start(name: str, num_gpus: str) -> None:
    """Queue the job that standard input tells as training options; nothing happens where it is under way."""
    options = json.load(sys.stdin)  # not whole where the connection was lost
    job = _JOBS / name
    job.mkdir(parents=True, exist_ok=True)
    (RUNS / name).mkdir(parents=True, exist_ok=True)
    lock = (job / "lock").open("a")
    with _looking():
        if not _take(lock):
            return
        for old in ("pid", "gpu", "exit"):
            (job / old).unlink(missing_ok=True)
        write_json(job / "options.json", options)
    if os.fork() == 0:
        try:
            _detach(job / "output.txt")
            _work(job, int(num_gpus), lock)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)


def status(*names: str) -> list[dict[str, Any]]:
    """How jobs do; all of them where none is named."""
    return [_status(name) for name in names or sorted(path.name for path in _JOBS.glob("*/"))]


def stop(*names: str) -> None:
    """Kill jobs; started again they go on from their checkpoints."""
    for name in names:
        while _under_way(name):
            if (pid := _JOBS / name / "pid").is_file():
                with suppress(ProcessLookupError):
                    os.killpg(read_json(pid), signal.SIGKILL)
            time.sleep(0.05)


def digests(name: str) -> dict[str, str]:
    """As of `file_digests`, of a finished model."""
    final = RUNS / name / "final"
    return file_digests(final) if final.is_dir() else {}


def log(name: str, *until_it_ends: str) -> Iterator[str]:
    """What a job printed and logged, line by line from the beginning; and what it goes on to, if that is wanted."""
    sources = [_lines(_JOBS / name / "output.txt"), _lines(RUNS / name / "log.jsonl")]
    while True:
        goes_on = bool(until_it_ends) and _under_way(name)
        for source in sources:
            yield from next(source)
        if not goes_on:
            return
        time.sleep(_LOOK_S)


def _work(job: Path, num_gpus: int, lock: IO[str]) -> None:
    """Wait for a GPU, train on it, and write down how that ended."""
    write_json(job / "pid", os.getpid())
    with _a_gpu(num_gpus) as (number, gpu):
        write_json(job / "gpu", number)
        # The last line of a traceback says what happened, where it is not folded into a box.
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
def _a_gpu(num_gpus: int) -> Iterator[tuple[int, IO[str]]]:
    """One GPU, or the CPU where there is none, for this job alone: its number and its lock. First come, first served.

    Locks bear the machine's name, for several may share a home folder.
    """
    _GPUS.mkdir(exist_ok=True)
    locks = [(_GPUS / f"{socket.gethostname()}-{number}").open("a") for number in range(max(1, num_gpus))]
    with (_GPUS / f"{socket.gethostname()}-next").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        while not (free := next(((number, lock) for number, lock in enumerate(locks) if _take(lock)), None)):
            time.sleep(_LOOK_S)
    yield free


@contextmanager
def _looking() -> Iterator[None]:
    """One looks at the jobs' locks at a time, so that nobody takes a look for a job."""
    _JOBS.mkdir(exist_ok=True)
    with (_JOBS / ".looking").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _under_way(name: str) -> bool:
    path = _JOBS / name / "lock"
    if not path.is_file():
        return False
    with _looking(), path.open("a") as lock:
        return not _take(lock)


def _status(name: str) -> dict[str, Any]:
    job, run = _JOBS / name, RUNS / name
    code = read_json(job / "exit") if (job / "exit").is_file() else None
    if _under_way(name):
        state = "running" if (job / "gpu").is_file() else "queued"
    elif (run / "final").is_dir():
        state = "done"
    elif not job.is_dir():
        state = "absent"
    else:
        state = "stopped" if code is None else "failed"
    rows = list(_rows(run / "log.jsonl"))
    steps, epochs = ([row for row in rows if row["event"] == event] for event in ("step", "epoch"))
    said = [line for line in _tail(job / "output.txt").splitlines() if line.strip()]
    return {
        "name": name,
        "state": state,
        "code": code,
        "step": steps[-1]["step"] if steps else None,
        "epoch": steps[-1]["epoch"] if steps else None,
        "loss": steps[-1]["loss"] if steps else None,
        "val_per": epochs[-1]["val_per"] if epochs else None,
        "last": said[-1].strip() if said else "the disk is full" if shutil.disk_usage(".").free < _FULL else "",
    }


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The last rows of a log; the first and the last line may be cut."""
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
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().decode("utf-8", "replace")


def _lines(path: Path) -> Iterator[list[str]]:
    """The lines that were added to a file since last asked, again and again."""
    place, rest = 0, ""
    while True:
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(place)
                *lines, rest = (rest + file.read()).split("\n")
                place = file.tell()
            yield lines
        else:
            yield []


def _detach(output: Path) -> None:
    """Leave the ssh session, and print to a file from now on."""
    os.setsid()
    with output.open("w") as out, Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)


_VERBS: Final[dict[str, Callable[..., Any]]] = {
    verb.__name__: verb for verb in (facts, gpus, install, count, start, status, stop, digests, log)
}


def _main(verb: str, *words: str) -> None:
    answer = _VERBS[verb](*words)
    for line in answer if isinstance(answer, Iterator) else [json.dumps(answer)]:
        print(line, flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
