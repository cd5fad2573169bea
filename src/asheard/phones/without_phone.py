"""Why a label of somebody's recogniser stands for no phone."""

import re
import unicodedata
from typing import Final

# Combining marks, modifier letters, tone letters, superscript digits: each says something about a sound beside it.
_MARKS: Final = frozenset({"Mn", "Lm", "Sk", "No"})
_NOISE: Final = re.compile(r"\+.+\+")  # Sphinx's fillers
_SPECIAL: Final = re.compile(r"<.+>|\[.+\]")
_CARRIER: Final = "◌"  # what Unicode shows a combining mark on


def reason_without_phone(label: str) -> str:
    """A label that no folding knows, and why, in words to count it under."""
    if all(unicodedata.category(character) in _MARKS for character in label):
        shown = _CARRIER + label if unicodedata.combining(label[:1]) else label
        return f"{shown} (a mark on its own)"
    if _NOISE.fullmatch(label):
        return f"{label} (a noise)"
    if _SPECIAL.fullmatch(label):
        return f"{label} (a sound the recogniser has no label for)"
    return f"{label} (no phone of English)"
