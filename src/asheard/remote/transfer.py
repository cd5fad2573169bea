"""Copies to and from a machine, by rsync: inputs of runs go there, models and logs come back.

Files are compared by checksum, so what is there is not copied again, and a copy that was cut off resumes.
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
from asheard.errors import RemoteError
from asheard.io.digests import file_digests
from asheard.io.files import make_folder, sync_folder, writing
from asheard.io.locks import locked_folder
from asheard.remote.agent import RUNS
from asheard.remote.machine import Machine
from asheard.remote.run import RemoteRun

OnShare = Callable[[float], None]  # receives, again and again, the share of the bytes that was copied (0 to 1)
OnProgress = Callable[[str, float], None]  # receives what is being copied, and its share

# rsync renames a file when it is complete; an incomplete one waits in .partial/ for the next call.
_RSYNC: Final = (
    *("rsync", "--recursive", "--times", "--copy-links", "--checksum", "--partial-dir=.partial", "--protect-args"),
    *("--no-inc-recursive", "--info=progress2"),
)
_CONNECTION_FAILED: Final = (10, 12, 30, 35, 255)  # exit status: socket, protocol, time-outs; 255 is from ssh
_DISK_FULL: Final = re.compile(r"\((28|122|27)\)")  # ENOSPC, EDQUOT, EFBIG, as rsync writes them

_MAKE_FOLDERS: Final = """\
command -v rsync >/dev/null || { echo "rsync is not installed; apt-get install rsync" >&2; exit 1; }
mkdir -p "$0/code" "$0/wavs"
"""


def push_folder(
    machine: Machine,
    source: Path,
    target: str,
    on_share: OnShare,
    *,
    only: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    delete: bool = False,
) -> None:
    """Copy the contents of a folder here into a folder below the machine's root.

    Args:
        machine: has rsync.
        source: folder here.
        target: folder there; it is made, but its parent must exist.
        on_share: see `OnShare`.
        only: files to copy, relative to the source; None: all.
        exclude: patterns of files to leave out.
        delete: delete files of the target that the source does not have.
    Raises:
        UnreachableError: the connection was lost; the same call resumes.
        RemoteError: a disk is full, or rsync fails.
    """
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="asheard-files-") as names:
        options = _options(exclude, delete)
        if only is not None:
            # Without ./ rsync takes a name that begins with # or ; for a comment.
            names.write("".join(f"./{name}\0" for name in only))
            names.flush()
            options += ["--from0", f"--files-from={names.name}"]
        _copy(machine, [*options, f"{source}/", f"{_destination(machine)}:{machine.root}/{target}/"], on_share)


def fetch_folder(
    machine: Machine, source: str, target: Path, on_share: OnShare, *, exclude: Sequence[str] = (), delete: bool = False
) -> None:
    """Copy the contents of a folder below the machine's root into a folder here; as `push_folder`."""
    make_folder(target)
    paths = [f"{_destination(machine)}:{machine.root}/{source}/", f"{target}/"]
    _copy(machine, [*_options(exclude, delete), *paths], on_share)


def _options(exclude: Sequence[str], delete: bool) -> list[str]:
    return [*(f"--exclude={pattern}" for pattern in exclude), *(["--delete"] if delete else [])]


def _destination(machine: Machine) -> str:
    """Return ssh's destination in rsync's form, with an IPv6 address in brackets."""
    user, _, host = machine.destination.rpartition("@")
    return f"{user}{'@' * bool(user)}{f'[{host}]' if ':' in host else host}"


def _copy(machine: Machine, words: Sequence[str], on_share: OnShare) -> None:
    command = [*_RSYNC, "--rsh", shlex.join(machine.ssh_command()), *words]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace"
            )
        except FileNotFoundError:
            raise RemoteError("the command rsync is not installed here; apt-get install rsync") from None
        with process:
            for line in process.stdout or ():  # lines end at carriage returns too
                if found := re.search(r"(\d+)%", line):
                    on_share(int(found[1]) / 100)
        if code := process.returncode:
            errors.seek(0)
            raise _failure(machine, code, errors.read())


def _failure(machine: Machine, code: int, err: str) -> RemoteError:
    lines = [line for line in err.splitlines() if not line.startswith("rsync error:")]
    if full := next((line for line in lines if _DISK_FULL.search(line)), None):
        return RemoteError(f"{machine}: no room for the copy ({full.strip()}); make room, then repeat the command")
    # The first line of rsync is the cause of the others; `failure` takes the last line.
    return machine.failure("rsync", 255 if code in _CONNECTION_FAILED else code, "\n".join(reversed(lines)))


def sync(machine: Machine, runs: Sequence[RemoteRun], on_progress: OnProgress) -> None:
    """Copy the code and all inputs of runs to a machine; install the packages that it lacks.

    Args:
        machine: has Python, PyTorch and rsync.
        runs: the runs; if there are none, only the code is copied.
        on_progress: see `OnProgress`.
    Raises:
        UnreachableError: the connection was lost; the same call resumes.
        RemoteError: the machine lacks something that cannot be installed, or a disk is full.
    """
    machine.run("sh", "-c", _MAKE_FOLDERS, machine.root)
    package = Path(asheard.__file__).parent
    push_folder(machine, package, "code/asheard", _share_of(on_progress, "code"), exclude=["__pycache__"], delete=True)
    _install_missing(machine, on_progress)
    _push_inputs(machine, runs, on_progress)
    for (here, there), wavs in _recordings(runs).items():
        push_folder(machine, here, str(there), _share_of(on_progress, f"recordings of {here.name}"), only=sorted(wavs))


def _install_missing(machine: Machine, on_progress: OnProgress) -> None:
    needed = training_requirements()
    missing = machine.call_agent("facts", *needed)["missing"]
    if "torch" in missing:
        raise RemoteError(
            f"{machine}: PyTorch is not installed there; use an image with PyTorch, or install it (pip install torch)"
        )
    if missing:
        on_progress(f"installing {', '.join(missing)}", 0.0)
        machine.call_agent("install", *(requirement for name, requirement in needed.items() if name != "torch"))


def training_requirements() -> dict[str, str]:
    """Return pip's requirements of training by the names that the packages are imported by."""
    needed = {}
    for line in importlib.metadata.requires("asheard") or ():
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        if not marker or re.fullmatch(r"extra == .train.", marker):
            name = re.split(r"[^\w-]", requirement, maxsplit=1)[0]
            needed[name.replace("-", "_")] = requirement
    return needed


def _push_inputs(machine: Machine, runs: Iterable[RemoteRun], on_progress: OnProgress) -> None:
    """Copy manifests and bases, under their names there."""
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
        push_folder(machine, Path(folder), ".", _share_of(on_progress, "manifests and bases"))


def _recordings(runs: Iterable[RemoteRun]) -> dict[tuple[Path, Path], set[str]]:
    """Return the recordings of runs by wav root (here, there)."""
    wavs: dict[tuple[Path, Path], set[str]] = {}
    for run in runs:
        wavs.setdefault((run.here.wav_root, run.there.wav_root), set()).update(run.wavs)
    return wavs


def _share_of(on_progress: OnProgress, what: str) -> OnShare:
    return lambda share: on_progress(what, share)


def pull_logs(machine: Machine, name: str, into: Path) -> None:
    """Fetch log.jsonl, tensorboard/ and pilot.json of a run into a folder, if they exist."""
    fetch_folder(machine, f"{RUNS}/{name}", into, lambda share: None, exclude=["/final", "/checkpoint.*", ".*"])


def pull_model(machine: Machine, name: str, into: Path, on_share: OnShare) -> Path:
    """Fetch a finished run into a folder: its logs, then its model as `final`, which is complete or absent.

    Every file of the model is compared with the SHA-256 digest computed on the machine.

    Args:
        machine: where the run is done.
        name: the run's name there.
        into: the run's `checkpoint_dir` here.
        on_share: see `OnShare`.
    Returns:
        The model's folder.
    Raises:
        UnreachableError: the connection was lost; the same call resumes.
        RemoteError: there is no such model, the disk is full, or a file arrived damaged.
    """
    final, arriving = into / "final", into / ".final.arriving"
    if final.is_dir():
        return final
    with locked_folder(into):
        sent = machine.call_agent("digests", name)
        if not sent:
            raise RemoteError(f"{machine}: no finished model of {name} there; `asheard remote logs` shows its progress")
        pull_logs(machine, name, into)
        fetch_folder(machine, f"{RUNS}/{name}/final", arriving, on_share, delete=True)
        if (arrived := file_digests(arriving)) != sent:
            wrong = sorted(path for path in sent.keys() | arrived.keys() if sent.get(path) != arrived.get(path))
            shutil.rmtree(arriving)
            raise RemoteError(f"{machine}: {', '.join(wrong)} of {name} arrived damaged; pull it again")
        with writing(final):
            sync_folder(arriving)
            arriving.rename(final)
        return final
