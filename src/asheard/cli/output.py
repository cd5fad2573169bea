"""What commands share in printing: tables, JSON, warnings and errors, and the exit code of a batch."""

import json
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import typer

from asheard.io.terminal import (
    encodable,
    printable,
    stderr_console,
    stdout_console,
    stream_width,
    takes_unicode,
)

_GAP: Final = 2  # columns between cells
_NARROWEST: Final = 24  # of a last column whose texts are wrapped


class Format(StrEnum):
    """Forms of a result; a table is only printed, and a TextGrid is only written to a file."""

    TABLE = "table"
    JSON = "json"
    TEXTGRID = "textgrid"


@dataclass(slots=True)
class Table:
    """A table to print: the headings, and rows of one cell for each.

    Attributes:
        left: headings whose cells are aligned left; all others are aligned right.
        title: printed above.
        wrapped: whether the last column holds texts that may take several lines.
        indented: whether the table begins two columns to the right.
    """

    headings: Sequence[str]
    left: Collection[str] = ()
    title: str = ""
    wrapped: bool = False
    indented: bool = False
    rows: list[tuple[tuple[str, ...], str | None]] = field(default_factory=list)

    def add(self, *cells: str, style: str | None = None) -> None:
        """Add a row, in a style of rich if it stands out."""
        self.rows.append((cells, style))


def echo(text: str) -> None:
    """Print a text on stdout at once, control characters escaped."""
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()


def echo_json(value: Any) -> None:
    """Print a value as JSON in one line; characters that stdout lacks as JSON's escapes."""
    sys.stdout.write(json.dumps(value, ensure_ascii=not takes_unicode(sys.stdout)) + "\n")
    sys.stdout.flush()


def print_tables(tables: Iterable[Table | str]) -> None:
    """Print tables and texts, one below the other.

    A table that is wider than the terminal first breaks its last column, if that holds texts, and its headings. If it
    is still too wide, each row is a paragraph that names its cells. Nothing is cut.
    """
    for table in tables:
        if isinstance(table, str):
            echo(table)
        else:
            _print_table(table)


def print_error(error: object) -> None:
    """Print an error as one line on stderr."""
    _print_line("error: ", "bold red", error)


def print_warning(warning: object) -> None:
    """Print a warning as one line on stderr."""
    _print_line("warning: ", "bold yellow", warning)


def finish_batch(unread: Sequence[str], without_speech: Sequence[str], out: Path | None = None) -> None:
    """Report the recordings of a batch that have no result; exit with code 2 if there are any.

    The policy of every command that takes recordings: a recording that cannot be read has no row, and is an error. One
    that holds no speech has a row that says so (`without_speech`), and is a warning. The other recordings have their
    rows in any case.

    Args:
        unread: why each recording that could not be read or used has no row.
        without_speech: for each recording without speech, how that shows.
        out: the file of the rows; None if they were printed.
    """
    for warning in without_speech:
        print_warning(warning)
    for error in unread:
        print_error(error)
    if unread and out is not None:
        print_error(f"{len(unread)} recordings could not be read and have no row in {out}")
    if unread or without_speech:
        raise typer.Exit(2)


def _print_table(table: Table) -> None:
    from rich.table import Table as RichTable
    from rich.text import Text

    def cell(text: str) -> str:
        return encodable(printable(text), sys.stdout)

    headings = [cell(heading) for heading in table.headings]
    rows = [([cell(text) for text in cells], style or "") for cells, style in table.rows]
    width = stream_width(sys.stdout) - _GAP * table.indented
    layout = _layout(headings, [cells for cells, _ in rows], width, wrapped=table.wrapped)
    console = stdout_console()
    if table.title:
        console.print(cell(table.title))
    if layout is None:
        for cells, style in rows:
            line = "; ".join(f"{heading}: {text}" for heading, text in zip(headings, cells, strict=True) if text)
            paragraph = textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False)
            console.print(Text(paragraph, style))
        return
    widths, gap = layout
    shown = RichTable(box=None, padding=(0, 0, 0, gap), pad_edge=table.indented)
    for heading, text, column_width in zip(table.headings, headings, widths, strict=True):
        shown.add_column(
            Text(text),
            justify="left" if heading in table.left else "right",
            width=column_width,
            overflow="fold",
        )
    for cells, style in rows:
        shown.add_row(*map(Text, cells), style=style)
    console.print(shown, soft_wrap=False)


def _layout(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, *, wrapped: bool
) -> tuple[list[int], int] | None:
    """Return the widths of the columns and the gap between them so that a table fits; None if nothing fits."""
    from rich.cells import cell_len

    def longest_word(text: str) -> int:
        return max(map(cell_len, text.split()), default=0)

    tries: tuple[tuple[Callable[[str], int], int], ...] = ((cell_len, _GAP), (longest_word, _GAP), (longest_word, 1))
    for measure, gap in tries:
        columns = zip(headings, *rows, strict=True)
        widths = [max([measure(heading), *map(cell_len, cells)]) for heading, *cells in columns]
        spare = width - sum(widths) - gap * (len(widths) - 1)
        if spare >= 0:
            return widths, gap
        if wrapped and widths[-1] + spare >= _NARROWEST:
            return [*widths[:-1], widths[-1] + spare], gap
    return None


def _print_line(prefix: str, style: str, message: object) -> None:
    from rich.text import Text

    line = Text(prefix, style=style) + Text(printable(" ".join(str(message).split())), style="")
    stderr_console().print(line)
