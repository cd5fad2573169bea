"""Recordings to predictions: any transcriber over a manifest or folders, resumable, never dependent on batching."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from asheard import DEFAULT_MODEL, __version__
from asheard.corpora.recordings import find_recordings, recordings_digest, refuse_same_names
from asheard.corpora.records import Prediction, Recording, Utterance, prediction_to_json, read_manifest
from asheard.errors import CorpusError
from asheard.io.audio import LONGEST_S, check_speech, load_audio, load_recording
from asheard.io.digests import content_digest
from asheard.io.files import write_json, write_jsonl
from asheard.io.progress import ProgressBar
from asheard.io.resume import ResumableRows
from asheard.phones import reason_without_phone
from asheard.recognition.load import load_recogniser
from asheard.recognition.protocol import Recogniser, Transcript

_Waveform = NDArray[np.float32]
_AT_ONCE: Final = 32  # recordings read, transcribed and written together
_NOTHING: Final = np.empty(0, np.float32)  # what stands in for a recording that cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionJob:
    """How utterances become rows of the journal, here or, pickled, in another process.

    model: as `load_recogniser` takes it. version: the loaded recogniser's. chain: name for the predictions. load: gives
    a recording, or why there is none. declared: an L1-aware model is given the L1s.
    """

    model: str | Path
    version: str
    chain: str
    load: Callable[[Any], _Waveform | str]
    declared: bool = False

    def rows(self, transcriber: Recogniser, utterances: Sequence[Utterance | Recording]) -> list[dict[str, Any]]:
        """Read some recordings, hear them with the loaded model, and write down what is heard, in order."""
        loaded = [self.load(row) for row in utterances]
        waveforms = [_NOTHING if isinstance(waveform, str) else waveform for waveform in loaded]
        l1s = [row.l1 if self.declared else None for row in utterances]
        recognitions = transcriber.recognise(waveforms, l1s)
        transcripts = [recognition.transcript for recognition in recognitions]
        return [_entry(*heard, self.chain) for heard in zip(utterances, loaded, transcripts, strict=True)]


Chunks = Sequence[Sequence[Utterance | Recording]]
MapShards = Callable[
    [TranscriptionJob, Chunks], Iterable[list[dict[str, Any]]]
]  # `TranscriptionJob.rows` of each chunk, in order, elsewhere


@dataclass(frozen=True, slots=True)
class Transcription:
    """What a call wrote.

    num_resumed: rows of `num_utterances` that an earlier, killed call had written. left_out: labels of a recogniser
    that fold to no phone, each with the reason, and how often they were heard in all rows; kept in
    `left_out_path(out)`. unread: recordings that have no row, each with the reason. without_speech: those that have
    one, but no speech, each with the reason to think so.
    """

    out: Path
    chain: str
    num_utterances: int
    num_resumed: int
    left_out: Counter[str]
    unread: tuple[str, ...]
    without_speech: tuple[str, ...]


def transcribe(
    model: str | Path,
    manifest: Path,
    wav_root: Path,
    out: Path,
    *,
    chain: str | None = None,
    l1: Literal["declared", "unknown"] = "declared",
    audio_cache: Path | None = None,
    spread: MapShards | None = None,
) -> Transcription:
    """Transcribe every utterance of a manifest.

    Rows go to a hidden journal beside `out` as they are made, and to `out` when all are there; killed, the same call
    goes on where it stopped.

    Args:
        model: as `load_recogniser` takes it.
        manifest: JSONL; its rows' order is that of the predictions.
        wav_root: folder its wav paths start from.
        out: predictions (JSONL); an older file there is replaced.
        chain: name for the predictions; by default that of the model's kind and of `l1`, or the recogniser's name.
        l1: tell an L1-aware model the L1 of the manifest, or let it listen. Others have no use for it.
        audio_cache: folder for resampled recordings; None resamples each time.
        spread: does the work on other machines; None does it here.
    Raises:
        ModelError: the model or recogniser cannot be loaded, does not know a declared L1, or fails.
        CorpusError: the manifest or a recording cannot be read; naming it.
    """
    transcriber = load_recogniser(model)
    chain = chain or _chain(model, transcriber.kind, l1)
    rows = read_manifest(manifest)
    where = partial(_where, manifest)
    job = [
        __version__,
        transcriber.kind,
        transcriber.version,
        content_digest(manifest),
        chain,
        l1,
    ]
    work = TranscriptionJob(
        model=model,
        version=transcriber.version,
        chain=chain,
        load=partial(_load, where, wav_root, audio_cache, LONGEST_S),
        declared=l1 == "declared",
    )
    return _write(rows, work, transcriber, spread, ResumableRows(out, job), out)


def transcribe_recordings(
    model: str | Path,
    sources: Sequence[Path],
    out: Path,
    *,
    chain: str | None = None,
    spread: MapShards | None = None,
) -> Transcription:
    """Transcribe recordings without annotation, a row each, named as `find_recordings` names them.

    One that cannot be read stops no other: it has no row, and is told in the end. Killed, the same call goes on, as
    `transcribe` does.

    Args:
        model: as `load_recogniser` takes it; an L1-aware one listens for the L1.
        sources: recordings, and folders of them.
        out: predictions (JSONL); an older file there is replaced.
        chain, spread: as of `transcribe`.
    Raises:
        ModelError: the model or recogniser cannot be loaded, or fails.
        CorpusError: a source does not exist or holds no recording, or two recordings have one name.
    """
    rows = find_recordings(sources)
    refuse_same_names(rows)
    transcriber = load_recogniser(model)
    chain = chain or _chain(model, transcriber.kind, "unknown")
    job = [__version__, transcriber.kind, transcriber.version, recordings_digest(rows), chain]
    work = TranscriptionJob(model=model, version=transcriber.version, chain=chain, load=_load_or_tell)
    return _write(rows, work, transcriber, spread, ResumableRows(out, job), out)


def transcribe_recording(transcriber: Recogniser, path: Path | str) -> Transcript:
    """Transcribe one recording without annotation.

    Raises:
        CorpusError: it cannot be read, or no speech is heard in it.
    """
    waveform = load_recording(path)
    (recognition,) = transcriber.recognise([waveform], [None])
    check_speech(path, waveform, recognition.transcript.phones)
    return recognition.transcript


def prediction_of(row: Utterance | Recording, transcript: Transcript, chain: str) -> Prediction:
    """What a chain wrote for an utterance."""
    return Prediction(
        utt=row.utt,
        speaker=row.speaker,
        chain=chain,
        phones=transcript.phones,
        confidences=transcript.confidences,
        times_s=transcript.times_s,
    )


def left_out_path(out: Path) -> Path:
    """Where the labels that fold to no phone are counted, beside the predictions; absent where there were none."""
    return out.with_name(f"{out.stem}.left-out.json")


def _write(
    rows: Sequence[Utterance | Recording],
    work: TranscriptionJob,
    transcriber: Recogniser,
    spread: MapShards | None,
    journal: ResumableRows,
    out: Path,
) -> Transcription:
    """Do the work that the journal does not hold, and write what it then holds."""
    chunks = [rows[start : start + _AT_ONCE] for start in range(journal.num_resumed, len(rows), _AT_ONCE)]
    done = spread(work, chunks) if spread else map(partial(work.rows, transcriber), chunks)
    with ProgressBar(work.chain, len(rows), completed=journal.num_resumed) as bar:
        for entries in done:
            journal.append(entries)
            bar.advance(len(entries))
    entries = journal.rows()
    read = [entry for entry in entries if "prediction" in entry]
    left_out = Counter(reason_without_phone(label) for entry in read for label in entry["left_out"])
    left_out_path(out).unlink(missing_ok=True)
    if left_out:
        write_json(left_out_path(out), dict(left_out.most_common()))
    write_jsonl(out, (entry["prediction"] for entry in read))
    journal.remove()
    return Transcription(
        out=out,
        chain=work.chain,
        num_utterances=len(read),
        num_resumed=journal.num_resumed,
        left_out=left_out,
        unread=tuple(entry["unread"] for entry in entries if "unread" in entry),
        without_speech=tuple(entry["without_speech"] for entry in read if "without_speech" in entry),
    )


def _chain(model: str | Path, kind: str, l1: str) -> str:
    """The chain that a model makes by default; evaluation is slow to import, and a printed transcript has no chain."""
    from asheard.evaluation.systems import FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN, OFF_THE_SHELF

    if str(model) == DEFAULT_MODEL:
        return DEFAULT_MODEL
    chains = {"off-the-shelf": OFF_THE_SHELF, "faithful": FAITHFUL, "l1-aware": L1_ENCODER}
    chain = chains.get(kind, kind)
    return L1_ENCODER_UNKNOWN if chain == L1_ENCODER and l1 == "unknown" else chain


def _entry(row: Utterance | Recording, waveform: _Waveform | str, transcript: Transcript, chain: str) -> dict[str, Any]:
    """A row of the journal."""
    if isinstance(waveform, str):
        return {"unread": waveform}
    prediction = prediction_to_json(prediction_of(row, transcript, chain))
    entry: dict[str, Any] = {"prediction": prediction, "left_out": transcript.left_out}
    try:
        check_speech(str(row.wav), waveform, transcript.phones)
    except CorpusError as error:
        entry["without_speech"] = str(error)
    return entry


def _where(manifest: Path, row: Utterance) -> str:
    return f"{manifest}: utterance {row.utt} of speaker {row.speaker}"


def _load(
    where: Callable[[Utterance], str], wav_root: Path, audio_cache: Path | None, longest_s: float, row: Utterance
) -> _Waveform:
    if row.wav is None:
        raise CorpusError(f"{where(row)} has no recording (field 'wav'); build the manifest with recordings")
    try:
        return load_audio(wav_root, row.wav, cache=audio_cache, longest_s=longest_s)
    except CorpusError as error:
        raise CorpusError(f"{where(row)}: {error}") from None


def _load_or_tell(row: Recording) -> _Waveform | str:
    try:
        return load_recording(str(row.wav))
    except CorpusError as error:
        return str(error)
