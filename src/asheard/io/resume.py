"""Stages that are skipped when their outputs are whole and their inputs are what they were.

Rows kept as they are made, so that a call that was killed goes on where it stopped.
"""

import glob
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asheard import __version__
from asheard.errors import CorpusError
from asheard.io.digests import digest
from asheard.io.files import read_json, read_jsonl, write_json


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


class Journal:
    """The rows of an unfinished file, in a hidden one beside it that only the same job goes on with."""

    def __init__(self, out: Path, job: Sequence[Any]) -> None:
        """Open the journal of a job.

        Args:
            out: the file that is being made.
            job: what its rows depend on, as JSON.
        Raises:
            CorpusError: `out` is a folder.
        """
        if out.is_dir():
            raise CorpusError(f"{out}: is a folder; name a file in it")
        digest = hashlib.sha256(json.dumps(job).encode()).hexdigest()
        self._out = out
        self._path = out.with_name(f".{out.name}.{digest[:8]}.part")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.num_resumed = self._cut_to_whole_rows()

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Write rows, each an object of JSON."""
        with self._path.open("a", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def rows(self) -> list[dict[str, Any]]:
        """All rows, those of earlier calls first."""
        return [row for _, row in read_jsonl(self._path)]

    def remove(self) -> None:
        """Remove this journal, and those that other jobs left for the same file."""
        for stale in self._out.parent.glob(f".{glob.escape(self._out.name)}.*.part*"):
            stale.unlink()

    def _cut_to_whole_rows(self) -> int:
        """Drop a last line that a kill cut short; gives the number of rows left."""
        self._path.touch()
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._path.write_bytes(whole)
        return whole.count(b"\n")
