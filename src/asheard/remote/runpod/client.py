"""RunPod, the provider of rented pods: what they cost, ordering, listing and terminating them."""

import base64
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

from asheard.errors import PodError, optional_package

Answer = TypeVar("Answer")

POD_PREFIX: Final = "asheard-"  # every pod of ours is called so; whatever is not is somebody else's
KEY: Final = "RUNPOD_API_KEY"
IMAGE: Final = "runpod/pytorch:2.8.0-py3.11-cuda12.8.1-cudnn-devel-ubuntu22.04"  # Python, PyTorch, sshd

_NAME: Final = re.compile(POD_PREFIX + r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_HOURS_A_MONTH: Final = 730
_DISK_PRICE: Final = 0.10  # USD a GB and month of a running pod's disks (docs.runpod.io/pods/pricing)
_DRIVERS: Final = ["12.8", "12.9", "13.0"]  # CUDA of hosts whose driver runs `IMAGE`
_TRIES: Final = 3

# The watchdog first; then what the image lacks; then the image's own start, which opens ssh to PUBLIC_KEY. A pod on
# which the watchdog does not run never opens. No double quotes: the package puts this into GraphQL as it is.
_START: Final = (
    "bash -c 'echo $ASHEARD_WATCHDOG | base64 -d | python3 - & watchdog=$!; "
    "command -v rsync || { apt-get update -qq && apt-get install -qq --yes rsync; }; "
    "sleep 1; kill -0 $watchdog && exec /start.sh'"
)

_REMEDIES: Final = (
    ("no longer any instances|no instances|not enough free", "none is free now: try later, another --gpu or --cloud"),
    ("balance|funds|credit|spend", "add money at console.runpod.io/user/billing; an hour's worth must be there"),
    ("unauthorized|permission|forbidden", f"the key in {KEY} must be allowed to write"),
)


class UnclearError(PodError):
    """No answer, or none that says what became of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """What a pod shall be.

    gpu: RunPod's id of the GPU type. num_gpus: in the pod. cloud: SECURE (data centres) or COMMUNITY (somebody's
    machine, cheaper). volume_gb: disk at /workspace. disk_gb: of the container. ports: open beside 22, such as
    6006/http. max_price: most USD an hour for the pod. max_hours: after which it terminates itself. idle_minutes:
    without training and login, after which it does so too.
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
        """Refuse what the package would put into GraphQL as something else.

        Raises:
            PodError: a text has a quotation mark, a backslash or a line break in it.
        """
        for text in (self.gpu, self.image, *self.ports):
            if re.search(r'["\\\n]', text):
                raise PodError(f"{text!r}: a GPU, an image or a port is not called so")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod as the provider lists it.

    state: RUNNING, EXITED (stopped; its disk still costs) and the like. price: USD an hour. since, ends: when it was
    ordered and when its watchdog terminates it, in seconds since 1970; a pod without watchdog never ends. address: host
    and port of its sshd, once it is up. root: folder of its volume.
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
        """USD until `now`."""
        return self.price * max(0.0, now - self.since) / 3600


class RunPod:
    """An account at RunPod, opened by the key in RUNPOD_API_KEY, which is kept nowhere else."""

    def __init__(self, *, pause_s: float = 2.0) -> None:
        """pause_s: between tries of what could not be asked.

        Raises:
            PodError: no key.
        """
        key = os.environ.get(KEY)
        if not key:
            raise PodError(f"no {KEY} in the environment; make a key at console.runpod.io/user/settings and export it")
        self._pause_s = pause_s
        self._runpod = optional_package("runpod", "remote")
        vars(self._runpod)["api_key"] = key

    def price(self, order: PodSpec) -> float:
        """USD an hour that a pod of this order costs, disks included.

        Raises:
            PodError: no such GPU, none offered in this cloud, or the price is above the order's.
        """
        offer = self._ask(lambda: self._runpod.get_gpu(order.gpu, order.num_gpus))
        each = offer.get("securePrice" if order.cloud == "SECURE" else "communityPrice")
        if not each:
            raise PodError(f"RunPod has no {order.gpu} in its {order.cloud} cloud; name another --gpu or --cloud")
        price = float(each) * order.num_gpus + (order.volume_gb + order.disk_gb) * _DISK_PRICE / _HOURS_A_MONTH
        if order.max_price is not None and price > order.max_price:
            raise PodError(
                f"a pod with {order.num_gpus} x {order.gpu} costs ${price:.2f} an hour, above the ceiling of "
                f"${order.max_price:.2f}; raise --max-price or name another --gpu"
            )
        return price

    def create(self, name: str, order: PodSpec, *, price: float, hours: float, public_key: str) -> Pod:
        """Order a pod with a watchdog.

        Where it stays unclear whether the order arrived, it is looked for by name before it is placed again.

        Args:
            name: `POD_PREFIX` and letters, digits or hyphens; no other pod's.
            order: what it shall be.
            price: USD an hour as offered; a pod that turns out dearer is terminated.
            hours: after which it terminates itself.
            public_key: one line, of the ssh key that opens it.
        Raises:
            PodError: not such a name, or it cannot be had; none is running then, or, if even that is unclear, its
                watchdog ends it.
        """
        if not _NAME.fullmatch(name):
            raise PodError(f"{name}: a pod's name is made of letters, digits and hyphens; name it otherwise")
        since = time.time()
        environment = {
            "PUBLIC_KEY": public_key,
            "ASHEARD_WATCHDOG": base64.b64encode(Path(__file__).with_name("watchdog.py").read_bytes()).decode(),
            "ASHEARD_SINCE": f"{since:.0f}",
            "ASHEARD_ENDS": f"{since + 3600 * hours:.0f}",
            "ASHEARD_IDLE_MINUTES": f"{order.idle_minutes:g}",
        }
        pod, unclear = None, UnclearError(f"RunPod took the order of {name} and does not list it")
        placed = None
        for _ in range(_TRIES):
            try:
                placed = placed or self._ask(lambda: self._place(name, order, environment), tries=1)
            except UnclearError as error:
                unclear = error
            if found := [pod for pod in self.pods() if pod.name == name]:
                pod, *twins = found
                for twin in twins:  # an order placed again after it arrived late
                    self.terminate(twin)
                break
            time.sleep(self._pause_s)
        if pod is None:
            raise unclear
        if pod.price > 1.01 * price:
            self.terminate(pod)
            raise PodError(f"{name} was offered at ${price:.2f} an hour and costs ${pod.price:.2f}; it was terminated")
        return pod

    def pods(self) -> list[Pod]:
        """All pods of ours that are not terminated, by name.

        Raises:
            PodError: RunPod cannot be asked.
        """
        listed = self._ask(self._runpod.get_pods)
        pods = [_read_pod(row) for row in listed if row["name"].startswith(POD_PREFIX)]
        return sorted((pod for pod in pods if pod.state != "TERMINATED"), key=lambda pod: pod.name)

    def terminate(self, pod: Pod) -> None:
        """Ask for its end; only `pods` says whether it came.

        Raises:
            PodError: RunPod cannot be asked, or refuses.
        """
        self._ask(lambda: self._runpod.terminate_pod(pod.id))

    def _place(self, name: str, order: PodSpec, environment: dict[str, str]) -> Any:
        return self._runpod.create_pod(
            name,
            order.image,
            order.gpu,
            cloud_type=order.cloud,
            gpu_count=order.num_gpus,
            volume_in_gb=order.volume_gb,
            container_disk_in_gb=order.disk_gb,
            volume_mount_path="/workspace",
            ports=",".join(("22/tcp", *order.ports)),
            docker_args=_START,
            env=environment,
            allowed_cuda_versions=_DRIVERS,
        )

    def _ask(self, call: Callable[[], Answer], *, tries: int = _TRIES) -> Answer:
        """Call the package; what it raises, in a sentence. What stays unclear is asked again."""
        for tries_left in reversed(range(tries)):
            try:
                return _in_words(self._runpod, call)
            except UnclearError:
                if not tries_left:
                    raise
                time.sleep(self._pause_s)
        raise AssertionError("no tries")


def _in_words(runpod: ModuleType, call: Callable[[], Answer]) -> Answer:
    from requests import RequestException

    try:
        return call()
    except runpod.error.AuthenticationError:
        raise PodError(f"RunPod refuses the key in {KEY}; make one at console.runpod.io/user/settings") from None
    except runpod.error.QueryError as error:
        said = str(error).rstrip(".")
        remedy = next((text for words, text in _REMEDIES if re.search(words, said, re.IGNORECASE)), None)
        raise PodError(f"RunPod refuses: {said}" + (f"; {remedy}" if remedy else "")) from None
    except RequestException as error:
        kind = type(error).__name__
        raise UnclearError(f"RunPod cannot be asked ({kind}); look at your network, or at status.runpod.io") from None
    except (KeyError, TypeError):
        raise UnclearError("RunPod answers what this version of its package does not know") from None
    except ValueError as error:
        raise PodError(f"RunPod: {error}") from None


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
