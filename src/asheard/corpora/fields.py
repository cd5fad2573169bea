"""Fields of rows that other people wrote, checked one by one, with the place in every message."""

import math
from collections.abc import Mapping
from typing import Any

from asheard.errors import CorpusError


def text_field(row: Mapping[str, Any], name: str, where: str) -> str:
    """A field that must hold a non-empty string.

    Raises:
        CorpusError: naming `where` and the field.
    """
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise CorpusError(f"{where}: field {name!r} must be a non-empty string, not {value!r}")
    return value


def optional_text_field(row: Mapping[str, Any], name: str, where: str) -> str | None:
    """A field that may be missing or null, and is a non-empty string otherwise."""
    return None if row.get(name) is None else text_field(row, name, where)


def number_field(row: Mapping[str, Any], name: str, where: str) -> float | None:
    """A field that may be missing or null, and is a finite number otherwise."""
    value = row.get(name)
    return None if value is None else finite(value, f"{where}: field {name!r}")


def finite(value: Any, where: str) -> float:
    """`value` as a float; neither a bool nor NaN nor infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CorpusError(f"{where} must be a number, not {value!r}")
    return float(value)
