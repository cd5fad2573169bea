"""Costs of speech on one core of this machine: the numbers that docs/benchmarks.md calculates with.

    python benchmarks/bench_scale.py

Training and transcription of noise of 2 to 6 s with the embedded base and with a wav2vec2-base of random weights, one
process; manifests of 100,000 utterances of four seconds and forty phones; reading and hashing of files.
"""

import hashlib
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from accelerate import Accelerator
from rich.console import Console
from rich.table import Table
from transformers import Wav2Vec2Config, Wav2Vec2Model

from asheard.corpora import read_manifest
from asheard.corpora.records import ErrorType, Token, Utterance, write_manifest
from asheard.io.audio import SAMPLE_RATE_HZ, load_audio
from asheard.models import CTCTranscriber, Encoder, export_ctc, load_transcriber
from asheard.phones import PHONES
from asheard.recognition.registry import EMBEDDED_BASE
from asheard.training import faithful
from asheard.training.checkpoint import Progress, save_checkpoint
from asheard.training.data import Example, build_examples, collate, plan_epoch
from asheard.training.loop import plan_steps
from asheard.training.step import Trainer

NUM_RECORDINGS = 48
NUM_STEPS = 6  # after one to warm up
NUM_ROWS = 100_000
NUM_PHONES = 40
MB = 1e6


def utterance(name: str, seconds: float, rng: np.random.Generator) -> Utterance:
    """Ten random phones a second, each said as it should be."""
    phones = rng.choice(PHONES, round(10 * seconds)).tolist()
    tokens = tuple(Token(phone, phone, ErrorType.OK, i / 10, (i + 1) / 10) for i, phone in enumerate(phones))
    return Utterance(name, "S", "Hindi", f"{name}.wav", "a sentence of nine words as it was read", tokens, seconds)


def write_corpus(root: Path) -> None:
    """Recordings of noise and their manifest."""
    rng, rows = np.random.default_rng(0), []
    for number, seconds in enumerate(rng.uniform(2, 6, NUM_RECORDINGS).round(1).tolist()):
        soundfile.write(root / f"{number}.wav", rng.normal(0, 0.1, round(seconds * SAMPLE_RATE_HZ)), SAMPLE_RATE_HZ)
        rows.append(utterance(str(number), seconds, rng))
    write_manifest(root / "train.jsonl", rows)


class Cost(NamedTuple):
    """Cost of a call: seconds of processor time, which other work hardly changes, and the memory held more after it."""

    seconds: float
    num_bytes: int


def cost_of(do: Callable[[], object]) -> Cost:
    """Call a function and measure its cost."""
    before, start = resident_bytes(), time.process_time()
    do()
    return Cost(time.process_time() - start, resident_bytes() - before)


def resident_bytes() -> int:
    """Memory that this process holds (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def measure_model(base: Path, root: Path) -> list[str]:
    """Audio-seconds a second of training and of transcription, and MB of the model and of its checkpoint."""
    rows = read_manifest(root / "train.jsonl")
    options = faithful(
        train=root / "train.jsonl", val=root / "train.jsonl", wav_root=root, checkpoint_dir=root, base=str(base)
    )

    def load(wav: str) -> np.ndarray:
        return load_audio(root, wav)

    trainer = Trainer(options, Accelerator(), ["Hindi"])
    examples, _ = build_examples(rows, options.kind, trainer.model.encoder, load)
    batches = [
        collate([examples[row] for row in batch], load)
        for epoch in range(NUM_STEPS)
        for batch in plan_epoch(examples, 40.0, 1, epoch)
    ][: NUM_STEPS + 1]
    trainer.step(0, 100, batches[0])
    audio_s = sum(float(batch.num_samples.sum()) for batch in batches[1:]) / SAMPLE_RATE_HZ
    training_s = cost_of(lambda: [trainer.step(step, 100, batch) for step, batch in enumerate(batches[1:], 1)]).seconds
    checkpoint = root / "checkpoint.safetensors"
    save_checkpoint(checkpoint, trainer.model, trainer.optimizer, Progress(1, {}, ""))

    transcriber = load_transcriber(base)
    waveforms = [load(str(row.wav)) for row in rows]
    hearing_s = cost_of(lambda: transcriber.recognise(waveforms, [None] * len(waveforms))).seconds
    heard_s = sum(map(len, waveforms)) / SAMPLE_RATE_HZ
    size = sum(file.stat().st_size for file in base.iterdir())
    return [
        f"{audio_s / training_s:,.1f}",
        f"{heard_s / hearing_s:,.0f}",
        f"{size / MB:,.0f}",
        f"{checkpoint.stat().st_size / MB:,.0f}",
    ]


def measure_manifest(root: Path) -> list[str]:
    """Bytes a row on disk and in memory, rows a second; bytes and seconds a million rows that an epoch's plan takes."""
    rng = np.random.default_rng(0)
    path = root / "large.jsonl"
    write_manifest(path, [utterance(str(number), NUM_PHONES / 10, rng) for number in range(100)])
    lines = path.read_text().splitlines()
    with path.open("w") as out:
        for number in range(NUM_ROWS):
            out.write(lines[number % 100].replace('"utt": "', f'"utt": "{number}-', 1) + "\n")
    rows: list[Utterance] = []
    reading = cost_of(lambda: rows.extend(read_manifest(path)))
    examples = [Example(row.speaker, row.utt, row.l1, str(row.wav), row.seconds or 0.0, (2,)) for row in rows]
    options = faithful(train=path, val=path, wav_root=root, checkpoint_dir=root, preset="embedded", epochs=1)
    kept: list[object] = []
    planning = cost_of(lambda: kept.append(plan_steps(options, examples, 1, 0)))
    return [
        f"{path.stat().st_size / NUM_ROWS:,.0f}",
        f"{reading.num_bytes / NUM_ROWS:,.0f}",
        f"{NUM_ROWS / reading.seconds:,.0f}",
        f"{planning.num_bytes / NUM_ROWS:,.0f}",
        f"{NUM_ROWS / planning.seconds:,.0f}",
    ]


def measure_files(root: Path) -> list[str]:
    """Measure MB hashed a second, and files a second whose size and time are read."""
    block = os.urandom(1 << 28)
    hashing_s = cost_of(lambda: hashlib.sha256(block)).seconds
    folder = root / "many"
    folder.mkdir()
    for number in range(20_000):
        (folder / str(number)).touch()
    listing_s = cost_of(lambda: [file.stat() for file in folder.rglob("*")]).seconds
    return [f"{len(block) / MB / hashing_s:,.0f}", f"{20_000 / listing_s:,.0f}"]


def table_of(title: str, headings: list[str], rows: list[list[str]]) -> Table:
    """Make a table of numbers under headings."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def main() -> None:
    """Measure everything and print the tables."""
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_corpus(root)
        console.print(
            table_of(
                f"A manifest of {NUM_ROWS:,} utterances of {NUM_PHONES} phones",
                ["bytes a row", "in memory", "rows read a second", "bytes a row and epoch of plan", "planned a second"],
                [measure_manifest(root)],
            ),
            table_of("Files", ["MB hashed a second", "files listed a second"], [measure_files(root)]),
        )

        torch.manual_seed(0)
        random = CTCTranscriber(Encoder(Wav2Vec2Model(Wav2Vec2Config()), do_normalize=True))
        bases = {"embedded base": Path(EMBEDDED_BASE), "wav2vec2-base": export_ctc(random, root / "base", {})}
        console.print(
            table_of(
                "Models: audio-seconds a second of one core",
                ["model", "trained", "transcribed", "model, MB", "checkpoint, MB"],
                [[model, *measure_model(base, root)] for model, base in bases.items()],
            )
        )


if __name__ == "__main__":
    main()
