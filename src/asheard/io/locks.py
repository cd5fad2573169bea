"""Locks that let one command at a time write a file or folder.

A lock is a hidden file: `.NAME.lock` beside a file, `.lock` in a folder. The system releases it when the process ends,
however it ends; a file that a killed process left does not matter.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asheard.errors import OutputError
from asheard.io.files import writing


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold the lock of a file that the block writes; its folder is made if it is missing.

    Raises:
        OutputError: another command holds the lock, or the lock cannot be written.
    """
    with _locked(path.with_name(f".{path.name}.lock"), path):
        yield


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder that the block writes into; it is made if it is missing.

    Raises:
        OutputError: as of `locked_file`.
    """
    with _locked(folder / ".lock", folder):
        yield


@contextmanager
def _locked(lock: Path, what: Path) -> Iterator[None]:
    with writing(what):
        is_new = not lock.parent.exists()
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = _acquire(lock, what)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows deletes no open file
            lock.unlink()
        os.close(file)
        if is_new:
            with suppress(OSError):  # it holds what the block wrote
                lock.parent.rmdir()


def _acquire(lock: Path, what: Path) -> int:
    """Lock the file at a path; return its descriptor."""
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        if not _try_lock(file):
            owner = os.read(file, 200).decode(errors="replace") or "a process"
            os.close(file)
            raise OutputError(
                f"{what}: another command is writing it ({owner}); wait until it ends, or name another output"
            )
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), lock.stat()):
                os.truncate(file, 0)
                os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return file
        os.close(file)  # its owner removed it after it was opened here


def _try_lock(file: int) -> bool:
    """Lock a file unless another descriptor has locked it. A file system without locks gives none, and no error."""
    if sys.platform == "win32":
        import msvcrt

        try:
            os.lseek(file, 1 << 20, os.SEEK_SET)  # beyond the owner's name: on Windows a locked byte cannot be read
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
