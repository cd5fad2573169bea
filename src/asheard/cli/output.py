"""What commands share in printing: formats, warnings and errors on stderr, and the exit code of a batch."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

import typer


class Format(StrEnum):
    """Forms of a result; a table is only printed, and a TextGrid is only written to a file."""

    TABLE = "table"
    JSON = "json"
    TEXTGRID = "textgrid"


def print_tables(tables: Iterable[object]) -> None:
    """Print rich tables and strings, one below the other."""
    from rich.console import Console

    Console(markup=False, highlight=False).print(*tables, sep="\n")


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


def _print_line(prefix: str, style: str, message: object) -> None:
    from rich.console import Console
    from rich.text import Text

    line = Text(prefix, style=style) + Text(" ".join(str(message).split()), style="")
    Console(stderr=True, soft_wrap=True).print(line)
