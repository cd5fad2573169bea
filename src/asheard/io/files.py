"""Files and folders that are written whole or not at all; text, JSON and JSON Lines; errors of the operating system."""

import errno
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE
from typing import Any, Final

from asheard.errors import CorpusError, OutputError

_STREAM: Final = re.compile(r"/dev/(stdout|stderr)|/(?:dev|proc/self)/fd/(\d+)")
_REMEDIES: Final = {
    errno.EACCES: "change its permissions or those of its folder, or name another place",
    errno.EBUSY: "it is mounted by itself, so it cannot be replaced; mount its folder, and name a file in it",
    errno.EDQUOT: "make room on the disk, and run the same command again",
    errno.EEXIST: "a part of the path is a file; name another place",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f), or name another disk",
    errno.EIO: "check the disk and its connection, and run the same command again",
    errno.EISDIR: "name a file in this folder",
    errno.ELOOP: "its links form a circle; name the file itself",
    errno.EMFILE: "close other files, or raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "check the path",
    errno.ENFILE: "close other programs, and run the same command again",
    errno.ENOSPC: "make room on the disk, and run the same command again",
    errno.ENOTDIR: "a part of the path is a file; name another place",
    errno.ENOTEMPTY: "it exists by now; remove it or name another place",
    errno.EPERM: "change its permissions or those of its folder, or name another place",
    errno.EROFS: "the disk is read-only; name another place",
    errno.EXDEV: "it is mounted by itself, so it cannot be replaced; mount its folder, and name a file in it",
}


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Turn an error of the operating system in reading a file into one with the path and a remedy.

    Raises:
        CorpusError: the block raised `OSError`; or the path is a pipe or device, which can be read only once, while
            most inputs are read twice (for their content and their digest).
    """
    try:
        if is_stream(Path(path)):
            raise CorpusError(f"{path} is a pipe or device; save what it gives to a file, and name that")
        yield
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise CorpusError(_explain(path, "read", error)) from error


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Turn an error of the operating system in writing a file or folder into one with the path and a remedy.

    Raises:
        OutputError: the block raised `OSError`. A pipe that its reader closed stays a `BrokenPipeError`.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(_explain(path, "written", error)) from error


def _explain(path: Path | str, done: str, error: OSError) -> str:
    remedy = _REMEDIES.get(error.errno or 0, "name another place, or run the same command again")
    return f"{path}: cannot be {done} ({error.strerror or error}); {remedy}"


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    The bytes are on disk before the rename. So a reader, or a run that resumes after `kill -9`, sees the old file or
    the new one, never a part. If the block raises, `path` is unchanged and the temporary file is removed.

    An existing file keeps its permissions; a new one gets those of the user's umask. If `path` is a link, the file
    that it leads to is replaced. A device, a pipe or an open stream (/dev/stdout) gets the bytes at the end.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    with writing(path):
        if is_stream(path):
            with tempfile.TemporaryDirectory(prefix="asheard-") as folder:
                part = Path(folder, path.name)
                part.touch()
                yield part
                _send(part, path)
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(_part_name(target.name) + target.suffix)
        try:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            mode = _mode_to_keep(target) or S_IMODE(part.stat().st_mode)
            yield part
            with part.open("rb+") as written:
                os.fsync(written.fileno())
            _set_mode(part, mode)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path | str) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; rename it to `folder` if the block succeeds.

    All files below it are on disk before the rename. If the block raises, the temporary folder is removed. What a
    killed process left is a hidden folder `.NAME.*.part`.

    Raises:
        OutputError: `folder` exists or cannot be written.
    """
    folder = Path(folder)
    with writing(folder):
        if folder.exists():
            raise OutputError(f"{folder} exists already; remove it or name another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = folder.with_name(_part_name(folder.name))
        part.mkdir()
        mode = S_IMODE(part.stat().st_mode)
        try:
            yield part
            _set_mode(part, mode)
            sync_folder(part)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Give all below a folder the folder's permissions, and wait until the bytes are on disk."""
    mode = S_IMODE(folder.stat().st_mode)
    for path in folder.rglob("*"):
        _set_mode(path, mode if path.is_dir() else mode & 0o666)
        if path.is_file():
            with path.open("rb+") as written:
                os.fsync(written.fileno())


def _set_mode(path: Path, mode: int) -> None:
    """Set permissions unless they are set: some file systems have none to set."""
    if S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def is_stream(path: Path) -> bool:
    """Tell whether bytes written to a path go somewhere else than into a file: a device, a pipe, standard output."""
    return _STREAM.fullmatch(str(path)) is not None or (path.exists() and not path.is_file() and not path.is_dir())


def _send(part: Path, path: Path) -> None:
    """Write the bytes of a file to a device or pipe. An open stream of this process is written where it stands."""
    named = _STREAM.fullmatch(str(path))
    if named is None:
        stream = os.open(path, os.O_WRONLY)
    else:
        sys.stdout.flush()
        stream = os.dup({"stdout": 1, "stderr": 2}[named[1]] if named[1] else int(named[2]))
    with part.open("rb") as whole, open(stream, "wb") as out:  # noqa: PTH123 - a descriptor has no path
        shutil.copyfileobj(whole, out)


def _part_name(name: str) -> str:
    """Name a file that is being written. The kernel gives a new file the permissions of the umask, unlike mkstemp."""
    return f".{name}.{secrets.token_hex(4)}.part"


def _mode_to_keep(target: Path) -> int | None:
    """Return the permissions of a file that will be replaced; None if there is none.

    Raises:
        OSError: it is a folder, or may not be written.
    """
    if not target.exists():
        return None
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return S_IMODE(target.stat().st_mode)


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without byte order mark; line ends stay as they are.

    Raises:
        CorpusError: the file cannot be read, or is not UTF-8.
    """
    try:
        with reading(path):
            return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None


def _not_utf8(path: Path, error: UnicodeDecodeError) -> CorpusError:
    return CorpusError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8")


def make_folder(path: Path | str) -> Path:
    """Make a folder if it is missing.

    Raises:
        OutputError: it cannot be made or written to.
    """
    path = Path(path)
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    return path


def write_json(path: Path | str, value: Any) -> None:
    """Write a value as indented JSON, keys in the order given.

    Raises:
        ValueError: the value holds NaN or an infinite number.
    """
    with whole_file(path) as part:
        part.write_text(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read one JSON file.

    Raises:
        CorpusError: the file cannot be read or is not JSON.
    """
    path = Path(path)
    text = read_text(path)
    try:
        return parse_json(text)
    except ValueError as error:
        raise CorpusError(f"{path}: not JSON ({error}); write it again") from None


def parse_json(text: str) -> Any:
    """Parse JSON. Every text in it can be written as UTF-8; a number may be NaN or infinite, which its reader refuses.

    Raises:
        ValueError: the text is something else, or is nested too deeply; with the reason.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if "\\u" in text:  # a lone surrogate, such as \ud800
        json.dumps(value, ensure_ascii=False).encode()
    return value


def write_jsonl(path: Path | str, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line in UTF-8, whole or not at all."""
    with whole_file(path) as part, part.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def read_jsonl(path: Path | str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) for each non-empty line.

    Raises:
        CorpusError: the file cannot be read, a line is not JSON (for example in a truncated file), or is not an object.
    """
    path = Path(path)
    with reading(path):
        lines = path.open(encoding="utf-8-sig")
    with lines:
        try:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = parse_json(line)
                except ValueError as error:
                    reason = error.msg if isinstance(error, json.JSONDecodeError) else error
                    raise CorpusError(f"{path}, line {number}: not JSON ({reason}); is the file cut off?") from None
                if not isinstance(row, dict):
                    raise CorpusError(f"{path}, line {number}: expected one JSON object a line, not another value")
                yield number, row
        except UnicodeDecodeError as error:
            raise _not_utf8(path, error) from None
