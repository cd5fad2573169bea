"""`asheard remote up`, `list` and `down` as a user runs them."""

import os
import signal
import subprocess
import sys
from dataclasses import asdict
from inspect import signature

import pytest

from asheard.cli.remote import up
from asheard.remote.runpod.client import PodSpec, RunPod
from asheard.remote.runpod.pods import terminate_pods, wait_for_ssh
from support.in_process import run
from support.runpod_server import wait_until

COMMAND = [sys.executable, "-m", "asheard", "remote"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Commands in this process repeat requests without long pauses."""
    monkeypatch.setitem(RunPod.__init__.__kwdefaults__, "pause_s", 0.05)
    monkeypatch.setitem(terminate_pods.__kwdefaults__, "pause_s", 0.1)
    monkeypatch.setitem(wait_for_ssh.__kwdefaults__, "patience_s", 20.0)


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


def test_up_list_down(containers, monkeypatch, capsys):
    up = run(monkeypatch, capsys, "remote", "up", "exp", "--count", 2, "--max-cost", 7)
    assert up.code == 0, up.err
    assert "asheard-exp-1: ordered at $0.70 an hour; terminates itself by" in up.err
    assert "asheard-exp-2 is up: ssh://root@127.0.0.1:" in up.out
    listed = run(monkeypatch, capsys, "remote", "list")
    assert "asheard-exp-1" in listed.out
    assert "2 pods, $1.40 an hour" in listed.out
    down = run(monkeypatch, capsys, "remote", "down", "exp")
    assert "terminated 2 pods; none of them is left" in down.out
    assert containers.running() == []
    assert "0 pods, $0.00 an hour" in run(monkeypatch, capsys, "remote", "list").out
    assert run(monkeypatch, capsys, "remote", "down", "exp").code == 2


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"podFindAndDeployOnDemand": [None, "There are no longer any instances available."]}, "none is free now"),
        ({"gpuTypes": ["down"] * 3}, "does not answer"),
        ({"podFindAndDeployOnDemand": ["lost"], "myself": [None, *["down"] * 3]}, "does not answer"),
    ],
)
def test_up_that_fails_leaves_no_pod(account, monkeypatch, capsys, faults, message):
    account.boots = False
    for operation, sequence in faults.items():
        account.faults[operation].extend(sequence)
    done = run(monkeypatch, capsys, "remote", "up", "exp", "--count", 2)
    assert done.code == 2
    assert message in done.err
    assert account.running() == []


def test_up_refuses_a_name_that_is_taken(account, monkeypatch, capsys):
    account.boots = False
    RunPod().create("asheard-exp", PodSpec(), price=1, hours=1, public_key="ssh-ed25519 AAAA")
    done = run(monkeypatch, capsys, "remote", "up", "exp")
    assert done.code == 2
    assert "asheard-exp exists already" in done.err
    assert account.running() == ["asheard-exp"]


@pytest.mark.parametrize("number", [signal.SIGTERM, slow(signal.SIGINT), slow(signal.SIGHUP)])
def test_up_that_is_stopped_leaves_no_pod(account, number):
    account.boots = False
    with subprocess.Popen([*COMMAND, "up", "exp"], stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: account.asked.count("myself") > 2)
        process.send_signal(number)
        message = process.communicate()[1]
    assert process.returncode != 0
    assert account.ever == ["asheard-exp"]
    assert account.running() == []
    assert "terminating asheard-exp" in message


@pytest.mark.slow
def test_up_puts_the_key_in_no_command_line_and_no_file(containers, tmp_path):
    with subprocess.Popen(
        [*COMMAND, "up", "exp"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: containers.running())
        lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        message = "".join(process.communicate())
    assert process.returncode == 0, message
    assert "asheard remote up exp" in lines
    assert containers.key not in lines + message
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(containers.key.encode() in path.read_bytes() for path in written)
    assert subprocess.run([*COMMAND, "down", "--all"], env=os.environ, capture_output=True, check=True)


def test_down_needs_names_or_all(account, monkeypatch, capsys):
    assert "name pods, or give --all" in run(monkeypatch, capsys, "remote", "down").err
    assert "name pods, or give --all" in run(monkeypatch, capsys, "remote", "down", "exp", "--all").err


def test_pods_without_torch():
    check = "import sys, asheard.remote.runpod.pods; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout.strip() == "False"


def test_up_has_the_defaults_of_a_pod_spec():
    given = {parameter.name: parameter.default for parameter in signature(up).parameters.values()}
    order = asdict(PodSpec()) | {"cloud": PodSpec().cloud.lower(), "image": None, "ports": None}
    assert {name: value for name, value in given.items() if name in order} == order


@pytest.mark.parametrize("verb", ["up", "list", "down", "sync", "check", "train", "logs", "pull"])
def test_help(verb, monkeypatch, capsys):
    done = run(monkeypatch, capsys, "remote", verb, "--help")
    assert done.code == 0
    assert "Usage" in done.out
