"""CTM, the time-marked transcripts of the NIST scorers: `name channel start duration label [confidence]` on a line."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from asheard.errors import CorpusError
from asheard.io.files import read_text
from asheard.io.table import PROBABILITY, TIME_S, checked_number, parsed_number

_TIMED: Final = re.compile(r"\S+ \S+ [\d.]+ [\d.]+ \S+")  # how a line begins, up to the label


class CtmLine(NamedTuple):
    """One label; where: file and line, for messages."""

    where: str
    start_s: float
    end_s: float
    label: str
    confidence: float | None


def is_ctm(path: Path) -> bool:
    """Tell whether the file is called .ctm, or its first line that is no comment looks like one of CTM."""
    if path.suffix.lower() == ".ctm":
        return True
    _, fields = next(_lines(path), (0, []))
    return _TIMED.match(" ".join(fields)) is not None


def read_ctm(path: Path) -> dict[tuple[str, str], list[CtmLine]]:
    """Read a CTM; `;;` begins a comment.

    Returns:
        (name, channel) -> its lines by their start, in the order of the names in the file. A recording in which
        nothing was recognised has no line, so it is not there.
    Raises:
        CorpusError: a line does not have five or six fields, or not as many as the first line; a time or confidence is
            no number, or a negative one; a confidence is above 1.
    """
    recordings: defaultdict[tuple[str, str], list[CtmLine]] = defaultdict(list)
    num_fields = 0
    for number, fields in _lines(path):
        where = f"{path}, line {number}"
        num_fields = num_fields or len(fields)
        if num_fields not in (5, 6) or len(fields) != num_fields:
            raise CorpusError(
                f"{where}: {len(fields)} fields, expected {num_fields if num_fields in (5, 6) else '5 or 6'} (name, "
                "channel, start, duration, phone and, in every line or none, a confidence); is the file cut off?"
            )
        name, channel, start, duration, label, *rest = fields
        start_s = checked_number(parsed_number(start), f"{where}: start", TIME_S)
        duration_s = checked_number(parsed_number(duration), f"{where}: duration", TIME_S)
        confidence = checked_number(parsed_number(rest[0]), f"{where}: confidence", PROBABILITY) if rest else None
        recordings[name, channel].append(CtmLine(where, start_s, start_s + duration_s, label, confidence))
    return {key: sorted(lines, key=lambda line: line.start_s) for key, lines in recordings.items()}


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of each line that is neither empty nor a comment."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith(";;"):
            yield number, line.split()
