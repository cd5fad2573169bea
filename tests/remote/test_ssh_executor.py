"""SshExecutor trains runs on machines, whatever fails. A stub trains by default; the slow variants train for real."""

import json
import os
import signal
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from asheard.errors import AsHeardError, GateError, RemoteError
from asheard.remote.executors import LocalExecutor, executor_at
from asheard.remote.jobs import job_statuses, start_job, stop_jobs
from asheard.remote.run import remote_run
from asheard.remote.ssh import SshExecutor
from asheard.remote.transfer import sync
from asheard.training import TrainingOptions, train
from support.runs import assert_same_weights
from support.sshd import Sshd
from support.stub_training import STEPS_PER_EPOCH

GOOD_PILOT = {"pilot": 170, "pilot_train": 48, "peak_lr": 1e-2, "mask_time_prob": 0.0}
Executor = partial(SshExecutor, poll_s=0.05)


def silent(what: str, share: float) -> None:
    pass


def wait_for(holds, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def processes_of(name: str) -> list[int]:
    """Processes that train a run, on any machine of this test."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"options" in words and any(name.encode() in word for word in words):
            found.append(int(path.parent.name))
    return found


class StubTraining:
    """Training only counts steps, so tests of faults are fast; the model lists the steps it was trained for."""

    def __init__(self, stub_trainer) -> None:
        self._stub = stub_trainer

    def prepare(self, *runs: TrainingOptions) -> None:
        for run in runs:
            self._stub.expect(run)

    def check(self, run: TrainingOptions) -> None:
        """Every step was trained once."""
        assert self._stub.steps_of(run.final) == list(range(1, STEPS_PER_EPOCH * run.epochs + 1))


class RealTraining:
    """Models have the weights that they would have if they had been trained here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, *runs: TrainingOptions) -> None:
        pass

    def check(self, run: TrainingOptions) -> None:
        name = f"{run.kind}-{run.seed}-{run.epochs}"
        assert_same_weights(run.final, train(replace(run, checkpoint_dir=self._folder / name, pilot=0)))


@pytest.fixture(scope="session")
def trained_here(tmp_path_factory):
    return tmp_path_factory.mktemp("trained-here")


@pytest.fixture(params=["stub", pytest.param("real", marks=pytest.mark.slow)])
def training(request, stub_trainer, trained_here):
    return StubTraining(stub_trainer) if request.param == "stub" else RealTraining(trained_here)


@pytest.fixture
def environment(training, stub_trainer, real_environment):
    if isinstance(training, StubTraining):
        return real_environment | {"PATH": f"{stub_trainer.folder}/bin:{os.environ['PATH']}"}
    return real_environment


@pytest.fixture
def run(options):
    return TrainingOptions(**options)


@pytest.fixture
def long(run):
    """A run long enough to be disturbed in the middle."""
    return replace(run, epochs=40, checkpoint_every=5)


@pytest.fixture
def at_step(machine):
    """Waits until a run has done some steps on the machine."""

    def waited(run: TrainingOptions, step: int) -> None:
        log = Path(machine.root) / "runs" / remote_run(run).name / "log.jsonl"
        wait_for(lambda: log.is_file() and f'"step": {step},' in log.read_text())

    return waited


@pytest.fixture
def other_machine(machine, user_key, environment, tmp_path):
    """A second machine, with another port and root."""
    server = Sshd(tmp_path / "other-sshd", user_key, environment)
    server.start()
    yield replace(machine, port=server.port, root=str(tmp_path / "other"))
    server.stop()


class Background:
    """A call in another thread, and how it ended."""

    def __init__(self, call) -> None:
        self.error: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:
            self.error = error

    def result(self, seconds: float = 300.0) -> BaseException | None:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "it does not end"
        return self.error


def kill_job(machine, run: TrainingOptions) -> None:
    """Kill all processes of a job, as a power failure does."""
    pid = Path(machine.root) / "jobs" / remote_run(run).name / "pid"
    os.killpg(json.loads(pid.read_text()), signal.SIGKILL)


def test_executor_at_names():
    assert isinstance(executor_at("local"), LocalExecutor)
    assert isinstance(executor_at("ssh://a,ssh+cpu://b"), SshExecutor)
    with pytest.raises(AsHeardError, match="--executor cloud: no such executor"):
        executor_at("cloud")


def test_train_brings_the_model_and_its_logs(machine, run, training):
    training.prepare(run)
    Executor([machine]).train([run])
    training.check(run)
    rows = [json.loads(line) for line in (run.checkpoint_dir / "log.jsonl").read_text().splitlines()]
    assert sum(row["event"] == "epoch" for row in rows) == run.epochs
    assert list((run.checkpoint_dir / "tensorboard").iterdir())

    # Nothing is left to do, so a machine that does not exist is not asked.
    Executor([replace(machine, port=1)]).train([run])
    with pytest.raises(AsHeardError, match=r"other options \(seed was 1, is 2\)"):
        Executor([machine]).train([replace(run, seed=2)])


def test_job_starts_once_and_waits_for_its_turn(machine, options, training):
    """One CPU trains one run at a time: the second job is queued until the first is gone."""
    runs = [TrainingOptions(**options | {"epochs": 5000, "checkpoint_every": 1, "seed": seed}) for seed in (1, 2)]
    first, second = map(remote_run, runs)
    sync(machine, [first, second], silent)
    names = (first.name, second.name)
    assert [status.state for status in job_statuses(machine, names).values()] == ["absent", "absent"]
    start_job(machine, first, 0)
    wait_for(lambda: processes_of(first.name))
    start_job(machine, first, 0)
    start_job(machine, second, 0)
    wait_for(lambda: (job_statuses(machine)[first.name].step or 0) > 3)
    assert job_statuses(machine)[second.name].state == "queued"
    assert (len(processes_of(first.name)), len(processes_of(second.name))) == (1, 0)
    stop_jobs(machine, [first.name])
    assert job_statuses(machine)[first.name].state == "stopped"
    assert not processes_of(first.name)
    wait_for(lambda: job_statuses(machine)[second.name].state == "running")
    stop_jobs(machine, names)
    assert not processes_of(second.name)


def test_job_has_a_gpu_of_its_own(machine, options, training):
    """The machine is said to have two GPUs; the jobs find none, and train on the CPU."""
    runs = [remote_run(TrainingOptions(**options | {"epochs": 5000, "seed": seed})) for seed in (1, 2, 3)]
    sync(machine, runs, silent)
    for run in runs:
        start_job(machine, run, 2)
    wait_for(lambda: sum(len(processes_of(run.name)) for run in runs) == 2)
    wait_for(lambda: sum(status.step is not None for status in job_statuses(machine).values()) == 2)
    assert sorted(status.state for status in job_statuses(machine).values()) == ["queued", "running", "running"]
    seen = [Path(f"/proc/{pid}/environ").read_bytes() for run in runs for pid in processes_of(run.name)]
    numbers = [number for number in (0, 1) for found in seen if b"CUDA_VISIBLE_DEVICES=%d\0" % number in found]
    assert numbers == [0, 1]
    stop_jobs(machine, [run.name for run in runs])
    assert {status.state for status in job_statuses(machine).values()} == {"stopped"}


@pytest.mark.slow
def test_train_after_training_was_killed_there(machine, long, at_step, training):
    training.prepare(long)
    call = Background(lambda: Executor([machine]).train([long]))
    at_step(long, 20)
    for pid in processes_of(remote_run(long).name):
        os.kill(pid, signal.SIGKILL)
    error = call.result()
    assert isinstance(error, RemoteError)
    assert "failed" in str(error)
    assert "The same command resumes them from their checkpoints" in str(error)
    Executor([machine]).train([long])
    training.check(long)


def test_train_resumes_when_a_machine_was_switched_off_and_on(machine, sshd, long, at_step, training):
    """All processes of the job die, and the sshd too."""
    training.prepare(long)
    call = Background(lambda: Executor([machine]).train([long]))
    at_step(long, 20)
    sshd.stop()
    kill_job(machine, long)
    sshd.start()
    assert call.result() is None
    training.check(long)


def test_train_survives_lost_connections(machine, sshd, long, at_step, training, capsys):
    training.prepare(long)
    call = Background(lambda: Executor([machine]).train([long]))
    for step in (5, 15, 25):
        at_step(long, step)
        sshd.stop()
        time.sleep(0.2)  # long enough for a visit to fail
        sshd.start()
    assert call.result() is None
    training.check(long)


@pytest.mark.slow
def test_train_moves_the_runs_of_a_lost_machine(machine, other_machine, sshd, long, at_step, training):
    short = replace(long, epochs=2, seed=2, checkpoint_dir=long.checkpoint_dir.parent / "short")
    training.prepare(long, short)
    call = Background(lambda: Executor([machine, other_machine], patience_s=1).train([long, short]))
    at_step(long, 10)
    sshd.stop()
    kill_job(machine, long)
    assert call.result() is None
    for run in (long, short):
        training.check(run)


def test_train_ends_if_no_machine_is_left(machine, sshd, long, at_step, training):
    call = Background(lambda: Executor([machine], patience_s=0.5).train([long]))
    at_step(long, 3)
    sshd.stop()
    error = call.result()
    assert isinstance(error, RemoteError)
    assert "No machine is left. Runs there go on; the same command finds them again" in str(error)
    sshd.start()
    stop_jobs(machine, [remote_run(long).name])


def test_train_stops_all_runs_if_a_pilot_fails(machine, other_machine, options, training):
    folder = options["checkpoint_dir"].parent
    hopeless = options | {"pilot": 4, "pilot_train": 12, "peak_lr": 1e-9, "checkpoint_dir": folder / "hopeless"}
    hopeful = options | {"checkpoint_dir": folder / "hopeful"} | GOOD_PILOT
    runs = [TrainingOptions(**values) for values in (hopeless, hopeful | {"epochs": 5000}, options)]
    with pytest.raises(GateError, match=r"hopeless-\w+: its pilot did not pass: .*hopeless/pilot\.json"):
        Executor([machine, other_machine]).train(runs)
    assert json.loads((folder / "hopeless" / "pilot.json").read_text())["reasons"]
    found = [status for place in (machine, other_machine) for status in job_statuses(place).values()]
    assert not {status.state for status in found} & {"running", "queued"}
    assert not any(status.name == remote_run(runs[2]).name for status in found)
    # A run whose options were repaired starts again with its pilot.
    repaired = TrainingOptions(**hopeful)
    training.prepare(repaired)
    Executor([machine, other_machine]).train([repaired])
    assert repaired.final.is_dir()


@pytest.mark.slow
def test_train_runs_pilots_first_and_adds_machines_after_them(machine, other_machine, options, training):
    folder = options["checkpoint_dir"].parent
    values = options | GOOD_PILOT | {"epochs": 20}
    runs = [
        TrainingOptions(**values | {"checkpoint_dir": folder / "faithful-seed1", "epochs": 80}),
        TrainingOptions(**values | {"checkpoint_dir": folder / "faithful-seed2", "seed": 2}),
        TrainingOptions(**values | {"checkpoint_dir": folder / "faithful-seed3", "seed": 3, "pilot": 0}),
    ]
    names = [remote_run(run).name for run in runs]
    training.prepare(*runs)

    def join():
        tried = [Path(machine.root) / "runs" / name for name in names]
        assert [(path / "pilot.json").is_file() for path in tried] == [True, True, False]
        assert not any((path / "final").is_dir() for path in tried[:1])  # paused while the second pilot ran
        assert not (Path(machine.root) / "jobs" / names[2]).exists()
        return [other_machine]

    Executor([machine], join=join).train(runs)
    for run in runs:
        training.check(run)
    assert {status.state for status in job_statuses(other_machine).values()} == {"done"}


@pytest.mark.slow
def test_train_reports_a_full_disk_and_resumes_with_room(user_key, environment, machine, long, tmp_path, training):
    training.prepare(long)
    there = Path(machine.root)
    there.mkdir()
    small = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c"]
    if os.system(" ".join([*small, f"'mount -t tmpfs none {there}'"])):
        pytest.skip("a small disk needs the right to mount one")
    mount = f'mount -t tmpfs -o size=64m none {there} && exec "$0" "$@"'
    server = Sshd(tmp_path / "small", user_key, environment, prefix=(*small, mount))
    server.start()
    machine = replace(machine, port=server.port)
    try:
        sync(machine, [remote_run(long)], silent)
        ballast = f"{there}/ballast"
        fill = f"head -c $(($(stat -f -c '%a*%S' {there}) - 300000)) /dev/zero > {ballast}"
        machine.run("sh", "-c", fill)
        with pytest.raises(RemoteError, match="No space left on device"):
            Executor([machine]).train([long])
        machine.run("rm", ballast)
        Executor([machine]).train([long])
        training.check(long)
    finally:
        server.stop()
