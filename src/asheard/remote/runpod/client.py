"""A client of RunPod, which rents out GPU pods: prices, orders, lists and terminates pods."""

import base64
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

from asheard.errors import RemoteError, optional_package

Response = TypeVar("Response")

POD_PREFIX: Final = "asheard-"  # of the names of our pods; other pods of the account are never touched
KEY_VARIABLE: Final = "RUNPOD_API_KEY"
IMAGE: Final = "runpod/pytorch:2.8.0-py3.11-cuda12.8.1-cudnn-devel-ubuntu22.04"  # has Python, PyTorch and sshd

_NAME: Final = re.compile(POD_PREFIX + r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_HOURS_A_MONTH: Final = 730
_DISK_PRICE: Final = 0.10  # USD a GB and month of a running pod's disks (docs.runpod.io/pods/pricing)
_DRIVERS: Final = ["12.8", "12.9", "13.0"]  # CUDA versions of hosts whose driver runs `IMAGE`
_TRIES: Final = 3

# Start the watchdog, install what the image lacks, then run the image's own start script, which opens ssh to the owner
# of PUBLIC_KEY. If the watchdog does not run, ssh never opens. No double quotes: the runpod package puts this into
# GraphQL unescaped.
_START: Final = (
    "bash -c 'echo $ASHEARD_WATCHDOG | base64 -d | python3 - & watchdog=$!; "
    "command -v rsync || { apt-get update -qq && apt-get install -qq --yes rsync; }; "
    "sleep 1; kill -0 $watchdog && exec /start.sh'"
)

_REMEDIES: Final = (
    ("no longer any instances|no instances|not enough free", "none is free now: try later, another --gpu or --cloud"),
    ("balance|funds|credit|spend", "add money at console.runpod.io/user/billing; it must cover an hour"),
    ("unauthorized|permission|forbidden", f"the key in {KEY_VARIABLE} must be allowed to write"),
)


class UnclearError(RemoteError):
    """RunPod did not answer, or its answer does not say whether the request was carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """What to order.

    gpu: RunPod's id of the GPU type. num_gpus: in the pod. cloud: SECURE (data centres) or COMMUNITY (private machines,
    cheaper). volume_gb: disk at /workspace. disk_gb: disk of the container. ports: to open besides 22, such as
    6006/http. max_price: limit in USD an hour for the pod. max_hours, idle_minutes: the pod terminates itself after so
    long, or after so long without training and without a login.
    """

    gpu: str = "NVIDIA GeForce RTX 4090"
    num_gpus: int = 1
    image: str = IMAGE
    cloud: str = "SECURE"
    volume_gb: int = 60
    disk_gb: int = 30
    ports: tuple[str, ...] = ()
    max_price: float | None = None
    max_hours: float = 24.0
    idle_minutes: float = 60.0

    def __post_init__(self) -> None:
        """Refuse texts that the runpod package would put into GraphQL unescaped.

        Raises:
            RemoteError: a text has a quotation mark, a backslash or a line break.
        """
        for text in (self.gpu, self.image, *self.ports):
            if re.search(r'["\\\n]', text):
                raise RemoteError(
                    f"{text!r} has a quotation mark, a backslash or a line break; name a GPU, image or port without"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod as RunPod lists it.

    state: RUNNING, EXITED (stopped; its disk still costs) and others. price: USD an hour. since, ends: when it was
    ordered and when its watchdog terminates it, in seconds since 1970; inf without a watchdog. address: host and port
    of its sshd; None until it is up. root: folder of its volume.
    """

    id: str
    name: str
    state: str
    gpu: str
    price: float
    since: float
    ends: float
    address: tuple[str, int] | None
    root: str

    def cost(self, now: float) -> float:
        """Return the USD until `now`, in seconds since 1970."""
        return self.price * max(0.0, now - self.since) / 3600


class RunPod:
    """An account at RunPod. Its key is read from RUNPOD_API_KEY, and stored nowhere."""

    def __init__(self, *, pause_s: float = 2.0) -> None:
        """Open the account.

        Args:
            pause_s: seconds between attempts of a request without an answer.
        Raises:
            RemoteError: there is no key.
            ModelError: the package runpod is not installed.
        """
        key = os.environ.get(KEY_VARIABLE)
        if not key:
            raise RemoteError(f"{KEY_VARIABLE} is not set; make a key at console.runpod.io/user/settings and export it")
        self._pause_s = pause_s
        self._runpod = optional_package("runpod", "remote")
        vars(self._runpod)["api_key"] = key

    def price(self, spec: PodSpec) -> float:
        """Return the USD an hour that such a pod costs, disks included.

        Raises:
            RemoteError: there is no such GPU, the cloud does not offer it, or the price is above the limit.
        """
        offer = self._request(lambda: self._runpod.get_gpu(spec.gpu, spec.num_gpus))
        each = offer.get("securePrice" if spec.cloud == "SECURE" else "communityPrice")
        if not each:
            raise RemoteError(f"RunPod has no {spec.gpu} in its {spec.cloud} cloud; name another --gpu or --cloud")
        price = float(each) * spec.num_gpus + (spec.volume_gb + spec.disk_gb) * _DISK_PRICE / _HOURS_A_MONTH
        if spec.max_price is not None and price > spec.max_price:
            raise RemoteError(
                f"a pod with {spec.num_gpus} x {spec.gpu} costs ${price:.2f} an hour, above the limit of "
                f"${spec.max_price:.2f}; raise --max-price or name another --gpu"
            )
        return price

    def create(self, name: str, spec: PodSpec, *, price: float, hours: float, public_key: str) -> Pod:
        """Order a pod with a watchdog.

        If RunPod does not confirm the order, the pod is searched by name before the order is repeated.

        Args:
            name: `POD_PREFIX` and letters, digits or hyphens; no other pod may have it.
            spec: what to order.
            price: USD an hour as offered; a pod that costs more is terminated.
            hours: lifetime of the pod; its watchdog terminates it then.
            public_key: ssh key that the pod accepts, one line.
        Raises:
            RemoteError: the name is not allowed, or the pod cannot be had. No pod of this name runs then; if RunPod
                cannot confirm that, the watchdog terminates it.
        """
        if not _NAME.fullmatch(name):
            raise RemoteError(f"{name}: not a pod's name; use letters, digits and single hyphens")
        since = time.time()
        environment = {
            "PUBLIC_KEY": public_key,
            "ASHEARD_WATCHDOG": base64.b64encode(Path(__file__).with_name("watchdog.py").read_bytes()).decode(),
            "ASHEARD_SINCE": f"{since:.0f}",
            "ASHEARD_ENDS": f"{since + 3600 * hours:.0f}",
            "ASHEARD_IDLE_MINUTES": f"{spec.idle_minutes:g}",
        }
        pod, unclear = None, UnclearError(f"RunPod accepted the order of {name} but does not list it")
        placed = None
        for _ in range(_TRIES):
            try:
                placed = placed or self._request(lambda: self._place(name, spec, environment), tries=1)
            except UnclearError as error:
                unclear = error
            if found := [pod for pod in self.pods() if pod.name == name]:
                pod, *twins = found
                for twin in twins:  # the first order arrived late, after it was repeated
                    self.terminate(twin)
                break
            time.sleep(self._pause_s)
        if pod is None:
            raise unclear
        if pod.price > 1.01 * price:
            self.terminate(pod)
            raise RemoteError(
                f"{name} was offered at ${price:.2f} an hour and costs ${pod.price:.2f}; it was terminated"
            )
        return pod

    def pods(self) -> list[Pod]:
        """Return our pods that are not terminated, by name.

        Raises:
            RemoteError: RunPod does not answer, or refuses.
        """
        listed = self._request(self._runpod.get_pods)
        pods = [_read_pod(row) for row in listed if row["name"].startswith(POD_PREFIX)]
        return sorted((pod for pod in pods if pod.state != "TERMINATED"), key=lambda pod: pod.name)

    def terminate(self, pod: Pod) -> None:
        """Request the end of a pod. Only `pods` shows whether it has ended.

        Raises:
            RemoteError: RunPod does not answer, or refuses.
        """
        self._request(lambda: self._runpod.terminate_pod(pod.id))

    def _place(self, name: str, spec: PodSpec, environment: dict[str, str]) -> Any:
        return self._runpod.create_pod(
            name,
            spec.image,
            spec.gpu,
            cloud_type=spec.cloud,
            gpu_count=spec.num_gpus,
            volume_in_gb=spec.volume_gb,
            container_disk_in_gb=spec.disk_gb,
            volume_mount_path="/workspace",
            ports=",".join(("22/tcp", *spec.ports)),
            docker_args=_START,
            env=environment,
            allowed_cuda_versions=_DRIVERS,
        )

    def _request(self, call: Callable[[], Response], *, tries: int = _TRIES) -> Response:
        """Call the runpod package; repeat the call if the result is unclear. Errors as in `_translated`."""
        for tries_left in reversed(range(tries)):
            try:
                return _translated(self._runpod, call)
            except UnclearError:
                if not tries_left:
                    raise
                time.sleep(self._pause_s)
        raise AssertionError("no tries")


def _translated(runpod: ModuleType, call: Callable[[], Response]) -> Response:
    """Call the runpod package; turn what it raises into errors with a remedy."""
    from requests import RequestException

    try:
        return call()
    except runpod.error.AuthenticationError:
        raise RemoteError(
            f"RunPod refuses the key in {KEY_VARIABLE}; make one at console.runpod.io/user/settings"
        ) from None
    except runpod.error.QueryError as error:
        message = str(error).rstrip(".")
        remedy = next((text for words, text in _REMEDIES if re.search(words, message, re.IGNORECASE)), None)
        raise RemoteError(f"RunPod refuses: {message}" + (f"; {remedy}" if remedy else "")) from None
    except RequestException as error:
        kind = type(error).__name__
        raise UnclearError(f"RunPod does not answer ({kind}); check your network and status.runpod.io") from None
    except (KeyError, TypeError):
        raise UnclearError("the answer of RunPod is not one that its package understands; repeat the command") from None
    except ValueError as error:
        raise RemoteError(f"RunPod: {error}") from None


def _read_pod(row: dict[str, Any]) -> Pod:
    environment = dict(entry.partition("=")[::2] for entry in row.get("env") or ())
    ports = (row.get("runtime") or {}).get("ports") or ()
    ssh = [port for port in ports if port["privatePort"] == 22 and port["isIpPublic"]]
    return Pod(
        id=row["id"],
        name=row["name"],
        state=row["desiredStatus"],
        gpu=f"{row['gpuCount']} x {(row.get('machine') or {}).get('gpuDisplayName') or '?'}",
        price=float(row["costPerHr"]),
        since=float(environment.get("ASHEARD_SINCE", time.time() - (row.get("uptimeSeconds") or 0))),
        ends=float(environment.get("ASHEARD_ENDS", "inf")),
        address=(ssh[0]["ip"], ssh[0]["publicPort"]) if ssh else None,
        root=row["volumeMountPath"],
    )
