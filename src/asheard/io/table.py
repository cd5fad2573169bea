"""Rows of a table in JSON Lines or CSV (the content decides which it is), and checks of their fields.

A check names the file, the line and the field in its message.
"""

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from asheard.errors import CorpusError
from asheard.io.files import read_jsonl, read_text, reading

Fields = dict[str, Any]

_MAX_SHOWN: Final = 60  # characters of a wrong value in a message


class Limits(NamedTuple):
    """The finite numbers that a field may hold; text: how a message calls them."""

    text: str
    least: float = -sys.float_info.max
    most: float = sys.float_info.max

    def holds(self, value: Any) -> bool:
        """Tell whether a value is one of these numbers; a bool is none."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.least <= value <= self.most


NUMBER: Final = Limits("a number")
PROBABILITY: Final = Limits("a probability from 0 to 1", 0, 1)
# More seconds than 11 days are milliseconds, samples or nonsense.
TIME_S: Final = Limits("a time from 0 to 1,000,000 s", 0, 1e6)
LENGTH_S: Final = Limits("a length above 0 and up to 1,000,000 s", sys.float_info.min, 1e6)
COUNT: Final = Limits("a whole number from 1", 1, 2**53)


def is_jsonl(path: Path) -> bool:
    """Tell whether a file is JSON Lines: its first character, except blanks, is a brace.

    Raises:
        CorpusError: the file cannot be read.
    """
    with reading(path), path.open("rb") as file:
        return file.read(256).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def table_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, Fields]]:
    """Yield (file and line, fields) for each row.

    Args:
        path: JSON Lines, or CSV with a header; the cells of CSV are strings, also empty ones.
        columns: columns that CSV must have.
    Raises:
        CorpusError: the file cannot be read, a line is no JSON object, the header lacks a column, or a row does not
            have as many cells as the header.
    """
    if is_jsonl(path):
        return ((f"{path}, line {number}", fields) for number, fields in read_jsonl(path))
    return _csv_rows(path, columns)


def parsed_number(cell: Any) -> Any:
    """Parse a string as a number; give anything else unchanged, so that a check can refuse it."""
    try:
        return float(cell) if isinstance(cell, str) and "_" not in cell else cell
    except ValueError:
        return cell


def numbers_field(row: Fields, name: str, where: str, limits: Limits = NUMBER) -> tuple[float, ...] | None:
    """Read numbers: a list, or one string of them between blanks; None if the field is missing or empty.

    Raises:
        CorpusError: the field holds something else, or a number outside the limits.
    """
    values = row.get(name)
    if values is None or values == "":
        return None
    if isinstance(values, str):
        values = [parsed_number(value) for value in values.split()]
    if not isinstance(values, list):
        raise CorpusError(f"{where}: field {name!r} must be a list of numbers, not {format_value(values)}")
    return tuple(checked_number(value, f"{where}: {name} {index}", limits) for index, value in enumerate(values))


def confidences_and_times(
    row: Fields, where: str, num_phones: int
) -> tuple[tuple[float, ...] | None, tuple[tuple[float, float], ...] | None]:
    """Read `confidences` and `times_s`, which hold one value for each of `num_phones` phones; None for a missing one.

    Raises:
        CorpusError: one has another number of values; a confidence is no probability; a time is outside `TIME_S`, or
            an end is before its start.
    """
    confidences, times_s = numbers_field(row, "confidences", where, PROBABILITY), _times_field(row, "times_s", where)
    for name, values in (("confidences", confidences), ("times_s", times_s)):
        if values is not None and len(values) != num_phones:
            raise CorpusError(f"{where}: {len(values)} {name!r} for {num_phones} 'phones'")
    return confidences, times_s


def check_span(start_s: float, end_s: float, where: str) -> None:
    """Check that a span does not end before it begins.

    Raises:
        CorpusError: it does; beginning with `where`.
    """
    if end_s < start_s:
        raise CorpusError(f"{where} ends at {end_s:g} s, before it begins at {start_s:g} s; correct the times")


def _times_field(row: Fields, name: str, where: str) -> tuple[tuple[float, float], ...] | None:
    """Read a list of [start, end] pairs in seconds; None if it is missing or null."""
    spans = row.get(name)
    if spans is None:
        return None
    if not isinstance(spans, list) or any(not isinstance(span, list) or len(span) != 2 for span in spans):
        raise CorpusError(f"{where}: field {name!r} must be a list of [start, end] pairs, not {format_value(spans)}")
    edges = [checked_number(edge, f"{where}: {name} {index // 2}", TIME_S) for index, edge in enumerate(chain(*spans))]
    pairs = tuple(zip(edges[::2], edges[1::2], strict=True))
    for index, (start_s, end_s) in enumerate(pairs):
        check_span(start_s, end_s, f"{where}: {name} {index}")
    return pairs


def _csv_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, Fields]]:
    text = read_text(path)
    if not text.strip():
        return
    if text.lstrip().startswith("["):
        raise CorpusError(f"{path}: a JSON array; write one object a line (JSON Lines)")
    # Long cells are allowed here: a later check refuses what is too long and names the utterance.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or []
        if lacking := [name for name in columns if name not in header]:
            raise CorpusError(
                f"{path}, line 1: no column {', '.join(map(repr, lacking))} in the header {','.join(header)[:80]!r}; "
                "CSV has commas between its columns, JSON Lines begin with a brace"
            )
        if twice := [name for name in header if header.count(name) > 1]:
            raise CorpusError(f"{path}, line 1: two columns are called {twice[0]!r}; keep one")
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row or None in row.values():
                raise CorpusError(f"{where}: not as many cells as in the header; is the file cut off?")
            yield where, dict(row)
    except csv.Error as error:
        raise CorpusError(f"{path}, line {reader.line_num + 1}: not CSV ({error}); is a quote left open?") from None


def text_field(row: Mapping[str, Any], name: str, where: str) -> str:
    """Read a field that must hold a non-empty string.

    Raises:
        CorpusError: naming `where` and the field.
    """
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise CorpusError(f"{where}: field {name!r} must be a non-empty string, not {format_value(value)}")
    return value


def optional_text_field(row: Mapping[str, Any], name: str, where: str) -> str | None:
    """Read a field that may be missing or null, and must hold a non-empty string otherwise."""
    return None if row.get(name) is None else text_field(row, name, where)


def number_field(row: Mapping[str, Any], name: str, where: str, limits: Limits = NUMBER) -> float | None:
    """Read a field that may be missing or null, and must hold a number within the limits otherwise."""
    value = row.get(name)
    return None if value is None else checked_number(value, f"{where}: field {name!r}", limits)


def checked_number(value: Any, where: str, limits: Limits = NUMBER) -> float:
    """Give `value` as a float; a bool, NaN, an infinite number and one outside the limits are refused.

    Raises:
        CorpusError: beginning with `where`.
    """
    if not limits.holds(value):
        raise CorpusError(f"{where} must be {limits.text}, not {format_value(value)}")
    return float(value)


def format_value(value: Any) -> str:
    """Write a wrong value for a message, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
