"""Files that are whole or absent: every file AsHeard writes goes through here."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asheard.errors import CorpusError


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there becomes `path` when the block ends well.

    The bytes are on disk before the name changes, so a reader, or a run resumed after `kill -9`, sees the old file
    or the new one and never a part. When the block raises, `path` is untouched and the temporary file is gone.
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


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without byte order mark, line ends as they are.

    Raises:
        CorpusError: the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from None


def make_folder(path: Path | str) -> Path:
    """Make the folder if it is missing.

    Raises:
        CorpusError: it cannot be made, or nothing can be written into it.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be written into ({error.strerror}); name another folder") from None
    return path


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given; NaN is refused (`ValueError`)."""
    with whole_file(path) as part:
        part.write_text(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read one JSON file.

    Raises:
        CorpusError: the file is missing or is not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CorpusError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not JSON ({error}); write it again") from None


def write_jsonl(path: Path | str, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line, UTF-8, whole or not at all."""
    with whole_file(path) as part, part.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def read_jsonl(path: Path | str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) for each non-empty line.

    Raises:
        CorpusError: the file is missing, a line is not JSON (a truncated file, say), or is not an object.
    """
    path = Path(path)
    if not path.is_file():
        raise CorpusError(f"{path}: no such file")
    with path.open(encoding="utf-8-sig") as lines:
        try:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise CorpusError(f"{path}, line {number}: not JSON ({error.msg}); is the file cut off?") from None
                if not isinstance(row, dict):
                    raise CorpusError(f"{path}, line {number}: expected one JSON object a line")
                yield number, row
        except UnicodeDecodeError as error:
            raise CorpusError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
