"""Training examples and batches. The order of the batches is a function of (seed, epoch) alone."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from asheard.corpora.exclusions import Exclusions
from asheard.corpora.records import Token, Utterance
from asheard.errors import CorpusError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.files import whole_file
from asheard.io.progress import track
from asheard.models import Encoder, pad
from asheard.phones import BLANK_ID, PAD_ID, phone_to_id
from asheard.training.augmentation import Waveform, augment
from asheard.training.feature_cache import Features
from asheard.training.options import Kind, UnknownPhones
from asheard.training.wildcard_ctc import least_frames

LoadWav = Callable[[str], Waveform]
LoadFeatures = Callable[[str], Features]


def read_recordings(
    manifest: Path, rows: Sequence[Utterance], load: LoadWav, accelerator: Accelerator, *, skip_bad: bool
) -> tuple[list[Utterance], Exclusions]:
    """Read every recording of a manifest once, before the first step, so that a damaged one is found at once.

    Each process reads its share.

    Args:
        manifest: file that the rows come from.
        rows: rows without a recording are returned unchanged.
        load: reads a recording.
        accelerator: of the run.
        skip_bad: leave out recordings that cannot be read.
    Returns:
        The rows that can be read, in order; and the excluded ones, each with its error.
    Raises:
        CorpusError: a recording cannot be read and `skip_bad` is False; with the first and the number of them.
    """
    mine = range(accelerator.process_index, len(rows), accelerator.num_processes)

    def find_error(number: int) -> tuple[int, str] | None:
        wav = rows[number].wav
        if wav is not None:
            try:
                load(wav)
            except (CorpusError, OSError) as error:
                return number, str(error)
        return None

    with ThreadPoolExecutor() as pool:
        found = track(
            pool.map(find_error, mine),
            f"reading {manifest.name}",
            len(mine),
            visible=accelerator.is_main_process,
        )
        errors = dict(gather_object([one for one in found if one]))
    if errors and not skip_bad:
        first = min(errors)
        raise CorpusError(
            f"{manifest}, row {first + 1} ({rows[first].speaker}/{rows[first].utt}): {errors[first]} "
            f"({len(errors)} of {len(rows)} recordings cannot be read; --skip-bad leaves them out)"
        )
    exclusions = Exclusions()
    for number in sorted(errors):
        exclusions.add("recording cannot be read", f"{rows[number].speaker}/{rows[number].utt}: {errors[number]}")
    return [row for number, row in enumerate(rows) if number not in errors], exclusions


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance with its CTC target.

    wav: path of the recording from the wav root. seconds: its length. label_ids: phones are 2..41, wildcard labels
    negative (`asheard.training.wildcard_ctc`).
    """

    speaker: str
    utt: str
    l1: str
    wav: str
    seconds: float
    label_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded examples.

    inputs: (B, S) float32 waveforms, or (B, T, C) float16 features of the front end. num_samples: (B,). label_ids:
    (B, L), padded with 0; negative ids are wildcard labels. num_labels: (B,). l1s: B L1s. names: B times speaker/utt.
    wavs: B paths of recordings, from the wav root.
    """

    inputs: Tensor
    num_samples: Tensor
    label_ids: Tensor
    num_labels: Tensor
    l1s: tuple[str, ...]
    names: tuple[str, ...]
    wavs: tuple[str, ...]


def build_examples(
    utterances: Sequence[Utterance],
    kind: Kind,
    encoder: Encoder,
    load: LoadWav,
    unknown_phones: UnknownPhones = "wildcard",
    fastest: float = 1.0,
) -> tuple[list[Example], Exclusions]:
    """Make the examples of utterances, and exclude utterances that cannot be trained on.

    Args:
        utterances: rows of a manifest.
        kind: the target of a base is the canonical phones, that of other kinds the produced phones.
        encoder: computes the number of frames of a recording.
        load: reads a recording whose length the manifest lacks.
        unknown_phones: label of an unknown phone in a produced target, see `TrainingOptions`.
        fastest: highest speed of `augment`; the target must fit at this speed.
    Returns:
        The examples in manifest order; and the excluded utterances by reason: no recording, no phones, fewer frames
        than CTC needs (one a label and one between equal neighbours), or shorter than SpecAugment's mask.
    """
    examples, exclusions = [], Exclusions()
    for row in utterances:
        name = f"{row.speaker}/{row.utt}"
        if kind == "base":
            label_ids = tuple(map(phone_to_id, row.canonical))
        else:
            label_ids = tuple(label for token in row.tokens for label in _produced_labels(token, unknown_phones))
        if row.wav is None:
            exclusions.add("no recording", name)
            continue
        if not label_ids:
            exclusions.add("no phones", name)
            continue
        seconds = len(load(row.wav)) / SAMPLE_RATE_HZ if row.seconds is None else row.seconds
        num_frames = int(encoder.num_frames(torch.tensor(round(seconds * SAMPLE_RATE_HZ / fastest))))
        if num_frames < least_frames(label_ids):
            exclusions.add("fewer frames than CTC needs", name)
        elif num_frames < encoder.config.mask_time_length:
            exclusions.add("shorter than SpecAugment's mask", name)
        else:
            examples.append(Example(row.speaker, row.utt, row.l1, row.wav, seconds, label_ids))
    return examples, exclusions


def _produced_labels(token: Token, unknown_phones: UnknownPhones) -> tuple[int, ...]:
    """Target labels of one position: a phone, a wildcard label, or none."""
    if token.perceived is not None:
        return (phone_to_id(token.perceived),)
    if not token.is_err or unknown_phones == "left-out":
        return ()
    if token.canonical is None:  # an addition: any one phone
        return (-BLANK_ID,) if unknown_phones == "wildcard" else ()
    canonical = phone_to_id(token.canonical)
    return (-canonical,) if unknown_phones == "wildcard" else (canonical,)


def plan_epoch(examples: Sequence[Example], batch_seconds: float, seed: int, epoch: int) -> list[list[int]]:
    """Plan the batches of one epoch.

    Examples of similar length share a batch, which keeps padding small. They are sorted by length times a random factor
    in 0.9..1.1 and cut into batches of at most `batch_seconds`, padding included. A longer example is a batch alone.
    Then the batches are shuffled.

    Returns:
        Indices of the examples of each batch.
    """
    random = np.random.default_rng([seed, epoch])
    seconds = np.array([example.seconds for example in examples])
    batches: list[list[int]] = []
    longest = 0.0
    for index in np.argsort(seconds * random.uniform(0.9, 1.1, len(seconds)), kind="stable").tolist():
        longest = max(longest, seconds[index])
        if batches and longest * (len(batches[-1]) + 1) <= batch_seconds:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest = seconds[index]
    return [batches[index] for index in random.permutation(len(batches)).tolist()]


def collate(
    examples: Sequence[Example],
    load: LoadWav,
    rng: np.random.Generator | None = None,
    load_features: LoadFeatures | None = None,
) -> Batch:
    """Read and pad the examples of one batch.

    Args:
        examples: of the batch.
        load: reads a recording.
        rng: draws a variant of each recording; None for the recordings as they are.
        load_features: reads the features of a recording; the batch then holds features, and `load` and `rng` are not
            used.
    """
    if load_features is not None:
        features = [load_features(example.wav) for example in examples]
        inputs, _ = pad([frames for frames, _ in features])
        num_samples = torch.tensor([num_samples for _, num_samples in features])
    else:
        recordings = [load(example.wav) for example in examples]
        if rng is not None:
            recordings = [augment(recording, rng) for recording in recordings]
        inputs, num_samples = pad(recordings)
    num_labels = torch.tensor([len(example.label_ids) for example in examples])
    label_ids = torch.full((len(examples), int(num_labels.max())), PAD_ID)
    for row, example in zip(label_ids, examples, strict=True):
        row[: len(example.label_ids)] = torch.tensor(example.label_ids)
    return Batch(
        inputs,
        num_samples,
        label_ids,
        num_labels,
        l1s=tuple(example.l1 for example in examples),
        names=tuple(f"{example.speaker}/{example.utt}" for example in examples),
        wavs=tuple(example.wav for example in examples),
    )


def save_batch(batch: Batch, load: LoadWav, path: Path) -> Path:
    """Write a batch for inspection.

    `numpy.load(path)` gives its fields by name, and `recordings`: (B, S) float32, the recordings before augmentation.
    """
    fields: dict[str, Any] = asdict(batch)
    recordings, _ = pad([load(wav) for wav in batch.wavs])
    with whole_file(path) as part:
        np.savez(part, recordings=recordings.numpy(), **fields)
    return path
