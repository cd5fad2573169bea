"""Training jobs on a machine: started, watched, stopped. They live on when the connection does not.

Whether a machine is fit to train: GPUs that PyTorch sees, and inputs that are all there.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from asheard.errors import PodError
from asheard.remote.agent import count
from asheard.remote.machine import Machine, NotSyncedError
from asheard.remote.run import RemoteRun
from asheard.training import options_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """How a job does.

    state: absent (never started there), queued (for a GPU), running, done (its model is there), failed (it ended with
    `code`), or stopped (killed with all that belongs to it, or the machine was switched off). step, epoch, loss: of
    the last step, None before the first. val_per: after the last epoch. last: the last line that it printed.
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
        """The state in a few words."""
        if self.state in ("failed", "stopped"):
            return f"{self.state} ({self.last or f'exit status {self.code}'})"
        if self.state != "running":
            return self.state
        if self.step is None:
            return "running, before its first step"
        per = "" if self.val_per is None else f", val PER {self.val_per:.1%}"
        return f"running: epoch {self.epoch}, step {self.step}, loss {self.loss:.2f}{per}"


def start(machine: Machine, run: RemoteRun, num_gpus: int, pilot: bool = True) -> None:
    """Queue a run that was synced, or go on with it; nothing happens where it is under way.

    Args:
        machine: that trains it.
        run: what to train.
        num_gpus: how many GPUs the machine has; jobs wait for each other there. 0 trains on the CPU.
        pilot: False where the run's pilot has passed.
    """
    there = run.there if pilot else replace(run.there, pilot=0)
    machine.ask("start", run.name, str(num_gpus), given=json.dumps(options_to_json(there)))


def statuses(machine: Machine, names: Iterable[str] = ()) -> dict[str, JobStatus]:
    """How jobs do, by name; all that the machine knows, where none is named."""
    names = tuple(names)
    try:
        found = machine.ask("status", *names)
    except NotSyncedError:
        nothing = dict.fromkeys(("code", "step", "epoch", "loss", "val_per"))
        found = [{"name": name, "state": "absent", "last": ""} | nothing for name in names]
    return {row["name"]: JobStatus(**row) for row in found}


def stop(machine: Machine, names: Iterable[str]) -> None:
    """Kill jobs; started again they go on from their checkpoints."""
    machine.ask("stop", *names)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReport:
    """python, torch: versions. gpus: names of those that PyTorch sees. free_bytes: of the disk that the root is on.

    rows, recordings: of the runs' manifests, the same on both sides.
    """

    python: str
    torch: str
    gpus: tuple[str, ...]
    free_bytes: int
    rows: int
    recordings: int

    @property
    def num_slots(self) -> int:
        """Runs that are trained at a time: one a GPU, or one without."""
        return max(1, len(self.gpus))

    def __str__(self) -> str:
        """All of it in a line."""
        gpus = ", ".join(f"{number} x {name}" for name, number in Counter(self.gpus).items()) or "no GPU"
        return (
            f"{gpus}; PyTorch {self.torch}, Python {self.python}; {self.rows} rows and {self.recordings} recordings as "
            f"here; {self.free_bytes / 1e9:.0f} GB free"
        )


def check(machine: Machine, runs: Sequence[RemoteRun]) -> MachineReport:
    """See whether the runs, which were synced, can be trained there.

    Raises:
        UnreachableError: the connection was lost.
        PodError: PyTorch sees no GPU, and training without one is not wanted; or an input is missing there.
    """
    rows, recordings = _compare(machine, runs)
    found = machine.ask("facts") | machine.ask("gpus")
    if not found["gpus"] and not machine.cpu:
        place = str(machine).replace("ssh://", "ssh+cpu://", 1)
        raise PodError(
            f"{machine}: PyTorch {found['torch']} sees no GPU there; mend its driver, or train on its CPU with {place}"
        )
    return MachineReport(
        python=found["python"],
        torch=found["torch"],
        gpus=tuple(found["gpus"]),
        free_bytes=found["free_bytes"],
        rows=rows,
        recordings=recordings,
    )


def _compare(machine: Machine, runs: Sequence[RemoteRun]) -> tuple[int, int]:
    """Rows of all manifests, and recordings that they name; both sides must have as many, of as many bytes."""
    manifests: dict[tuple[Path, Path], set[tuple[Path, Path]]] = {}
    for run in runs:
        named = manifests.setdefault((run.here.wav_root, run.there.wav_root), set())
        named |= {(run.here.train, run.there.train), (run.here.val, run.there.val)}
    rows = recordings = 0
    for (root_here, root_there), pairs in manifests.items():
        here = count(str(root_here), *(str(one) for one, _ in sorted(pairs)))
        there = machine.ask("count", str(root_there), *(str(other) for _, other in sorted(pairs)))
        if here != there:
            differing = "; ".join(f"{there[key]} {key} of {here[key]}" for key in here if here[key] != there[key])
            raise PodError(f"{machine}: of {root_here} there are {differing}; asheard remote sync copies the rest")
        rows, recordings = rows + here["rows"], recordings + here["recordings"]
    return rows, recordings
