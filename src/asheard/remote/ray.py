"""`--executor ray://HOST:PORT`: training runs, and shards of transcription, as tasks of a Ray cluster.

Every node sees this machine's files under the same paths, and has the same AsHeard. A task whose worker dies is given
to another; a training run goes on there from its checkpoint.
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
from asheard.corpora import Utterance
from asheard.errors import AsHeardError, PodError, optional_package
from asheard.io.progress import StatusDisplay
from asheard.recognition.load import is_external, load_recogniser, model_folder
from asheard.recognition.protocol import Recogniser
from asheard.training import TrainingOptions, train
from asheard.training.log import last_step
from asheard.transcription import Chunks, TranscriptionJob

_RETRIES: Final = 10  # of a task whose worker died; then the task may be what kills it
_LOOK_S: Final = 2.0  # from one look at the runs' logs to the next
_AHEAD: Final = 3  # shards given out for each that the cluster hears at once, so that no worker waits for a slow one
# Weights, gradients and AdamW's two moments of 25 million parameters are 0.4 GB, and a pass over them is too short to
# keep a GPU busy: four such models share one.
_SMALL_MODEL_BYTES: Final = 100 * 2**20
_SMALL_SHARE: Final = 0.25
_REMEDY: Final = "all nodes must see this machine's files under the same paths (a shared file system)"


class RayExecutor:
    """What a Ray cluster does for us."""

    def __init__(self, address: str) -> None:
        """address: ray://HOST:PORT, of the cluster's client server."""
        self._address = address

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """As of `Executor.train`; all runs at once, as far as the cluster has room for them."""
        if not runs:
            return
        above = os.path.commonpath([options.checkpoint_dir.parent for options in runs])
        with _connected(self._address) as cluster, StatusDisplay() as display:
            tasks = {}
            for options in runs:
                start = cluster.task(_train, _gpu_share(options.base), fresh=True)
                task = start(options, options.fingerprint())
                tasks[task] = options
                display.update(os.path.relpath(options.checkpoint_dir, above), "waiting")
            waiting = list(tasks)
            while waiting:
                done, waiting = cluster.ray.wait(waiting, timeout=_LOOK_S)
                for task, options in tasks.items():
                    if row := last_step(options.checkpoint_dir):
                        share = 0.0 if task in waiting else 1.0
                        name = os.path.relpath(options.checkpoint_dir, above)
                        display.update(name, f"step {row['step']}, loss {row['loss']:.2f}", share)
                for task in done:
                    cluster.ray.get(task)
                display.update(self._address, "", 1 - len(waiting) / len(runs))
        if missing := [str(options.final) for options in runs if not options.final.is_dir()]:
            raise PodError(f"{self._address}: trained there, but {missing[0]} is not to be seen here; {_REMEDY}")

    def spread(self, work: TranscriptionJob, chunks: Chunks) -> Iterator[list[dict[str, Any]]]:
        """As of `asheard.transcription.MapShards`; more shards are under way than the cluster runs at once."""
        if not chunks:
            return
        share = 0.0 if is_external(work.model) else _gpu_share(model_folder(work.model))
        with _connected(self._address) as cluster:
            hear, shared = cluster.task(_hear, share, fresh=False), cluster.ray.put(work)
            under_way: deque[Any] = deque()
            for chunk in chunks:
                under_way.append(hear(shared, chunk))
                if len(under_way) >= _AHEAD * cluster.num_at_once(share):
                    yield cluster.ray.get(under_way.popleft())
            while under_way:
                yield cluster.ray.get(under_way.popleft())


@dataclass(frozen=True, slots=True)
class _Home:
    """What a worker must have in common with this process, so that its results are the same."""

    version: str
    folder: Path
    num_threads: int


@dataclass(frozen=True, slots=True)
class _Cluster:
    """A cluster that this process is connected to. num_gpus, num_cpus: in all. most_cpus: of one node."""

    ray: ModuleType
    home: _Home
    num_gpus: float
    num_cpus: float
    most_cpus: float

    def task(self, do: Callable[..., Any], gpu_share: float, *, fresh: bool) -> Callable[..., Any]:
        """What makes a task of a function that can be imported.

        Args:
            do: called with the task's arguments.
            gpu_share: of a GPU, where the cluster has any; elsewhere a task takes as many CPUs as it has threads.
            fresh: each task has a process of its own, which ends with it.
        """
        gpus, cpus = (gpu_share, 1.0) if self.num_gpus and gpu_share else (0.0, self._cpus_of_a_task())
        remote = self.ray.remote(
            num_gpus=gpus, num_cpus=cpus, max_calls=1 if fresh else 0, max_retries=_RETRIES, retry_exceptions=False
        )(_at_home)
        return lambda *arguments: remote.remote(self.home, do, *arguments)

    def num_at_once(self, gpu_share: float) -> int:
        """How many tasks the cluster does at a time."""
        on_gpus = self.num_gpus and gpu_share
        return max(1, int(self.num_gpus / gpu_share if on_gpus else self.num_cpus / self._cpus_of_a_task()))

    def _cpus_of_a_task(self) -> float:
        return min(self.home.num_threads, self.most_cpus or self.home.num_threads)


@contextmanager
def _connected(address: str) -> Iterator[_Cluster]:
    """Connect, and turn what Ray raises into what the user can mend; tasks under way end with the connection."""
    ray = optional_package("ray", "ray")
    try:
        connection = ray.init(address, log_to_driver=False, logging_level="warning")
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise PodError(
            f"{address}: no Ray cluster can be used there ({reason}); start one (ray start --head) and name its client "
            "port, as in ray://HOST:10001"
        ) from None
    try:
        with connection:
            resources, nodes = ray.cluster_resources(), [node["Resources"] for node in ray.nodes() if node["Alive"]]
            yield _Cluster(
                ray,
                _Home(__version__, Path.cwd(), torch.get_num_threads()),
                num_gpus=resources.get("GPU", 0.0),
                num_cpus=resources.get("CPU", 0.0),
                most_cpus=max(node.get("CPU", 0.0) for node in nodes),
            )
    except ImportError as error:
        what = getattr(error, "cause", error)
        raise PodError(
            f"{address}: {what}; install AsHeard {__version__} there, with the extras train and ray"
        ) from None
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AsHeardError):
            raise error.cause from None
        raise
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise PodError(f"{address}: {error}; what is finished is kept, and the same command goes on") from None


def _at_home(home: _Home, do: Callable[..., Any], *arguments: Any) -> Any:
    """In a worker: see that it has what it must have in common with the caller, and call `do`."""
    node = platform.node()
    if home.version != __version__:
        raise PodError(f"{node} has AsHeard {__version__}, and here is {home.version}; install the same everywhere")
    try:
        os.chdir(home.folder)
    except OSError as error:
        raise PodError(f"{node}: {home.folder}: {error.strerror}; {_REMEDY}") from None
    torch.set_num_threads(home.num_threads)
    return do(*arguments)


def _train(options: TrainingOptions, fingerprint: dict[str, Any]) -> None:
    if (seen := options.fingerprint()) != fingerprint:
        names = " and ".join(name for name in seen if seen[name] != fingerprint[name])
        raise PodError(f"{platform.node()} finds other files for {names} of {options.checkpoint_dir}; {_REMEDY}")
    train(options)


def _hear(work: TranscriptionJob, chunk: Sequence[Utterance]) -> list[dict[str, Any]]:
    return work.rows(_loaded(work.model, work.version), chunk)


@lru_cache(maxsize=1)
def _loaded(model: str | Path, version: str) -> Recogniser:
    """A model, once for all shards that a worker hears."""
    transcriber = load_recogniser(model)
    if transcriber.version != version:
        raise PodError(f"{platform.node()} finds another {model} than there is here; {_REMEDY}")
    return transcriber


def _gpu_share(model: str | Path | None) -> float:
    """How much of a GPU a model's training or transcription takes."""
    folder = Path(model or "")
    if model is None or not folder.is_dir():
        return 1.0
    num_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return _SMALL_SHARE if num_bytes < _SMALL_MODEL_BYTES else 1.0
