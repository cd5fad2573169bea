"""Runs are trained on machines over ssh, with the weights that they would have here; whatever breaks, they end so."""

import json
import os
import signal
import threading
import time
from dataclasses import replace
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

GOOD_PILOT = {"pilot": 170, "pilot_train": 48, "peak_lr": 1e-2, "mask_time_prob": 0.0}


def silent(what: str, share: float) -> None:
    pass


def wait_for(holds, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def processes_of(name: str) -> list[int]:
    """Processes that train a run, wherever they were begun."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"options" in words and any(name.encode() in word for word in words):
            found.append(int(path.parent.name))
    return found


@pytest.fixture(scope="session")
def trained_here(tones, tmp_path_factory):
    """Trains options in this process, once each, and gives the model's folder."""
    folder = tmp_path_factory.mktemp("trained-here")

    def trained(options: TrainingOptions) -> Path:
        name = f"{options.kind}-{options.seed}-{options.epochs}"
        return train(replace(options, checkpoint_dir=folder / name, pilot=0))

    return trained


def test_a_run_is_trained_there_and_comes_back_with_the_weights_it_would_have_here(machine, options, trained_here):
    run = TrainingOptions(**options)
    SshExecutor([machine]).train([run])
    assert_same_weights(run.final, trained_here(run))
    assert train(run) == run.final  # it is accepted as finished
    rows = [json.loads(line) for line in (run.checkpoint_dir / "log.jsonl").read_text().splitlines()]
    assert sum(row["event"] == "epoch" for row in rows) == 2
    assert list((run.checkpoint_dir / "tensorboard").iterdir())

    # Nothing is left to do, so nothing is asked of a machine that is not there.
    SshExecutor([replace(machine, port=1)]).train([run])
    with pytest.raises(AsHeardError, match=r"other options \(seed was 1, is 2\)"):
        SshExecutor([machine]).train([replace(run, seed=2)])


def test_executors_go_by_their_places():
    assert isinstance(executor_at("local"), LocalExecutor)
    assert isinstance(executor_at("ssh://a,ssh+cpu://b"), SshExecutor)
    with pytest.raises(AsHeardError, match="--executor cloud: no such executor"):
        executor_at("cloud")


def test_a_job_is_started_once_and_waits_for_its_turn(machine, options):
    """One CPU is one place to train: the second job is queued until the first is gone."""
    long = options | {"epochs": 500, "checkpoint_every": 1}
    first = remote_run(TrainingOptions(**long))
    second = remote_run(TrainingOptions(**long | {"seed": 2}))
    sync(machine, [first, second], silent)
    names = (first.name, second.name)
    assert [status.state for status in job_statuses(machine, names).values()] == ["absent", "absent"]
    start_job(machine, first, 0)
    wait_for(lambda: job_statuses(machine)[first.name].state == "running")
    start_job(machine, first, 0)
    start_job(machine, second, 0)
    time.sleep(1.5)
    assert job_statuses(machine)[second.name].state == "queued"
    assert (len(processes_of(first.name)), len(processes_of(second.name))) == (1, 0)
    wait_for(lambda: (job_statuses(machine)[first.name].step or 0) > 3)
    stop_jobs(machine, [first.name])
    assert job_statuses(machine)[first.name].state == "stopped"
    assert not processes_of(first.name)
    wait_for(lambda: job_statuses(machine)[second.name].state == "running")
    stop_jobs(machine, names)
    assert not processes_of(second.name)


@pytest.mark.slow
def test_each_job_has_a_gpu_of_its_own(machine, options):
    """The machine is said to have two; PyTorch, which sees none, trains on its CPU all the same."""
    runs = [remote_run(TrainingOptions(**options | {"epochs": 500, "seed": seed})) for seed in (1, 2, 3)]
    sync(machine, runs, silent)
    for run in runs:
        start_job(machine, run, 2)
    wait_for(lambda: [status.state for status in job_statuses(machine).values()].count("running") == 2)
    time.sleep(1.5)
    assert sorted(status.state for status in job_statuses(machine).values()) == ["queued", "running", "running"]
    wait_for(lambda: sum(len(processes_of(run.name)) for run in runs) == 2)
    seen = [Path(f"/proc/{pid}/environ").read_bytes() for run in runs for pid in processes_of(run.name)]
    assert sorted(number for number in (0, 1) for found in seen if b"CUDA_VISIBLE_DEVICES=%d\0" % number in found) == [
        0,
        1,
    ]
    stop_jobs(machine, [run.name for run in runs])
    assert {status.state for status in job_statuses(machine).values()} == {"stopped"}


class Away:
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

    def ended(self, seconds: float = 300.0) -> BaseException | None:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "it does not end"
        return self.error


@pytest.fixture
def long(options):
    """A run that can be met in the middle."""
    return TrainingOptions(**options | {"epochs": 40, "checkpoint_every": 5})


@pytest.fixture
def at_step(machine):
    """Waits until a run has done some steps there."""

    def waited(run: TrainingOptions, step: int, root: str = machine.root) -> Path:
        log = Path(root) / "runs" / remote_run(run).name / "log.jsonl"
        wait_for(lambda: log.is_file() and f'"step": {step},' in log.read_text())
        return log.parent

    return waited


@pytest.mark.slow
def test_training_that_is_killed_goes_on_with_the_same_command(machine, long, at_step, trained_here):
    training = Away(lambda: SshExecutor([machine]).train([long]))
    at_step(long, 20)
    for pid in processes_of(remote_run(long).name):
        os.kill(pid, signal.SIGKILL)
    error = training.ended()
    assert isinstance(error, RemoteError)
    assert "failed" in str(error)
    assert "The same command resumes them from their checkpoints" in str(error)
    SshExecutor([machine]).train([long])
    assert_same_weights(long.final, trained_here(long))


@pytest.mark.slow
def test_a_machine_that_was_switched_off_and_on_goes_on_by_itself(machine, sshd, long, at_step, trained_here):
    """All that belongs to the job dies, and the sshd too."""
    training = Away(lambda: SshExecutor([machine]).train([long]))
    at_step(long, 20)
    sshd.stop()
    job = Path(machine.root) / "jobs" / remote_run(long).name
    os.killpg(json.loads((job / "pid").read_text()), signal.SIGKILL)
    time.sleep(3)
    sshd.start()
    assert training.ended() is None
    assert_same_weights(long.final, trained_here(long))


@pytest.mark.slow
def test_lost_connections_do_not_disturb_what_goes_on_there(machine, sshd, long, at_step, trained_here):
    training = Away(lambda: SshExecutor([machine]).train([long]))
    for step in (5, 15, 25):
        at_step(long, step)
        sshd.stop()
        time.sleep(0.5)
        sshd.start()
    assert training.ended() is None
    assert_same_weights(long.final, trained_here(long))


@pytest.fixture
def other_machine(machine, user_key, environment, tmp_path):
    """A second machine, at another port and root, and its sshd."""
    server = Sshd(tmp_path / "other-sshd", user_key, environment)
    server.start()
    yield replace(machine, port=server.port, root=str(tmp_path / "other")), server
    server.stop()


@pytest.mark.slow
def test_what_a_lost_machine_had_goes_to_the_others(machine, other_machine, sshd, long, at_step, trained_here):
    other, _ = other_machine
    short = replace(long, epochs=2, seed=2, checkpoint_dir=long.checkpoint_dir.parent / "short")
    training = Away(lambda: SshExecutor([machine, other], patience_s=3).train([long, short]))
    at_step(long, 10)
    sshd.stop()
    pid = Path(machine.root) / "jobs" / remote_run(long).name / "pid"
    os.killpg(json.loads(pid.read_text()), signal.SIGKILL)
    assert training.ended() is None
    for run in (long, short):
        assert_same_weights(run.final, trained_here(run))


@pytest.mark.slow
def test_with_no_machine_left_it_says_so(machine, sshd, long, at_step):
    training = Away(lambda: SshExecutor([machine], patience_s=2).train([long]))
    at_step(long, 3)
    sshd.stop()
    error = training.ended()
    assert isinstance(error, RemoteError)
    assert "No machine is left. Runs there go on; the same command finds them again" in str(error)
    sshd.start()
    stop_jobs(machine, [remote_run(long).name])


@pytest.mark.slow
def test_a_pilot_that_fails_stops_the_rest(machine, other_machine, options):
    other, _ = other_machine
    folder = options["checkpoint_dir"].parent
    hopeless = options | {"pilot": 4, "pilot_train": 12, "peak_lr": 1e-9, "checkpoint_dir": folder / "hopeless"}
    hopeful = options | {"checkpoint_dir": folder / "hopeful"} | GOOD_PILOT
    runs = [TrainingOptions(**values) for values in (hopeless, hopeful | {"epochs": 500}, options)]
    with pytest.raises(GateError, match=r"hopeless-\w+: its pilot did not pass: .*hopeless/pilot\.json"):
        SshExecutor([machine, other]).train(runs)
    assert json.loads((folder / "hopeless" / "pilot.json").read_text())["reasons"]
    found = [status for place in (machine, other) for status in job_statuses(place).values()]
    assert not {status.state for status in found} & {"running", "queued"}
    assert not any(status.name == remote_run(runs[2]).name for status in found)
    # A pilot that is mended is tried anew.
    mended = TrainingOptions(**hopeful)
    SshExecutor([machine, other]).train([mended])
    assert mended.final.is_dir()


@pytest.mark.slow
def test_pilots_come_before_everything_else_and_machines_join_after_them(machine, other_machine, options, trained_here):
    other, _ = other_machine
    folder = options["checkpoint_dir"].parent
    values = options | GOOD_PILOT | {"epochs": 20}
    runs = [
        TrainingOptions(**values | {"checkpoint_dir": folder / "faithful-seed1", "epochs": 80}),
        TrainingOptions(**values | {"checkpoint_dir": folder / "faithful-seed2", "seed": 2}),
        TrainingOptions(**values | {"checkpoint_dir": folder / "faithful-seed3", "seed": 3, "pilot": 0}),
    ]
    names = [remote_run(run).name for run in runs]

    def join():
        tried = [Path(machine.root) / "runs" / name for name in names]
        assert [(path / "pilot.json").is_file() for path in tried] == [True, True, False]
        assert not any((path / "final").is_dir() for path in tried[:1])  # the first rested while the second was tried
        assert not (Path(machine.root) / "jobs" / names[2]).exists()
        return [other]

    SshExecutor([machine], join=join).train(runs)
    for run in runs:
        assert_same_weights(run.final, trained_here(run))
    assert {status.state for status in job_statuses(other).values()} == {"done"}


@pytest.mark.slow
def test_a_disk_that_fills_up_in_training_is_told_and_with_room_it_goes_on(
    user_key, environment, machine, long, tmp_path, trained_here
):
    there = Path(machine.root)
    there.mkdir()
    small = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c"]
    if os.system(" ".join([*small, f"'mount -t tmpfs none {there}'"])):
        pytest.skip("a small disk needs the right to mount one")
    mount = f'mount -t tmpfs -o size=24m none {there} && exec "$0" "$@"'
    server = Sshd(tmp_path / "small", user_key, environment, prefix=(*small, mount))
    server.start()
    machine = replace(machine, port=server.port)
    try:
        sync(machine, [remote_run(long)], silent)
        ballast = f"{there}/ballast"
        fill = f"head -c $(($(stat -f -c '%a*%S' {there}) - 300000)) /dev/zero > {ballast}"
        machine.run("sh", "-c", fill)
        with pytest.raises(RemoteError, match="No space left on device"):
            SshExecutor([machine]).train([long])
        machine.run("rm", ballast)
        SshExecutor([machine]).train([long])
        assert_same_weights(long.final, trained_here(long))
    finally:
        server.stop()
