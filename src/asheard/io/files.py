"""Files and folders that are written whole or not at all; text, JSON and JSON Lines."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from asheard.errors import AsHeardError, CorpusError


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    The bytes are on disk before the rename. So a reader, or a run that resumes after `kill -9`, sees the old file or
    the new one, never a part. If the block raises, `path` is unchanged and the temporary file is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=f".part{path.suffix}")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path | str) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; rename it to `folder` if the block succeeds.

    All files below it are on disk before the rename. If the block raises, the temporary folder is removed. What a
    killed process left is a hidden folder `.NAME.*.part`.

    Raises:
        AsHeardError: `folder` exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise AsHeardError(f"{folder} exists already; remove it or name another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
    try:
        yield part
        sync_folder(part)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make a folder and all below it readable for everybody, and wait until their bytes are on disk."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            with path.open("rb+") as written:
                os.fsync(written.fileno())


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without byte order mark; line ends stay as they are.

    Raises:
        CorpusError: the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from None


def check_name(path: Path | str) -> None:
    """Check that a path can be written into rows and reports, which are UTF-8.

    Raises:
        CorpusError: it holds bytes that are not UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise CorpusError(f"{shown}: the name is not UTF-8; rename the file or its folder") from None


def make_folder(path: Path | str) -> Path:
    """Make a folder if it is missing.

    Raises:
        CorpusError: it cannot be made or written to.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be written to ({error.strerror}); name another folder") from None
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
        CorpusError: the file is missing or is not JSON.
    """
    path = Path(path)
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CorpusError(f"{path}: no such file") from None
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
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
        CorpusError: the file is missing, a line is not JSON (for example in a truncated file), or is not an object.
    """
    path = Path(path)
    if not path.is_file():
        raise CorpusError(f"{path}: no such file")
    with _open_text(path) as lines:
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
            raise CorpusError(
                f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8"
            ) from None


def _open_text(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
