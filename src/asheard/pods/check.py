"""Whether a machine is fit to train: GPUs that PyTorch sees, and inputs that are all there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asheard.errors import PodError
from asheard.pods.far_side import count
from asheard.pods.machine import Machine
from asheard.pods.remote_run import RemoteRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """python, torch: versions. gpus: names of those that PyTorch sees. free_bytes: of the disk that the root is on.

    rows, recordings: of the runs' manifests, the same on both sides.
    """

    python: str
    torch: str
    gpus: tuple[str, ...]
    free_bytes: int
    rows: int
    recordings: int

    @property
    def num_slots(self) -> int:
        """Runs that are trained at a time: one a GPU, or one without."""
        return max(1, len(self.gpus))

    def __str__(self) -> str:
        """All of it in a line."""
        gpus = ", ".join(f"{number} x {name}" for name, number in Counter(self.gpus).items()) or "no GPU"
        return (
            f"{gpus}; PyTorch {self.torch}, Python {self.python}; {self.rows} rows and {self.recordings} recordings as "
            f"here; {self.free_bytes / 1e9:.0f} GB free"
        )


def check(machine: Machine, runs: Sequence[RemoteRun]) -> Condition:
    """See whether the runs, which were synced, can be trained there.

    Raises:
        UnreachableError: the connection was lost.
        PodError: PyTorch sees no GPU, and training without one is not wanted; or an input is missing there.
    """
    rows, recordings = _compare(machine, runs)
    found = machine.ask("facts") | machine.ask("gpus")
    if not found["gpus"] and not machine.cpu:
        place = str(machine).replace("ssh://", "ssh+cpu://", 1)
        raise PodError(
            f"{machine}: PyTorch {found['torch']} sees no GPU there; mend its driver, or train on its CPU with {place}"
        )
    return Condition(
        python=found["python"],
        torch=found["torch"],
        gpus=tuple(found["gpus"]),
        free_bytes=found["free_bytes"],
        rows=rows,
        recordings=recordings,
    )


def _compare(machine: Machine, runs: Sequence[RemoteRun]) -> tuple[int, int]:
    """Rows of all manifests, and recordings that they name; both sides must have as many, of as many bytes."""
    manifests: dict[tuple[Path, Path], set[tuple[Path, Path]]] = {}
    for run in runs:
        named = manifests.setdefault((run.here.wav_root, run.there.wav_root), set())
        named |= {(run.here.train, run.there.train), (run.here.val, run.there.val)}
    rows = recordings = 0
    for (root_here, root_there), pairs in manifests.items():
        here = count(str(root_here), *(str(one) for one, _ in sorted(pairs)))
        there = machine.ask("count", str(root_there), *(str(other) for _, other in sorted(pairs)))
        if here != there:
            differing = "; ".join(f"{there[key]} {key} of {here[key]}" for key in here if here[key] != there[key])
            raise PodError(f"{machine}: of {root_here} there are {differing}; asheard pods sync copies the rest")
        rows, recordings = rows + here["rows"], recordings + here["recordings"]
    return rows, recordings
