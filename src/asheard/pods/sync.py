"""What runs need, mirrored on a machine: the code, the packages it needs, manifests, bases, and the recordings."""

import importlib.metadata
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import asheard
from asheard.errors import PodError
from asheard.pods.machine import Machine
from asheard.pods.remote_run import RemoteRun
from asheard.pods.rsync import push

Report = Callable[[str, float], None]  # is told what is being copied, and what share of it is there

_FOLDERS: Final = """\
command -v rsync >/dev/null || { echo "rsync is not installed; apt-get install rsync" >&2; exit 1; }
mkdir -p "$0/code" "$0/wavs"
"""


def sync(machine: Machine, runs: Sequence[RemoteRun], report: Report) -> None:
    """Mirror all that the runs need; what is there already is compared by checksum, and not copied again.

    Args:
        machine: has Python, PyTorch and rsync. Other packages are installed, where any is missing.
        runs: may be none: then just the code is mirrored.
        report: see `Report`.
    Raises:
        UnreachableError: the connection was lost; the same call goes on.
        PodError: something is missing there, or a disk is full.
    """
    machine.run("sh", "-c", _FOLDERS, machine.root)
    package = Path(asheard.__file__).parent
    push(machine, package, "code/asheard", _about(report, "code"), exclude=["__pycache__"], delete=True)
    _install_missing(machine, report)
    _push_inputs(machine, runs, report)
    for wav_root, wavs in _recordings(runs).items():
        here, there = wav_root
        push(machine, here, str(there), _about(report, f"recordings of {here.name}"), only=sorted(wavs))


def _install_missing(machine: Machine, report: Report) -> None:
    needed = _requirements()
    missing = machine.ask("facts", *needed)["missing"]
    if "torch" in missing:
        raise PodError(
            f"{machine}: PyTorch is not installed there; take an image that has it, or install it (pip install torch)"
        )
    if missing:
        report(f"installing {', '.join(missing)}", 0.0)
        machine.ask("install", *(requirement for name, requirement in needed.items() if name != "torch"))


def _requirements() -> dict[str, str]:
    """What training needs, as pip is told it, by the name that it is imported by."""
    needed = {}
    for line in importlib.metadata.requires("asheard") or ():
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        if not marker or re.fullmatch(r"extra == .train.", marker):
            name = re.split(r"[^\w-]", requirement, maxsplit=1)[0]
            needed[name.replace("-", "_")] = requirement
    return needed


def _push_inputs(machine: Machine, runs: Iterable[RemoteRun], report: Report) -> None:
    """Manifests and bases, by their names there."""
    with tempfile.TemporaryDirectory(prefix="asheard-inputs-") as folder:
        for run in runs:
            pairs = [(run.here.train, run.there.train), (run.here.val, run.there.val)]
            if run.here.base is not None and run.here.base != run.there.base:
                pairs.append((Path(run.here.base), Path(str(run.there.base))))
            for here, there in pairs:
                link = Path(folder, there)
                if not link.exists():
                    link.parent.mkdir(exist_ok=True)
                    link.symlink_to(here.resolve())
        push(machine, Path(folder), ".", _about(report, "manifests and bases"))


def _recordings(runs: Iterable[RemoteRun]) -> dict[tuple[Path, Path], set[str]]:
    """Recordings by the wav root they start from, here and there."""
    wavs: dict[tuple[Path, Path], set[str]] = {}
    for run in runs:
        wavs.setdefault((run.here.wav_root, run.there.wav_root), set()).update(run.wavs)
    return wavs


def _about(report: Report, what: str) -> Callable[[float], None]:
    return lambda share: report(what, share)
