"""The log of a run: log.jsonl with one row a step and one an epoch, and the same numbers for TensorBoard."""

import json
from pathlib import Path
from typing import Any, Final

from torch.utils.tensorboard import SummaryWriter

from asheard.io.files import write_jsonl, writing

_LAST_BYTES: Final = 4096  # at the end of a log; they hold at least one whole step


class TrainingLog:
    """The log of a run. When a run resumes, rows of steps after its checkpoint are dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        """Open the log in `folder` and keep the rows of the first `step` steps."""
        self.path = folder / "log.jsonl"
        rows = [row for row in _complete_rows(self.path) if row["step"] <= step]
        write_jsonl(self.path, rows)
        self.epochs = [row for row in rows if row["event"] == "epoch"]
        with writing(self.path):
            self._lines = self.path.open("a", encoding="utf-8", buffering=1)
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def write(self, event: str, step: int, **values: Any) -> None:
        """Add a row. Numbers among `values` also go to TensorBoard."""
        row = {"event": event, "step": step, **values}
        with writing(self.path):
            self._lines.write(json.dumps(row) + "\n")
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._board.add_scalar(f"{event}/{name}", value, step)
        if event == "epoch":
            self.epochs.append(row)

    def close(self) -> None:
        """Write and close both."""
        with writing(self.path):
            self._lines.close()
            self._board.close()


def last_step(folder: Path) -> dict[str, Any] | None:
    """The row of the latest step in the log of `folder`; None if there is no step yet."""
    path = folder / "log.jsonl"
    if not path.is_file():
        return None
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _LAST_BYTES))
        lines = log.read().decode(errors="replace").splitlines()  # the first may begin within a character
    for line in reversed(lines):
        try:
            row: Any = json.loads(line)
        except json.JSONDecodeError:  # a cut line
            continue
        if isinstance(row, dict) and row.get("event") == "step":
            return row
    return None


def _complete_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a log up to the first incomplete line."""
    rows: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows
