"""Transcripts as Praat TextGrids, one an utterance, such as the Montreal Forced Aligner and annotators write them."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from asheard.corpora.fields import finite
from asheard.corpora.textgrid import Interval, read_tiers
from asheard.corpora.transcripts import Transcript
from asheard.corpora.utterance_names import Key, resolve_names
from asheard.errors import CorpusError
from asheard.phones import heard_label

# Names of a phone tier, in either case; where a file has several (L2-ARCTIC's IPA tier holds remarks), the first.
_PHONE_TIERS: Final = ("phones", "phone", "phonemes", "ipa")
_MFA_ENDING: Final = " - phones"  # the Montreal Forced Aligner writes `SPEAKER - phones`


def is_textgrid(path: Path) -> bool:
    """Whether the file is called .TextGrid, or is a folder (of such files)."""
    return path.suffix.lower() == ".textgrid" or path.is_dir()


def read_textgrids(path: Path, keys: Collection[Key] | None) -> list[Transcript]:
    """Read one TextGrid, or all of a folder.

    Args:
        path: a TextGrid, or a folder: SPEAKER/UTT.TextGrid, in SPEAKER at any depth, or SPEAKER_UTT.TextGrid, or
            UTT.TextGrid. Hidden files are not read.
        keys: the (speaker, utt) that names without a folder of the speaker may mean, see `resolve_names`.
    Returns:
        transcripts by path; empty labels are silence.
    Raises:
        CorpusError: no TextGrid, one that cannot be read, one of whose tiers none or several may hold the phones, or a
            name that may mean several utterances.
    """
    root = path if path.is_dir() else path.parent
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if _is_visible_textgrid(file))
    if not files:
        raise CorpusError(f"{path}: no TextGrid there; expected SPEAKER/UTT.TextGrid or SPEAKER_UTT.TextGrid")
    flat = [file.stem for file in files if file.parent == root]
    meant = resolve_names(flat, keys, path) if flat else {}
    return [
        _transcript(file, *(meant[file.stem] if file.parent == root else (file.relative_to(root).parts[0], file.stem)))
        for file in files
    ]


def _is_visible_textgrid(path: Path) -> bool:
    return path.suffix.lower() == ".textgrid" and not path.name.startswith(".")


def _transcript(path: Path, speaker: str, utt: str) -> Transcript:
    tiers = read_tiers(path)
    name = _phone_tier(tiers, path)
    places = [f"{path}, tier {name!r}, interval {number}" for number in range(1, len(tiers[name]) + 1)]
    return Transcript(
        where=str(path),
        speaker=speaker,
        utt=utt,
        labels=[heard_label(interval.label) for interval in tiers[name]],
        places=places,
        times_s=[
            (finite(interval.start_s, f"{place}: start"), finite(interval.end_s, f"{place}: end"))
            for interval, place in zip(tiers[name], places, strict=True)
        ],
    )


def _phone_tier(tiers: Mapping[str, list[Interval]], path: Path) -> str:
    by_name = {name.strip().lower(): name for name in tiers}
    for known in _PHONE_TIERS:
        if known in by_name:
            return by_name[known]
    aligned = [name for name in tiers if name.lower().endswith(_MFA_ENDING)]
    candidates = aligned or list(tiers)
    if len(candidates) != 1:
        there = f"call one of {', '.join(map(repr, tiers))}" if tiers else "there is no tier of intervals to call"
        raise CorpusError(f"{path}: which tier holds the phones? {there} {_PHONE_TIERS[0]!r}")
    return candidates[0]
