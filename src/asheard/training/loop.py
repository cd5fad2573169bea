"""The training loop of all kinds of models, in one process or in several under `accelerate launch`."""

import json
import shutil
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from accelerate import Accelerator, DistributedDataParallelKwargs

import asheard
from asheard.corpora.exclusions import Exclusions
from asheard.corpora.records import Utterance, read_manifest
from asheard.errors import CorpusError, GateError, ModelError
from asheard.io.audio import SAMPLE_RATE_HZ, load_audio
from asheard.io.digests import bytes_digest
from asheard.io.files import write_json
from asheard.io.locks import locked_folder
from asheard.io.progress import ProgressBar
from asheard.models import read_card, save_transcriber
from asheard.training.augmentation import SPEED
from asheard.training.checkpoint import RunState, discard_checkpoints, find_checkpoint, load_checkpoint, save_checkpoint
from asheard.training.data import (
    Batch,
    Example,
    LoadFeatures,
    LoadWav,
    build_examples,
    collate,
    plan_epoch,
    read_recordings,
)
from asheard.training.feature_cache import FeatureCache
from asheard.training.log import TrainingLog
from asheard.training.options import TrainingOptions, check_unchanged
from asheard.training.step import Trainer, step_seed
from asheard.training.validation import gate_reasons, validate

_NUM_READERS: Final = 2  # threads that read recordings while the model trains
_NUM_AHEAD: Final = 4  # batches read in advance


@dataclass(frozen=True, slots=True)
class StepShare:
    """The share of one process in an optimizer step.

    epoch: from 0. rows: indices of its examples. weight: of their mean loss. With it, the mean over processes is the
    mean over all utterances of the step.
    """

    epoch: int
    rows: list[int]
    weight: float


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Examples of a run. excluded: utterances left out of train and of val, by reason. load: reads a recording."""

    train: list[Example]
    val: list[Example]
    excluded: dict[str, Exclusions]
    load: LoadWav


def train(options: TrainingOptions) -> Path:
    """Train a transcriber. A killed run resumes; a finished one is not changed.

    On a CPU, with the same number of threads, a resumed run ends with exactly the weights of an uninterrupted one.

    Returns:
        Folder of the finished model, `options.final`.
    Raises:
        ModelError: the base cannot be loaded; the folder belongs to other options; all its checkpoints are damaged; or
            a gradient is not finite.
        CorpusError: a manifest or a recording cannot be read, or no utterance is left to train on.
        GateError: the pilot (`options.pilot`) failed a gate.
        OutputError: the disk is full, or another command trains in the folder.
    """
    fingerprint = options.fingerprint()
    if options.final.is_dir():
        check_unchanged(read_card(options.final)["training"]["options"], fingerprint, options.final)
        discard_checkpoints(options.checkpoint_dir)
        return options.final
    mask_vector_is_unused = options.mask_time_prob == 0
    parallel = DistributedDataParallelKwargs(find_unused_parameters=mask_vector_is_unused)
    accelerator = Accelerator(kwargs_handlers=[parallel])
    with locked_folder(options.checkpoint_dir) if accelerator.is_main_process else nullcontext():
        return _train(options, fingerprint, accelerator)


def _train(options: TrainingOptions, fingerprint: dict[str, Any], accelerator: Accelerator) -> Path:
    """Train, as `train`; no other command trains in this folder."""
    started = find_checkpoint(options.checkpoint_dir)
    if started:
        check_unchanged(started[1].fingerprint, fingerprint, started[0])
    train_rows, val_rows = read_manifest(options.train), read_manifest(options.val)
    l1s = sorted({row.l1 for row in train_rows})
    if accelerator.is_main_process:
        _remove_partial_files(options.checkpoint_dir)
    trainer = Trainer(options, accelerator, l1s)
    data = _read_data(options, trainer, train_rows, val_rows)
    if options.pilot and not started:
        _run_pilot(options, trainer, data)
        del trainer  # two large models with their optimizers do not fit on one GPU
        accelerator.free_memory()
        trainer = Trainer(options, accelerator, l1s)
    epochs = _run(options, trainer, data, started, fingerprint)
    if accelerator.is_main_process:
        card = {
            "asheard": asheard.__version__,
            "options": fingerprint,
            "autocast": "bfloat16" if trainer.bf16 else "float32",
            "num_processes": accelerator.num_processes,
            "num_train": len(data.train),
            "num_val": len(data.val),
            "excluded": {name: dict(exclusions) for name, exclusions in data.excluded.items()},
            "epochs": epochs,
        }
        save_transcriber(trainer.model, options.final, card)
        discard_checkpoints(options.checkpoint_dir)
    accelerator.wait_for_everyone()
    return options.final


def _run(
    options: TrainingOptions,
    trainer: Trainer,
    data: TrainingData,
    started: tuple[Path, RunState] | None,
    fingerprint: dict[str, Any],
) -> list[dict[str, Any]]:
    """Do the steps after those of the checkpoint `started`; return the log's rows of all epochs."""
    accelerator = trainer.accelerator
    steps, data_order = plan_steps(options, data.train, accelerator.num_processes, accelerator.process_index)
    start = 0
    if started:
        checkpoint, done = started
        if done.data_order != data_order:
            raise ModelError(
                f"{checkpoint}: the order of the batches differs from that of the started run (another number of "
                "processes, other recordings that can be read, or another NumPy). Restore these, or remove the file to "
                "start again"
            )
        load_checkpoint(checkpoint, trainer.model, trainer.optimizer)
        start = done.step
    log = TrainingLog(options.checkpoint_dir, start) if accelerator.is_main_process else None
    bar, val_per = ProgressBar(options.kind, len(steps), completed=start, visible=accelerator.is_main_process), ""
    with closing(log) if log else nullcontext(), bar:
        batches = (step.rows for step in steps[start:])
        variants = _variants(options, start, accelerator.process_index)
        ready = read_ahead(batches, data, variants, _features(options, trainer))
        for step, batch in enumerate(ready, start=start):
            epoch, began = steps[step].epoch, time.perf_counter()
            result = trainer.step(step, len(steps), batch, steps[step].weight)
            num_samples = accelerator.reduce(batch.num_samples.sum().to(accelerator.device), "sum")
            if log:
                audio_s = float(num_samples) / SAMPLE_RATE_HZ
                elapsed_s = time.perf_counter() - began
                log.write("step", step + 1, epoch=epoch + 1, **asdict(result), audio_s=audio_s, elapsed_s=elapsed_s)
            bar.advance()
            bar.set_text(f"loss {result.loss:.2f}{val_per}")
            ends_epoch = step + 1 == len(steps) or steps[step + 1].epoch != epoch
            if ends_epoch:
                validation = validate(trainer.model, data.val, data.load)
                val_per = f"  val PER {validation.per:.1%}"
                if log:
                    measured = {f"val_{name}": value for name, value in asdict(validation).items()}
                    log.write("epoch", step + 1, epoch=epoch + 1, **measured)
            if (ends_epoch or (step + 1) % options.checkpoint_every == 0) and accelerator.is_main_process:
                state = RunState(step + 1, fingerprint, data_order)
                save_checkpoint(options.checkpoint_dir, trainer.model, trainer.optimizer, state)
    return log.epochs if log else []


def _run_pilot(options: TrainingOptions, trainer: Trainer, data: TrainingData) -> None:
    """Train for a few steps from the same start and check the gates; the model is not used afterwards."""
    few = TrainingData(_draw(data.train, options), _draw(data.val, options), data.excluded, data.load)
    plans = (plan_epoch(few.train, options.batch_seconds, options.seed, epoch) for epoch in count())
    batches = islice(chain.from_iterable(plans), options.pilot)
    variants = _variants(options, 0, trainer.accelerator.process_index)
    ready = read_ahead(batches, few, variants, _features(options, trainer))
    losses = [trainer.step(step, options.pilot, batch).loss for step, batch in enumerate(ready)]
    validation = validate(trainer.model, few.val, few.load)
    reasons = gate_reasons(losses, validation, few.val)
    report = options.checkpoint_dir / "pilot.json"
    if trainer.accelerator.is_main_process:
        write_json(report, {"losses": losses, **asdict(validation), "reasons": reasons})
    if reasons:
        raise GateError(
            f"the pilot of {len(losses)} steps did not pass: {'; '.join(reasons)}. Details: {report}. Check the data, "
            "or give the pilot more steps (--pilot) or more utterances (--pilot-train)"
        )


def _draw(examples: list[Example], options: TrainingOptions) -> list[Example]:
    """Draw the pilot's examples by the seed. At random, because a manifest is sorted by speaker."""
    rows = np.random.default_rng(options.seed).permutation(len(examples))[: options.pilot_train]
    return [examples[row] for row in sorted(rows)]


def plan_steps(
    options: TrainingOptions, examples: list[Example], num_processes: int, process_index: int
) -> tuple[list[StepShare], str]:
    """Plan every step of a run for one process.

    The batch of a step holds `batch_seconds` of audio for each process, and each process takes its share. So a step is
    the same as in one process with a batch of that size. If a batch has fewer utterances than processes, the last
    processes take its first utterance with weight 0.

    Returns:
        The steps, and a digest of the plan of all processes.
    """
    steps: list[StepShare] = []
    plan = []
    for epoch in range(options.epochs):
        batches = plan_epoch(examples, options.batch_seconds * num_processes, options.seed, epoch)
        named = [[f"{examples[row].speaker}/{examples[row].utt}" for row in rows] for rows in batches]
        plan.append(json.dumps([num_processes, named]).encode())
        for rows in batches:
            share = rows[process_index::num_processes]
            steps.append(StepShare(epoch, share or rows[:1], len(share) * num_processes / len(rows)))
    return steps, bytes_digest(plan)[:16]


def _variants(options: TrainingOptions, start: int, process_index: int) -> Iterator[np.random.Generator | None]:
    """Yield the generator that draws the variants of recordings for each step from `start` on; None: no variants."""
    for step in count(start):
        seed = step_seed(options.seed, step, process_index)
        yield np.random.default_rng(seed) if options.augment else None


def _features(options: TrainingOptions, trainer: Trainer) -> FeatureCache | None:
    """The cache of features that replaces recordings; None if the front end is trained or recordings vary."""
    encoder = trainer.model.encoder
    if options.augment or not options.freeze_front_end or not encoder.continues:
        return None
    return FeatureCache(encoder, options.wav_root, options.audio_cache)


def read_ahead(
    batches: Iterable[list[int]],
    data: TrainingData,
    variants: Iterable[np.random.Generator | None],
    load_features: LoadFeatures | None,
) -> Iterator[Batch]:
    """Yield the batches in order. Threads read their recordings, or features, a few batches in advance."""
    with ThreadPoolExecutor(_NUM_READERS) as pool:
        waiting: deque[Future[Batch]] = deque()
        for rows, rng in zip(batches, variants, strict=False):
            examples = [data.train[row] for row in rows]
            waiting.append(pool.submit(collate, examples, data.load, rng, load_features))
            if len(waiting) > _NUM_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read_data(
    options: TrainingOptions, trainer: Trainer, train_rows: list[Utterance], val_rows: list[Utterance]
) -> TrainingData:
    load: LoadWav = partial(load_audio, options.wav_root, cache=options.audio_cache)

    def examples_of(manifest: Path, rows: list[Utterance], **how: Any) -> tuple[list[Example], Exclusions]:
        rows, unreadable = read_recordings(manifest, rows, load, trainer.accelerator, skip_bad=options.skip_bad)
        examples, excluded = build_examples(rows, options.kind, trainer.model.encoder, load, **how)
        excluded.items |= unreadable.items
        if not examples:
            raise CorpusError(f"{manifest}: no utterance can be used ({excluded.counts()}). Build the manifest again")
        return examples, excluded

    fastest = SPEED[1] if options.augment else 1.0
    how = {"unknown_phones": options.unknown_phones, "fastest": fastest}
    train_examples, train_excluded = examples_of(options.train, train_rows, **how)
    # Unknown phones in val are always wildcards, so that runs with other `unknown_phones` have the same targets.
    val_examples, val_excluded = examples_of(options.val, val_rows)
    missing = sorted({row.l1 for row in val_examples} - {row.l1 for row in train_rows})
    if options.kind == "l1-aware" and missing:
        raise CorpusError(f"{options.val}: {options.train} has no speakers of these L1s: {', '.join(missing)}")
    return TrainingData(train_examples, val_examples, {"train": train_excluded, "val": val_excluded}, load)


def _remove_partial_files(folder: Path) -> None:
    """Remove files that a killed run wrote in part; the checkpoint of a large model takes 4 GB.

    Names with `.tmp` and six characters are those of safetensors, which writes a file beside its target.
    """
    for pattern in (".checkpoint.safetensors.*.part.safetensors", ".final.*.part", ".tmp??????"):
        for part in folder.glob(pattern):
            shutil.rmtree(part) if part.is_dir() else part.unlink()
