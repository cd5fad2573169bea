"""Executors: where the training runs of a study are carried out."""

from collections.abc import Sequence
from typing import Protocol

from asheard.errors import AsHeardError
from asheard.pods.machine import machines_at
from asheard.pods.ssh import Ssh
from asheard.training import TrainingOptions, train


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
        place: local, or places of machines joined by commas, as of `machine_at`.
    Raises:
        AsHeardError: no executor goes by that name.
    """
    if place == "local":
        return Local()
    if place.startswith("ssh"):
        return Ssh(machines_at(place))
    raise AsHeardError(f"--on {place}: no such place; there are local and ssh://USER@MACHINE")
