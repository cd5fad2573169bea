"""How results are given out.

What goes wrong, said in one line on stderr.
"""

from enum import StrEnum
from pathlib import Path

from rich.console import Console
from rich.text import Text


class Format(StrEnum):
    """Tables are for the terminal; TextGrids are files."""

    TABLE = "table"
    JSON = "json"
    TEXTGRID = "textgrid"


def textgrid_path(folder: Path, speaker: str, utt: str) -> Path:
    """Where an utterance's TextGrid goes: in its speaker's folder, where it has a speaker."""
    return folder / speaker / f"{utt}.TextGrid"


def print_error(error: object) -> None:
    """Print an error, or what is known of it, as one line."""
    message = Text("error: ", style="bold red") + Text(" ".join(str(error).split()), style="")
    Console(stderr=True, soft_wrap=True).print(message)
