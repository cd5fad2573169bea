"""The watchdog terminates pods (real process namespaces) through the API, with their own key."""

import subprocess
import time

import pytest

from asheard.remote.runpod.client import PodSpec, RunPod
from asheard.remote.runpod.pods import ssh_key, wait_for_ssh
from asheard.remote.runpod.watchdog import WORK
from support.runpod_server import wait_until

IDLE_S = 1.5


@pytest.fixture
def start(containers):
    """Start a pod whose watchdog ends it soon; return its name."""

    def start(hours=1.0, idle_s=IDLE_S):
        runpod, order = RunPod(pause_s=0.05), PodSpec(idle_minutes=idle_s / 60)
        _, public_key = ssh_key()
        return runpod.create("asheard-a", order, price=runpod.price(order), hours=hours, public_key=public_key).name

    return start


def machine(name):
    (found,) = wait_for_ssh(RunPod(), [name], ssh_key()[0], patience_s=20)
    return found


def log(account):
    return (account.folder / "pod0" / "log").read_text()


def test_watchdog_when_time_is_over(containers, start):
    start(hours=2 / 3600, idle_s=3600)
    wait_until(lambda: not containers.running())
    assert "terminating this pod: its time is over" in log(containers)


def test_watchdog_when_idle(containers, start):
    start()
    wait_until(lambda: not containers.running())
    assert "no work for 0.025 minutes" in log(containers)


def test_watchdog_repeats_until_the_api_answers(containers, start):
    containers.faults["podTerminate"].extend(["down", "Forbidden"])
    start()
    wait_until(lambda: not containers.running(), 30)
    assert containers.asked.count("podTerminate") == 3
    assert "trying runpodctl" in log(containers)


@pytest.mark.slow
def test_watchdog_counts_logins_and_training_as_work(containers, start):
    """Each of them keeps the pod for longer than it may be idle."""
    idle_s, held_s = 8, 12
    there = machine(start(idle_s=idle_s))
    command = [*there.ssh(), "--", there.destination, "sleep 600"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as login:
        time.sleep(held_s)
        assert containers.running()
        training = f"import time; time.sleep({held_s + 2})"
        there.run("sh", "-c", f"nohup python3 -c '{training}' asheard train options run.json >/dev/null 2>&1 &")
        login.kill()
    time.sleep(held_s)
    assert containers.running()
    wait_until(lambda: not containers.running(), 3 * idle_s)


@pytest.mark.parametrize(
    ("process", "is_work"),
    [
        ("sshd: root@notty", True),
        ("sshd-session: root@pts/0", True),  # since OpenSSH 9.8
        ("/usr/bin/python3 -m asheard train options jobs/faithful-seed1-0a1b/options.json", True),
        ("/workspace/asheard/venv/bin/python3 /usr/bin/asheard train faithful --seed 1", True),
        ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", False),
        ("sshd: root [priv]", False),  # a login that is not accepted yet
        ("python3 -", False),
        ("/usr/bin/python3 -m jupyter lab", False),
        ("sleep infinity", False),
    ],
)
def test_work_pattern(process, is_work):
    assert bool(WORK.match(process)) == is_work


def test_pod_without_watchdog_never_opens_ssh(containers, start, monkeypatch):
    import asheard.remote.runpod.client as module

    monkeypatch.setattr(module, "_START", module._START.replace("python3 -", "python9 -"))
    start()
    (pod,) = containers._pods.values()
    assert pod["container"].wait(20) != 0
