"""Results as Praat TextGrids."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from asheard.corpora.records import Key
from asheard.errors import CorpusError
from asheard.io.names import refuse_same_paths, safe_name
from asheard.io.textgrid import Interval, write_textgrid
from asheard.pronunciation.result import Pronunciation, ScoredWord

_Interval: TypeAlias = tuple[float | None, float | None, str]  # start and end, in seconds


def textgrid_paths(folder: Path, keys: Iterable[Key], rows: Path) -> dict[Key, Path]:
    """Return the place of each utterance's TextGrid: in a folder of its speaker, if it has one.

    Args:
        folder: of all TextGrids.
        keys: (speaker, utt) of each utterance.
        rows: another file that is written into `folder`.
    Raises:
        CorpusError: a name cannot be the name of a file, or two names are one file; nothing is written.
    """
    paths = {}
    for speaker, utt in keys:
        home = folder / safe_name(speaker, "speaker") if speaker else folder
        paths[speaker, utt] = home / f"{safe_name(utt, 'utterance')}.TextGrid"
    refuse_same_paths([rows, *paths.values()])
    return paths


def write_transcript(
    path: Path, phones: Sequence[str], times_s: Sequence[tuple[float, float]] | None, seconds: float
) -> None:
    """Write a transcript as one tier, `phones`.

    Args:
        path: the TextGrid.
        phones: in IPA.
        times_s: start and end of the frames that decided each, in seconds.
        seconds: length of the recording.
    Raises:
        CorpusError: the phones have no times, or these overlap.
    """
    if phones and times_s is None:
        raise _no_times(path)
    intervals = [(start, end, phone) for phone, (start, end) in zip(phones, times_s or (), strict=True)]
    _write(path, {"phones": intervals}, seconds)


def write_scored(path: Path, scored: Pronunciation) -> None:
    """Write four tiers: `words`, `canonical`, `heard` (empty if nothing was) and `class` (ok, variant or error).

    Raises:
        CorpusError: the phones have no times, or these overlap.
    """
    if all(phone.start_s is None for phone in scored.phones):
        raise _no_times(path)
    tiers: dict[str, list[_Interval]] = {
        "words": [(*_span(word), word.word) for word in scored.words],
        "canonical": [(phone.start_s, phone.end_s, phone.canonical) for phone in scored.phones],
        "heard": [(phone.start_s, phone.end_s, phone.heard or "") for phone in scored.phones],
        "class": [(phone.start_s, phone.end_s, phone.class_) for phone in scored.phones],
    }
    _write(path, tiers, scored.seconds)


def _no_times(path: Path) -> CorpusError:
    return CorpusError(f"{path}: this model gives no times, and a TextGrid needs them; use another model or format")


def _span(word: ScoredWord) -> tuple[float | None, float | None]:
    starts = [phone.start_s for phone in word.phones if phone.start_s is not None]
    ends = [phone.end_s for phone in word.phones if phone.end_s is not None]
    return (min(starts), max(ends)) if starts and ends else (None, None)


def _write(path: Path, tiers: Mapping[str, Sequence[_Interval]], seconds: float) -> None:
    timed = {
        name: [Interval(start, end, label) for start, end, label in intervals if start is not None and end is not None]
        for name, intervals in tiers.items()
    }
    write_textgrid(path, timed, seconds)
