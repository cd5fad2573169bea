"""Training beside Hugging Face's `Trainer`, set up as in its CTC example: audio-seconds a second, and peak memory.

    python benchmarks/bench_train.py                  two cores, some eight minutes
    python benchmarks/bench_train.py --device cuda    wav2vec2-large, 24 x 150 utterances, one GPU

Both train the same model with a frozen front end on the same random recordings of 2 to 6 s, in the same batches, with
dropout and SpecAugment off, each run in a process of its own, by turns. A batch holds recordings of equal length, as
grouping by length gives on a large corpus. With padding the losses would differ: behind a group-normed front end the
Trainer's encoder uses padding, and AsHeard's does not. The Trainer's waveforms are in memory; ours are read from disk.
The times are those of optimizer steps and of reading data for them. The Trainer runs in float32, as the example does
without options, and in bfloat16, as AsHeard does, with and without workers that load data.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import torch
import transformers
from accelerate import Accelerator
from rich.console import Console
from rich.table import Table
from safetensors import safe_open

from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest, write_manifest
from asheard.io.audio import SAMPLE_RATE_HZ, load_audio
from asheard.models import CTCTranscriber, fresh_encoder, load_encoder, save_transcriber, warm_start
from asheard.phones import PHONES, phone_to_id
from asheard.recognition.registry import EMBEDDED_BASE
from asheard.training import TrainingOptions
from asheard.training.data import Example
from asheard.training.feature_cache import FrontEndCache
from asheard.training.loop import TrainingData, read_ahead
from asheard.training.step import Trainer

QUIET: Final = dict.fromkeys(
    ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout", "final_dropout", "layerdrop",
     "mask_time_prob", "mask_feature_prob"), 0.0,
)  # fmt: skip
LARGE: Final = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
    "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True,
}  # fmt: skip
FRAMES_PER_S: Final = 50
# Dense bfloat16 operations a second, as the makers publish them.
PEAKS: Final = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "RTX 4090": 165e12, "RTX 3090": 71e12}


@dataclass(frozen=True, slots=True)
class Size:
    """What is trained. config: of a fresh encoder, None takes the embedded base. batch_size, num_utterances, epochs."""

    name: str
    config: dict[str, Any] | None
    batch_size: int
    num_utterances: int
    epochs: int
    peak_lr: float


SIZES: Final = {
    "embedded": Size("embedded base (2.0 M)", None, 16, 96, 3, 1e-4),
    "base": Size("wav2vec2-base (94 M, random)", {}, 8, 24, 3, 1e-5),
    "large": Size("wav2vec2-large (315 M, random)", LARGE, 30, 24 * 150, 3, 1e-5),
}
PEER_ON_CPU: Final = tuple(
    f"Trainer, {dtype}, {workers} workers" for dtype in ("float32", "bfloat16") for workers in (0, 2)
)
PEER_ON_GPU: Final = tuple(f"Trainer, bfloat16, {workers} workers" for workers in (0, 2))
OURS: Final = "asheard"


def main() -> None:
    """Train with both, by turns, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--size", choices=list(SIZES), action="append", help="by default all that suit the device")
    parser.add_argument("--one", nargs=2, metavar=("WHO", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        who, folder = args.one
        train = train_ours if who == OURS else train_peer
        print(json.dumps(train(SIZES[args.size[0]], Path(folder), args.device, who)))
        return
    for size in args.size or (["embedded", "base"] if args.device == "cpu" else ["large"]):
        with tempfile.TemporaryDirectory() as folder:
            compare(size, Path(folder), args.device)


def compare(size: str, folder: Path, device: str) -> None:
    """Run ours and every setting of the peer, then ours and the peer's best again."""
    write_corpus(folder, SIZES[size])
    write_start(folder / "start", SIZES[size])
    settings = PEER_ON_CPU if device == "cpu" else PEER_ON_GPU
    results = {who: [run(who, size, folder, device)] for who in (OURS, *settings)}
    best = max(settings, key=lambda who: results[who][0]["rates"][-1])
    for who in (OURS, best):
        results[who].append(run(who, size, folder, device))
    report(SIZES[size], results)


def run(who: str, size: str, folder: Path, device: str) -> dict[str, Any]:
    """One training in a process of its own."""
    print(f"{size}: {who}", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, "--device", device, "--size", size, "--one", who, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{who}, {size}: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(size: Size, results: dict[str, list[dict[str, Any]]]) -> None:
    """Print a row for each run: audio-seconds a second, the ratio of ours in later epochs, the difference of losses."""
    rates = {who: np.mean([result["rates"] for result in runs], axis=0) for who, runs in results.items()}
    ours = np.array(results[OURS][0]["losses"])
    table = Table("", "epoch 1", "later", "all", "asheard / it", "peak memory", "loss apart", "MFU", box=None)
    for who, runs in results.items():
        memory, mfu = min(result["peak_bytes"] for result in runs), runs[0]["mfu"]
        apart = np.abs(ours / np.array(runs[0]["losses"]) - 1).max()
        table.add_row(
            who, *(f"{rate:.1f}" for rate in rates[who]), f"{rates[OURS][1] / rates[who][1]:.2f}",
            f"{memory / 1e9:.2f} GB", f"{apart:.2%}", "" if mfu is None else f"{mfu:.0%}",
        )  # fmt: skip
    print(f"{size.name}: {size.epochs} epochs in batches of {size.batch_size}; {results[OURS][0]['device']}")
    print(f"audio-seconds a second; our loss goes from {ours[0]:.3f} to {ours[-1]:.3f}")
    Console(width=120).print(table)


def write_corpus(folder: Path, size: Size) -> None:
    """wav/ and train.jsonl: noise of 2 to 6 s, eight random phones a second; as many as a batch takes equally long."""
    random = np.random.default_rng(0)
    (folder / "wav").mkdir()
    rows = []
    for number in range(size.num_utterances):
        if number % size.batch_size == 0:
            num_samples = int(random.uniform(2, 6) * SAMPLE_RATE_HZ)
        wav, seconds = f"wav/{number}.wav", num_samples / SAMPLE_RATE_HZ
        soundfile.write(folder / wav, random.normal(0, 0.1, num_samples).clip(-1, 1), SAMPLE_RATE_HZ)
        phones = random.choice(PHONES, int(seconds * 8)).tolist()
        tokens = tuple(Token(phone, phone, ErrorType.OK) for phone in phones)
        rows.append(Utterance(f"u{number}", "S", "Hindi", wav=wav, text=None, tokens=tokens, seconds=seconds))
    write_manifest(folder / "train.jsonl", rows)


def write_start(folder: Path, size: Size) -> None:
    """The model that both start from, as a folder that transformers and AsHeard read."""
    torch.manual_seed(0)
    if size.config is None:
        model = CTCTranscriber(load_encoder(EMBEDDED_BASE))
        warm_start(model.ctc_head, EMBEDDED_BASE)
    else:
        model = CTCTranscriber(fresh_encoder(size.config))
    save_transcriber(model, folder, {})


class Stopwatch:
    """The batches of all epochs, and when each was done."""

    def __init__(self, size: Size, folder: Path, device: str) -> None:
        rows = read_manifest(folder / "train.jsonl")
        self.examples = [
            Example(row.speaker, row.utt, row.l1, row.wav, row.seconds, tuple(map(phone_to_id, row.produced)))
            for row in rows
        ]
        random = np.random.default_rng(0)
        self.num_first = size.num_utterances // size.batch_size
        firsts = [first * size.batch_size for _ in range(size.epochs) for first in random.permutation(self.num_first)]
        self.batches = [list(range(first, first + size.batch_size)) for first in firsts]
        self.on_gpu = device == "cuda"
        self.losses: list[float] = []
        self.times: list[float] = []

    def start(self) -> None:
        """The first batch is about to be fetched."""
        self.times = [time.perf_counter()]

    def lap(self) -> None:
        """A step is done."""
        if self.on_gpu:
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())

    def result(self, model: torch.nn.Module, config: Any) -> dict[str, Any]:
        """rates: audio-seconds a second, in the first epoch, the later ones and all; losses: of each step.

        mfu: six operations for each trained parameter and frame (two forward, four back), and twelve for each pair of
        frames, layer and channel (attention), over what the device could have done in the later epochs.
        """
        lengths = [[self.examples[row].seconds for row in rows] for rows in self.batches]
        seconds = np.array([sum(row) for row in lengths])
        spans = ((0, self.num_first), (self.num_first, len(seconds)), (0, len(seconds)))
        rates = [seconds[first:last].sum() / (self.times[last] - self.times[first]) for first, last in spans]
        frames = np.concatenate(lengths[self.num_first :]) * FRAMES_PER_S
        trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
        pairs = 12 * config.num_hidden_layers * config.hidden_size
        operations = float((6 * trained * frames + pairs * frames**2).sum())
        name = torch.cuda.get_device_name() if self.on_gpu else f"{torch.get_num_threads()} threads"
        peak = next((peak for device, peak in PEAKS.items() if device in name), None)
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            "device": name,
            "rates": rates,
            "losses": self.losses,
            "peak_bytes": torch.cuda.max_memory_allocated() if self.on_gpu else resident,
            "mfu": operations / (self.times[-1] - self.times[self.num_first]) / peak if peak else None,
        }


def train_ours(size: Size, folder: Path, device: str, _: str) -> dict[str, Any]:
    """Train with the steps of `asheard.training.train`, reading ahead as it does."""
    options = TrainingOptions(
        kind="faithful", train=folder / "train.jsonl", val=folder / "train.jsonl", wav_root=folder,
        checkpoint_dir=folder, base=str(folder / "start"), peak_lr=size.peak_lr, warmup_share=0.0, weight_decay=0.0,
        mask_time_prob=0.0,
    )  # fmt: skip
    trainer = Trainer(options, Accelerator(cpu=device == "cpu"), ["Hindi"])
    with safe_open(folder / "start" / "model.safetensors", framework="pt") as start:  # the row of padding included
        head = {name: start.get_tensor(f"lm_head.{name}") for name in ("weight", "bias")}
    trainer.model.ctc_head.load_state_dict(head)
    watch = Stopwatch(size, folder, device)
    data = TrainingData(watch.examples, [], {}, partial(load_audio, folder))
    with tempfile.TemporaryDirectory() as cache:
        load_features = FrontEndCache(trainer.model.encoder, folder, Path(cache))
        watch.start()
        for step, batch in enumerate(read_ahead(watch.batches, data, repeat(None), load_features)):
            watch.losses.append(trainer.step(step, len(watch.batches), batch).loss)
            watch.lap()
    return watch.result(trainer.model, trainer.model.encoder.config)


def train_peer(size: Size, folder: Path, device: str, who: str) -> dict[str, Any]:
    """Train with the Trainer, as the example run_speech_recognition_ctc.py of transformers sets it up."""
    model = transformers.AutoModelForCTC.from_pretrained(folder / "start", ctc_loss_reduction="mean", **QUIET)
    model.freeze_feature_encoder()
    watch = Stopwatch(size, folder, device)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder / "start")
    ready = [
        {
            "input_values": extractor(load_audio(folder, example.wav), sampling_rate=SAMPLE_RATE_HZ).input_values[0],
            "labels": list(example.label_ids),
        }
        for example in watch.examples
    ]

    def pad_with_labels(rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch = extractor.pad([{"input_values": row["input_values"]} for row in rows], return_tensors="pt")
        labels = [torch.tensor(row["labels"]) for row in rows]
        batch["labels"] = torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100)
        return batch

    class Laps(transformers.TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            watch.lap()

    _, dtype, workers = who.split(", ")
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(
            output_dir=str(folder), use_cpu=device == "cpu", per_device_train_batch_size=size.batch_size,
            num_train_epochs=1, train_sampling_strategy="sequential", learning_rate=size.peak_lr,
            bf16=dtype == "bfloat16", dataloader_num_workers=int(workers[0]), logging_steps=1, save_strategy="no",
            report_to="none", disable_tqdm=True,
        ),
        data_collator=pad_with_labels,
        train_dataset=[ready[row] for rows in watch.batches for row in rows],
        callbacks=[Laps()],
    )  # fmt: skip
    watch.start()
    trainer.train()
    watch.losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    return watch.result(model, model.config)


if __name__ == "__main__":
    main()
