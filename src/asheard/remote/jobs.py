"""Training jobs on a machine: check that it can train, and start, watch and stop jobs.

Jobs go on if the connection is lost.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from asheard.errors import RemoteError
from asheard.remote.agent import count
from asheard.remote.machine import Machine, NotSyncedError
from asheard.remote.run import RemoteRun
from asheard.training import options_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReport:
    """What `check_machine` found.

    python, torch: versions. gpus: names of the GPUs that PyTorch finds. free_bytes: on the disk of the root folder.
    rows, recordings: of the runs' manifests, the same here and there.
    """

    python: str
    torch: str
    gpus: tuple[str, ...]
    free_bytes: int
    rows: int
    recordings: int

    @property
    def num_slots(self) -> int:
        """Number of runs trained at the same time: one a GPU, or one on the CPU."""
        return max(1, len(self.gpus))

    def __str__(self) -> str:
        """Return the report as one line."""
        gpus = ", ".join(f"{number} x {name}" for name, number in Counter(self.gpus).items()) or "no GPU"
        return (
            f"{gpus}; PyTorch {self.torch}, Python {self.python}; {self.rows} rows and {self.recordings} recordings as "
            f"here; {self.free_bytes / 1e9:.0f} GB free"
        )


def check_machine(machine: Machine, runs: Sequence[RemoteRun]) -> MachineReport:
    """Check that a machine can train the runs, which were synced.

    Raises:
        UnreachableError: the connection was lost.
        RemoteError: PyTorch finds no GPU and the address does not begin with ssh+cpu, or an input is missing there.
    """
    rows, recordings = _compare_inputs(machine, runs)
    found = machine.call_agent("facts") | machine.call_agent("gpus")
    if not found["gpus"] and not machine.cpu:
        address = str(machine).replace("ssh://", "ssh+cpu://", 1)
        raise RemoteError(
            f"{machine}: PyTorch {found['torch']} finds no GPU there; repair its driver, or train on its CPU with "
            f"{address}"
        )
    return MachineReport(
        python=found["python"],
        torch=found["torch"],
        gpus=tuple(found["gpus"]),
        free_bytes=found["free_bytes"],
        rows=rows,
        recordings=recordings,
    )


def _compare_inputs(machine: Machine, runs: Sequence[RemoteRun]) -> tuple[int, int]:
    """Return the number of rows of all manifests and of their recordings; these and the bytes must be as here."""
    manifests: dict[tuple[Path, Path], set[tuple[Path, Path]]] = {}
    for run in runs:
        named = manifests.setdefault((run.here.wav_root, run.there.wav_root), set())
        named |= {(run.here.train, run.there.train), (run.here.val, run.there.val)}
    rows = recordings = 0
    for (root_here, root_there), pairs in manifests.items():
        here = count(str(root_here), *(str(path) for path, _ in sorted(pairs)))
        there = machine.call_agent("count", str(root_there), *(str(path) for _, path in sorted(pairs)))
        if here != there:
            differing = "; ".join(f"{there[key]} {key} of {here[key]}" for key in here if here[key] != there[key])
            raise RemoteError(f"{machine}: of {root_here} there are {differing}; asheard remote sync copies the rest")
        rows, recordings = rows + here["rows"], recordings + here["recordings"]
    return rows, recordings


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """The status of a job.

    state: absent (never started there), queued (waits for a GPU), running, done (its model is there), failed (it ended
    with exit status `code`), or stopped (it was killed, or the machine was switched off). step, epoch, loss: of the
    last step; None before the first. val_per: validation PER of the last epoch. last: the last line that it printed.
    """

    name: str
    state: Literal["absent", "queued", "running", "done", "failed", "stopped"]
    code: int | None
    step: int | None
    epoch: int | None
    loss: float | None
    val_per: float | None
    last: str

    def __str__(self) -> str:
        """Return the status in a few words."""
        if self.state in ("failed", "stopped"):
            return f"{self.state} ({self.last or f'exit status {self.code}'})"
        if self.state != "running":
            return self.state
        if self.step is None:
            return "running, before its first step"
        per = "" if self.val_per is None else f", val PER {self.val_per:.1%}"
        return f"running: epoch {self.epoch}, step {self.step}, loss {self.loss:.2f}{per}"


def start_job(machine: Machine, run: RemoteRun, num_gpus: int, pilot: bool = True) -> None:
    """Queue a run, or resume it; do nothing if it is under way.

    Args:
        machine: trains the run; it was synced.
        run: the run.
        num_gpus: GPUs of the machine, each for one job at a time; 0: train on the CPU.
        pilot: False if the run's pilot has passed.
    """
    there = run.there if pilot else replace(run.there, pilot=0)
    machine.call_agent("start", run.name, str(num_gpus), stdin=json.dumps(options_to_json(there)))


def job_statuses(machine: Machine, names: Iterable[str] = ()) -> dict[str, JobStatus]:
    """Return the status of jobs by name; of all jobs on the machine if no name is given."""
    names = tuple(names)
    try:
        found = machine.call_agent("status", *names)
    except NotSyncedError:
        nothing = dict.fromkeys(("code", "step", "epoch", "loss", "val_per"))
        found = [{"name": name, "state": "absent", "last": ""} | nothing for name in names]
    return {row["name"]: JobStatus(**row) for row in found}


def stop_jobs(machine: Machine, names: Iterable[str]) -> None:
    """Kill jobs. A later start resumes them from their checkpoints."""
    machine.call_agent("stop", *names)
