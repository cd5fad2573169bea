"""The RunPod client, through RunPod's package, against a server that speaks its API."""

import base64
import time
from pathlib import Path

import pytest

from asheard.errors import RemoteError
from asheard.remote.runpod import watchdog
from asheard.remote.runpod.client import PodSpec, RunPod, UnclearError

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"
NO_CAPACITY = "There are no longer any instances available with the requested specifications. Please refresh."


@pytest.fixture
def runpod(account):
    """The account; its pods never come up."""
    account.boots = False
    return RunPod(pause_s=0.01)


def create(runpod, name="asheard-a", order=PodSpec(), hours=2.0):  # noqa: B008
    return runpod.create(name, order, price=runpod.price(order), hours=hours, public_key=PUBLIC_KEY)


def test_create_sends_the_watchdog(account, runpod):
    pod = create(runpod, order=PodSpec(num_gpus=2, idle_minutes=15, ports=("6006/http",)))
    assert runpod.pods() == [pod]
    assert (pod.name, pod.state, pod.gpu, pod.address) == ("asheard-a", "RUNNING", "2 x RTX 4090", None)
    assert pod.price == pytest.approx(2 * 0.69 + 90 * 0.10 / 730)
    assert pod.ends - pod.since == pytest.approx(2 * 3600, abs=1)
    assert pod.cost(pod.since + 1800) == pytest.approx(pod.price / 2)
    (row,) = account._pods.values()
    environment = dict(entry.split("=", 1) for entry in row["env"])
    assert environment["PUBLIC_KEY"] == PUBLIC_KEY
    assert environment["ASHEARD_IDLE_MINUTES"] == "15"
    assert base64.b64decode(environment["ASHEARD_WATCHDOG"]) == Path(watchdog.__file__).read_bytes()
    assert not any(account.key in entry for entry in row["env"])


def test_terminate(account, runpod):
    runpod.terminate(create(runpod))
    assert runpod.pods() == []
    assert account.running() == []


def test_pods_of_others_are_not_listed(account, runpod):
    create(runpod)
    (row,) = account._pods.values()
    account._pods["other"] = row | {"id": "other", "name": "training", "env": []}
    assert [pod.name for pod in runpod.pods()] == ["asheard-a"]


def test_pods_without_watchdog_are_listed(account, runpod):
    create(runpod)
    (row,) = account._pods.values()
    row["env"] = []
    (pod,) = runpod.pods()
    assert pod.ends == float("inf")
    assert pod.since == pytest.approx(time.time(), abs=5)


def test_price_above_the_limit(account, runpod):
    with pytest.raises(RemoteError, match=r"costs \$0.70 an hour, above the limit of \$0.50; raise --max-price"):
        create(runpod, order=PodSpec(max_price=0.5))
    assert "podFindAndDeployOnDemand" not in account.asked


def test_create_terminates_a_pod_that_costs_more_than_offered(account, runpod):
    account.surcharge = 0.2
    with pytest.raises(RemoteError, match=r"offered at \$0.70 an hour and costs \$0.90; it was terminated"):
        create(runpod)
    assert account.ever == ["asheard-a"]
    assert account.running() == []


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (PodSpec(gpu="NVIDIA RTX 9999"), "No GPU found"),
        (PodSpec(gpu="NVIDIA A40", cloud="COMMUNITY"), "no NVIDIA A40 in its COMMUNITY cloud; name another"),
    ],
)
def test_price_of_a_gpu_that_is_not_offered(runpod, order, message):
    with pytest.raises(RemoteError, match=message):
        runpod.price(order)


@pytest.mark.parametrize("name", ["asheard-", "asheard-a,b", 'asheard-a"', "asheard-a b", "asheard--a", "b"])
def test_create_refuses_a_name(account, runpod, name):
    with pytest.raises(RemoteError, match="not a pod's name; use letters, digits"):
        create(runpod, name)
    assert account.ever == []


@pytest.mark.parametrize("wish", [{"gpu": 'A40"'}, {"image": "a\\"}, {"ports": ("80/http\n",)}])
def test_pod_spec_refuses_graphql(wish):
    with pytest.raises(RemoteError, match="has a quotation mark, a backslash or a line break"):
        PodSpec(**wish)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (NO_CAPACITY, "no longer any instances.*; none is free now: try later, another --gpu or --cloud"),
        ("Your balance is too low to rent this pod.", "balance is too low.*; add money at console.runpod.io"),
        ("Something else went wrong.", "RunPod refuses: Something else went wrong$"),
        ("unauthorized", "refuses the key in RUNPOD_API_KEY; make one"),
    ],
)
def test_create_that_is_refused_is_not_repeated(account, runpod, fault, message):
    account.faults["podFindAndDeployOnDemand"].extend([fault] * 2)
    with pytest.raises(RemoteError, match=message) as failure:
        create(runpod)
    assert account.key not in str(failure.value)
    assert account.asked.count("podFindAndDeployOnDemand") == 1
    assert account.running() == []


@pytest.mark.parametrize("fault", ["refused", "down"])
def test_pods_repeats_a_request_without_answer(account, runpod, fault):
    create(runpod)
    account.faults["myself"].extend([fault] * 2)
    assert [pod.name for pod in runpod.pods()] == ["asheard-a"]
    account.faults["myself"].extend([fault] * 3)
    with pytest.raises(UnclearError, match=r"does not answer .*check your network and status.runpod.io"):
        runpod.pods()


@pytest.mark.parametrize("faults", [["lost"], ["refused"], ["down"], ["refused", "lost"], ["down", "refused"]])
def test_create_without_answer_makes_one_pod(account, runpod, faults):
    account.faults["podFindAndDeployOnDemand"].extend(faults)
    pod = create(runpod)
    assert account.ever == [pod.name]
    assert account.running() == [pod.name]


def test_create_terminates_the_twin_of_a_late_order(account, runpod):
    def late(document, bearer, answer=account._answer):
        if "podFindAndDeployOnDemand" in document:
            account._answer = answer
            answer(document, bearer)
        return answer(document, bearer)

    account._answer = late
    pod = create(runpod)
    assert account.ever == [pod.name] * 2
    assert account.running() == [pod.name]


def test_create_gives_up_without_answers(account, runpod):
    account.faults["podFindAndDeployOnDemand"].extend(["refused"] * 3)
    with pytest.raises(UnclearError):
        create(runpod)
    assert account.ever == []


def test_client_without_key(account, monkeypatch):
    monkeypatch.delenv("RUNPOD_API_KEY")
    with pytest.raises(RemoteError, match="RUNPOD_API_KEY is not set; make a key at"):
        RunPod()


def test_client_with_a_wrong_key(account, monkeypatch):
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa_of-nobody")
    with pytest.raises(RemoteError, match="refuses the key in RUNPOD_API_KEY") as failure:
        RunPod().pods()
    assert "rpa_of-nobody" not in str(failure.value)
