"""Transcripts of any recogniser or annotator, in any alphabet: JSON Lines, CSV, CTM and Praat TextGrids."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain as chained
from itertools import pairwise
from pathlib import Path
from typing import Final

from asheard.corpora.labels import LabelFolder, check_num_phones, labels_field
from asheard.corpora.records import Key, Prediction, format_key, format_list
from asheard.errors import CorpusError
from asheard.io.ctm import CtmLine, is_ctm, read_ctm
from asheard.io.table import (
    confidences_and_times,
    is_jsonl,
    numbers_field,
    optional_text_field,
    table_rows,
    text_field,
)
from asheard.io.textgrid import Interval, read_tiers
from asheard.phones import spoken_label

# Names of a phone tier, in either case; of several in one file the first counts (L2-ARCTIC's IPA tier holds remarks).
_PHONE_TIERS: Final = ("phones", "phone", "phonemes", "ipa")
_MFA_ENDING: Final = " - phones"  # the Montreal Forced Aligner writes `SPEAKER - phones`
_SEPARATORS: Final = "/_-."  # between speaker and utterance in a name


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTranscript:
    """The labels of one utterance, before they are folded.

    Attributes:
        where: file and line, for messages.
        labels: as written; None is a silence.
        places: the place of each label, for messages.
        confidences, times_s: one for each label, silences included; None if unknown.
        chain, position_scores: as in `Prediction`.
    """

    where: str
    speaker: str
    utt: str
    labels: Sequence[str | None]
    places: Sequence[str]
    confidences: Sequence[float] | None = None
    times_s: Sequence[tuple[float, float]] | None = None
    chain: str | None = None
    position_scores: tuple[float, ...] | None = None


def read_transcripts(
    path: Path | str, chain: str | None = None, keys: Collection[Key] | None = None
) -> list[Prediction]:
    """Read transcripts in any of the forms; the content decides which it is.

    Args:
        path: one of
            JSON Lines or CSV of utt, speaker and phones (a list, or one string of labels between blanks), and if
            known chain, confidences, times_s and position_scores (the last two in JSON Lines only). In JSON Lines the
            speaker may be "", unknown;
            a CTM;
            a TextGrid, or a folder of them: SPEAKER/UTT.TextGrid, in SPEAKER at any depth, SPEAKER_UTT.TextGrid or
            UTT.TextGrid; hidden files are not read.
            Labels are ARPAbet, IPA or eSpeak's; silences are left out.
        chain: name for all predictions. None keeps the rows' own names; rows without one are named after the file.
        keys: (speaker, utt) of the gold. They resolve names that do not tell the speaker: those of a CTM, of TextGrids
            in one folder, and of rows without a speaker (SPEAKER_UTT, or UTT if only one speaker has it).
    Returns:
        predictions in the file's order, phones folded to IPA. If one label is two phones, each gets the label's
        confidence and an equal part of its time. A name that means no utterance of `keys` stays, with speaker "". An
        utterance may come twice: evaluation reports what is missing, extra or double.
    Raises:
        CorpusError: no predictions, a missing field, a label that is no phone or is in another alphabet than
            the others, confidences or times that do not match the phones or are out of range, more phones than can be
            aligned, no tier or several tiers that may hold the phones, or a name that may mean several utterances; with
            file, line and field.
    """
    path = Path(path)
    transcripts = _raw_transcripts(path, keys)
    if not transcripts:
        raise CorpusError(f"{path}: holds no predictions")
    folder = LabelFolder(label for transcript in transcripts for label in transcript.labels)
    return [_prediction(transcript, folder, chain or transcript.chain or path.stem) for transcript in transcripts]


def resolve_names(names: Iterable[str], keys: Collection[Key] | None, path: Path) -> dict[str, Key]:
    """Find the utterance that each name means.

    Args:
        names: SPEAKER/UTT, SPEAKER_UTT, SPEAKER-UTT, SPEAKER.UTT, or UTT alone.
        keys: all utterances; None if they are not known.
        path: the file of the names, for messages.
    Returns:
        name -> (speaker, utt); ("", name) if it means none of `keys`.
    Raises:
        CorpusError: a name may mean several utterances, or `keys` is None.
    """
    if keys is None:
        raise CorpusError(f"{path}: has no field for the speaker; give the gold, to resolve the names")
    meanings: defaultdict[str, set[Key]] = defaultdict(set)
    for speaker, utt in keys:
        for name in (utt, *(f"{speaker}{separator}{utt}" for separator in _SEPARATORS)):
            meanings[name].add((speaker, utt))
    found = {name: sorted(meanings.get(name, {("", name)})) for name in names}
    ambiguous = [
        f"{name} ({' or '.join(map(format_key, candidates[:2]))}{', ...' if len(candidates) > 2 else ''})"
        for name, candidates in found.items()
        if len(candidates) > 1
    ]
    if ambiguous:
        raise CorpusError(
            f"{path}: utterances of several speakers have these names: {format_list(ambiguous)}; call them SPEAKER_UTT"
        )
    return {name: candidates[0] for name, candidates in found.items()}


def _raw_transcripts(path: Path, keys: Collection[Key] | None) -> list[RawTranscript]:
    if path.suffix.lower() == ".textgrid" or path.is_dir():
        return _read_textgrids(path, keys)
    if not is_jsonl(path) and is_ctm(path):
        recordings = read_ctm(path)
        resolved = resolve_names((name for name, _ in recordings), keys, path)
        return [_ctm_transcript(*resolved[name], lines) for (name, _), lines in recordings.items()]
    transcripts = list(_read_table(path))
    nameless = [transcript.utt for transcript in transcripts if not transcript.speaker]
    if not nameless or keys is None:
        return transcripts
    resolved = resolve_names(nameless, keys, path)
    keyed = ((row, (row.speaker, row.utt) if row.speaker else resolved[row.utt]) for row in transcripts)
    return [replace(row, speaker=speaker, utt=utt) for row, (speaker, utt) in keyed]


def _read_table(path: Path) -> Iterator[RawTranscript]:
    may_lack_speaker = is_jsonl(path)
    for where, row in table_rows(path, ("utt", "speaker", "phones")):
        unknown = may_lack_speaker and row.get("speaker") == ""
        labels = labels_field(row, "phones", where)
        confidences, times_s = confidences_and_times(row, where, len(labels))
        yield RawTranscript(
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


def _ctm_transcript(speaker: str, utt: str, lines: Sequence[CtmLine]) -> RawTranscript:
    return RawTranscript(
        where=lines[0].where,
        speaker=speaker,
        utt=utt,
        labels=[spoken_label(line.label) for line in lines],
        places=[line.where for line in lines],
        confidences=[line.confidence for line in lines if line.confidence is not None] or None,
        times_s=[(line.start_s, line.end_s) for line in lines],
    )


def _read_textgrids(path: Path, keys: Collection[Key] | None) -> list[RawTranscript]:
    """Read one TextGrid, or all of a folder, by path; empty labels are silences."""
    root = path if path.is_dir() else path.parent
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if _is_visible_textgrid(file))
    if not files:
        raise CorpusError(f"{path}: no TextGrid there; expected SPEAKER/UTT.TextGrid or SPEAKER_UTT.TextGrid")
    names = [file.stem for file in files if file.parent == root]
    resolved = resolve_names(names, keys, path) if names else {}
    return [
        _textgrid_transcript(
            file, *(resolved[file.stem] if file.parent == root else (file.relative_to(root).parts[0], file.stem))
        )
        for file in files
    ]


def _is_visible_textgrid(path: Path) -> bool:
    return path.suffix.lower() == ".textgrid" and not path.name.startswith(".")


def _textgrid_transcript(path: Path, speaker: str, utt: str) -> RawTranscript:
    tiers = read_tiers(path)
    name = _phone_tier(tiers, path)
    places = [f"{path}, tier {name!r}, interval {number}" for number in range(1, len(tiers[name]) + 1)]
    return RawTranscript(
        where=str(path),
        speaker=speaker,
        utt=utt,
        labels=[spoken_label(interval.label) for interval in tiers[name]],
        places=places,
        times_s=[(interval.start_s, interval.end_s) for interval in tiers[name]],
    )


def _phone_tier(tiers: Mapping[str, list[Interval]], path: Path) -> str:
    by_name = {name.strip().lower(): name for name in tiers}
    for known in _PHONE_TIERS:
        if known in by_name:
            return by_name[known]
    aligned = [name for name in tiers if name.lower().endswith(_MFA_ENDING)]
    candidates = aligned or list(tiers)
    if len(candidates) != 1:
        found = f"call one of {', '.join(map(repr, tiers))}" if tiers else "there is no tier of intervals to call"
        raise CorpusError(f"{path}: which tier holds the phones? {found} {_PHONE_TIERS[0]!r}")
    return candidates[0]


def _prediction(transcript: RawTranscript, folder: LabelFolder, chain: str) -> Prediction:
    folded = [
        folder.fold(label, place) if label else ()
        for label, place in zip(transcript.labels, transcript.places, strict=True)
    ]
    phones = tuple(chained.from_iterable(folded))
    utterance = format_key((transcript.speaker, transcript.utt))
    check_num_phones(phones, "phones", f"{transcript.where}, utterance {utterance}")
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
    """Cut a span of time into equal parts."""
    start, end = span
    edges = [start + (end - start) * i / number for i in range(number)] + [end]
    return list(pairwise(edges))
