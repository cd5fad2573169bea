"""Training on rented pods: whatever happens, in the end there is none, and the same call goes on."""

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
from asheard.training import TrainingOptions, options_to_json, train
from support.runpod_server import wait_until
from support.tone_corpus import write_base, write_corpus

FULL = "There are no longer any instances available with the requested specifications."


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    root = tmp_path_factory.mktemp("tones")
    write_corpus(root)
    write_base(root / "base")
    return root


@pytest.fixture
def run(tones, tmp_path):
    """A short training run of a study."""
    return TrainingOptions(
        kind="faithful",
        train=tones / "train.jsonl",
        val=tones / "val.jsonl",
        wav_root=tones,
        checkpoint_dir=tmp_path / "study" / "faithful-seed1",
        base=str(tones / "base"),
        epochs=2,
        batch_seconds=4.0,
        peak_lr=3e-3,
    )


@pytest.fixture
def study(tmp_path):
    return tmp_path / "study"


def pods(study, num_pods=1, patience_s=20, **changes):
    return PodExecutor(num_pods, study, PodSpec(), cpu=True, patience_s=patience_s, pause_s=0.05, **changes)


def hopeless(study):
    """Pods that never come up are not waited for."""
    return pods(study, patience_s=0.1)


def test_a_run_is_trained_on_a_pod_that_is_gone_afterwards(containers, run, study, capsys):
    pods(study).train([run])
    assert run.final.is_dir()
    assert train(run) == run.final  # it is accepted as finished
    assert len(containers.ever) == 1
    assert containers.running() == []
    said = capsys.readouterr().err
    assert "ordered at $0.70 an hour; terminates itself by" in said
    assert "no pod of this study is left; all of them have cost $0.0" in said
    assert Budget(study).open_entries == []

    asked = len(containers.asked)
    pods(study).train([])
    assert len(containers.asked) == asked  # nothing to train and nothing to take down


def test_places_name_pods(tmp_path):
    assert isinstance(executor_at("pods:2", tmp_path), PodExecutor)
    assert isinstance(executor_at("pods:2:NVIDIA A40", tmp_path, max_cost=10.0, max_hours=2.0), PodExecutor)
    with pytest.raises(AsHeardError, match="no such executor"):
        executor_at("pods:0", tmp_path)
    with pytest.raises(AsHeardError, match="--max-cost and --max-hours limit rented pods"):
        executor_at("local", tmp_path, max_cost=10.0)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"podFindAndDeployOnDemand": [FULL]}, "none is free now"),
        ({"gpuTypes": ["unauthorized"]}, "refuses the key"),
        ({"podFindAndDeployOnDemand": ["lost"]}, "no ssh login"),
        ({"podFindAndDeployOnDemand": ["refused"] * 3}, "does not answer"),
        ({"podTerminate": ["down"] * 4}, "no ssh login"),
        ({"podTerminate": ["lost", "refused"], "myself": [None] * 3 + ["down"] * 9}, "does not answer|no ssh login"),
    ],
)
def test_a_study_that_fails_leaves_no_pod(account, run, study, faults, said):
    account.boots = False
    for operation, sequence in faults.items():
        account.faults[operation].extend(sequence)
    with pytest.raises(RemoteError, match=said):
        hopeless(study).train([run])
    assert account.running() == []
    assert Budget(study).open_entries == []


FAULTS = st.lists(st.sampled_from([None, "refused", "lost", "down", "unauthorized", FULL]), max_size=8)


@given(faults=st.fixed_dictionaries(dict.fromkeys(["myself", "podFindAndDeployOnDemand", "podTerminate"], FAULTS)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_api_answers_no_pod_is_left(account, run, study, faults):
    account.boots = False
    for operation, sequence in faults.items():
        account.faults[operation].clear()
        account.faults[operation].extend(sequence)
    with pytest.raises(RemoteError):
        PodExecutor(1, study, PodSpec(), patience_s=0.02, pause_s=0.001).train([run])
    assert account.running() == []


def test_money_bounds_the_watchdog_over_several_calls(account, run, study):
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


def test_pods_of_an_earlier_call_are_found_and_taken_down_though_nothing_is_left_to_train(account, study):
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
    """Starts a process that trains runs on pods, as a study does."""
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
        with (tmp_path / "said").open("w") as said:
            return subprocess.Popen([*map(str, words)], stderr=said, stdout=said, start_new_session=True)

    return start


def step_logged(account, step):
    """Whether a run on any pod has come so far."""
    logs = account.folder.glob("*/workspace/asheard/runs/*/log.jsonl")
    return any(f'"step": {step},' in log.read_text() for log in logs)


def child_of(pid):
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_study_that_is_stopped_in_the_middle_leaves_no_pod_and_goes_on(containers, run, study, command, number):
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
def test_a_study_that_is_killed_finds_its_pod_again(containers, run, study, command):
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


@pytest.mark.slow
def test_a_pilot_that_fails_costs_one_pod(containers, run, study):
    pilot = replace(run, pilot=4, pilot_train=12, peak_lr=1e-9)
    other = replace(run, seed=2, checkpoint_dir=run.checkpoint_dir.with_name("faithful-seed2"))
    with pytest.raises(GateError, match="its pilot did not pass"):
        pods(study, 2).train([pilot, other])
    assert len(containers.ever) == 1
    assert containers.running() == []
    assert not other.final.exists()


@pytest.mark.slow
@pytest.mark.parametrize("capacity", [2, 1])
def test_after_the_pilots_the_others_come_as_far_as_they_can_be_had(containers, run, study, capacity, capsys):
    containers.capacity = capacity
    good = replace(run, pilot=170, pilot_train=48, peak_lr=1e-2, epochs=20, mask_time_prob=0.0)
    runs = [good, replace(good, seed=2, pilot=0, checkpoint_dir=run.checkpoint_dir.with_name("faithful-seed2"))]
    pods(study, 2).train(runs)
    assert all(each.final.is_dir() for each in runs)
    assert len(containers.ever) == capacity
    assert containers.running() == []
    assert ("Going on with 1 of 2 pods" in capsys.readouterr().err) == (capacity == 1)


@pytest.mark.slow
def test_training_that_is_killed_on_the_pod_goes_on_with_the_same_call(containers, run, study, command, tmp_path):
    long = replace(run, epochs=40)
    process = command(study, 1, long)
    wait_until(lambda: step_logged(containers, 5), 90)
    (pod,) = containers._pods.values()
    inside = ["nsenter", "--target", str(child_of(pod["container"].pid)), "--pid", "--mount"]
    subprocess.run([*inside, "pkill", "-KILL", "-f", "asheard train options"], check=True)
    assert process.wait(90) == 1
    assert "The same command resumes" in (tmp_path / "said").read_text()
    assert containers.running() == []
    pods(study).train([long])
    assert long.final.is_dir()
    assert containers.running() == []


@pytest.mark.slow
def test_a_whole_study_on_pods_is_the_study_that_it_is_here(containers, tmp_path):
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


@pytest.mark.slow
def test_a_pod_that_is_lost_ends_the_call_and_the_next_one_takes_another(containers, run, study):
    def lose():
        wait_until(lambda: step_logged(containers, 3), 90)
        containers._terminate("pod0")

    loss = threading.Thread(target=lose)
    loss.start()
    with pytest.raises(RemoteError, match="No machine is left"):
        pods(study, patience_s=10).train([replace(run, epochs=400)])
    loss.join()
    assert containers.running() == []
    pods(study).train([run])
    assert run.final.is_dir()
    assert containers.running() == []
