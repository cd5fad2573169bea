"""Transcribe recordings to predictions: a manifest or folders, by any recogniser, resumable.

Rows are kept in a hidden file beside the output while they are made. The same call resumes a killed one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asheard import __version__
from asheard.corpora.chains import FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN, OFF_THE_SHELF
from asheard.corpora.recordings import find_recordings, recordings_digest, refuse_same_names
from asheard.corpora.records import Prediction, Recording, Utterance, prediction_to_json, read_manifest
from asheard.errors import CorpusError, NoSpeechError
from asheard.io.audio import LONGEST_S, load_audio, load_recording
from asheard.io.digests import content_digest
from asheard.io.files import write_json, write_jsonl
from asheard.io.resume import ResumableRows, resumable_rows
from asheard.io.speech import check_speech
from asheard.phones import reason_without_phone
from asheard.recognition.load import load_recogniser
from asheard.recognition.protocol import Recogniser, Transcript
from asheard.recognition.registry import SHIPPED
from asheard.recognition.runtime import num_cores
from asheard.recognition.shards import MapShards, run_job

_NO_SAMPLES: Final = np.empty(0, np.float32)  # in place of a recording that cannot be used
_EMPTY: Final = Transcript((), (), ())

Row = dict[str, Any]
LoadRecording = Callable[[Any], NDArray[np.float32]]  # takes an Utterance or a Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionJob:
    """How recordings become rows, in this process or, pickled, in another one.

    Attributes:
        model: as `load_recogniser` takes it.
        version: of the loaded recogniser.
        chain: name of the predictions.
        load: reads a recording; raises `NoSpeechError` or `CorpusError`.
        skip_unreadable: whether a recording that cannot be read becomes a row `unread`, or an error.
        l1_given: whether an L1-aware model is given the L1s.
    """

    model: str | Path
    version: str
    chain: str
    load: LoadRecording
    skip_unreadable: bool = False
    l1_given: bool = False

    def rows(self, recogniser: Recogniser, recordings: Sequence[Utterance | Recording]) -> list[Row]:
        """Read and transcribe some recordings. Return their rows in order."""
        loaded = [self._load(recording) for recording in recordings]
        waveforms = [_NO_SAMPLES if isinstance(one, CorpusError) else one for one in loaded]
        l1s = [recording.l1 if self.l1_given else None for recording in recordings]
        recognitions = recogniser.recognise(waveforms, l1s)
        return [
            self._row(recording, one, recognition.transcript)
            for recording, one, recognition in zip(recordings, loaded, recognitions, strict=True)
        ]

    def _load(self, recording: Utterance | Recording) -> NDArray[np.float32] | CorpusError:
        try:
            return self.load(recording)
        except NoSpeechError as error:
            return error
        except CorpusError as error:
            if not self.skip_unreadable:
                raise
            return error

    def _row(
        self, recording: Utterance | Recording, loaded: NDArray[np.float32] | CorpusError, found: Transcript
    ) -> Row:
        if isinstance(loaded, CorpusError) and not isinstance(loaded, NoSpeechError):
            return {"unread": str(loaded)}
        problem = loaded if isinstance(loaded, NoSpeechError) else speech_problem(str(recording.wav), loaded, found)
        row = prediction_row(recording, _EMPTY if isinstance(loaded, NoSpeechError) else found, self.chain, problem)
        return {"prediction": row, "left_out": found.left_out}


@dataclass(frozen=True, slots=True)
class TranscriptionReport:
    """The result of a call.

    Attributes:
        out: the predictions.
        chain: their name.
        num_rows: rows of `out`.
        num_resumed: recordings that an earlier, killed call had transcribed.
        left_out: how often labels that are no phone were recognised, by label and reason; also in
            `left_out_path(out)`.
        unread: for each recording that could not be read, and has no row, why.
        without_speech: for each recording without speech, the reason.
    """

    out: Path
    chain: str
    num_rows: int
    num_resumed: int
    left_out: Counter[str]
    unread: tuple[str, ...]
    without_speech: tuple[str, ...]


def transcribe_manifest(
    model: str | Path,
    manifest: Path,
    wav_root: Path,
    out: Path,
    *,
    chain: str | None = None,
    l1_given: bool = True,
    audio_cache: Path | None = None,
    threads: int | None = None,
    map_shards: MapShards | None = None,
) -> TranscriptionReport:
    """Transcribe every utterance of a manifest.

    Args:
        model: as `load_recogniser` takes it.
        manifest: JSONL; predictions have the same order.
        wav_root: folder that its wav paths start from.
        out: predictions (JSONL). An older file is replaced when all rows are there.
        chain: name of the predictions; by default as of `default_chain`.
        l1_given: give an L1-aware model the L1 of the manifest, or withhold it. Other models do not use it.
        audio_cache: folder for resampled recordings; None resamples each time.
        threads: recordings that are recognised in parallel, a core each; None uses all cores.
        map_shards: transcribes on other machines; None does it here.
    Raises:
        ModelError: the model cannot be loaded, was not trained on an L1, or fails.
        CorpusError: the manifest or a recording cannot be read; with the utterance.
    """
    recogniser = load_recogniser(model, threads=threads or num_cores())
    job = TranscriptionJob(
        model=model,
        version=recogniser.version,
        chain=chain or default_chain(model, recogniser.kind, l1_given=l1_given),
        load=partial(_load_utterance, manifest, wav_root, audio_cache),
        l1_given=l1_given,
    )
    inputs = [__version__, recogniser.kind, recogniser.version, content_digest(manifest), job.chain, l1_given]
    recordings = read_manifest(manifest)
    with resumable_rows(out, inputs) as rows:
        return _transcribe(recordings, job, recogniser, map_shards, rows, out)


def transcribe_recordings(
    model: str | Path,
    sources: Sequence[Path],
    out: Path,
    *,
    chain: str | None = None,
    threads: int | None = None,
    map_shards: MapShards | None = None,
) -> TranscriptionReport:
    """Transcribe recordings without annotation; rows have the names of `find_recordings`.

    A recording that cannot be read has no row; the others are transcribed.

    Args:
        model: as `load_recogniser` takes it; an L1-aware model estimates the L1.
        sources: recordings, and folders of them.
        out: predictions (JSONL). An older file is replaced when all rows are there.
        chain, threads, map_shards: as in `transcribe_manifest`.
    Raises:
        ModelError: the model cannot be loaded, or fails.
        CorpusError: a source does not exist or holds no recording, or two recordings have one name.
    """
    recordings = find_recordings(sources)
    refuse_same_names(recordings)
    recogniser = load_recogniser(model, threads=threads or num_cores())
    job = TranscriptionJob(
        model=model,
        version=recogniser.version,
        chain=chain or default_chain(model, recogniser.kind, l1_given=False),
        load=_load_file,
        skip_unreadable=True,
    )
    inputs = [__version__, recogniser.kind, recogniser.version, recordings_digest(recordings), job.chain]
    with resumable_rows(out, inputs) as rows:
        return _transcribe(recordings, job, recogniser, map_shards, rows, out)


def default_chain(model: str | Path, kind: str, *, l1_given: bool) -> str:
    """Name the predictions of a model: its own name if it ships or is external, otherwise the chain of its kind."""
    if str(model) in SHIPPED:
        return str(model)
    l1_chain = L1_ENCODER if l1_given else L1_ENCODER_UNKNOWN
    return {"off-the-shelf": OFF_THE_SHELF, "faithful": FAITHFUL, "l1-aware": l1_chain}.get(kind, kind)


def prediction_row(
    recording: Utterance | Recording, transcript: Transcript, chain: str, problem: NoSpeechError | None = None
) -> Row:
    """Return the JSON object of a prediction; `without_speech` holds the problem, if there is one."""
    prediction = Prediction(
        utt=recording.utt,
        speaker=recording.speaker,
        chain=chain,
        phones=transcript.phones,
        confidences=transcript.confidences,
        times_s=transcript.times_s,
    )
    return prediction_to_json(prediction) | ({} if problem is None else {"without_speech": str(problem)})


def speech_problem(name: str, waveform: NDArray[np.float32], transcript: Transcript) -> NoSpeechError | None:
    """Return why a recording seems to hold no speech; None if it holds speech."""
    try:
        check_speech(name, waveform, transcript.phones)
    except NoSpeechError as error:
        return error
    return None


def left_out_path(out: Path) -> Path:
    """Return the file of the counts of labels that are no phone, beside the predictions; absent if there are none."""
    return out.with_name(f"{out.name.removesuffix('.jsonl')}.left-out.json")


def _transcribe(
    recordings: Sequence[Utterance | Recording],
    job: TranscriptionJob,
    recogniser: Recogniser,
    map_shards: MapShards | None,
    rows: ResumableRows,
    out: Path,
) -> TranscriptionReport:
    """Transcribe what is not in `rows`, then write all of `rows` to `out`."""
    run_job(job, recogniser, recordings, rows, map_shards)
    entries = rows.rows()
    read = [entry for entry in entries if "prediction" in entry]
    left_out = Counter(reason_without_phone(label) for entry in read for label in entry["left_out"])
    left_out_path(out).unlink(missing_ok=True)
    if left_out:
        write_json(left_out_path(out), dict(left_out.most_common()))
    predictions = [entry["prediction"] for entry in read]
    write_jsonl(out, predictions)
    rows.remove()
    return TranscriptionReport(
        out=out,
        chain=job.chain,
        num_rows=len(predictions),
        num_resumed=rows.num_resumed,
        left_out=left_out,
        unread=tuple(entry["unread"] for entry in entries if "unread" in entry),
        without_speech=tuple(row["without_speech"] for row in predictions if "without_speech" in row),
    )


def _load_utterance(
    manifest: Path, wav_root: Path, audio_cache: Path | None, utterance: Utterance
) -> NDArray[np.float32]:
    where = f"{manifest}: utterance {utterance.utt} of speaker {utterance.speaker}"
    if utterance.wav is None:
        raise CorpusError(f"{where} has no recording (field 'wav'); build the manifest with recordings")
    try:
        return load_audio(wav_root, utterance.wav, cache=audio_cache, longest_s=LONGEST_S)
    except CorpusError as error:
        raise type(error)(f"{where}: {error}") from None


def _load_file(recording: Recording) -> NDArray[np.float32]:
    return load_recording(recording.wav)
