"""Rows kept as they are made, so that a call that was killed goes on where it stopped."""

import glob
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from asheard.errors import CorpusError
from asheard.files import read_jsonl


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
