"""Recordings to predictions: any transcriber over a manifest, resumable, never dependent on batching.

Other people's recognisers need no torch, so it is imported with our models only.
"""

import glob
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from asheard import __version__
from asheard.corpora.audio import load_audio
from asheard.corpora.records import Prediction, Utterance, prediction_to_json, read_manifest
from asheard.errors import CorpusError
from asheard.evaluation.chains import FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN, OFF_THE_SHELF
from asheard.extras import optional_package
from asheard.files import content_digest, read_jsonl, write_json, write_jsonl
from asheard.phones import reason_without_phone
from asheard.recognisers import is_recogniser, load_recogniser
from asheard.transcript import Transcriber, Transcript

_CHAINS: Final = {"off-the-shelf": OFF_THE_SHELF, "faithful": FAITHFUL, "l1-aware": L1_ENCODER}  # by kind of model
_AT_ONCE: Final = 32  # recordings read, transcribed and written together


@dataclass(frozen=True, slots=True)
class Transcription:
    """What a call wrote.

    num_resumed: rows of `num_utterances` that an earlier, killed call had written. left_out: labels of a recogniser
    that fold to no phone, each with the reason, and how often they were heard in all rows; kept in
    `left_out_path(out)`.
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
        model: model folder, folder or hub id of a published recogniser, or a name that `load_recogniser` knows.
        manifest: JSONL; its rows' order is that of the predictions.
        wav_root: folder its wav paths start from.
        out: predictions (JSONL); an older file there is replaced.
        chain: name for the predictions; by default the chain of the model's kind and of `l1`, or the recogniser's name.
        l1: tell an L1-aware model the L1 of the manifest, or let it listen. Others have no use for it.
        audio_cache: folder for resampled recordings; None resamples each time.
    Raises:
        ModelError: the model or recogniser cannot be loaded, does not know a declared L1, or fails.
        CorpusError: the manifest or a recording cannot be read; naming it.
    """
    transcriber, version = _load_transcriber(str(model))
    chain = chain or _chain(transcriber.kind, l1)
    rows = read_manifest(manifest)
    job = json.dumps([__version__, transcriber.kind, version, content_digest(manifest), chain, l1])
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
    left_out = Counter(reason_without_phone(label) for entry in entries for label in entry["left_out"])
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


def _load_transcriber(model: str) -> tuple[Transcriber, str]:
    """What transcribes, and what its transcripts depend on besides the recordings."""
    if is_recogniser(model):
        recogniser = load_recogniser(model)
        return recogniser, recogniser.version
    torch = optional_package("torch", "train")
    from asheard.models import load_transcriber

    return load_transcriber(model, "cuda" if torch.cuda.is_available() else "cpu"), content_digest(model)


def _chain(kind: str, l1: str) -> str:
    chain = _CHAINS.get(kind, kind)
    return L1_ENCODER_UNKNOWN if chain == L1_ENCODER and l1 == "unknown" else chain


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
