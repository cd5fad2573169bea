"""Recordings to predictions: any transcriber over a manifest, resumable, never dependent on batching."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from asheard.corpora.audio import load_audio
from asheard.corpora.records import Prediction, Utterance, prediction_to_json, read_manifest
from asheard.errors import CorpusError
from asheard.models import OffTheShelf, Transcript, digest, load_transcriber

CHAINS: Final = {
    "off-the-shelf": "off-the-shelf",
    "faithful": "ft-l2-faithful",
    "l1-aware": "ft-l2-l1-encoder",
}  # by kind of transcriber
_AT_ONCE: Final = 32  # recordings read, transcribed and written together


@dataclass(frozen=True, slots=True)
class Transcription:
    """What a call wrote.

    num_resumed: rows of `num_utterances` that an earlier, killed call had written. left_out: labels of a
        published
    vocabulary that fold to no phone, and how often this call met them.
    """

    out: Path
    chain: str
    num_utterances: int
    num_resumed: int
    left_out: Counter[str] = field(default_factory=Counter)


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

    Rows go to a hidden file beside `out` as they are made, and that file becomes `out` at the end; killed,
    the same call goes on where it stopped. It runs on the GPU where there is one.

    Args:
        model: model folder, or folder or hub id of a published recogniser.
        manifest: JSONL; its rows' order is that of the predictions.
        wav_root: folder its wav paths start from.
        out: predictions (JSONL); an older file there is replaced.
        chain: name for the predictions; by default the chain of the model's kind.
        l1: tell an L1-aware model the L1 of the manifest, or let it listen. Others have no use for it.
        audio_cache: folder for resampled recordings; None resamples each time.
    Raises:
        ModelError: the model cannot be loaded, or does not know a declared L1.
        CorpusError: the manifest or a recording cannot be read; naming it.
    """
    transcriber = load_transcriber(model, "cuda" if torch.cuda.is_available() else "cpu")
    chain = chain or CHAINS[transcriber.kind]
    rows = read_manifest(manifest)
    job = json.dumps([digest(model), digest(manifest), chain, l1])
    part = out.with_name(f".{out.name}.{hashlib.sha256(job.encode()).hexdigest()[:8]}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    num_resumed = _cut_to_whole_rows(part)
    with part.open("a", encoding="utf-8") as lines, Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(chain, total=len(rows), completed=num_resumed)
        for chunk in _chunks(rows[num_resumed:]):
            waveforms = [_load(row, manifest, wav_root, audio_cache) for row in chunk]
            l1s = [row.l1 if l1 == "declared" else None for row in chunk]
            for row, transcript in zip(chunk, transcriber.transcribe(waveforms, l1s), strict=True):
                prediction = prediction_to_json(_prediction(row, chain, transcript))
                lines.write(json.dumps(prediction, ensure_ascii=False) + "\n")
            lines.flush()
            bar.advance(task, len(chunk))
    part.replace(out)
    left_out = transcriber.left_out if isinstance(transcriber, OffTheShelf) else Counter[str]()
    return Transcription(out, chain, len(rows), num_resumed, left_out)


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


def _cut_to_whole_rows(part: Path) -> int:
    """Drop a last line that a kill cut short; gives the number of rows left."""
    if not part.is_file():
        return 0
    content = part.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        part.write_bytes(whole)
    return whole.count(b"\n")
