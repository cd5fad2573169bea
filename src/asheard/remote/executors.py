"""Executors: where the training runs of a study are carried out."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from asheard.errors import AsHeardError
from asheard.remote.machine import machines_at
from asheard.remote.ray import RayExecutor
from asheard.remote.runpod.client import POD_PREFIX, PodSpec
from asheard.remote.runpod.executor import PodExecutor
from asheard.remote.ssh import SshExecutor
from asheard.training import TrainingOptions, train
from asheard.transcription import MapShards


class Executor(Protocol):
    """Carries out training runs somewhere, and brings their models here."""

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """Train every run, or go on with those that were under way; a run whose `final` is here is left alone.

        Args:
            runs: with the paths of this machine; in the end each has its `final` here, or an error is raised.
        Raises:
            AsHeardError: a run cannot be carried out; whatever else was finished is kept.
        """


class LocalExecutor:
    """One run after the other, in this process."""

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """As of `Executor.train`."""
        for options in runs:
            train(options)


def executor_at(
    place: str, study: Path = Path(), *, max_cost: float | None = None, max_hours: float | None = None
) -> Executor:
    """The executor that `--executor` names.

    Args:
        place: local; ray://HOST:PORT; places of machines joined by commas, as of `machine_at`; or pods:N, pods:N:GPU,
            where GPU is RunPod's id of a type.
        study: its folder, which keeps the account of rented pods.
        max_cost: most USD for rented pods.
        max_hours: after which each terminates itself; None leaves that to `PodSpec`.
    Raises:
        AsHeardError: no executor goes by that name, or a bound on rented pods comes without them.
    """
    if pods := re.fullmatch(r"pods:([1-9]\d?)(?::(.+))?", place):
        wishes: dict[str, Any] = {"gpu": pods[2], "max_hours": max_hours}
        order = PodSpec(**{name: wish for name, wish in wishes.items() if wish is not None})
        return PodExecutor(int(pods[1]), study, order, max_cost=max_cost)
    if max_cost is not None or max_hours is not None:
        raise AsHeardError(f"--max-cost and --max-hours limit rented pods (--executor pods:N), not --executor {place}")
    if place == "local":
        return LocalExecutor()
    if place.startswith(("ssh", POD_PREFIX)):
        return SshExecutor(machines_at(place))
    if place.startswith("ray://"):
        return RayExecutor(place)
    raise AsHeardError(
        f"--executor {place}: no such place; there are local, ssh://USER@MACHINE, pods:N, names of pods, and ray://HOST:PORT"
    )


def map_shards_at(place: str) -> MapShards:
    """What does the work of `transcribe` where `--executor` says.

    Args:
        place: ray://HOST:PORT.
    Raises:
        AsHeardError: recordings are not transcribed there.
    """
    if place.startswith("ray://"):
        return RayExecutor(place).spread
    raise AsHeardError(f"--executor {place}: recordings are transcribed on local or ray://HOST:PORT")
