"""SHA-256 digests (hex) of files, folders and values. They decide whether earlier results can be reused."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from asheard.io.files import reading


def bytes_digest(chunks: Iterable[bytes | memoryview]) -> str:
    """Digest of chunks of bytes, joined."""
    total = hashlib.sha256()
    for chunk in chunks:
        total.update(chunk)
    return total.hexdigest()


def text_digest(text: str) -> str:
    """Digest of a text in UTF-8."""
    return bytes_digest([text.encode()])


def json_digest(value: Any) -> str:
    """Digest of a value that JSON can express."""
    return text_digest(json.dumps(value))


def values_digest(values: Iterable[Any]) -> str:
    """Digest of values: a path counts by its content (by its name if it is missing), anything else by its repr."""
    return text_digest("\0".join(content_digest(value) if isinstance(value, Path) else repr(value) for value in values))


def content_digest(source: Path | str) -> str:
    """Digest of a file, or of the names and bytes of all files below a folder; independent of its place.

    What is not on disk, such as a hub id, is returned unchanged.
    """
    path = Path(source)
    if not path.exists():
        return str(source)
    total = hashlib.sha256()
    for name, digest in file_digests(path).items():
        total.update(name.encode() + bytes.fromhex(digest))
    return total.hexdigest()


def file_digests(path: Path) -> dict[str, str]:
    """Digest of each file below a folder by its relative path, sorted; of a file alone, under the name "."."""
    digests = {}
    for member in sorted(member for member in path.rglob("*") if member.is_file()) if path.is_dir() else [path]:
        with reading(member), member.open("rb") as content:
            digests[str(member.relative_to(path))] = hashlib.file_digest(content, "sha256").hexdigest()
    return digests


def states_digest(files: Sequence[tuple[Any, Path]]) -> str:
    """Digest of the sizes and times of change of files, without reading them.

    Args:
        files: (name, path) of each file; the name is anything that JSON can express.
    """
    return json_digest([(name, status.st_size, status.st_mtime_ns) for name, path in files for status in [path.stat()]])


def folder_states_digest(folder: Path) -> str:
    """`states_digest` of all files below a folder, for corpora that are too large to be read each time."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return states_digest([(str(path.relative_to(folder)), path) for path in paths])
