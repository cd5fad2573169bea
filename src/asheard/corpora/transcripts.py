"""Transcripts as Praat TextGrids, one an utterance, such as the Montreal Forced Aligner and annotators write them.

Reading what transcribers wrote: ours, or anybody's, in any alphabet.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import chain as chained
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from asheard.corpora.ctm import is_ctm, read_ctm
from asheard.corpora.labels import LabelFolder, Transcript, check_num_phones, labels_field
from asheard.corpora.records import Key, Prediction, format_key, resolve_names
from asheard.errors import CorpusError
from asheard.io.table import Fields, finite, is_jsonl, numbers_field, optional_text_field, table_rows, text_field
from asheard.io.textgrid import Interval, read_tiers
from asheard.phones import spoken_label

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
        labels=[spoken_label(interval.label) for interval in tiers[name]],
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


def read_predictions(
    path: Path | str, chain: str | None = None, keys: Collection[Key] | None = None
) -> list[Prediction]:
    """Read transcripts in whatever form they come.

    Args:
        path: JSON Lines or CSV of utt, speaker and phones (a list, or one string of labels between blanks), and where
            known chain, confidences, times_s and position_scores (the last two in JSON Lines only); a CTM; a Praat
            TextGrid or a folder of them. Labels are ARPAbet, IPA or eSpeak's; silences are left out. A speaker that is
            "" (JSON Lines only) is not known.
        chain: name to give the predictions, whatever the rows say; None keeps the rows' own, and names rows that have
            none after the file.
        keys: (speaker, utt) of the gold, by which the names of CTMs, of TextGrids in one folder and of utterances
            without a speaker are understood (SPEAKER_UTT, or UTT where one speaker alone has it).
    Returns:
        predictions in the file's order, phones folded to IPA. Where one label stands for two phones each gets its
        confidence and an equal part of its time. A name that means no utterance of `keys` stays, its speaker "". An
        utterance may come twice: what is missing, extra or double is told by evaluation.
    Raises:
        CorpusError: no predictions, a missing field, a label that stands for no phone or is in another alphabet than
            the others, confidences or times that do not match the phones or are not finite, more phones than can be
            aligned, or a name that may mean several utterances; with file, line and field.
    """
    path = Path(path)
    transcripts = _transcripts(path, keys)
    if not transcripts:
        raise CorpusError(f"{path}: holds no predictions")
    folder = LabelFolder(label for transcript in transcripts for label in transcript.labels)
    return [_prediction(transcript, folder, chain or transcript.chain or path.stem) for transcript in transcripts]


def _transcripts(path: Path, keys: Collection[Key] | None) -> list[Transcript]:
    if is_textgrid(path):
        return read_textgrids(path, keys)
    if not is_jsonl(path) and is_ctm(path):
        return read_ctm(path, keys)
    transcripts = list(_table_transcripts(path))
    nameless = [transcript.utt for transcript in transcripts if not transcript.speaker]
    if not nameless or keys is None:
        return transcripts
    meant = resolve_names(nameless, keys, path)
    keyed = ((row, (row.speaker, row.utt) if row.speaker else meant[row.utt]) for row in transcripts)
    return [replace(row, speaker=speaker, utt=utt) for row, (speaker, utt) in keyed]


def _table_transcripts(path: Path) -> Iterator[Transcript]:
    may_lack_speaker = is_jsonl(path)
    for where, row in table_rows(path, ("utt", "speaker", "phones")):
        unknown = may_lack_speaker and row.get("speaker") == ""
        labels = labels_field(row, "phones", where)
        confidences, times_s = numbers_field(row, "confidences", where), _times(row, where)
        for name, values in (("confidences", confidences), ("times_s", times_s)):
            if values is not None and len(values) != len(labels):
                raise CorpusError(f"{where}: {len(values)} {name!r} for {len(labels)} 'phones'")
        yield Transcript(
            where=where,
            speaker="" if unknown else text_field(row, "speaker", where),
            utt=text_field(row, "utt", where),
            labels=labels,
            places=[f"{where}, phones {index}" for index in range(len(labels))],
            confidences=confidences,
            times_s=times_s,
            chain=optional_text_field(row, "chain", where),
            position_scores=numbers_field(row, "position_scores", where),
        )


def _times(row: Fields, where: str) -> tuple[tuple[float, float], ...] | None:
    spans: Any = row.get("times_s")
    if spans is None:
        return None
    if not isinstance(spans, list) or any(not isinstance(span, list) or len(span) != 2 for span in spans):
        raise CorpusError(f"{where}: field 'times_s' must be a list of [start, end] pairs")
    return tuple(
        (finite(start, f"{where}: times_s {index}"), finite(end, f"{where}: times_s {index}"))
        for index, (start, end) in enumerate(spans)
    )


def _prediction(transcript: Transcript, folder: LabelFolder, chain: str) -> Prediction:
    folded = [
        folder.fold(label, place) if label else ()
        for label, place in zip(transcript.labels, transcript.places, strict=True)
    ]
    phones = tuple(chained.from_iterable(folded))
    check_num_phones(
        phones, "phones", f"{transcript.where}, utterance {format_key((transcript.speaker, transcript.utt))}"
    )
    confidences = times_s = None
    if transcript.confidences is not None:
        confidences = tuple(value for value, parts in zip(transcript.confidences, folded, strict=True) for _ in parts)
    if transcript.times_s is not None:
        times_s = tuple(
            part for span, parts in zip(transcript.times_s, folded, strict=True) for part in _parts(span, len(parts))
        )
    return Prediction(
        utt=transcript.utt,
        speaker=transcript.speaker,
        chain=chain,
        phones=phones,
        confidences=confidences,
        times_s=times_s,
        position_scores=transcript.position_scores,
    )


def _parts(span: tuple[float, float], number: int) -> list[tuple[float, float]]:
    start, end = span
    edges = [start + (end - start) * i / number for i in range(number)] + [end]
    return list(pairwise(edges))
