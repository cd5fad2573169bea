"""Work that an interrupted command does not repeat: stages with stamps, and rows kept as they are made."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asheard import __version__
from asheard.errors import AsHeardError, OutputError
from asheard.io.digests import json_digest, values_digest
from asheard.io.files import is_stream, read_json, read_jsonl, write_json, writing
from asheard.io.locks import locked_file
from asheard.io.table import format_value
from asheard.io.typed_json import value_from_json


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

    Attributes:
        num_resumed: rows of an earlier call. num_kept: rows in the hidden file now.
    """

    def __init__(self, out: Path, job: Sequence[Any]) -> None:
        """Open the rows of a job as `resumable_rows` does, which also locks them."""
        self._out = out
        self._path = out.with_name(f".{out.name}.{json_digest(job)[:8]}.part")
        with writing(out):
            self.num_resumed = self.num_kept = self._cut_to_whole_rows()

    def append(self, rows: Iterable[dict[str, Any]]) -> None:
        """Write rows, each a JSON object."""
        with writing(self._out), self._path.open("a", encoding="utf-8") as lines:
            texts = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
            lines.writelines(texts)
        self.num_kept += len(texts)

    def rows(self) -> list[dict[str, Any]]:
        """Read all rows, those of earlier calls first."""
        return [row for _, row in read_jsonl(self._path)] if self._path.exists() else []

    def remove(self) -> None:
        """Remove the hidden file, and those that other jobs left for the same output."""
        ours = re.compile(rf"\.{re.escape(self._out.name)}\.[0-9a-f]{{8}}\.part({re.escape(self._out.suffix)})?")
        with writing(self._out):
            for stale in self._out.parent.iterdir():
                if ours.fullmatch(stale.name):
                    stale.unlink()
        self.num_kept = 0

    def _cut_to_whole_rows(self) -> int:
        """Drop an incomplete last line; return the number of rows left."""
        content = self._path.read_bytes() if self._path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))
        return whole.count(b"\n")


@contextmanager
def resumable_rows(out: Path, job: Sequence[Any]) -> Iterator[ResumableRows]:
    """Open the rows of a job, and keep other commands from writing `out` while the block runs.

    The last row is dropped if a kill cut it short.

    Args:
        out: the file that is being made.
        job: what the rows depend on, as JSON.
    Raises:
        OutputError: `out` is a folder or no file, cannot be written, or another command is writing it; with the number
            of rows that are kept.
    """
    if is_stream(out):
        raise OutputError(f"{out} is no file, and unfinished rows are kept beside the output; name a file")
    with writing(out):
        out = Path(os.path.realpath(out))
        if out.is_dir():
            raise OutputError(f"{out} is a folder; name a file in it")
    with locked_file(out):
        rows = ResumableRows(out, job)
        try:
            yield rows
        except BaseException as error:
            kept = f"{rows.num_kept} rows are kept, and the same command goes on from there"
            if rows.num_kept and isinstance(error, OutputError):
                raise OutputError(f"{error}. {kept}") from error
            if rows.num_kept:
                error.add_note(kept)
            raise


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
    elif (before := value_from_json(dict[str, Any], read_json(file), str(file))) != configuration:
        changes = "; ".join(
            f"{key} was {format_value(before.get(key))}, is {format_value(now)}"
            for key, now in configuration.items()
            if before.get(key) != now
        )
        raise AsHeardError(f"{file.parent} holds results of another configuration ({changes}); use another folder")
