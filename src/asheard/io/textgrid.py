"""Praat TextGrids: reading and writing of named tiers of intervals.

A TextGrid is read as Praat reads it. In the text, only three things count: numbers, strings in double quotes (a doubled
quote is one), and flags in angle brackets, each between blanks or line ends. All other words (`xmin =`,
`intervals [2]:`) mean nothing, and `!` begins a comment. So the long and the short form are one form. A third one,
chronological, lists the intervals of all tiers by time.

Tiers are not checked against the file's own xmax, because real ones may end after it.

Source: the manual of Praat, "TextGrid file formats".
"""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, TypeVar

from asheard.errors import CorpusError, PhoneError
from asheard.io.files import reading, whole_file
from asheard.io.table import format_value

Parsed = TypeVar("Parsed")

_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHRONOLOGICAL: Final = "Praat chronological TextGrid text file"
_TOLERANCE_S: Final = 1e-6  # of the end of a tier

# One element of the text: a comment, a string, or a word, which may be a number or a flag.
_ELEMENT: Final = re.compile(r'\s*(?:![^\n]*|"(?P<string>(?:[^"]++|"")*+)"(?!\S)|(?P<word>[^\s"!]\S*)|(?P<open>"))')
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_FLAG: Final = re.compile(r"<[^<>]*>")


class Interval(NamedTuple):
    """One labelled interval of a tier, times in seconds; the label as written, without outer blanks."""

    start_s: float
    end_s: float
    label: str


def read_tiers(path: Path | str) -> dict[str, list[Interval]]:
    """Read the interval tiers of a TextGrid by name.

    Args:
        path: a long, short or chronological TextGrid in UTF-8 or UTF-16, with or without byte order mark.
    Returns:
        tier name -> its intervals in order, empty labels included. Of several tiers with one name the first is kept;
        point tiers are left out.
    Raises:
        CorpusError: the file is missing, cut short, or not a TextGrid (with line); or an interval begins before 0 s,
            begins before the one before it, or ends before it begins.
    """
    path = Path(path)
    try:
        with reading(path):
            data = path.read_bytes()
        text = _decode(data)
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: neither UTF-8 nor UTF-16 ({error.reason} at byte {error.start}); export it again from Praat"
        ) from None
    elements = _Elements(path, text)
    tiers: dict[str, list[Interval]] = {}
    for tier in _read_chronological(elements) if elements.is_chronological() else _read_by_tier(elements):
        if tier.of_intervals:
            _check_times(path, tier)
            tiers.setdefault(tier.name, tier.entries)
    if elements.next() is not None:
        elements.refuse("more entries or tiers than announced")
    return tiers


def parse_tier(
    path: Path | str, tiers: Mapping[str, Sequence[Interval]], name: str, parse: Callable[[str], Parsed | None]
) -> list[tuple[Parsed, Interval]]:
    """Parse the labels of one tier.

    Args:
        path: the file of the tiers, for messages.
        tiers: as of `read_tiers`.
        name: of the tier.
        parse: parses a label; gives None for a silence, and raises `ValueError` or `PhoneError` if it cannot parse it.
    Returns:
        each parsed label with its interval; silences left out.
    Raises:
        CorpusError: no such tier, or a label that cannot be parsed; with tier, interval and text.
    """
    if name not in tiers:
        raise CorpusError(f"{path}: no tier named {name!r}, only {', '.join(map(repr, tiers)) or 'none'}")
    labels = []
    for number, interval in enumerate(tiers[name], start=1):
        try:
            label = parse(interval.label)
        except (ValueError, PhoneError) as error:
            raise CorpusError(
                f"{path}, tier {name!r}, interval {number} ({interval.start_s:.3f}-{interval.end_s:.3f} s), "
                f"label {interval.label!r}: {error}"
            ) from None
        if label is not None:
            labels.append((label, interval))
    return labels


def write_textgrid(path: Path, tiers: Mapping[str, Sequence[Interval]], seconds: float) -> None:
    """Write interval tiers as a long TextGrid, whole or not at all; stretches without an interval get an empty label.

    Args:
        path: the TextGrid.
        tiers: tier name -> its intervals, in order of time.
        seconds: length of the recording. The TextGrid is longer if an interval ends later.
    Raises:
        CorpusError: intervals of one tier overlap, or are not longer than 0 s.
    """
    seconds = max([seconds, *(interval.end_s for intervals in tiers.values() for interval in intervals)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0 ", f"xmax = {seconds} ", "tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        whole = _without_gaps(path, name, intervals, seconds)
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ', f"        name = {_quoted(name)} "]
        lines += ["        xmin = 0 ", f"        xmax = {seconds} ", f"        intervals: size = {len(whole)} "]
        for index, (start_s, end_s, label) in enumerate(whole, start=1):
            lines += [f"        intervals [{index}]:", f"            xmin = {start_s} ", f"            xmax = {end_s} "]
            lines += [f"            text = {_quoted(label)} "]
    with whole_file(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


class _Tier(NamedTuple):
    """A tier as read; an entry of a point tier is an interval of 0 s. end_s: of the tier, as announced."""

    name: str
    of_intervals: bool
    end_s: float
    entries: list[Interval]


class _Flag(str):
    """A flag with its brackets."""


class _Elements:
    """The elements of a TextGrid, one after the other."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text
        self._offset = 0  # of the next element

    def next(self) -> str | _Flag | float | None:
        """Read a string as it was meant, a flag or a number; None at the end of the file."""
        while match := _ELEMENT.match(self._text, self._offset):
            self._offset = match.end()
            if match["open"]:
                self.refuse("a quote is left open, or one within a label is not doubled")
            if match["string"] is not None:
                return match["string"].replace('""', '"').strip()
            if match["word"] and _NUMBER.fullmatch(match["word"]):
                return float(match["word"])
            if match["word"] and _FLAG.fullmatch(match["word"]):
                return _Flag(match["word"])
        return None

    def text(self, name: str) -> str:
        """Read a string."""
        value = self.next()
        if not isinstance(value, str) or isinstance(value, _Flag):
            self.refuse(f"{name} must be a text in quotes, not {_shown(value)}")
        return value

    def number(self, name: str) -> float:
        """Read a finite number."""
        value = self.next()
        if not isinstance(value, float) or not isfinite(value):
            self.refuse(f"{name} must be a number, not {_shown(value)}")
        return value

    def count(self, name: str) -> int:
        """Read a whole number from 0."""
        value = self.number(name)
        if value < 0 or not value.is_integer():
            self.refuse(f"{name} must be a whole number, not {value:g}")
        return int(value)

    def is_chronological(self) -> bool:
        """Read the header; tell whether the file is in the chronological form."""
        kind = self.text("the kind of file")
        if kind == _CHRONOLOGICAL:
            return True
        if not kind.startswith("ooTextFile") or self.text("the kind of object") != "TextGrid":
            self.refuse(f"the first texts must be 'ooTextFile' and 'TextGrid', not {_shown(kind)}")
        return False

    def tiers_exist(self) -> bool:
        """Read the flag that tells whether there are tiers."""
        value = self.next()
        if not isinstance(value, _Flag) or value not in ("<exists>", "<absent>"):
            self.refuse(f"expected the flag <exists>, not {_shown(value)}")
        return value == "<exists>"

    def tier(self) -> tuple[str, bool, float]:
        """Read the head of a tier: its name, whether it holds intervals, and its end."""
        kind = self.text("the class of a tier")
        if kind not in ("IntervalTier", "TextTier"):
            self.refuse(f"the class of a tier must be IntervalTier or TextTier, not {_shown(kind)}")
        name = self.text("the name of a tier")
        self.number(f"the start of tier {name!r}")
        return name, kind == "IntervalTier", self.number(f"the end of tier {name!r}")

    def entry(self, of_intervals: bool) -> Interval:
        """Read an interval, or a point."""
        start_s = self.number("a start time")
        end_s = self.number("an end time") if of_intervals else start_s
        return Interval(start_s, end_s, self.text("a label"))

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the file; the message names the line of the last element."""
        line = self._text.count("\n", 0, self._offset) + 1
        raise CorpusError(
            f"{self._path}, line {line}: {reason}; not a Praat TextGrid, or cut off: export it again from Praat"
        )


def _read_by_tier(elements: _Elements) -> Iterator[_Tier]:
    """Read the long or the short form."""
    elements.number("the start")
    elements.number("the end")
    for _ in range(elements.count("the number of tiers") if elements.tiers_exist() else 0):
        tier = _Tier(*elements.tier(), [])
        for _ in range(elements.count(f"the number of entries of tier {tier.name!r}")):
            tier.entries.append(elements.entry(tier.of_intervals))
        yield tier


def _read_chronological(elements: _Elements) -> list[_Tier]:
    """Read the chronological form. It does not announce its length, so each tier must reach its end."""
    elements.number("the start")
    elements.number("the end")
    tiers = []
    for _ in range(elements.count("the number of tiers")):
        tiers.append(_Tier(*elements.tier(), []))
    while (number := elements.next()) is not None:
        if number not in range(1, len(tiers) + 1):
            elements.refuse(f"the number of a tier must be from 1 to {len(tiers)}, not {_shown(number)}")
        tier = tiers[int(number) - 1]
        tier.entries.append(elements.entry(tier.of_intervals))
    for tier in tiers:
        if tier.of_intervals and (not tier.entries or tier.entries[-1].end_s < tier.end_s - _TOLERANCE_S):
            elements.refuse(f"tier {tier.name!r} does not reach its end at {tier.end_s:g} s")
    return tiers


def _check_times(path: Path, tier: _Tier) -> None:
    """Check that the intervals of a tier are in order."""
    before_s = 0.0
    for number, (start_s, end_s, _) in enumerate(tier.entries, start=1):
        if not before_s <= start_s <= end_s:
            raise CorpusError(
                f"{path}, tier {tier.name!r}, interval {number} ({start_s:g}-{end_s:g} s) must not begin before "
                f"{before_s:g} s, nor end before it begins; correct its times"
            )
        before_s = start_s


def _without_gaps(path: Path, name: str, intervals: Sequence[Interval], seconds: float) -> list[Interval]:
    """Fill the stretches of a tier that have no interval with empty labels."""
    whole: list[Interval] = []
    end_s = 0.0
    for interval in intervals:
        if not end_s <= interval.start_s < interval.end_s:
            raise CorpusError(
                f"{path}, tier {name!r}: {interval.label!r} ({interval.start_s:g}-{interval.end_s:g} s) must begin at "
                f"{end_s:g} s or later, and end after it begins"
            )
        if interval.start_s > end_s:
            whole.append(Interval(end_s, interval.start_s, ""))
        whole.append(interval)
        end_s = interval.end_s
    return [*whole, Interval(end_s, seconds, "")] if end_s < seconds else whole


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _shown(value: object) -> str:
    return "the end of the file" if value is None else format_value(value)


def _decode(data: bytes) -> str:
    """Decode a TextGrid.

    Without a byte order mark, UTF-16 is recognised by the zero byte beside the first ASCII letter.
    """
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if encoding is None:
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le" if data[1:2] == b"\0" else "utf-8"
    return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
