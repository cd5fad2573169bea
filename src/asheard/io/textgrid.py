"""Praat TextGrids: reading and writing of named tiers of intervals.

praatio parses the container, long or short. This module adds what praatio does not do: other encodings (praatio reads
UTF-16 only with a byte order mark), line ends, times that Praat wrote as 1.1e-16, and the check for a file cut short,
which praatio would read as a shorter one. Tiers are not checked against the file's own xmax, because real ones may end
after it.
"""

import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from operator import gt
from pathlib import Path
from typing import NamedTuple, TypeVar

from praatio.utilities.errors import PraatioException
from praatio.utilities.textgrid_io import parseTextgridStr

from asheard.errors import CorpusError, PhoneError
from asheard.io.files import whole_file

Parsed = TypeVar("Parsed")

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_TINY_TIME = re.compile(r"^(\s*(?:xmin|xmax|number) ?= ?)(-?[\d.]+[eE]-\d+)\s*$", re.MULTILINE)

# The announced number of tiers, and of entries of each tier in the long and in the short form.
_NUM_TIERS = re.compile(r"<exists>\s+(?:size ?= ?)?(\d+)")
_LONG_COUNT = re.compile(r"^\s*(?:intervals|points) ?: ?size ?= ?(\d+)", re.MULTILINE)
_SHORT_COUNT = re.compile(r'^"(?:IntervalTier|TextTier)"\s+"(?:[^"]|"")*"\s+\S+\s+\S+\s+(\d+)', re.MULTILINE)


class Interval(NamedTuple):
    """One labelled interval of a tier, times in seconds; the label as written, without outer blanks."""

    start_s: float
    end_s: float
    label: str


def read_tiers(path: Path | str) -> dict[str, list[Interval]]:
    """Read the interval tiers of a TextGrid by name.

    Args:
        path: a long or short TextGrid in UTF-8 or UTF-16, with or without byte order mark.
    Returns:
        tier name -> its intervals in order, empty labels included. Of several tiers with one name the first is kept;
        point tiers are left out.
    Raises:
        CorpusError: the file is missing, cut short, or not a TextGrid.
    """
    path = Path(path)
    try:
        text = _decode(path.read_bytes())
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: neither UTF-8 nor UTF-16 ({error.reason} at byte {error.start}); export it again from Praat"
        ) from None
    try:
        tiers = parseTextgridStr(text, includeEmptyIntervals=True)["tiers"]
        intervals: dict[str, list[Interval]] = {}
        for tier in tiers:
            if tier["class"] == "IntervalTier" and tier["name"] not in intervals:
                intervals[tier["name"]] = [Interval(float(a), float(b), label) for a, b, label in tier["entries"]]
    except (PraatioException, ValueError, IndexError, KeyError, AttributeError, TypeError):
        raise CorpusError(f"{path}: not a Praat TextGrid, or cut off; export it again from Praat") from None
    counts = _LONG_COUNT.findall(text) or _SHORT_COUNT.findall(text)
    announced = [int(number) for number in _NUM_TIERS.findall(text)[:1] + counts]
    held = [len(tiers), *(len(tier["entries"]) for tier in tiers)]
    if len(announced) != len(held) or any(map(gt, announced, held)):
        raise CorpusError(f"{path}: holds fewer tiers or entries than announced; is the file cut off?")
    return intervals


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
    from praatio.data_classes.interval_tier import IntervalTier
    from praatio.data_classes.textgrid import Textgrid

    seconds = max([seconds, *(interval.end_s for intervals in tiers.values() for interval in intervals)])
    grid = Textgrid(0, seconds)
    try:
        for name, intervals in tiers.items():
            grid.addTier(IntervalTier(name, list(intervals), 0, seconds))
    except PraatioException as error:
        raise CorpusError(f"{path}: {error}") from None
    with whole_file(path) as part:
        grid.save(str(part), format="long_textgrid", includeBlankSpaces=True)


def _decode(data: bytes) -> str:
    """Decode a TextGrid: `\\n` for every line end and one at the end of the file, times in plain decimals.

    Without a byte order mark, UTF-16 is recognised by the zero byte beside the first ASCII letter.
    """
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if encoding is None:
        encoding = {b"\0": "utf-16-be"}.get(data[:1]) or {b"\0": "utf-16-le"}.get(data[1:2]) or "utf-8"
    text = data.decode(encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n") + "\n"
    return _TINY_TIME.sub(lambda match: f"{match[1]}{float(match[2]):.9f}", text)
