"""Training runs and shards of transcription as tasks of a Ray cluster.

Every node must see this machine's files under the same paths, and have the same AsHeard. If a worker dies, Ray gives
its task to another; a training run resumes there from its checkpoint.
"""

import os
import platform
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch

from asheard import __version__
from asheard.errors import AsHeardError, RemoteError, optional_package
from asheard.io.progress import StatusDisplay
from asheard.recognition.load import is_external, load_recogniser, model_folder
from asheard.recognition.protocol import Recogniser
from asheard.recognition.runtime import has_graph
from asheard.recognition.shards import Job
from asheard.training import TrainingOptions, train
from asheard.training.log import last_step

_MAX_RETRIES: Final = 10  # of a task whose worker died; the task itself may be the cause
_POLL_S: Final = 2.0  # between two looks at the runs' logs
_SHARDS_PER_SLOT: Final = 3  # shards queued for each that the cluster transcribes at once, so that no worker waits
# Weights, gradients and AdamW's two moments of 25 million parameters are 0.4 GB, and one pass does not keep a GPU busy:
# four such models share a GPU.
_SMALL_MODEL_BYTES: Final = 100 * 2**20
_SMALL_MODEL_GPU: Final = 0.25
_REMEDY: Final = "all nodes must see this machine's files under the same paths (a shared file system)"


class RayExecutor:
    """Trains runs and transcribes shards on a Ray cluster."""

    def __init__(self, address: str) -> None:
        """Set the address (ray://HOST:PORT) of the cluster's client server."""
        self._address = address

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """Train the runs, as many at once as the cluster has room for; as `Executor.train`."""
        if not runs:
            return
        above = os.path.commonpath([options.checkpoint_dir.parent for options in runs])
        with _connected(self._address) as cluster, StatusDisplay() as display:
            tasks = {}
            for options in runs:
                start = cluster.task(_train, _gpu_share(options.base), own_process=True)
                tasks[start(options, options.fingerprint())] = options
                display.update(os.path.relpath(options.checkpoint_dir, above), "waiting")
            waiting = list(tasks)
            while waiting:
                done, waiting = cluster.ray.wait(waiting, timeout=_POLL_S)
                for task, options in tasks.items():
                    if row := last_step(options.checkpoint_dir):
                        share = 0.0 if task in waiting else 1.0
                        name = os.path.relpath(options.checkpoint_dir, above)
                        display.update(name, f"step {row['step']}, loss {row['loss']:.2f}", share)
                for task in done:
                    cluster.ray.get(task)
                display.update(self._address, "", 1 - len(waiting) / len(runs))
        if missing := [str(options.final) for options in runs if not options.final.is_dir()]:
            raise RemoteError(f"{self._address}: trained there, but {missing[0]} does not exist here; {_REMEDY}")

    def map_shards(self, job: Job, shards: Sequence[Sequence[Any]]) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of each shard, in order; see `MapShards`."""
        if not shards:
            return
        folder = model_folder(job.model)
        share = 0.0 if is_external(job.model) or has_graph(folder) else _gpu_share(folder)
        with _connected(self._address) as cluster:
            transcribe, shared = cluster.task(_transcribe, share, own_process=False), cluster.ray.put(job)
            under_way: deque[Any] = deque()
            for shard in shards:
                under_way.append(transcribe(shared, shard))
                if len(under_way) >= _SHARDS_PER_SLOT * cluster.num_slots(share):
                    yield cluster.ray.get(under_way.popleft())
            while under_way:
                yield cluster.ray.get(under_way.popleft())


@dataclass(frozen=True, slots=True)
class _Environment:
    """What a worker must share with this process to compute the same results."""

    version: str
    folder: Path
    num_threads: int


@dataclass(frozen=True, slots=True)
class _Cluster:
    """A cluster that this process is connected to.

    num_gpus, num_cpus: of all nodes. most_cpus: of the largest node.
    """

    ray: ModuleType
    environment: _Environment
    num_gpus: float
    num_cpus: float
    most_cpus: float

    def task(self, function: Callable[..., Any], gpu_share: float, *, own_process: bool) -> Callable[..., Any]:
        """Return a function that starts a task and returns its reference.

        Args:
            function: importable by workers; receives the task's arguments.
            gpu_share: share of a GPU that a task takes. Without GPUs a task takes one CPU a thread.
            own_process: each task has its own process, which ends with the task.
        """
        gpus, cpus = (gpu_share, 1.0) if self.num_gpus and gpu_share else (0.0, self._cpus_per_task())
        remote = self.ray.remote(
            num_gpus=gpus,
            num_cpus=cpus,
            max_calls=1 if own_process else 0,
            max_retries=_MAX_RETRIES,
            retry_exceptions=False,
        )(_in_environment)
        return lambda *arguments: remote.remote(self.environment, function, *arguments)

    def num_slots(self, gpu_share: float) -> int:
        """Return how many tasks the cluster runs at once."""
        on_gpus = self.num_gpus and gpu_share
        return max(1, int(self.num_gpus / gpu_share if on_gpus else self.num_cpus / self._cpus_per_task()))

    def _cpus_per_task(self) -> float:
        return min(self.environment.num_threads, self.most_cpus or self.environment.num_threads)


@contextmanager
def _connected(address: str) -> Iterator[_Cluster]:
    """Connect to a cluster; turn Ray's errors into errors with a remedy. Tasks under way end with the connection."""
    ray = optional_package("ray", "ray")
    try:
        connection = ray.init(address, log_to_driver=False, logging_level="warning")
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise RemoteError(
            f"{address}: no Ray cluster can be used there ({reason}); start one (ray start --head) and use its client "
            "port, as in ray://HOST:10001"
        ) from None
    try:
        with connection:
            resources, nodes = ray.cluster_resources(), [node["Resources"] for node in ray.nodes() if node["Alive"]]
            yield _Cluster(
                ray,
                _Environment(__version__, Path.cwd(), torch.get_num_threads()),
                num_gpus=resources.get("GPU", 0.0),
                num_cpus=resources.get("CPU", 0.0),
                most_cpus=max(node.get("CPU", 0.0) for node in nodes),
            )
    except ImportError as error:
        what = getattr(error, "cause", error)
        raise RemoteError(
            f"{address}: {what}; install AsHeard {__version__} there, with the extras train and ray"
        ) from None
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AsHeardError):
            raise error.cause from None
        raise
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise RemoteError(f"{address}: {error}; what is finished is kept, and the same command resumes") from None


def _in_environment(environment: _Environment, function: Callable[..., Any], *arguments: Any) -> Any:
    """Check, in a worker, that it has what it must share with the caller, and call the function."""
    node = platform.node()
    if environment.version != __version__:
        raise RemoteError(
            f"{node} has AsHeard {__version__}, and the caller {environment.version}; install the same everywhere"
        )
    try:
        os.chdir(environment.folder)
    except OSError as error:
        raise RemoteError(f"{node}: {environment.folder}: {error.strerror}; {_REMEDY}") from None
    torch.set_num_threads(environment.num_threads)
    return function(*arguments)


def _train(options: TrainingOptions, fingerprint: dict[str, Any]) -> None:
    if (found := options.fingerprint()) != fingerprint:
        names = " and ".join(name for name in found if found[name] != fingerprint[name])
        raise RemoteError(f"{platform.node()} finds other files for {names} of {options.checkpoint_dir}; {_REMEDY}")
    train(options)


def _transcribe(job: Job, shard: Sequence[Any]) -> list[dict[str, Any]]:
    return job.rows(_recogniser(job.model, job.version), shard)


@lru_cache(maxsize=1)
def _recogniser(model: str | Path, version: str) -> Recogniser:
    """Load a model once for all shards that a worker transcribes."""
    recogniser = load_recogniser(model)
    if recogniser.version != version:
        raise RemoteError(f"{platform.node()} finds other files for the model {model} than the caller; {_REMEDY}")
    return recogniser


def _gpu_share(model: str | Path | None) -> float:
    """Return the share of a GPU that training or transcription with a model takes."""
    folder = Path(model or "")
    if model is None or not folder.is_dir():
        return 1.0
    num_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return _SMALL_MODEL_GPU if num_bytes < _SMALL_MODEL_BYTES else 1.0
