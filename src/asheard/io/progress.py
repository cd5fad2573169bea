"""What happens on several machines, on stderr: a line for each thing under way, and news above them."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn


class Display:
    """To be entered. Where stderr is no terminal, the news alone are printed."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            TextColumn("{task.fields[text]}", markup=False),
        )
        self._progress = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._lines: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def tell(self, news: str) -> None:
        """Print a line that stays."""
        self._console.print(news)

    def show(self, what: str, text: str, share: float | None = None) -> None:
        """Say how a thing stands; share: of it that is done, None where that is not known."""
        if what not in self._lines:
            self._lines[what] = self._progress.add_task(what, text=text)
        total = None if share is None else 1.0
        self._progress.update(self._lines[what], text=text, total=total, completed=share or 0.0)

    def drop(self, what: str) -> None:
        """Show a thing no longer."""
        if what in self._lines:
            self._progress.remove_task(self._lines.pop(what))
