"""One machine among those that a study is trained on: what it is to do, and a visit there.

Training on machines that are reached over ssh: runs dealt out to their GPUs, watched, and brought back.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from asheard.errors import GateError, PodError
from asheard.io.files import read_json
from asheard.io.progress import StatusDisplay
from asheard.models import read_card
from asheard.remote.jobs import JobStatus, MachineReport, check, start, statuses, stop
from asheard.remote.machine import Machine, UnreachableError
from asheard.remote.run import RemoteRun, remote_run
from asheard.remote.transfer import pull, pull_logs, sync
from asheard.training import TrainingOptions
from asheard.training.options import check_unchanged

_PAUSE_S: Final = 2.0  # between visits; one takes an ssh connection


@dataclass(frozen=True, slots=True)
class VisitActions:
    """Names of runs. start: to start, each with whether its pilot is to pass first. stop: to kill. pull: to bring."""

    start: dict[str, bool]
    stop: frozenset[str]
    pull: frozenset[str]


@dataclass(slots=True, eq=False)
class Worker:
    """A machine and its part of the plan. Visits tell `report` and `known`; the rest belongs to whoever plans.

    report: None until it is ready. known: how each run did there at the last visit, empty before the first.
    to_start, to_stop: see `VisitActions`. lost_since: time of the monotonic clock from which on it did not answer.
    """

    machine: Machine
    report: MachineReport | None = None
    known: dict[str, JobStatus] = field(default_factory=dict)
    to_start: dict[str, bool] = field(default_factory=dict)
    to_stop: set[str] = field(default_factory=set)
    lost_since: float | None = None


def visit(worker: Worker, runs: Sequence[RemoteRun], actions: VisitActions, display: StatusDisplay) -> None:
    """Look what a machine knows of the runs; make it ready; from then on do the actions, look, and bring what is done.

    Args:
        worker: is told what was found.
        runs: that are not here yet.
        actions: see `VisitActions`.
        display: is told what takes time.
    Raises:
        UnreachableError: the machine is not reached; nothing is wrong with going there again.
        PodError: it is not fit to train.
    """
    machine = worker.machine
    names = [run.name for run in runs]
    if worker.report is not None or worker.lost_since is not None:
        time.sleep(_PAUSE_S)
    if not worker.known:
        worker.known = statuses(machine, names)
        return
    if worker.report is None:
        sync(machine, runs, lambda what, share: display.update(str(machine), f"copying {what}", share))
        worker.report = check(machine, runs)
        display.remove(str(machine))
        display.log(f"{machine}: ready; {worker.report}")
        return
    if actions.stop:
        stop(machine, actions.stop)
    for run in runs:
        if run.name in actions.start:
            start(machine, run, len(worker.report.gpus), pilot=actions.start[run.name])
    known = statuses(machine, names)
    for run in runs:
        if run.name in actions.pull:
            _bring(machine, run, known[run.name], display)
    worker.known = known


def _bring(machine: Machine, run: RemoteRun, status: JobStatus, display: StatusDisplay) -> None:
    if status.state == "done":
        pull(machine, run.name, run.here.checkpoint_dir, lambda what, share: display.update(run.name, what, share))
    elif status.state == "failed":
        pull_logs(machine, run.name, run.here.checkpoint_dir)


PATIENCE_S: Final = 600.0  # for a machine that is not reached: a router's restart, a pod's start
_UNDER_WAY: Final = ("queued", "running", "done")


class SshExecutor:
    """Runs on machines, one a GPU. They live on there whatever becomes of this process; the same call joins them again.

    Runs with a pilot go first, and until all pilots have passed nothing else is begun. Then each machine gets its share
    of the runs at once, and queues what it has no GPU for.
    """

    def __init__(
        self,
        machines: Sequence[Machine],
        join: Callable[[], Sequence[Machine]] = tuple,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Take machines to train on.

        Args:
            machines: that take part from the beginning.
            join: called once all pilots have passed; gives machines that take part from then on.
            patience_s: how long a machine may be out of reach before others take over its runs.
        """
        self._machines, self._join, self._patience_s = machines, join, patience_s

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """As of `Executor.train`.

        Raises:
            GateError: a pilot did not pass; nothing else of these runs is under way any more.
            PodError: a machine cannot be used, all are out of reach, or training fails there.
        """
        waiting = []
        for options in runs:
            if options.final.is_dir():
                _accept(options)
            else:
                waiting.append(remote_run(options))
        if len({run.name for run in waiting}) < len(waiting):
            raise PodError("two of the runs are the same, but for the folders that hold theirs; train one of them")
        if waiting:
            with StatusDisplay() as display:
                _Plan(waiting, self._machines, self._join, self._patience_s, display).carry_out()


class _Plan:
    """Which machine has which run, kept by one thread; a visit to each machine at a time is under way in others."""

    def __init__(
        self,
        runs: Sequence[RemoteRun],
        machines: Sequence[Machine],
        join: Callable[[], Sequence[Machine]],
        patience_s: float,
        display: StatusDisplay,
    ) -> None:
        self._runs = {run.name: run for run in runs}  # not here yet
        self._untried = {run.name for run in runs if run.here.pilot}  # pilots that have not passed
        self._workers = [Worker(machine) for machine in machines]
        self._where: dict[str, Worker] = {}
        self._resting: set[str] = set()  # stopped after their pilots, so that others could have theirs
        self._restarts: dict[str, int | None] = {}  # steps at which runs had stopped and were started again
        self._failures: list[str] = []
        self._join: Callable[[], Sequence[Machine]] | None = join
        self._patience_s, self._display = patience_s, display

    def carry_out(self) -> None:
        """Until every run is here, or has failed."""
        visits: dict[Future[None], tuple[Worker, VisitActions]] = {}
        pool = ThreadPoolExecutor(64)
        try:
            while self._runs:
                if not self._untried:
                    self._after_pilots()
                self._deal()
                visited = {worker for worker, _ in visits.values()}
                for worker in self._workers:
                    if worker not in visited:
                        actions = self._actions(worker)
                        future = pool.submit(visit, worker, list(self._runs.values()), actions, self._display)
                        visits[future] = worker, actions
                for future in wait(visits, return_when=FIRST_COMPLETED).done:
                    worker, actions = visits.pop(future)
                    try:
                        future.result()
                    except UnreachableError as error:
                        self._missed(worker, error)
                    else:
                        self._visited(worker, actions)
        except KeyboardInterrupt:
            self._display.log(f"{len(self._runs)} runs go on where they are; the same command comes back to them")
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if self._failures:
            raise PodError(f"{'; '.join(self._failures)}. The same command goes on from their checkpoints")

    def _actions(self, worker: Worker) -> VisitActions:
        mine = frozenset(name for name, where in self._where.items() if where is worker)
        return VisitActions(
            start=dict(worker.to_start), stop=frozenset(worker.to_stop), pull=mine - worker.to_start.keys()
        )

    def _deal(self) -> None:
        """Give each run to a machine: one that knows it, else the least busy; but not before all are ready."""
        if any(worker.report is None for worker in self._workers):
            return
        for name in self._runs:
            if name in self._where or (self._untried and name not in self._untried):
                continue
            worker = max(self._workers, key=lambda worker: (self._progress(worker, name), -self._load(worker)))
            self._where[name] = worker
            self._note_pilot(worker, name)
            if self._progress(worker, name) < 2:
                self._start(worker, name)

    def _progress(self, worker: Worker, name: str) -> int:
        """2 where a run is under way or done there, 1 where it was once begun, else 0."""
        state = worker.known[name].state
        return 2 if state in _UNDER_WAY else int(state != "absent")

    def _load(self, worker: Worker) -> float:
        return list(self._where.values()).count(worker) / (worker.report.num_slots if worker.report else 1)

    def _start(self, worker: Worker, name: str) -> None:
        worker.to_start[name] = name in self._untried

    def _note_pilot(self, worker: Worker, name: str) -> None:
        """Steps are logged after the pilot."""
        if worker.known[name].step is not None:
            self._untried.discard(name)

    def _visited(self, worker: Worker, actions: VisitActions) -> None:
        if worker.lost_since is not None:
            self._display.log(f"{worker.machine}: reached again")
            worker.lost_since = None
        for name in actions.start:
            worker.to_start.pop(name, None)
        worker.to_stop -= actions.stop
        for name in [name for name, where in self._where.items() if where is worker and name not in worker.to_start]:
            self._look(worker, self._runs[name], worker.known[name])
        self._give_way(worker)

    def _look(self, worker: Worker, run: RemoteRun, status: JobStatus) -> None:
        """Act on how a run does."""
        self._note_pilot(worker, run.name)
        if run.here.final.is_dir():
            _accept(run.here)
            self._display.log(f"{run.name}: trained on {worker.machine}, and here as {run.here.final}")
            self._forget(run.name)
            self._untried.discard(run.name)
        elif status.state == "stopped" and run.name in self._resting:
            pass
        elif status.state == "stopped" and self._restarts.get(run.name, -1) != status.step:
            self._restarts[run.name] = status.step
            self._display.log(f"{run.name}: was stopped at step {status.step}; goes on from its checkpoint")
            self._start(worker, run.name)
        elif status.state in ("failed", "stopped"):
            self._failed(worker, run, status)
        else:
            self._display.update(run.name, f"{worker.machine}: {status}")

    def _failed(self, worker: Worker, run: RemoteRun, status: JobStatus) -> None:
        self._forget(run.name)
        failure: PodError | GateError = PodError(f"{run.name} on {worker.machine} {status}")
        if status.code == GateError.exit_code:
            report = run.here.checkpoint_dir / "pilot.json"
            reasons = "; ".join(read_json(report)["reasons"])
            failure = GateError(f"{run.name}: its pilot did not pass: {reasons}. See {report}")
        elif not self._untried:
            self._display.log(str(failure))
            self._failures.append(str(failure))
            return
        self._halt()
        raise failure

    def _forget(self, name: str) -> None:
        del self._runs[name], self._where[name]
        self._display.remove(name)

    def _halt(self) -> None:
        """Stop what is under way, as far as it can be reached."""
        for worker in self._workers:
            names = [name for name, where in self._where.items() if where is worker]
            try:
                if names:
                    stop(worker.machine, names)
            except PodError as error:
                self._display.log(f"{error}; {', '.join(names)} may still be under way")

    def _give_way(self, worker: Worker) -> None:
        """Where pilots wait for a GPU, runs whose pilots have passed rest until all have."""
        here = {name: worker.known[name].state for name, where in self._where.items() if where is worker}
        if any(here[name] == "queued" for name in self._untried & here.keys()):
            passed = {name for name in here.keys() - self._untried if here[name] == "running"}
            self._resting |= passed
            worker.to_stop |= passed

    def _after_pilots(self) -> None:
        """Let runs go on that rested, and machines take part that waited."""
        for name in self._resting & self._where.keys():
            self._start(self._where[name], name)
        self._resting.clear()
        if self._join is not None:
            self._workers += map(Worker, self._join())
            self._join = None

    def _missed(self, worker: Worker, error: UnreachableError) -> None:
        """A machine is waited for, and when it is out of reach for too long, others take over."""
        if worker.lost_since is None:
            self._display.log(f"{error}; trying again for {self._patience_s / 60:.0f} minutes")
            worker.lost_since = time.monotonic()
        elif time.monotonic() - worker.lost_since > self._patience_s:
            self._workers.remove(worker)
            if not self._workers:
                raise PodError(
                    f"{error}. No machine is left; what was begun there goes on, and the same command joins it"
                )
            lost = [name for name, where in self._where.items() if where is worker]
            self._display.log(f"{worker.machine}: given up; {', '.join(lost) or 'nothing'} goes to other machines")
            for name in lost:
                del self._where[name]
                self._resting.discard(name)


def _accept(options: TrainingOptions) -> None:
    """See that a model that is here is the one that these options ask for."""
    check_unchanged(read_card(options.final)["training"]["options"], options.fingerprint(), options.final)
