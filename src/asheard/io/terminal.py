"""Standard streams that take any text, and consoles that write to them. rich is imported when a console is made."""

import codecs
import io
import os
import re
import shutil
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_NO_LIMIT: Final = 100_000  # columns of a file or a pipe
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but the tab and the line break


def prepare_streams() -> None:
    """Open standard streams that the caller closed, and let them escape characters that their encoding lacks.

    A closed one is opened on the null device: otherwise the next file that is opened gets its number, and what is
    printed would go into that file.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, so this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    r"""Escape control characters, which could move the cursor or change colours; tabs and line breaks stay.

    Example: a file name that holds ESC is printed with \x1b.
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def encodable(text: str, stream: TextIO) -> str:
    """Escape what the encoding of a stream lacks, as the stream itself does. The result has its final width."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def takes_unicode(stream: TextIO) -> bool:
    """Tell whether the encoding of a stream has all characters."""
    return codecs.lookup(stream.encoding or "utf-8").name.startswith("utf")


def stream_width(stream: TextIO) -> int:
    """Return the columns of a terminal (COLUMNS, if that is set); of anything else, a number without effect."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    if not stream.isatty():
        return _NO_LIMIT
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 80


def stdout_console() -> "Console":
    """Make a console on stdout. If the reader of a pipe is gone, printing raises `BrokenPipeError`."""
    return _console(sys.stdout, sys.stdout)


def stderr_console() -> "Console":
    """Make a console on stderr. What cannot be printed, because the terminal or the reader is gone, is dropped."""
    return _console(_Dropping(sys.stderr), sys.stderr)


def _console(file: Any, stream: TextIO) -> "Console":
    from rich.console import Console

    class StreamConsole(Console):
        def on_broken_pipe(self) -> None:
            raise  # the BrokenPipeError; rich would end the program with exit code 1

    return StreamConsole(
        file=file,
        width=stream_width(stream),
        height=shutil.get_terminal_size().lines,  # without it, rich takes 80 columns for a terminal called dumb
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


class _Dropping:
    """A stream whose failures to write are ignored. Messages must not stop work whose result is a file."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
