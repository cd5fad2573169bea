"""Labels that stand for silence, in anybody's files and from anybody's recogniser."""

from typing import Final

SILENCES: Final = frozenset({"", "sil", "sp", "spn"})
NULLS: Final = frozenset({"-", "null", "<eps>"})  # what stands for "no phone here" where a label must be a word


def is_silence(symbol: str) -> bool:
    """Whether a symbol stands for silence, in either case; silence is never a phone."""
    return symbol.strip().lower() in SILENCES


def heard_label(label: str | None) -> str | None:
    """The label as written; None where it stands for no phone (null, "-", "<eps>", or a silence)."""
    return None if label is None or label in NULLS or is_silence(label) else label
