"""Models and logs brought back from a machine."""

import os
import shutil
from pathlib import Path

from asheard.errors import PodError
from asheard.pods.far_side import RUNS, file_digests
from asheard.pods.machine import Machine
from asheard.pods.rsync import fetch
from asheard.pods.sync import Report


def pull_logs(machine: Machine, name: str, into: Path) -> None:
    """Bring log.jsonl, tensorboard/ and pilot.json of a run into a folder, as far as they are there."""
    fetch(machine, f"{RUNS}/{name}", into, lambda share: None, exclude=["/final", "/checkpoint.*", ".*"])


def pull(machine: Machine, name: str, into: Path, report: Report) -> Path:
    """Bring a finished run into a folder: its logs, then its model as `final`, which is there whole or not at all.

    Every file of the model is compared with the SHA-256 computed there.

    Args:
        machine: where the run is done.
        name: of the run there.
        into: the run's `checkpoint_dir` here.
        report: is told the share of the model that is here.
    Returns:
        The model's folder.
    Raises:
        UnreachableError: the connection was lost; the same call goes on.
        PodError: the disk is full, or a file does not arrive as it was sent.
    """
    final, arriving = into / "final", into / ".final.arriving"
    if final.is_dir():
        return final
    sent = machine.ask("digests", name)
    if not sent:
        raise PodError(f"{machine}: there is no finished model of {name} to pull")
    pull_logs(machine, name, into)
    fetch(machine, f"{RUNS}/{name}/final", arriving, lambda share: report(f"pulling {name}", share), delete=True)
    if (arrived := file_digests(arriving)) != sent:
        wrong = sorted(path for path in sent.keys() | arrived.keys() if sent.get(path) != arrived.get(path))
        shutil.rmtree(arriving)
        raise PodError(f"{machine}: {', '.join(wrong)} of {name} did not arrive as sent; pull it again")
    _on_disk(arriving)
    arriving.rename(final)
    return final


def _on_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as content:
                os.fsync(content.fileno())
