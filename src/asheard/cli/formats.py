"""How results are given out."""

from enum import StrEnum
from pathlib import Path


class Format(StrEnum):
    """Tables are for the terminal; TextGrids are files."""

    TABLE = "table"
    JSON = "json"
    TEXTGRID = "textgrid"


def textgrid_path(folder: Path, speaker: str, utt: str) -> Path:
    """Where an utterance's TextGrid goes: in its speaker's folder, where it has a speaker."""
    return folder / speaker / f"{utt}.TextGrid"
