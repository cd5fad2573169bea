"""Executors, which train the runs of a study here or on other machines; and executors and machines by name."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from asheard.errors import AsHeardError, RemoteError
from asheard.recognition.shards import MapShards
from asheard.remote.machine import Machine, parse_address
from asheard.remote.ray import RayExecutor
from asheard.remote.runpod.client import POD_PREFIX, PodSpec
from asheard.remote.runpod.executor import PodExecutor
from asheard.remote.runpod.pods import find_pod_machine
from asheard.remote.ssh import SshExecutor
from asheard.training import TrainingOptions, train


class Executor(Protocol):
    """Trains runs and brings their models to this machine."""

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """Train every run; resume runs that an earlier call started. Runs whose `final` folder exists are finished.

        Args:
            runs: options with paths of this machine. After the call each run has its `final` folder here.
        Raises:
            AsHeardError: a run cannot be trained. Models of finished runs are kept.
        """


class LocalExecutor:
    """Trains the runs one after the other in this process."""

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """Train the runs; as `Executor.train`."""
        for options in runs:
            train(options)


def executor_at(
    name: str, study: Path = Path(), *, max_cost: float | None = None, max_hours: float | None = None
) -> Executor:
    """Return the executor that `--executor` names.

    Args:
        name: local; ray://HOST:PORT; machines as in `machine_at`, separated by commas; pods:N or pods:N:GPU, where GPU
            is RunPod's id of a GPU type.
        study: the study's folder, which keeps the account of its rented pods.
        max_cost: limit in USD for the rented pods of the study.
        max_hours: limit in hours for each rented pod; None: the default of `PodSpec`.
    Raises:
        AsHeardError: no executor has this name, or a limit for rented pods is given for another executor.
    """
    if pods := re.fullmatch(r"pods:([1-9]\d?)(?::(.+))?", name):
        given: dict[str, Any] = {"gpu": pods[2], "max_hours": max_hours}
        spec = PodSpec(**{option: value for option, value in given.items() if value is not None})
        return PodExecutor(int(pods[1]), study, spec, max_cost=max_cost)
    if max_cost is not None or max_hours is not None:
        raise AsHeardError(f"--max-cost and --max-hours limit rented pods (--executor pods:N), not --executor {name}")
    if name == "local":
        return LocalExecutor()
    if name.startswith(("ssh", POD_PREFIX)):
        return SshExecutor(machines_at(name))
    if name.startswith("ray://"):
        return RayExecutor(name)
    raise AsHeardError(
        f"--executor {name}: no such executor; use local, ssh://USER@MACHINE, pods:N, names of pods, or ray://HOST:PORT"
    )


def map_shards_at(name: str) -> MapShards:
    """Return the function that transcribes or scores shards of recordings on another machine.

    Args:
        name: ray://HOST:PORT.
    Raises:
        AsHeardError: this executor does not transcribe.
    """
    if name.startswith("ray://"):
        return RayExecutor(name).map_shards
    raise AsHeardError(f"--executor {name}: recordings are transcribed on local or ray://HOST:PORT")


def machine_at(name: str) -> Machine:
    """Return the machine of a name.

    Args:
        name: an address as in `parse_address`, or asheard-NAME, a rented pod.
    Raises:
        RemoteError: the name is not an address, no pod has it, or several have.
        UnreachableError: the pod is not up yet.
    """
    return find_pod_machine(name) if name.startswith(POD_PREFIX) else parse_address(name)


def machines_at(names: str) -> tuple[Machine, ...]:
    """Return the machines of names separated by commas; as `machine_at`.

    Raises:
        RemoteError: a machine is named twice.
    """
    machines = tuple(map(machine_at, names.split(",")))
    if len(set(machines)) < len(machines):
        raise RemoteError(f"{names}: a machine is named twice; name each once")
    return machines
