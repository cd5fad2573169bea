"""Pods are waited for and terminated, whatever the API does meanwhile."""

import os
import signal
import threading
import time

import pytest
from graphql import GraphQLError

from asheard.errors import RemoteError
from asheard.remote.machine import UnreachableError
from asheard.remote.runpod.client import PodSpec, RunPod
from asheard.remote.runpod.pods import find_pods, ssh_key, terminate_pods, wait_for_ssh
from support.runpod_server import wait_until


@pytest.fixture
def runpod(account):
    """The account; its pods never come up."""
    account.boots = False
    return RunPod(pause_s=0.01)


def create(runpod, name="asheard-a", hours=1.0):
    return runpod.create(name, PodSpec(), price=runpod.price(PodSpec()), hours=hours, public_key=ssh_key()[1])


def everything(pod):
    return True


def test_ssh_key_without_its_comment(account, home):
    key, public = ssh_key()
    assert key == home / ".ssh" / "id_ed25519"
    assert (home / ".ssh" / "id_ed25519.pub").read_text() == f"{public} a user\n"


def test_ssh_key_that_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RemoteError, match=r"no ssh key in .*; make one with ssh-keygen"):
        ssh_key()


def test_wait_for_ssh_pins_host_keys_for_each_pod(containers):
    runpod = RunPod(pause_s=0.05)
    names = [create(runpod, f"asheard-a-{number}").name for number in (1, 2)]
    machines = wait_for_ssh(runpod, names, ssh_key()[0], patience_s=20)
    assert [machine.run("sh", "-c", "echo $POD_FOLDER").strip() for machine in machines] == ["", ""]
    assert [machine.run("pwd") for machine in machines] == [machines[0].run("pwd")] * 2
    pinned = [machine.known_hosts for machine in machines]
    assert len({path.read_text().split()[-1] for path in pinned}) == 2
    terminate_pods(runpod, everything, pause_s=0.05)
    assert containers.running() == []
    assert not any(path.exists() for path in pinned)


def test_wait_for_ssh_ends_in_time(account, runpod):
    create(runpod)
    with pytest.raises(RemoteError, match=r"no ssh login after .*: asheard-a is not up yet"):
        wait_for_ssh(runpod, ["asheard-a"], ssh_key()[0], patience_s=0.3)


@pytest.mark.parametrize("end", ["gone", "stopped"])
def test_wait_for_ssh_of_a_pod_that_ended(account, runpod, end):
    create(runpod)
    (row,) = account._pods.values()
    row["desiredStatus"] = {"gone": "TERMINATED", "stopped": "EXITED"}[end]
    with pytest.raises(RemoteError, match="asheard-a ended before it was up; read its log"):
        wait_for_ssh(runpod, ["asheard-a"], ssh_key()[0], patience_s=60)


@pytest.mark.slow
def test_wait_for_ssh_of_a_pod_with_another_key(containers, tmp_path, monkeypatch):
    runpod = RunPod(pause_s=0.05)
    runpod.create("asheard-a", PodSpec(), price=1, hours=1, public_key="ssh-ed25519 AAAA")
    with pytest.raises(RemoteError, match=r"no ssh login after .*: .*login refused"):
        wait_for_ssh(runpod, ["asheard-a"], ssh_key()[0], patience_s=4)


def test_find_pods(account, runpod):
    for name in ("asheard-a", "asheard-b-1", "asheard-b-2"):
        create(runpod, name)
    assert [pod.name for pod in find_pods(runpod, "a")] == ["asheard-a"]
    assert [pod.name for pod in find_pods(runpod, "asheard-b")] == ["asheard-b-1", "asheard-b-2"]
    assert [pod.name for pod in find_pods(runpod, "b-2")] == ["asheard-b-2"]
    with pytest.raises(RemoteError, match="no pod asheard-c; there are asheard-a, asheard-b-1, asheard-b-2"):
        find_pods(runpod, "c")


def test_terminate_pods_that_are_chosen(account, runpod):
    for name in ("asheard-a", "asheard-b"):
        create(runpod, name)
    terminate_pods(runpod, lambda pod: pod.name == "asheard-b", pause_s=0.01)
    assert account.running() == ["asheard-a"]


def test_terminate_pods_if_one_cannot_be_terminated(account, runpod):
    for name in ("asheard-a", "asheard-b"):
        create(runpod, name)
    terminate = account._terminate

    def refuse(identity):
        if identity == "pod0":
            raise GraphQLError("This pod is locked.")
        terminate(identity)

    account._terminate = refuse
    ending = threading.Thread(target=terminate_pods, args=[runpod, everything], kwargs={"pause_s": 0.05})
    ending.start()
    wait_until(lambda: account.running() == ["asheard-a"])
    account._terminate = terminate
    ending.join(20)
    assert account.running() == []


def test_wait_for_ssh_while_the_api_is_down(containers):
    runpod = RunPod(pause_s=0.01)
    create(runpod)
    containers.faults["myself"].extend(["down"] * 7)
    (machine,) = wait_for_ssh(runpod, ["asheard-a"], ssh_key()[0], patience_s=20)
    assert machine.run("echo", "in") == "in\n"


@pytest.mark.parametrize("fault", ["down", "refused", "lost", "unauthorized", "pod not found to terminate"])
def test_terminate_pods_until_none_is_listed(account, runpod, fault, capsys):
    for name in ("asheard-a", "asheard-b"):
        create(runpod, name)
    account.faults["myself"].extend([fault] * 4)
    account.faults["podTerminate"].extend([None, *[fault] * 2])
    terminate_pods(runpod, everything, until=time.time() + 3600, pause_s=0.01)
    assert account.running() == []
    assert "pods that were ordered: not terminated yet; the watchdog terminates them by" in capsys.readouterr().err


def test_terminate_pods_gives_up_after_the_watchdogs(account, runpod):
    pod = create(runpod, hours=0)
    account.faults["podTerminate"].extend(["down"] * 99)
    with pytest.raises(RemoteError, match="does not answer"):
        terminate_pods(runpod, everything, until=pod.ends, pause_s=0.01)


def test_terminate_pods_of_an_order_that_arrives_late(account, runpod):
    create(runpod)
    late = dict(account._pods)
    account._pods.clear()
    threading.Timer(0.15, lambda: account._pods.update(late)).start()
    terminate_pods(runpod, everything, pause_s=0.3)
    assert account.running() == []


def test_terminate_pods_and_ctrl_c(account, runpod, capsys):
    create(runpod)
    account.faults["podTerminate"].extend(["down"] * 9999)

    def press():
        for tries in (2, 4):
            wait_until(lambda tries=tries: account.asked.count("podTerminate") > tries)
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(SystemExit):
        terminate_pods(runpod, everything, pause_s=0.05)
    assert "asheard-a: not terminated yet; the watchdog terminates them by" in (message := capsys.readouterr().err)
    assert "A second Ctrl-C leaves them to it" in message


def test_machine_of_pod_without_address(account, runpod):
    from asheard.remote.runpod.pods import machine_of_pod

    with pytest.raises(UnreachableError, match="asheard-a is not up yet"):
        machine_of_pod(create(runpod), ssh_key()[0])
