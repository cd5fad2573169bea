"""Folders copied to and from a machine by rsync: compared by checksum, and resumed where a copy was cut off."""

import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from asheard.errors import PodError
from asheard.pods.machine import Machine

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
