"""Training recordings made different each time: another tempo and pitch, another room, noise, another level.

Recordings are read once before a run begins, so that a damaged one is found before anything is paid for.

Training examples, and the order they come in: a pure function of seed and epoch.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor

from asheard.corpora.exclusions import Exclusions
from asheard.corpora.records import Token, Utterance
from asheard.corpora.synthetic.render import add_noise
from asheard.errors import CorpusError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.files import whole_file
from asheard.io.progress import track
from asheard.models import Encoder, pad
from asheard.phones import BLANK_ID, PAD_ID, phone_to_id
from asheard.training.feature_cache import Features
from asheard.training.options import Kind, UnknownPhones
from asheard.training.wildcard_ctc import least_frames

Waveform = NDArray[np.float32]
LoadWav = Callable[[str], Waveform]
LoadFeatures = Callable[[str], Features]

# How often each is done, and between which bounds it is drawn evenly. Speed moves tempo, pitch and formants together
# (Ko et al. 2015); the bounds take an adult's voice a good way to a child's.
SPEED_SHARE: Final = 0.6
SPEED: Final = (0.85, 1.18)
ROOM_SHARE: Final = 0.3
REVERBERATION_S: Final = (0.1, 0.5)
DIRECT_TO_ROOM: Final = (0.8, 3.0)
NOISE_SHARE: Final = 0.5
SNR_DB: Final = (5.0, 30.0)
LEVEL_SHARE: Final = 0.5
LEVEL_DB: Final = (-40.0, -14.0)  # root mean square, against full scale


def augment(samples: Waveform, rng: np.random.Generator) -> Waveform:
    """Draw one variant of a recording.

    Args:
        samples: (S,) float32 at 16 kHz.
        rng: decides all.
    Returns:
        (S',) float32; S' is S divided by the speed.
    """
    if rng.random() < SPEED_SHARE:
        samples = soxr.resample(samples, SAMPLE_RATE_HZ * rng.uniform(*SPEED), SAMPLE_RATE_HZ, quality="LQ")
    if rng.random() < ROOM_SHARE:
        samples = in_room(samples, rng.uniform(*REVERBERATION_S), rng.uniform(*DIRECT_TO_ROOM), rng)
    if rng.random() < NOISE_SHARE:
        samples = add_noise(samples, rng.uniform(*SNR_DB), rng)
    if rng.random() < LEVEL_SHARE:
        root_mean_square = float(np.sqrt(np.mean(samples**2))) or 1.0
        samples = samples * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20) / root_mean_square)
    return samples


def in_room(samples: Waveform, reverberation_s: float, direct_to_room: float, rng: np.random.Generator) -> Waveform:
    """Convolve with the direct sound followed by noise that dies away.

    Args:
        samples: (S,) float32 at 16 kHz.
        reverberation_s: time in which the room's sound falls by 60 dB.
        direct_to_room: amplitude of the direct sound over the room's.
    Returns:
        (S,) float32.
    """
    length = round(reverberation_s * SAMPLE_RATE_HZ)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail /= np.linalg.norm(tail) * direct_to_room
    tail[0] = 1.0
    fast_length = 1 << (len(samples) + length).bit_length()
    spectrum = np.fft.rfft(samples, fast_length) * np.fft.rfft(tail, fast_length)
    wet: Waveform = np.fft.irfft(spectrum, fast_length)[: len(samples)].astype(np.float32)
    return wet


def readable(
    manifest: Path, rows: Sequence[Utterance], load: LoadWav, accelerator: Accelerator, *, skip_bad: bool
) -> tuple[list[Utterance], Exclusions]:
    """Read every recording of a manifest, each process its share.

    Args:
        manifest: the file that the rows are from.
        rows: those without a recording are passed on.
        load: reads a recording.
        accelerator: of the run.
        skip_bad: leave out what cannot be read.
    Returns:
        The rows that can be read, in order, and the exclusions: those that cannot, each with what is wrong.
    Raises:
        CorpusError: a recording cannot be read and `skip_bad` is not set; naming the first, and how many there are.
    """
    mine = range(accelerator.process_index, len(rows), accelerator.num_processes)

    def fault(number: int) -> tuple[int, str] | None:
        wav = rows[number].wav
        if wav is not None:
            try:
                load(wav)
            except (CorpusError, OSError) as error:
                return number, str(error)
        return None

    with ThreadPoolExecutor() as pool:
        found = track(
            pool.map(fault, mine),
            f"reading {manifest.name}",
            len(mine),
            visible=accelerator.is_main_process,
        )
        faults = dict(gather_object([one for one in found if one]))
    if faults and not skip_bad:
        first = min(faults)
        raise CorpusError(
            f"{manifest}, row {first + 1} ({rows[first].speaker}/{rows[first].utt}): {faults[first]} "
            f"({len(faults)} of {len(rows)} recordings cannot be read; --skip-bad leaves them out)"
        )
    exclusions = Exclusions()
    for number in sorted(faults):
        exclusions.add("recording cannot be read", f"{rows[number].speaker}/{rows[number].utt}: {faults[number]}")
    return [row for number, row in enumerate(rows) if number not in faults], exclusions


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
    unknown_phones: UnknownPhones = "wildcard",
    fastest: float = 1.0,
) -> tuple[list[Example], Exclusions]:
    """Turn utterances into examples, and name those that cannot be trained on.

    Args:
        utterances: of a manifest.
        kind: base takes the canonical phones as target, the others the produced ones.
        encoder: says how many frames a recording gives.
        load: reads a recording, where the manifest does not say how long it is.
        unknown_phones: what stands for an unknown sound in a produced target, see `TrainingOptions`.
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
    """What was said at one position, as ids of a target: a phone, a hole, or nothing."""
    if token.perceived is not None:
        return (phone_to_id(token.perceived),)
    if not token.is_err or unknown_phones == "left-out":
        return ()
    if token.canonical is None:  # an addition: one phone was heard, whichever
        return (-BLANK_ID,) if unknown_phones == "wildcard" else ()
    canonical = phone_to_id(token.canonical)
    return (-canonical,) if unknown_phones == "wildcard" else (canonical,)


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
