"""SHA-256 digests of files, folders and values: what decides whether work can be reused."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def content_digest(source: Path | str) -> str:
    """SHA-256 (hex) of a file, or of the names and bytes of all files below a folder; not of where it lies.

    What is not on disk, such as a hub id, stands for itself.
    """
    path = Path(source)
    if not path.exists():
        return str(source)
    total = hashlib.sha256()
    for member in sorted(member for member in path.rglob("*") if member.is_file()) if path.is_dir() else [path]:
        total.update(str(member.relative_to(path)).encode())
        with member.open("rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()


def digest(values: Iterable[Any]) -> str:
    """SHA-256 over values: paths by their content (a missing one by its name), anything else by its repr."""
    parts = [content_digest(value) if isinstance(value, Path) else repr(value) for value in values]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def listing(folder: Path) -> str:
    """Digest of the names, sizes and times of all files below a folder: for corpora too large to be read each time."""
    entries = [
        (str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return digest(entries)
