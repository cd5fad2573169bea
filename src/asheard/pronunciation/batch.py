"""Many recordings against their texts: a row each, in a file that a killed call goes on with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from asheard import __version__
from asheard.corpora.recordings import find_recordings, recordings_digest, refuse_same_names
from asheard.corpora.records import Recording, format_list, read_manifest
from asheard.errors import AsHeardError, CorpusError
from asheard.io.files import read_text, write_jsonl
from asheard.io.progress import ProgressBar
from asheard.io.resume import ResumableRows
from asheard.pronunciation.result import Pronunciation
from asheard.pronunciation.scorer import Model
from asheard.pronunciation.target import Target, target_of_phones, target_of_text

DECLARED: Final = "declared"  # as an L1: the one that the manifest tells
_TEXT_ENDINGS: Final = (".txt", ".lab")


@dataclass(frozen=True, slots=True)
class ScoringTask:
    """One recording and what was read in it; `l1` is None where it is not declared."""

    utt: str
    speaker: str
    wav: Path
    target: Target
    l1: str | None


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a call wrote: rows, those of them from an earlier, killed call, and why recordings have none."""

    num_rows: int
    num_resumed: int
    unread: tuple[str, ...]


def tasks_of_recordings(sources: Sequence[Path], target: Target | None, l1: str | None) -> list[ScoringTask]:
    """Recordings, and folders of them, named as `find_recordings` names them.

    Args:
        sources: recordings and folders.
        target: what was read in all of them; None: each has its text beside it, under its own name with .txt or .lab.
        l1: the first language of all speakers.
    Raises:
        CorpusError: no such recording, two of one name, or recordings without a text; naming them.
        PhoneError: a text that cannot be said; naming its file.
    """
    rows = find_recordings(sources)
    refuse_same_names(rows)
    wavs = [Path(str(row.wav)) for row in rows]
    targets = [target or _target_beside(wav) for wav in wavs]
    if missing := [str(wav) for wav, found in zip(wavs, targets, strict=True) if found is None]:
        raise CorpusError(
            f"no text beside {format_list(missing)}: write it to a file of that name with .txt, or give --text"
        )
    return [
        ScoringTask(row.utt, row.speaker, wav, found, l1)
        for row, wav, found in zip(rows, wavs, targets, strict=True)
        if found is not None
    ]


def tasks_of_manifest(manifest: Path, wav_root: Path, l1: str | None) -> list[ScoringTask]:
    """The utterances of a manifest, against its texts, or its canonical phones where it has no text.

    Raises:
        CorpusError: an utterance has no recording, or neither text nor canonical phones; naming it.
        PhoneError: a text that cannot be said; naming its utterance.
    """
    tasks = []
    for row in read_manifest(manifest):
        where = f"{manifest}: utterance {row.utt} of speaker {row.speaker}"
        if row.wav is None:
            raise CorpusError(f"{where} has no recording (field 'wav'); build the manifest with recordings")
        if not row.text and not row.canonical:
            raise CorpusError(f"{where} has neither a text nor canonical phones to be held to")
        target = _named(where, row.text) if row.text else target_of_phones(" ".join(row.canonical))
        declared = (row.l1 or None) if l1 == DECLARED else l1
        tasks.append(ScoringTask(row.utt, row.speaker, wav_root / row.wav, target, declared))
    return tasks


def score_recordings(model: Model, tasks: Sequence[ScoringTask], out: Path) -> BatchReport:
    """Score recordings into a file of JSON Lines: utt, speaker, and the fields of `Pronunciation.to_json`.

    One that cannot be scored stops no other: it has no row, and is told in the end. Rows go to a hidden journal first;
    killed, the same call goes on where it stopped.

    Raises:
        CorpusError: an L1 that the prior does not know; a recording that is not there.
        ModelError: the model fails.
    """
    for task in tasks:
        model.check_l1(str(task.wav), task.l1)
    job = [__version__, model.version, _digest(tasks), [[one.target.text, one.l1] for one in tasks]]
    journal = ResumableRows(out, job)
    with ProgressBar("score", len(tasks), completed=journal.num_resumed) as bar:
        for task in tasks[journal.num_resumed :]:
            try:
                row = scored_row(task, model.score(task.wav, task.target, task.l1))
            except CorpusError as error:
                row = {"unread": str(error)}
            journal.append([row])
            bar.advance()
    rows = journal.rows()
    read = [row for row in rows if "unread" not in row]
    write_jsonl(out, read)
    journal.remove()
    return BatchReport(len(read), journal.num_resumed, tuple(row["unread"] for row in rows if "unread" in row))


def scored_row(task: ScoringTask, scored: Pronunciation) -> dict[str, Any]:
    """A row of the file."""
    return {"utt": task.utt, "speaker": task.speaker} | scored.to_json()


def _target_beside(wav: Path) -> Target | None:
    for ending in _TEXT_ENDINGS:
        text = wav.with_suffix(ending)
        if text.is_file():
            return _named(str(text), read_text(text))
    return None


def _named(where: str, text: str) -> Target:
    try:
        return target_of_text(text)
    except AsHeardError as error:
        raise type(error)(f"{where}: {error}") from None


def _digest(tasks: Sequence[ScoringTask]) -> str:
    """Of the recordings' names, sizes and times of change."""
    return recordings_digest([Recording(one.utt, one.speaker, "", str(one.wav)) for one in tasks])
