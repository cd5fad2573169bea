"""Training jobs on a machine: started, watched, stopped. They live on when the connection does not."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from asheard.pods.machine import Machine, NotSyncedError
from asheard.pods.remote_run import RemoteRun
from asheard.training import options_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
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


def statuses(machine: Machine, names: Iterable[str] = ()) -> dict[str, Status]:
    """How jobs do, by name; all that the machine knows, where none is named."""
    names = tuple(names)
    try:
        found = machine.ask("status", *names)
    except NotSyncedError:
        nothing = dict.fromkeys(("code", "step", "epoch", "loss", "val_per"))
        found = [{"name": name, "state": "absent", "last": ""} | nothing for name in names]
    return {row["name"]: Status(**row) for row in found}


def stop(machine: Machine, names: Iterable[str]) -> None:
    """Kill jobs; started again they go on from their checkpoints."""
    machine.ask("stop", *names)
