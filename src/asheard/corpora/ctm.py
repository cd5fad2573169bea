"""CTM, the time-marked transcripts of the NIST scorers: `name channel start duration label [confidence]` a line."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from asheard.corpora.labels import Transcript
from asheard.corpora.records import Key, resolve_names
from asheard.errors import CorpusError
from asheard.io.files import read_text
from asheard.io.table import finite
from asheard.phones import spoken_label

_TIMED: Final = re.compile(r"\S+ \S+ [\d.]+ [\d.]+ \S+")  # how a line begins, up to the label


class _Line(NamedTuple):
    where: str
    start_s: float
    end_s: float
    label: str
    confidence: float | None


def is_ctm(path: Path) -> bool:
    """Whether the file is called .ctm, or its first line that is no comment looks like one of CTM."""
    if path.suffix.lower() == ".ctm":
        return True
    _, fields = next(_lines(path), (0, []))
    return _TIMED.match(" ".join(fields)) is not None


def read_ctm(path: Path, keys: Collection[Key] | None) -> list[Transcript]:
    """Read the utterances of a CTM.

    Args:
        path: the file; `;;` begins a comment.
        keys: the (speaker, utt) that its names may mean, see `resolve_names`.
    Returns:
        one transcript for each name and channel in the file's order, labels by their start. An utterance in which
        nothing was heard has no line, so it is not there.
    Raises:
        CorpusError: a line with other than five or six fields, or not as many as the first; a time or confidence that
            is no number; a name that may mean several utterances.
    """
    recordings: defaultdict[tuple[str, str], list[_Line]] = defaultdict(list)
    num_fields = 0
    for number, fields in _lines(path):
        where = f"{path}, line {number}"
        num_fields = num_fields or len(fields)
        if num_fields not in (5, 6) or len(fields) != num_fields:
            raise CorpusError(
                f"{where}: {len(fields)} fields, expected {num_fields if num_fields in (5, 6) else '5 or 6'} (name, "
                "channel, start, duration, phone and, in every line or none, a confidence); is the file cut off?"
            )
        name, channel, start, duration, label, *confidence = fields
        start_s, duration_s = _number(start, "start", where), _number(duration, "duration", where)
        if start_s < 0 or duration_s < 0:
            raise CorpusError(f"{where}: start {start} and duration {duration} must not be negative")
        recordings[name, channel].append(
            _Line(
                where,
                start_s,
                start_s + duration_s,
                label,
                _number(confidence[0], "confidence", where) if confidence else None,
            )
        )
    meant = resolve_names((name for name, _ in recordings), keys, path)
    return [_transcript(*meant[name], lines) for (name, _), lines in recordings.items()]


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of each line that is neither empty nor a comment."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith(";;"):
            yield number, line.split()


def _transcript(speaker: str, utt: str, lines: list[_Line]) -> Transcript:
    lines = sorted(lines, key=lambda line: line.start_s)
    return Transcript(
        where=lines[0].where,
        speaker=speaker,
        utt=utt,
        labels=[spoken_label(line.label) for line in lines],
        places=[line.where for line in lines],
        confidences=[line.confidence for line in lines if line.confidence is not None] or None,
        times_s=[(line.start_s, line.end_s) for line in lines],
    )


def _number(field: str, name: str, where: str) -> float:
    try:
        return finite(float(field), f"{where}: {name}")
    except ValueError:
        raise CorpusError(f"{where}: {name} must be a number, not {field!r}") from None
