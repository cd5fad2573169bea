"""Folders copied to and from a machine by rsync: compared by checksum, and resumed where a copy was cut off.

What runs need, mirrored on a machine: the code, the packages it needs, manifests, bases, and the recordings.

Models and logs brought back from a machine.
"""

import importlib.metadata
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import asheard
from asheard.errors import PodError
from asheard.io.digests import file_digests
from asheard.io.files import sync_folder
from asheard.remote.agent import RUNS
from asheard.remote.machine import Machine
from asheard.remote.run import RemoteRun

Share = Callable[[float], None]  # is told, again and again, what share of the bytes is there

# A file is put in place when whole; what a cut left of it waits in .partial/ for the next time.
_RSYNC: Final = (
    *("rsync", "--recursive", "--times", "--copy-links", "--checksum", "--partial-dir=.partial", "--protect-args"),
    *("--no-inc-recursive", "--info=progress2"),
)
_LOST: Final = (10, 12, 30, 35, 255)  # exit status: socket, protocol, time-out, and that of ssh
_DISK_FULL: Final = re.compile(r"\((28|122|27)\)")  # ENOSPC, EDQUOT, EFBIG, as rsync writes them


def push(
    machine: Machine,
    source: Path,
    target: str,
    share: Share,
    *,
    only: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    delete: bool = False,
) -> None:
    """Copy what is in a folder here into a folder below the machine's root.

    Args:
        machine: has rsync.
        source, target: folders; the target is made, but not what it lies in.
        share: see `Share`.
        only: files to copy, relative to the source; None copies all.
        exclude: patterns of what is left out.
        delete: remove what is in the target only.
    Raises:
        UnreachableError: the connection was lost; the same call goes on.
        PodError: a disk is full, or rsync fails otherwise.
    """
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="asheard-files-") as names:
        options = _options(exclude, delete)
        if only is not None:
            # A name may begin with what rsync takes for a comment.
            names.write("".join(f"./{name}\0" for name in only))
            names.flush()
            options += ["--from0", f"--files-from={names.name}"]
        _copy(machine, [*options, f"{source}/", f"{_address(machine)}:{machine.root}/{target}/"], share)


def fetch(
    machine: Machine, source: str, target: Path, share: Share, *, exclude: Sequence[str] = (), delete: bool = False
) -> None:
    """Copy what is in a folder below the machine's root into a folder here; as of `push`."""
    target.mkdir(parents=True, exist_ok=True)
    paths = [f"{_address(machine)}:{machine.root}/{source}/", f"{target}/"]
    _copy(machine, [*_options(exclude, delete), *paths], share)


def _options(exclude: Sequence[str], delete: bool) -> list[str]:
    return [*(f"--exclude={pattern}" for pattern in exclude), *(["--delete"] if delete else [])]


def _address(machine: Machine) -> str:
    user, _, host = machine.destination.rpartition("@")
    return f"{user}{'@' * bool(user)}{f'[{host}]' if ':' in host else host}"


def _copy(machine: Machine, words: Sequence[str], share: Share) -> None:
    command = [*_RSYNC, "--rsh", shlex.join(machine.ssh()), *words]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace"
            )
        except FileNotFoundError:
            raise PodError("the command rsync is not installed here; apt-get install rsync") from None
        with process:
            for line in process.stdout or ():  # ends at carriage returns too
                if found := re.search(r"(\d+)%", line):
                    share(int(found[1]) / 100)
        if code := process.returncode:
            errors.seek(0)
            raise _failure(machine, code, errors.read())


def _failure(machine: Machine, code: int, err: str) -> PodError:
    lines = [line for line in err.splitlines() if not line.startswith("rsync error:")]
    if full := next((line for line in lines if _DISK_FULL.search(line)), None):
        return PodError(f"{machine}: no room to copy to ({full.strip()}); make some, and the same command goes on")
    # What rsync says first is the cause of the rest.
    return machine.failure("rsync", 255 if code in _LOST else code, "\n".join(reversed(lines)))


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
    sync_folder(arriving)
    arriving.rename(final)
    return final
