"""One machine among those that a study is trained on: what it is to do, and a visit there."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from asheard.pods.check import Condition, check
from asheard.pods.display import Display
from asheard.pods.jobs import Status, start, statuses, stop
from asheard.pods.machine import Machine
from asheard.pods.pull import pull, pull_logs
from asheard.pods.remote_run import RemoteRun
from asheard.pods.sync import sync

_PAUSE_S: Final = 2.0  # between visits; one takes an ssh connection


@dataclass(frozen=True, slots=True)
class Orders:
    """Names of runs. start: to start, each with whether its pilot is to pass first. stop: to kill. pull: to bring."""

    start: dict[str, bool]
    stop: frozenset[str]
    pull: frozenset[str]


@dataclass(slots=True, eq=False)
class Post:
    """A machine and its part of the plan. Visits tell `condition` and `known`; the rest belongs to whoever plans.

    condition: None until it is ready. known: how each run did there at the last visit, empty before the first.
    to_start, to_stop: see `Orders`. lost_since: time of the monotonic clock from which on it did not answer.
    """

    machine: Machine
    condition: Condition | None = None
    known: dict[str, Status] = field(default_factory=dict)
    to_start: dict[str, bool] = field(default_factory=dict)
    to_stop: set[str] = field(default_factory=set)
    lost_since: float | None = None


def visit(post: Post, runs: Sequence[RemoteRun], orders: Orders, display: Display) -> None:
    """Look what a machine knows of the runs; make it ready; from then on do the orders, look, and bring what is done.

    Args:
        post: is told what was found.
        runs: that are not here yet.
        orders: see `Orders`.
        display: is told what takes time.
    Raises:
        UnreachableError: the machine is not reached; nothing is wrong with going there again.
        PodError: it is not fit to train.
    """
    machine = post.machine
    names = [run.name for run in runs]
    if post.condition is not None or post.lost_since is not None:
        time.sleep(_PAUSE_S)
    if not post.known:
        post.known = statuses(machine, names)
        return
    if post.condition is None:
        sync(machine, runs, lambda what, share: display.show(str(machine), f"copying {what}", share))
        post.condition = check(machine, runs)
        display.drop(str(machine))
        display.tell(f"{machine}: ready; {post.condition}")
        return
    if orders.stop:
        stop(machine, orders.stop)
    for run in runs:
        if run.name in orders.start:
            start(machine, run, len(post.condition.gpus), pilot=orders.start[run.name])
    known = statuses(machine, names)
    for run in runs:
        if run.name in orders.pull:
            _bring(machine, run, known[run.name], display)
    post.known = known


def _bring(machine: Machine, run: RemoteRun, status: Status, display: Display) -> None:
    if status.state == "done":
        pull(machine, run.name, run.here.checkpoint_dir, lambda what, share: display.show(run.name, what, share))
    elif status.state == "failed":
        pull_logs(machine, run.name, run.here.checkpoint_dir)
