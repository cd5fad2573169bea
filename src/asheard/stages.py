"""Stages that are skipped when their outputs are whole and their inputs are what they were."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from asheard.files import read_json, write_json


class Stages:
    """The stages of one run and their stamps, kept as `<folder>/<name>.json`.

    A stamp holds the digests of a stage's inputs and outputs. It is written last, so a stage that was killed has
    none and runs again; whether it starts over or goes on is the stage's own affair.
    """

    def __init__(self, folder: Path, announce: Callable[[str, bool], None]) -> None:
        """announce(name, skipped) is called before a stage runs or is skipped."""
        self._folder = folder
        self._announce = announce

    def run(self, name: str, do: Callable[[], Any], *, inputs: Iterable[Any], outputs: Iterable[Path]) -> None:
        """Call `do` unless the stamp of `name` matches.

        Args:
            inputs: what decides the result: paths (files, or folders with all they hold) stand for their content,
                anything else for its repr.
            outputs: the files and folders that `do` makes.
        """
        stamp_path = self._folder / f"{name}.json"
        inputs, outputs = list(inputs), list(outputs)
        before = digest(inputs)
        stamp = read_json(stamp_path) if stamp_path.exists() else None
        skip = (
            stamp is not None
            and stamp["inputs"] == before
            and all(path.exists() for path in outputs)
            and stamp["outputs"] == digest(outputs)
        )
        self._announce(name, skip)
        if not skip:
            do()
            write_json(stamp_path, {"inputs": before, "outputs": digest(outputs)})


def digest(values: Iterable[Any]) -> str:
    """SHA-256 over values; a path counts by the names and bytes of the files it holds, not by where it lies."""
    total = hashlib.sha256()
    for value in values:
        if not isinstance(value, Path):
            total.update(repr(value).encode())
            continue
        members = sorted(path for path in value.rglob("*") if path.is_file()) if value.is_dir() else [value]
        for member in members:
            total.update(str(member.relative_to(value)).encode())
            with member.open("rb") as content:
                total.update(hashlib.file_digest(content, "sha256").digest())
        total.update(b"\0")
    return total.hexdigest()


def listing(folder: Path) -> str:
    """Digest of the names, sizes and times of all files below a folder: for corpora too large to be read each time."""
    entries = [
        (str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    return digest(entries)
