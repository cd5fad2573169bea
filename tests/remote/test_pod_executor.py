"""PodExecutor: whatever fails, no pod is left at the end, and the same call resumes. A stub trains by default."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asheard.errors import AsHeardError, GateError, RemoteError
from asheard.pipeline import study as study_of
from asheard.remote.executors import executor_at
from asheard.remote.runpod.budget import Budget
from asheard.remote.runpod.client import PodSpec
from asheard.remote.runpod.executor import PodExecutor
from asheard.training import TrainingOptions, options_to_json
from support.runpod_server import wait_until

FULL = "There are no longer any instances available with the requested specifications."


@pytest.fixture
def run(options, study):
    """A short training run of a study."""
    return TrainingOptions(**options | {"checkpoint_dir": study / "faithful-seed1"})


@pytest.fixture
def study(tmp_path):
    return tmp_path / "study"


def pods(study, num_pods=1, patience_s=20, **changes):
    return PodExecutor(num_pods, study, PodSpec(), cpu=True, patience_s=patience_s, pause_s=0.05, **changes)


def impatient_pods(study):
    """Do not wait for pods that never come up."""
    return pods(study, patience_s=0.1)


@pytest.fixture
def stubbed(containers, stub_trainer):
    """Pods whose training only counts steps."""
    containers.venv = stub_trainer.folder
    return containers


def test_train_uses_a_pod_and_terminates_it(stubbed, stub_trainer, run, study, capsys):
    containers = stubbed
    stub_trainer.expect(run)
    pods(study).train([run])
    assert stub_trainer.steps_of(run.final)
    assert len(containers.ever) == 1
    assert containers.running() == []
    message = capsys.readouterr().err
    assert "ordered at $0.70 an hour; terminates itself by" in message
    assert "no pod of this study is left; all of them have cost $0.0" in message
    assert Budget(study).open_entries == []

    asked = len(containers.asked)
    pods(study).train([])
    assert len(containers.asked) == asked  # nothing to train and nothing to terminate


def test_executor_at_pods(tmp_path):
    assert isinstance(executor_at("pods:2", tmp_path), PodExecutor)
    assert isinstance(executor_at("pods:2:NVIDIA A40", tmp_path, max_cost=10.0, max_hours=2.0), PodExecutor)
    with pytest.raises(AsHeardError, match="no such executor"):
        executor_at("pods:0", tmp_path)
    with pytest.raises(AsHeardError, match="--max-cost and --max-hours limit rented pods"):
        executor_at("local", tmp_path, max_cost=10.0)


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"podFindAndDeployOnDemand": [FULL]}, "none is free now"),
        ({"gpuTypes": ["unauthorized"]}, "refuses the key"),
        ({"podFindAndDeployOnDemand": ["lost"]}, "no ssh login"),
        ({"podFindAndDeployOnDemand": ["refused"] * 3}, "does not answer"),
        ({"podTerminate": ["down"] * 4}, "no ssh login"),
        ({"podTerminate": ["lost", "refused"], "myself": [None] * 3 + ["down"] * 9}, "does not answer|no ssh login"),
    ],
)
def test_train_that_fails_leaves_no_pod(account, run, study, faults, message):
    account.boots = False
    for operation, sequence in faults.items():
        account.faults[operation].extend(sequence)
    with pytest.raises(RemoteError, match=message):
        impatient_pods(study).train([run])
    assert account.running() == []
    assert Budget(study).open_entries == []


FAULTS = st.lists(st.sampled_from([None, "refused", "lost", "down", "unauthorized", FULL]), max_size=8)


@given(faults=st.fixed_dictionaries(dict.fromkeys(["myself", "podFindAndDeployOnDemand", "podTerminate"], FAULTS)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_train_leaves_no_pod_whatever_the_api_answers(account, run, study, faults):
    account.boots = False
    for operation, sequence in faults.items():
        account.faults[operation].clear()
        account.faults[operation].extend(sequence)
    with pytest.raises(RemoteError):
        PodExecutor(1, study, PodSpec(), patience_s=0.02, pause_s=0.001).train([run])
    assert account.running() == []


def test_max_cost_limits_all_calls_together(account, run, study):
    account.boots = False
    for _ in range(2):
        with pytest.raises(RemoteError, match="no ssh login"):
            PodExecutor(1, study, PodSpec(), max_cost=3.5, patience_s=0.1, pause_s=0.01).train([run])
    first = Budget(study).entries[0]
    assert first.ends - first.since == pytest.approx(5 * 3600, rel=0.02)
    budget = json.loads((study / "pods.json").read_text())
    budget["pods"][0]["gone"] = first.since + 4.9 * 3600
    (study / "pods.json").write_text(json.dumps(budget))
    with pytest.raises(RemoteError, match=r"left of --max-cost are less than half an hour of 1 pods"):
        PodExecutor(1, study, PodSpec(), max_cost=3.5, patience_s=0.1, pause_s=0.01).train([run])
    assert len(account.ever) == 2


def test_train_terminates_pods_of_an_earlier_call(account, study):
    account.boots = False
    left = Budget(study)
    name = left.add(price=0.7, hours=1)
    account._deploy(DEPLOYED | {"name": name})
    account._deploy(DEPLOYED | {"name": "asheard-other-1"})
    pods(study).train([])
    assert account.running() == ["asheard-other-1"]
    assert Budget(study).open_entries == []


DEPLOYED = {
    "gpuTypeId": "NVIDIA GeForce RTX 4090",
    "cloudType": "SECURE",
    "gpuCount": 1,
    "volumeInGb": 60,
    "containerDiskInGb": 30,
    "imageName": "image",
    "dockerArgs": "",
    "env": [],
}


@pytest.fixture
def command(tmp_path):
    """Start a process that trains runs on pods, as a study does."""
    script = tmp_path / "train_on_pods.py"
    script.write_text(
        "import json, sys\n"
        "from pathlib import Path\n"
        "from asheard.remote.runpod.executor import PodExecutor\n"
        "from asheard.remote.runpod.client import PodSpec\n"
        "from asheard.training import read_options\n"
        "study, num_pods, *runs = sys.argv[1:]\n"
        "if __name__ == '__main__':\n"
        "    pods = PodExecutor(int(num_pods), Path(study), PodSpec(), cpu=True, patience_s=30, pause_s=0.05)\n"
        "    pods.train([read_options(Path(run)) for run in runs])\n"
    )

    def start(study, num_pods, *runs):
        files = []
        for number, run in enumerate(runs):
            files.append(tmp_path / f"run{number}.json")
            files[-1].write_text(json.dumps(options_to_json(run)))
        words = [sys.executable, script, study, str(num_pods), *files]
        with (tmp_path / "message").open("w") as message:
            return subprocess.Popen([*map(str, words)], stderr=message, stdout=message, start_new_session=True)

    return start


def step_logged(account, step):
    """Return whether a run on any pod has logged a step."""
    logs = account.folder.glob("*/workspace/asheard/runs/*/log.jsonl")
    return any(f'"step": {step},' in log.read_text() for log in logs)


def child_of(pid):
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_train_that_is_stopped_leaves_no_pod_and_resumes(containers, run, study, command, number):
    long = replace(run, epochs=40)
    process = command(study, 1, long)
    wait_until(lambda: step_logged(containers, 5), 90)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert containers.running() == []
    process = command(study, 1, long)
    assert process.wait(120) == 0
    assert long.final.is_dir()
    assert containers.running() == []


@pytest.mark.slow
def test_train_that_is_killed_finds_its_pod_again(containers, run, study, command):
    long = replace(run, epochs=40)
    process = command(study, 1, long)
    wait_until(lambda: step_logged(containers, 5), 90)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(containers.running()) == 1
    process = command(study, 1, long)
    assert process.wait(120) == 0
    assert long.final.is_dir()
    assert len(containers.ever) == 1  # the same pod, on which training had gone on
    assert containers.running() == []


def test_pilot_that_fails_costs_one_pod(stubbed, run, study):
    containers = stubbed
    pilot = replace(run, pilot=4, pilot_train=12, peak_lr=1e-9)
    other = replace(run, seed=2, checkpoint_dir=run.checkpoint_dir.with_name("faithful-seed2"))
    with pytest.raises(GateError, match="its pilot did not pass"):
        pods(study, 2).train([pilot, other])
    assert len(containers.ever) == 1
    assert containers.running() == []
    assert not other.final.exists()


@pytest.mark.slow
@pytest.mark.parametrize("capacity", [2, 1])
def test_train_orders_the_other_pods_after_the_pilots(stubbed, stub_trainer, run, study, capacity, capsys):
    containers = stubbed
    containers.capacity = capacity
    good = replace(run, pilot=170, pilot_train=48, peak_lr=1e-2, epochs=20, mask_time_prob=0.0)
    runs = [good, replace(good, seed=2, pilot=0, checkpoint_dir=run.checkpoint_dir.with_name("faithful-seed2"))]
    for each in runs:
        stub_trainer.expect(each)
    pods(study, 2).train(runs)
    assert all(each.final.is_dir() for each in runs)
    assert len(containers.ever) == capacity
    assert containers.running() == []
    assert ("Going on with 1 of 2 pods" in capsys.readouterr().err) == (capacity == 1)


@pytest.mark.slow
def test_training_that_is_killed_on_the_pod_resumes(containers, run, study, command, tmp_path):
    long = replace(run, epochs=40)
    process = command(study, 1, long)
    wait_until(lambda: step_logged(containers, 5), 90)
    (pod,) = containers._pods.values()
    inside = ["nsenter", "--target", str(child_of(pod["container"].pid)), "--pid", "--mount"]
    subprocess.run([*inside, "pkill", "-KILL", "-f", "asheard train options"], check=True)
    assert process.wait(90) == 1
    assert "The same command resumes" in (tmp_path / "message").read_text()
    assert containers.running() == []
    pods(study).train([long])
    assert long.final.is_dir()
    assert containers.running() == []


@pytest.mark.slow
def test_study_on_pods_has_the_models_of_a_local_one(containers, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    containers.num_threads = torch.get_num_threads()
    study_of(here, preset="quick", seeds=(1,))
    study_of(there, preset="quick", seeds=(1,), executor=pods(there, 2))
    assert containers.running() == []
    assert (there / "RESULTS.md").is_file()
    models = [path.relative_to(here) for path in sorted(here.glob("models/*/final/*.safetensors"))]
    assert len(models) == 3  # two encoders, and the head of one
    for path in models:
        assert (there / path).read_bytes() == (here / path).read_bytes()


def test_train_ends_if_the_pod_is_lost_and_then_takes_another(stubbed, stub_trainer, run, study):
    containers = stubbed
    stub_trainer.expect(run)

    def lose():
        wait_until(lambda: step_logged(containers, 3), 90)
        containers._terminate("pod0")

    loss = threading.Thread(target=lose)
    loss.start()
    with pytest.raises(RemoteError, match="No machine is left"):
        pods(study, patience_s=2).train([replace(run, epochs=400)])
    loss.join()
    assert containers.running() == []
    pods(study).train([run])
    assert run.final.is_dir()
    assert containers.running() == []
