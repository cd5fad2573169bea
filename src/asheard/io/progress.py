"""The progress display, on stderr: a bar over items, or a line for each thing under way; messages above them.

rich is imported when something is first displayed.
"""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from asheard.io.terminal import stderr_console

if TYPE_CHECKING:
    from rich.progress import TaskID

Item = TypeVar("Item")
_NARROW: Final = 60  # columns; a narrower terminal has no room for a bar and the time left


def log(message: str) -> None:
    """Print a message on stderr; do nothing if the terminal was closed."""
    stderr_console().print(message)


def track(items: Iterable[Item], name: str, total: int, *, visible: bool = True) -> Iterator[Item]:
    """Yield items and show a bar with the name and the number of items of `total` that were taken."""
    with ProgressBar(name, total, visible=visible) as bar:
        for item in items:
            yield item
            bar.advance()


class ProgressBar:
    """A bar over items: name, items done and in all, time left, and a text; a context manager.

    If stderr is no terminal, only the last state is printed.
    """

    def __init__(self, name: str, total: int, *, completed: int = 0, visible: bool = True) -> None:
        """Prepare the bar; the context shows it.

        Args:
            name: what is done, in front of the bar.
            total: number of items.
            completed: number of items that an earlier, interrupted call did.
            visible: show nothing if False.
        """
        self._name, self._total, self._completed, self._visible = name, total, completed, visible

    def __enter__(self) -> Self:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        console = stderr_console()
        name, text = (TextColumn(field, markup=False) for field in ("{task.description}", "{task.fields[text]}"))
        count = MofNCompleteColumn(table_column=Column(min_width=2 * len(str(self._total)) + 1, no_wrap=True))
        wide = (name, BarColumn(), count, TimeRemainingColumn(), text)
        columns = wide if console.width >= _NARROW else (count, name, text)
        self._progress = Progress(*columns, console=console, disable=not self._visible)
        self._task = self._progress.add_task(self._name, total=self._total, completed=self._completed, text="")
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def advance(self, num_items: int = 1) -> None:
        """Count items as done."""
        self._progress.advance(self._task, num_items)

    def set_text(self, text: str) -> None:
        """Replace the text behind the bar."""
        self._progress.update(self._task, text=text)


class StatusDisplay:
    """A line for each thing under way, with messages above the lines; a context manager.

    If stderr is no terminal, only the messages are printed. All methods may be called from several threads.
    """

    def __init__(self) -> None:
        """Prepare an empty display; the context shows it."""
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = stderr_console()
        self._progress: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            *([BarColumn(20)] if self._console.width >= _NARROW else []),
            TextColumn("{task.fields[text]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._lines: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def log(self, message: str) -> None:
        """Print a message that stays."""
        self._console.print(message)

    def update(self, name: str, text: str, share: float | None = None) -> None:
        """Set the text of a line, and the share that is done (0 to 1; None if unknown); add the line if it is new."""
        if name not in self._lines:
            self._lines[name] = self._progress.add_task(name, text=text)
        total = None if share is None else 1.0
        self._progress.update(self._lines[name], text=text, total=total, completed=share or 0.0)

    def remove(self, name: str) -> None:
        """Remove a line, if it is there."""
        if name in self._lines:
            self._progress.remove_task(self._lines.pop(name))
