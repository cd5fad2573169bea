"""Training on machines reached over ssh: runs are distributed over their GPUs, watched, and their models fetched."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from asheard.errors import GateError, RemoteError
from asheard.io.files import read_json
from asheard.io.progress import StatusDisplay
from asheard.models import read_card
from asheard.remote.jobs import JobStatus, MachineReport, check_machine, job_statuses, start_job, stop_jobs
from asheard.remote.machine import Machine, UnreachableError
from asheard.remote.run import RemoteRun, remote_run
from asheard.remote.transfer import pull_logs, pull_model, sync
from asheard.training import TrainingOptions
from asheard.training.options import check_unchanged

PATIENCE_S: Final = 600.0  # how long a machine may be unreachable; long enough for a restart of a router or a pod
POLL_S: Final = 2.0  # between two visits to a machine; a visit takes an ssh connection
_MAX_MACHINES: Final = 64  # visited at the same time
_UNDER_WAY: Final = ("queued", "running", "done")


class SshExecutor:
    """Trains runs on machines, one a GPU. Runs go on there if this process ends; the same call finds them again.

    Runs with a pilot start first; until all pilots have passed, no other run starts. Then each machine queues its share
    of the runs and works through it.
    """

    def __init__(
        self,
        machines: Sequence[Machine],
        join: Callable[[], Sequence[Machine]] = tuple,
        patience_s: float = PATIENCE_S,
        poll_s: float = POLL_S,
    ) -> None:
        """Set the machines.

        Args:
            machines: used from the beginning.
            join: called when all pilots have passed; returns further machines.
            patience_s: seconds for which a machine may be unreachable; then other machines take over its runs.
            poll_s: seconds between two visits to a machine.
        """
        self._machines, self._join, self._patience_s, self._poll_s = machines, join, patience_s, poll_s

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """Train the runs; as `Executor.train`.

        Raises:
            GateError: a pilot did not pass; the other runs were stopped.
            RemoteError: a machine cannot be used, no machine is reachable, or training fails there.
        """
        waiting = []
        for options in runs:
            if options.final.is_dir():
                _check_model(options)
            else:
                waiting.append(remote_run(options))
        if len({run.name for run in waiting}) < len(waiting):
            raise RemoteError("two of the runs differ in their folders only; train one of them")
        if waiting:
            with StatusDisplay() as display:
                _Scheduler(waiting, self._machines, self._join, self._patience_s, self._poll_s, display).run()


@dataclass(frozen=True, slots=True)
class _VisitActions:
    """What a visit does, by names of runs.

    start: runs to start, each with whether its pilot must pass first. stop: runs to kill. fetch: runs whose models or
    logs are fetched if they are done or failed.
    """

    start: dict[str, bool]
    stop: frozenset[str]
    fetch: frozenset[str]


@dataclass(slots=True, eq=False)
class _Worker:
    """A machine and its part of the schedule. Visits set `report` and `statuses`; the scheduler sets the rest.

    report: None until the machine is ready. statuses: of each run at the last visit; empty before the first. to_start,
    to_stop: for the next visit, see `_VisitActions`. lost_since: time of the monotonic clock at which the machine
    became unreachable; None if it is reachable.
    """

    machine: Machine
    report: MachineReport | None = None
    statuses: dict[str, JobStatus] = field(default_factory=dict)
    to_start: dict[str, bool] = field(default_factory=dict)
    to_stop: set[str] = field(default_factory=set)
    lost_since: float | None = None


def _visit(worker: _Worker, runs: Sequence[RemoteRun], actions: _VisitActions, display: StatusDisplay) -> None:
    """Visit a machine. The first visit reads the statuses, the second syncs and checks, later ones do the actions.

    Args:
        worker: receives the statuses and the report.
        runs: runs whose models are not here yet.
        actions: see `_VisitActions`.
        display: shows copies under way.
    Raises:
        UnreachableError: the machine cannot be reached; a later visit may succeed.
        RemoteError: the machine cannot train.
    """
    machine = worker.machine
    names = [run.name for run in runs]
    if not worker.statuses:
        worker.statuses = job_statuses(machine, names)
        return
    if worker.report is None:
        sync(machine, runs, lambda what, share: display.update(str(machine), f"copying {what}", share))
        worker.report = check_machine(machine, runs)
        display.remove(str(machine))
        display.log(f"{machine}: ready; {worker.report}")
        return
    if actions.stop:
        stop_jobs(machine, actions.stop)
    for run in runs:
        if run.name in actions.start:
            start_job(machine, run, len(worker.report.gpus), pilot=actions.start[run.name])
    statuses = job_statuses(machine, names)
    for run in runs:
        if run.name in actions.fetch:
            _fetch(machine, run, statuses[run.name], display)
    worker.statuses = statuses


def _fetch(machine: Machine, run: RemoteRun, status: JobStatus, display: StatusDisplay) -> None:
    if status.state == "done":
        pull_model(machine, run.name, run.here.checkpoint_dir, lambda share: display.update(run.name, "pulling", share))
    elif status.state == "failed":
        pull_logs(machine, run.name, run.here.checkpoint_dir)


class _Scheduler:
    """Decides which machine trains which run. One thread decides; visits run in other threads, one a machine."""

    def __init__(
        self,
        runs: Sequence[RemoteRun],
        machines: Sequence[Machine],
        join: Callable[[], Sequence[Machine]],
        patience_s: float,
        poll_s: float,
        display: StatusDisplay,
    ) -> None:
        self._runs = {run.name: run for run in runs}  # their models are not here yet
        self._pilots = {run.name for run in runs if run.here.pilot}  # runs whose pilots have not passed yet
        self._workers = [_Worker(machine) for machine in machines]
        self._assigned: dict[str, _Worker] = {}
        self._paused: set[str] = set()  # stopped after their pilots, so that other pilots get a GPU
        self._restarts: dict[str, int | None] = {}  # step at which a stopped run was restarted
        self._failures: list[str] = []
        self._join: Callable[[], Sequence[Machine]] | None = join
        self._patience_s, self._poll_s, self._display = patience_s, poll_s, display

    def run(self) -> None:
        """Work until the model of every run is here, or the run has failed."""
        visits: dict[Future[None], tuple[_Worker, _VisitActions]] = {}
        pool = ThreadPoolExecutor(_MAX_MACHINES)
        try:
            while self._runs:
                if not self._pilots:
                    self._after_pilots()
                self._assign_runs()
                visited = {worker for worker, _ in visits.values()}
                for worker in self._workers:
                    if worker not in visited:
                        actions = self._next_actions(worker)
                        visits[pool.submit(self._visit, worker, list(self._runs.values()), actions)] = worker, actions
                for future in wait(visits, return_when=FIRST_COMPLETED).done:
                    worker, actions = visits.pop(future)
                    try:
                        future.result()
                    except UnreachableError as error:
                        self._after_failed_visit(worker, error)
                    else:
                        self._after_visit(worker, actions)
        except KeyboardInterrupt:
            self._display.log(f"{len(self._runs)} runs continue on their machines; the same command finds them again")
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if self._failures:
            raise RemoteError(f"{'; '.join(self._failures)}. The same command resumes them from their checkpoints")

    def _visit(self, worker: _Worker, runs: Sequence[RemoteRun], actions: _VisitActions) -> None:
        if worker.report is not None or worker.lost_since is not None:
            time.sleep(self._poll_s)
        _visit(worker, runs, actions, self._display)

    def _runs_of(self, worker: _Worker) -> list[str]:
        return [name for name, assigned in self._assigned.items() if assigned is worker]

    def _next_actions(self, worker: _Worker) -> _VisitActions:
        return _VisitActions(
            start=dict(worker.to_start), stop=frozenset(worker.to_stop), fetch=frozenset(self._runs_of(worker))
        )

    def _assign_runs(self) -> None:
        """Assign each run to the machine that has it, or to the least busy one. Wait until all machines are ready."""
        if any(worker.report is None for worker in self._workers):
            return
        for name in self._runs:
            if name in self._assigned or (self._pilots and name not in self._pilots):
                continue
            worker = max(self._workers, key=lambda worker: (_progress(worker, name), -self._load(worker)))
            self._assigned[name] = worker
            self._note_pilot(worker, name)
            if _progress(worker, name) < 2:
                self._start(worker, name)

    def _load(self, worker: _Worker) -> float:
        return len(self._runs_of(worker)) / (worker.report.num_slots if worker.report else 1)

    def _start(self, worker: _Worker, name: str) -> None:
        worker.to_start[name] = name in self._pilots

    def _note_pilot(self, worker: _Worker, name: str) -> None:
        """Note that a run's pilot has passed: steps are logged after the pilot only."""
        if worker.statuses[name].step is not None:
            self._pilots.discard(name)

    def _after_visit(self, worker: _Worker, actions: _VisitActions) -> None:
        if worker.lost_since is not None:
            self._display.log(f"{worker.machine}: reachable again")
            worker.lost_since = None
        for name in actions.start:
            worker.to_start.pop(name, None)
        worker.to_stop -= actions.stop
        for name in self._runs_of(worker):
            if name not in worker.to_start:
                self._handle_status(worker, self._runs[name], worker.statuses[name])
        self._pause_for_pilots(worker)

    def _handle_status(self, worker: _Worker, run: RemoteRun, status: JobStatus) -> None:
        self._note_pilot(worker, run.name)
        if run.here.final.is_dir():
            _check_model(run.here)
            self._display.log(f"{run.name}: trained on {worker.machine}; its model is {run.here.final}")
            self._remove(run.name)
            self._pilots.discard(run.name)
        elif status.state == "stopped" and run.name in self._paused:
            pass
        elif status.state == "stopped" and self._restarts.get(run.name, -1) != status.step:
            self._restarts[run.name] = status.step
            self._display.log(f"{run.name}: was stopped at step {status.step}; resuming from its checkpoint")
            self._start(worker, run.name)
        elif status.state in ("failed", "stopped"):
            self._handle_failure(worker, run, status)
        else:
            self._display.update(run.name, f"{worker.machine}: {status}")

    def _handle_failure(self, worker: _Worker, run: RemoteRun, status: JobStatus) -> None:
        self._remove(run.name)
        failure: RemoteError | GateError = RemoteError(f"{run.name} on {worker.machine} {status}")
        if status.code == GateError.exit_code:
            report = run.here.checkpoint_dir / "pilot.json"
            reasons = "; ".join(read_json(report)["reasons"])
            failure = GateError(f"{run.name}: its pilot did not pass: {reasons}. See {report}")
        elif not self._pilots:
            self._display.log(str(failure))
            self._failures.append(str(failure))
            return
        self._stop_all()
        raise failure

    def _remove(self, name: str) -> None:
        del self._runs[name], self._assigned[name]
        self._display.remove(name)

    def _stop_all(self) -> None:
        """Stop all runs on machines that can be reached."""
        for worker in self._workers:
            names = self._runs_of(worker)
            try:
                if names:
                    stop_jobs(worker.machine, names)
            except RemoteError as error:
                self._display.log(f"{error}; {', '.join(names)} may still be under way")

    def _pause_for_pilots(self, worker: _Worker) -> None:
        """If pilots wait for a GPU, stop the runs there whose pilots have passed."""
        states = {name: worker.statuses[name].state for name in self._runs_of(worker)}
        if any(states[name] == "queued" for name in self._pilots & states.keys()):
            passed = {name for name in states.keys() - self._pilots if states[name] == "running"}
            self._paused |= passed
            worker.to_stop |= passed

    def _after_pilots(self) -> None:
        """Resume the runs that were paused, and add the machines that join now."""
        for name in self._paused & self._assigned.keys():
            self._start(self._assigned[name], name)
        self._paused.clear()
        if self._join is not None:
            self._workers += map(_Worker, self._join())
            self._join = None

    def _after_failed_visit(self, worker: _Worker, error: UnreachableError) -> None:
        """Wait for an unreachable machine; after `patience_s` give its runs to other machines."""
        if worker.lost_since is None:
            self._display.log(f"{error}; trying again for {self._patience_s / 60:.0f} minutes")
            worker.lost_since = time.monotonic()
        elif time.monotonic() - worker.lost_since > self._patience_s:
            self._workers.remove(worker)
            if not self._workers:
                raise RemoteError(f"{error}. No machine is left. Runs there go on; the same command finds them again")
            lost = self._runs_of(worker)
            self._display.log(f"{worker.machine}: given up; {', '.join(lost) or 'nothing'} goes to other machines")
            for name in lost:
                del self._assigned[name]
                self._paused.discard(name)


def _progress(worker: _Worker, name: str) -> int:
    """Return 2 if a run is under way or done on a machine, 1 if it was started there once, else 0."""
    state = worker.statuses[name].state
    return 2 if state in _UNDER_WAY else int(state != "absent")


def _check_model(options: TrainingOptions) -> None:
    """Check that the model in a run's folder was trained with these options."""
    check_unchanged(read_card(options.final)["training"]["options"], options.fingerprint(), options.final)
