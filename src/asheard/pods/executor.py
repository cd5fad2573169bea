"""Executors: where the training runs of a study are carried out."""

from collections.abc import Sequence
from typing import Protocol

from asheard.errors import AsHeardError
from asheard.pods.ray_tasks import RayTasks
from asheard.training import TrainingOptions, train
from asheard.transcribe import Spread


class Executor(Protocol):
    """Carries out training runs somewhere, and brings their models here."""

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """Train every run, or go on with those that were under way; a run whose `final` is here is left alone.

        Args:
            runs: with the paths of this machine; in the end each has its `final` here, or an error is raised.
        Raises:
            AsHeardError: a run cannot be carried out; whatever else was finished is kept.
        """


class Local:
    """One run after the other, in this process."""

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """As of `Executor.train`."""
        for options in runs:
            train(options)


def executor_at(place: str) -> Executor:
    """The executor that `--on` names.

    Args:
        place: local or ray://HOST:PORT.
    Raises:
        AsHeardError: no executor goes by that name.
    """
    if place == "local":
        return Local()
    if place.startswith("ray://"):
        return RayTasks(place)
    raise AsHeardError(f"--on {place}: no such place; there are local and ray://HOST:PORT")


def spread_at(place: str) -> Spread:
    """What does the work of `transcribe` where `--on` says.

    Args:
        place: ray://HOST:PORT.
    Raises:
        AsHeardError: recordings are not transcribed there.
    """
    if place.startswith("ray://"):
        return RayTasks(place).spread
    raise AsHeardError(f"--on {place}: recordings are transcribed on local or ray://HOST:PORT")
