"""Recordings to predictions: any transcriber over a manifest, resumable, never dependent on batching."""

import glob
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from asheard import __version__
from asheard.corpora.audio import load_audio
from asheard.corpora.records import Prediction, Utterance, prediction_to_json, read_manifest
from asheard.errors import CorpusError
from asheard.evaluation.chains import FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN, OFF_THE_SHELF
from asheard.files import content_digest, read_jsonl, write_json, write_jsonl
from asheard.models import CTCTranscriber, L1AwareCTC, OffTheShelf, Transcript, load_transcriber

CHAIN_OF_KIND: Final = {OffTheShelf.kind: OFF_THE_SHELF, CTCTranscriber.kind: FAITHFUL, L1AwareCTC.kind: L1_ENCODER}
_AT_ONCE: Final = 32  # recordings read, transcribed and written together


@dataclass(frozen=True, slots=True)
class Transcription:
    """What a call wrote.

    num_resumed: rows of `num_utterances` that an earlier, killed call had written. left_out: labels of a published
    vocabulary that fold to no phone, and how often they were heard in all rows; kept in `left_out_path(out)`.
    """

    out: Path
    chain: str
    num_utterances: int
    num_resumed: int
    left_out: Counter[str]


def transcribe(
    model: str | Path,
    manifest: Path,
    wav_root: Path,
    out: Path,
    *,
    chain: str | None = None,
    l1: Literal["declared", "unknown"] = "declared",
    audio_cache: Path | None = None,
) -> Transcription:
    """Transcribe every utterance of a manifest.

    Rows go to a hidden journal beside `out` as they are made, and to `out` when all are there; killed, the same call
    goes on where it stopped. It runs on the GPU where there is one.

    Args:
        model: model folder, or folder or hub id of a published recogniser.
        manifest: JSONL; its rows' order is that of the predictions.
        wav_root: folder its wav paths start from.
        out: predictions (JSONL); an older file there is replaced.
        chain: name for the predictions; by default the chain of the model's kind and of `l1`.
        l1: tell an L1-aware model the L1 of the manifest, or let it listen. Others have no use for it.
        audio_cache: folder for resampled recordings; None resamples each time.
    Raises:
        ModelError: the model cannot be loaded, or does not know a declared L1.
        CorpusError: the manifest or a recording cannot be read; naming it.
    """
    transcriber = load_transcriber(model, "cuda" if torch.cuda.is_available() else "cpu")
    chain = chain or _chain(transcriber.kind, l1)
    rows = read_manifest(manifest)
    job = json.dumps([__version__, content_digest(model), content_digest(manifest), chain, l1])
    journal = out.with_name(f".{out.name}.{hashlib.sha256(job.encode()).hexdigest()[:8]}.part")
    journal.parent.mkdir(parents=True, exist_ok=True)
    num_resumed = _cut_to_whole_rows(journal)
    with journal.open("a", encoding="utf-8") as lines, Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(chain, total=len(rows), completed=num_resumed)
        for chunk in _chunks(rows[num_resumed:]):
            waveforms = [_load(row, manifest, wav_root, audio_cache) for row in chunk]
            l1s = [row.l1 if l1 == "declared" else None for row in chunk]
            for row, transcript in zip(chunk, transcriber.transcribe(waveforms, l1s), strict=True):
                prediction = prediction_to_json(_prediction(row, chain, transcript))
                entry = {"prediction": prediction, "left_out": transcript.left_out}
                lines.write(json.dumps(entry, ensure_ascii=False) + "\n")
            lines.flush()
            bar.advance(task, len(chunk))
    entries = [entry for _, entry in read_jsonl(journal)]
    left_out = Counter(label for entry in entries for label in entry["left_out"])
    left_out_path(out).unlink(missing_ok=True)
    if left_out:
        write_json(left_out_path(out), dict(left_out.most_common()))
    write_jsonl(out, (entry["prediction"] for entry in entries))
    for stale in out.parent.glob(f".{glob.escape(out.name)}.*.part*"):  # of this call, and of others for the same file
        stale.unlink()
    return Transcription(out, chain, len(rows), num_resumed, left_out)


def left_out_path(out: Path) -> Path:
    """Where the labels that fold to no phone are counted, beside the predictions; absent where there were none."""
    return out.with_name(f"{out.stem}.left-out.json")


def _chain(kind: str, l1: str) -> str:
    return L1_ENCODER_UNKNOWN if kind == L1AwareCTC.kind and l1 == "unknown" else CHAIN_OF_KIND[kind]


def _prediction(row: Utterance, chain: str, transcript: Transcript) -> Prediction:
    return Prediction(
        utt=row.utt,
        speaker=row.speaker,
        chain=chain,
        phones=transcript.phones,
        confidences=transcript.confidences,
        times_s=transcript.times_s,
    )


def _load(row: Utterance, manifest: Path, wav_root: Path, audio_cache: Path | None) -> NDArray[np.float32]:
    where = f"{manifest}: utterance {row.utt} of speaker {row.speaker}"
    if row.wav is None:
        raise CorpusError(f"{where} has no recording (field 'wav'); build the manifest with recordings")
    try:
        return load_audio(wav_root, row.wav, cache=audio_cache)
    except CorpusError as error:
        raise CorpusError(f"{where}: {error}") from None


def _chunks(rows: list[Utterance]) -> Iterator[list[Utterance]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _cut_to_whole_rows(journal: Path) -> int:
    """Drop a last line that a kill cut short; gives the number of rows left."""
    if not journal.is_file():
        return 0
    content = journal.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        journal.write_bytes(whole)
    return whole.count(b"\n")
