"""Score many recordings into a file of pronunciations, one row each. A killed call resumes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from asheard import __version__
from asheard.corpora.coarsening import coarsening_of
from asheard.corpora.recordings import find_recordings, recordings_digest, refuse_same_names
from asheard.corpora.records import (
    Recording,
    Utterance,
    format_list,
    read_manifest,
)
from asheard.errors import AsHeardError, CorpusError, NoSpeechError
from asheard.io.files import read_text, write_jsonl
from asheard.io.progress import ProgressBar
from asheard.io.resume import ResumableRows, resumable_rows
from asheard.pronunciation.result import Pronunciation
from asheard.pronunciation.scorer import Model
from asheard.pronunciation.target import Target, target_of_canonical, target_of_text

_TEXT_ENDINGS: Final = (".txt", ".lab")


@dataclass(frozen=True, slots=True)
class ScoringTask:
    """A recording and what was read in it. `recording.l1` is empty if no first language is declared."""

    recording: Recording
    target: Target

    @property
    def l1(self) -> str | None:
        """The declared first language."""
        return self.recording.l1 or None


@dataclass(frozen=True, slots=True)
class BatchReport:
    """The result of a call.

    num_rows: rows in the file. num_resumed: rows that an earlier, killed call had written. unread: for each recording
    without a row the reason. without_speech: for each recording whose row says that it holds no speech the reason.
    """

    num_rows: int
    num_resumed: int
    unread: tuple[str, ...]
    without_speech: tuple[str, ...]


def tasks_of_recordings(sources: Sequence[Path], target: Target | None, l1: str | None) -> list[ScoringTask]:
    """List recordings with their targets, named as `find_recordings` names them.

    Args:
        sources: recordings and folders of them.
        target: what was read in all of them. None: the text beside each, in a file of its name with .txt or .lab.
        l1: the first language of all speakers.
    Raises:
        CorpusError: a recording is missing, has no text, or has another's name.
        PhoneError: a text cannot be pronounced; the message names its file.
    """
    recordings = find_recordings(sources)
    refuse_same_names(recordings)
    targets = [target or _target_beside(Path(recording.wav)) for recording in recordings]
    if missing := [one.wav for one, found in zip(recordings, targets, strict=True) if found is None]:
        raise CorpusError(
            f"no text beside {format_list(missing)}: write it to a file of that name with .txt, or give --text"
        )
    return [
        ScoringTask(replace(recording, l1=l1 or ""), found)
        for recording, found in zip(recordings, targets, strict=True)
        if found is not None
    ]


def tasks_of_manifest(
    manifest: Path, wav_root: Path, l1: str | None = None, *, l1_given: bool = False
) -> list[ScoringTask]:
    """List the utterances of a manifest with their targets.

    The target is the annotation's canonical phones, as in `score_predictions`; of an utterance without annotation, its
    text. Phones that the annotation never distinguishes are not distinguished here.

    Args:
        manifest: utterances (JSONL).
        wav_root: folder that its wav paths start from.
        l1: the first language of all speakers.
        l1_given: take the manifest's first languages instead.
    Raises:
        CorpusError: an utterance has no recording, or neither text nor canonical phones.
        PhoneError: a text cannot be pronounced.
    """
    rows = read_manifest(manifest)
    merges = coarsening_of(rows)
    tasks = []
    for row in rows:
        where = describe_utterance(manifest, row)
        if not row.text and not row.canonical:
            raise CorpusError(
                f"{where} has neither a text nor canonical phones to be compared with; add one to the manifest"
            )
        if row.canonical:
            target = target_of_canonical(row.canonical, row.text, merges)
        else:
            target = _named(where, row.text or "")
        recording = Recording(
            row.utt, row.speaker, row.l1 if l1_given else l1 or "", str(wav_root / wav_of(where, row))
        )
        tasks.append(ScoringTask(recording, target))
    return tasks


def score_recordings(model: Model, tasks: Sequence[ScoringTask], out: Path) -> BatchReport:
    """Score recordings into a JSON Lines file: utt, speaker, and the fields of `Pronunciation.to_json`.

    A recording that cannot be read has no row. One without speech has a row of utt, speaker and `without_speech`, the
    reason. Neither stops the others.

    Args:
        model: scores.
        tasks: recordings and their targets.
        out: the file. An older one is replaced when all rows are there.
    Raises:
        CorpusError: the prior does not know an L1; a recording is missing.
        ModelError: the model fails.
    """
    for task in tasks:
        model.check_l1(task.recording.wav, task.l1)
    targets = [[task.target.text, task.target.pronunciations, task.l1] for task in tasks]
    inputs = [__version__, model.version, recordings_digest([one.recording for one in tasks]), targets]
    with resumable_rows(out, inputs) as rows:
        with ProgressBar("score", len(tasks), completed=rows.num_resumed) as bar:
            for task in tasks[rows.num_resumed :]:
                try:
                    row = scored_row(task, model.score(task.recording.wav, task.target, task.l1))
                except NoSpeechError as error:
                    row = row_without_speech(task, error)
                except CorpusError as error:
                    row = {"unread": str(error)}
                rows.append([row])
                bar.advance()
        return write_rows(rows, out, [row for row in rows.rows() if "unread" not in row])


def scored_row(task: ScoringTask, scored: Pronunciation) -> dict[str, Any]:
    """Return the row of a scored recording."""
    return {"utt": task.recording.utt, "speaker": task.recording.speaker} | scored.to_json()


def row_without_speech(task: ScoringTask, error: NoSpeechError) -> dict[str, Any]:
    """Return the row of a recording without speech."""
    return {"utt": task.recording.utt, "speaker": task.recording.speaker, "without_speech": str(error)}


def write_rows(rows: ResumableRows, out: Path, written: list[dict[str, Any]]) -> BatchReport:
    """Write the rows to `out`, and say what became of all."""
    entries = rows.rows()
    write_jsonl(out, written)
    rows.remove()
    unread, without_speech = (
        tuple(entry[reason] for entry in entries if reason in entry) for reason in ("unread", "without_speech")
    )
    return BatchReport(len(written), rows.num_resumed, unread, without_speech)


def describe_utterance(manifest: Path, row: Utterance) -> str:
    return f"{manifest}: utterance {row.utt} of speaker {row.speaker}"


def wav_of(where: str, row: Utterance) -> str:
    if row.wav is None:
        raise CorpusError(f"{where} has no recording (field 'wav'); build the manifest with recordings")
    return row.wav


def _target_beside(wav: Path) -> Target | None:
    for ending in _TEXT_ENDINGS:
        path = wav.with_suffix(ending)
        if path.is_file():
            return _named(str(path), read_text(path))
    return None


def _named(where: str, text: str) -> Target:
    try:
        return target_of_text(text)
    except AsHeardError as error:
        raise type(error)(f"{where}: {error}") from None
