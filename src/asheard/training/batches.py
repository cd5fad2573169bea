"""Training examples, and the order they come in: a pure function of seed and epoch."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asheard.corpora.exclusions import Exclusions
from asheard.corpora.records import Token, Utterance
from asheard.files import whole_file
from asheard.models import SAMPLE_RATE_HZ, Encoder, pad
from asheard.phones import BLANK_ID, PAD_ID, phone_to_id
from asheard.training.augment import augment
from asheard.training.front_end_cache import Features
from asheard.training.options import Kind, Unknown
from asheard.training.wildcard_ctc import least_frames

Waveform = NDArray[np.float32]
LoadWav = Callable[[str], Waveform]
LoadFeatures = Callable[[str], Features]


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance with its CTC target. label_ids: phones as ids 2..41, holes below 0. seconds: of its recording."""

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
    (B, L), padded with 0; below 0 are the holes of `wildcard_ctc_loss`. num_labels: (B,). l1s: B L1s. names: B times
    speaker/utt.
    """

    inputs: Tensor
    num_samples: Tensor
    label_ids: Tensor
    num_labels: Tensor
    l1s: tuple[str, ...]
    names: tuple[str, ...]
    wavs: tuple[str, ...]  # of the recordings, from the wav root


def build_examples(
    utterances: Sequence[Utterance],
    kind: Kind,
    encoder: Encoder,
    load: LoadWav,
    unknown: Unknown = "wildcard",
    fastest: float = 1.0,
) -> tuple[list[Example], Exclusions]:
    """Turn utterances into examples, and name those that cannot be trained on.

    Args:
        utterances: of a manifest.
        kind: base takes the canonical phones as target, the others the produced ones.
        encoder: says how many frames a recording gives.
        load: reads a recording, where the manifest does not say how long it is.
        unknown: what stands for an unknown sound in a produced target, see `TrainingOptions`.
        fastest: the highest speed that recordings will be played at; a target must fit even then.
    Returns:
        The examples in manifest order, and the exclusions: no recording; no phones; fewer frames than CTC needs (one a
        label and one between equal neighbours); shorter than SpecAugment's mask.
    """
    examples, exclusions = [], Exclusions()
    for row in utterances:
        name = f"{row.speaker}/{row.utt}"
        if kind == "base":
            label_ids = tuple(map(phone_to_id, row.canonical))
        else:
            label_ids = tuple(label for token in row.tokens for label in _produced_labels(token, unknown))
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


def _produced_labels(token: Token, unknown: Unknown) -> tuple[int, ...]:
    """What was said at one position, as ids of a target: a phone, a hole, or nothing."""
    if token.perceived is not None:
        return (phone_to_id(token.perceived),)
    if not token.is_err or unknown == "left-out":
        return ()
    if token.canonical is None:  # an addition: one phone was heard, whichever
        return (-BLANK_ID,) if unknown == "wildcard" else ()
    canonical = phone_to_id(token.canonical)
    return (-canonical,) if unknown == "wildcard" else (canonical,)


def plan_epoch(examples: Sequence[Example], batch_seconds: float, seed: int, epoch: int) -> list[list[int]]:
    """The batches of one epoch, as indices of examples.

    Examples of like length share a batch, so little is padding: they are sorted by a length that chance changes by up
    to a tenth, cut into batches of at most `batch_seconds` (padding included; a longer example is alone), and the
    batches are shuffled.
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
    """Read and pad the recordings of one batch, or their features; with `rng`, a variant of each that it draws."""
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


def keep_batch(batch: Batch, load: LoadWav, path: Path) -> Path:
    """Write a batch for somebody to look into.

    `numpy.load(path)` gives its fields by name, and `recordings`, (B, S) float32: what was read, before augmentation.
    """
    fields: dict[str, Any] = asdict(batch)
    recordings, _ = pad([load(wav) for wav in batch.wavs])
    with whole_file(path) as part:
        np.savez(part, recordings=recordings.numpy(), **fields)
    return path
