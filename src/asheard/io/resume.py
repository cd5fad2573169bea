"""Work that an interrupted command does not repeat: stages with stamps, and rows kept as they are made."""

import glob
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asheard import __version__
from asheard.errors import AsHeardError, CorpusError
from asheard.io.digests import json_digest, values_digest
from asheard.io.files import read_json, read_jsonl, write_json


class StageCache:
    """The stages of one run. A stage is skipped if its inputs are unchanged and its outputs are whole.

    Each stage has a stamp, `<folder>/<name>.json`. It holds the digest of the stage's inputs when it starts, and
    that of its outputs when it ends. A killed stage is called again and may use the outputs that it left. Outputs of
    other inputs, and damaged ones, are deleted first.
    """

    def __init__(self, folder: Path, announce: Callable[[str, bool], None]) -> None:
        """Keep stamps in `folder`; call `announce(name, skipped)` before a stage runs or is skipped."""
        self._folder = folder
        self._announce = announce

    def run(self, name: str, do: Callable[[], Any], *, inputs: Iterable[Any], outputs: Iterable[Path]) -> None:
        """Call `do` unless the stage is done; inputs and outputs as of `begin`."""
        stage = self.begin(name, inputs=inputs, outputs=outputs)
        if stage:
            do()
            stage.end()

    def begin(self, name: str, *, inputs: Iterable[Any], outputs: Iterable[Path]) -> "Stage | None":
        """Begin or resume a stage; several may be under way at a time.

        Args:
            name: of the stage.
            inputs: all that the result depends on, besides the version of AsHeard: a path counts by its content,
                anything else by its repr.
            outputs: the files and folders that the stage makes. They hold nothing else.
        Returns:
            The stage, to be ended when its outputs are whole; None if they are.
        """
        path, outputs = self._folder / f"{name}.json", tuple(outputs)
        started = {"inputs": values_digest([__version__, *inputs]), "outputs": None}
        stamp = read_json(path) if path.exists() else started
        done = stamp == started | {"outputs": values_digest(outputs)}
        self._announce(name, done)
        if done:
            return None
        if stamp != started:
            for output in outputs:
                shutil.rmtree(output) if output.is_dir() else output.unlink(missing_ok=True)
        write_json(path, started)
        return Stage(path, started, outputs)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage under way. path: of its stamp. started: what the stamp holds now."""

    path: Path
    started: dict[str, Any]
    outputs: tuple[Path, ...]

    def end(self) -> None:
        """Stamp the outputs as whole."""
        write_json(self.path, self.started | {"outputs": values_digest(self.outputs)})


class ResumableRows:
    """The rows of an unfinished JSON Lines file, kept in a hidden file beside it until all are made.

    The hidden file's name depends on the job, so that another job does not continue it.
    """

    def __init__(self, out: Path, job: Sequence[Any]) -> None:
        """Open the rows of a job; the last row is dropped if a kill cut it short.

        Args:
            out: the file that is being made.
            job: what the rows depend on, as JSON.
        Raises:
            CorpusError: `out` is a folder.
        """
        if out.is_dir():
            raise CorpusError(f"{out} is a folder; name a file in it")
        self._out = out
        self._path = out.with_name(f".{out.name}.{json_digest(job)[:8]}.part")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.num_resumed = self._cut_to_whole_rows()

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Write rows, each a JSON object."""
        with self._path.open("a", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def rows(self) -> list[dict[str, Any]]:
        """Read all rows, those of earlier calls first."""
        return [row for _, row in read_jsonl(self._path)]

    def remove(self) -> None:
        """Remove the hidden file, and those that other jobs left for the same output."""
        for stale in self._out.parent.glob(f".{glob.escape(self._out.name)}.*.part*"):
            stale.unlink()

    def _cut_to_whole_rows(self) -> int:
        """Drop an incomplete last line; return the number of rows left."""
        self._path.touch()
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._path.write_bytes(whole)
        return whole.count(b"\n")


def claim_folder(file: Path, configuration: dict[str, Any]) -> None:
    """Write a configuration to a file of a folder, or check that it holds the same one.

    So no command mixes results of another configuration into the folder, or deletes them.

    Args:
        file: in the folder; missing if the folder is new.
        configuration: a JSON object.
    Raises:
        AsHeardError: the file holds another configuration; naming the fields that differ.
    """
    configuration = json.loads(json.dumps(configuration))
    if not file.exists():
        write_json(file, configuration)
    elif (before := read_json(file)) != configuration:
        changes = "; ".join(
            f"{key} was {_short(before.get(key))}, is {_short(now)}"
            for key, now in configuration.items()
            if before.get(key) != now
        )
        raise AsHeardError(f"{file.parent} holds results of another configuration ({changes}); use another folder")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"
