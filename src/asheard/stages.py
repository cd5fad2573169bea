"""Stages that are skipped when their outputs are whole and their inputs are what they were."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asheard import __version__
from asheard.files import content_digest, read_json, write_json


class Stages:
    """The stages of one run and their stamps, kept as `<folder>/<name>.json`.

    A stamp holds the digest of a stage's inputs when it begins, and that of its outputs too when it is done. So a
    stage that was killed goes on where it was (how, is its own affair), while outputs of other inputs, and damaged
    ones, are removed before it begins anew.
    """

    def __init__(self, folder: Path, announce: Callable[[str, bool], None]) -> None:
        """announce(name, skipped) is called before a stage runs or is skipped."""
        self._folder = folder
        self._announce = announce

    def run(self, name: str, do: Callable[[], Any], *, inputs: Iterable[Any], outputs: Iterable[Path]) -> None:
        """Call `do` unless the stamp of `name` matches; inputs and outputs as of `begin`."""
        stage = self.begin(name, inputs=inputs, outputs=outputs)
        if stage:
            do()
            stage.end()

    def begin(self, name: str, *, inputs: Iterable[Any], outputs: Iterable[Path]) -> "Stage | None":
        """Begin a stage, or go on with it; several may be under way at a time.

        Args:
            inputs: what decides the result, beside this version of AsHeard: paths (files, or folders with all they
                hold) stand for their content, anything else for its repr.
            outputs: the files and folders that the stage makes, and that nothing else is kept in.
        Returns:
            The stage, to be ended when its outputs are whole; None where they are.
        """
        path, outputs = self._folder / f"{name}.json", tuple(outputs)
        begun = {"inputs": digest([__version__, *inputs]), "outputs": None}
        stamp = read_json(path) if path.exists() else begun
        done = stamp == begun | {"outputs": digest(outputs)}
        self._announce(name, done)
        if done:
            return None
        if stamp != begun:
            for output in outputs:
                shutil.rmtree(output) if output.is_dir() else output.unlink(missing_ok=True)
        write_json(path, begun)
        return Stage(path, begun, outputs)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage under way. path: of its stamp. begun: what that holds now."""

    path: Path
    begun: dict[str, Any]
    outputs: tuple[Path, ...]

    def end(self) -> None:
        """Stamp the outputs as whole."""
        write_json(self.path, self.begun | {"outputs": digest(self.outputs)})


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
