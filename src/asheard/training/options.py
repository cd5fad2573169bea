"""Options of a training run: the checked dataclass, its JSON file, and recipes that fill it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from math import inf
from pathlib import Path
from typing import Any, Final, Literal, get_args

from asheard.errors import ModelError
from asheard.io.digests import content_digest
from asheard.io.files import read_json
from asheard.io.typed_json import record_from_json
from asheard.recognition.registry import ASHEARD_TINY, EMBEDDED_BASE

Kind = Literal["base", "faithful", "l1-aware"]
Schedule = Literal["linear", "one-cycle"]
UnknownPhones = Literal["wildcard", "left-out", "canonical"]

# These options do not change the weights: places of files, how often checkpoints are written, whether a pilot runs.
# Recordings that were left out change the digest of the batches (`RunState.data_order`).
_NOT_FINGERPRINTED: Final = frozenset(
    {"wav_root", "checkpoint_dir", "checkpoint_every", "audio_cache", "pilot", "pilot_train", "skip_bad"}
)
_FILES: Final = frozenset({"train", "val", "base"})  # which the fingerprint holds as digests of their content

DEFAULT_BASE: Final = "facebook/wav2vec2-lv-60-espeak-cv-ft"

# Parameters without pretrained values: the L1 head, and the CTC head on a base that has none. At the encoder's rate, a
# fresh CTC head drives the encoder to write only blanks for 100 steps or more (embedded base).
_FRESH_LR_FACTOR: Final = 10.0

# From the embedded base, on two cores: three epochs of about 1,000 short utterances.
_EMBEDDED: Final[dict[str, Any]] = {
    "base": str(EMBEDDED_BASE),
    "epochs": 3,
    "peak_lr": 1e-3,
    "schedule": "one-cycle",
    "warmup_share": 0.2,
}

# wav2vec2-large on one GPU. Fine-tuning rates of Xu, Baevski and Auli 2021, SpecAugment of Baevski et al. 2020.
_FULL: Final[dict[str, Any]] = {
    "base": DEFAULT_BASE,
    "epochs": 20,
    "peak_lr": 5e-5,
    "batch_seconds": 120.0,
    "dropout": 0.1,
    "mask_feature_prob": 0.05,
    "mask_feature_length": 64,
}

# From asheard-tiny, on two cores (docs/models.md).
_TINY: Final[dict[str, Any]] = {
    "base": str(ASHEARD_TINY),
    "epochs": 2,
    "peak_lr": 2e-4,
    "schedule": "one-cycle",
    "warmup_share": 0.15,
    "freeze_front_end": False,
    "augment": True,
    "mask_time_prob": 0.08,
    "mask_time_length": 12,
    "mask_feature_prob": 0.15,
    "mask_feature_length": 8,
}

PRESETS: Final[dict[str, dict[str, Any]]] = {
    "full": _FULL,
    "embedded": _EMBEDDED,
    "tiny": _TINY,
    "quick": _EMBEDDED | {"epochs": 1},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """Options of a training run. All are checked when the object is made.

    Attributes:
        kind: target and heads of the model. base: CTC on canonical phones, front end trained. faithful: CTC on produced
            phones. l1-aware: faithful, with an L1 classifier and an L1 embedding.
        train, val: manifests (JSONL). val is measured and logged; it decides nothing.
        wav_root: folder that the manifests' wav paths start from.
        checkpoint_dir: folder for checkpoints, log.jsonl, tensorboard/ and the finished model, final/.
        skip_bad: leave out recordings that cannot be read, and count them on the card. If False, the run stops.
        unknown_phones: the target label in train for a phone that is only known not to be the canonical one (`err`, or
            an expert score below 0.5): wildcard (any other phone, or none), left-out (no label) or canonical (the
            canonical phone). In val it is always a wildcard.
        base: hub id or folder of the encoder to start from. None starts from random weights
            (`asheard.models.SMALL_ENCODER`).
        checkpoint_every: optimizer steps between checkpoints. One is also written after every epoch.
        epochs: passes over the training utterances, fixed beforehand.
        seed: decides all randomness of the run.
        pilot: optimizer steps of the pilot run before the gates; 0 for no pilot.
        pilot_train: number of training utterances of the pilot, and the largest number of val utterances it is measured
            on.
        batch_seconds: most audio in a batch of one process, in seconds, padding included.
        peak_lr, weight_decay: of AdamW (Loshchilov and Hutter 2019).
        fresh_lr_factor: learning rate of parameters without pretrained values, divided by that of the others.
        schedule: of the learning rate. linear: linear warm-up, then linear decay to 0. one-cycle: cosine up from
            peak / 25, cosine down to peak * 1e-5.
        warmup_share: share of all steps in which the rate rises.
        max_grad_norm: gradients are clipped to this norm.
        lambda_l1: weight of the L1 cross-entropy in the loss of an L1-aware model.
        freeze_front_end: do not train the convolutions of the front end.
        dropout: of attention, activations and hidden layers.
        mask_time_prob, mask_time_length: SpecAugment over frames: share masked, length of a mask.
        mask_feature_prob, mask_feature_length: SpecAugment over channels.
        augment: train on variants of the recordings (`asheard.training.augmentation`), different in each epoch.
        audio_cache: folder for resampled recordings and for the features of a frozen front end
            (`asheard.training.feature_cache`). None computes them each time.
    """

    kind: Kind
    train: Path
    val: Path
    wav_root: Path
    checkpoint_dir: Path
    skip_bad: bool = False
    unknown_phones: UnknownPhones = "wildcard"
    base: str | None = None
    checkpoint_every: int = 200
    epochs: int = 4
    seed: int = 1
    pilot: int = 0
    pilot_train: int = 256
    batch_seconds: float = 40.0
    peak_lr: float = 1e-3
    fresh_lr_factor: float = 1.0
    weight_decay: float = 0.01
    schedule: Schedule = "linear"
    warmup_share: float = 0.1
    max_grad_norm: float = 1.0
    lambda_l1: float = 0.3
    freeze_front_end: bool = True
    dropout: float = 0.0
    mask_time_prob: float = 0.05
    mask_time_length: int = 10
    mask_feature_prob: float = 0.0
    mask_feature_length: int = 10
    augment: bool = False
    audio_cache: Path | None = None

    def __post_init__(self) -> None:
        """Check every option.

        Raises:
            ModelError: an option is out of range; with its name and its range.
        """
        for name, choices in (("kind", Kind), ("schedule", Schedule), ("unknown_phones", UnknownPhones)):
            *others, last = get_args(choices)
            value = getattr(self, name)
            _require(value in get_args(choices), name, value, f"{', '.join(others)} or {last}")
        _require(self.kind == "base" or self.base is not None, "base", self.base, "a hub id or a folder")
        for name in ("epochs", "checkpoint_every", "pilot_train", "mask_time_length", "mask_feature_length"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("batch_seconds", "peak_lr", "fresh_lr_factor", "max_grad_norm"):
            _require(0 < getattr(self, name) < inf, name, getattr(self, name), "a number above 0")
        for name in ("seed", "pilot", "weight_decay", "lambda_l1"):
            _require(0 <= getattr(self, name) < inf, name, getattr(self, name), "0 or more")
        for name in ("dropout", "mask_time_prob", "mask_feature_prob", "warmup_share"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "a share in [0, 1)")

    @property
    def final(self) -> Path:
        """Folder of the finished model."""
        return self.checkpoint_dir / "final"

    def encoder_overrides(self) -> dict[str, Any]:
        """Values that these options set in the encoder's configuration."""
        return {
            "apply_spec_augment": True,
            "mask_time_prob": self.mask_time_prob,
            "mask_time_length": self.mask_time_length,
            "mask_feature_prob": self.mask_feature_prob,
            "mask_feature_length": self.mask_feature_length,
            "hidden_dropout": self.dropout,
            "attention_dropout": self.dropout,
            "activation_dropout": self.dropout,
            "feat_proj_dropout": self.dropout,
            "conformer_conv_dropout": self.dropout,
            "layerdrop": 0.0,
        }

    def fingerprint(self) -> dict[str, Any]:
        """The options that decide the weights, as JSON; manifests and a local base as digests of their content."""
        values = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in _NOT_FINGERPRINTED
        }
        return {
            name: content_digest(value) if name in _FILES and value is not None else value
            for name, value in values.items()
        }


def check_unchanged(before: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Check that a kept run has the options of the present command.

    Args:
        before: fingerprint kept in `where`.
        now: fingerprint of the present options.
    Raises:
        ModelError: options differ; with each of them.
    """
    differing = [name for name in now if before.get(name) != now[name]]
    if differing:
        changes = "; ".join(f"{name} was {before.get(name)!r}, is {now[name]!r}" for name in differing)
        raise ModelError(f"{where} belongs to a run with other options ({changes}). Restore them or use another folder")


def _require(holds: bool, name: str, value: object, allowed: str) -> None:
    if not holds:
        raise ModelError(f"training option {name} is {value!r}; it must be {allowed}")


def options_to_json(options: TrainingOptions) -> dict[str, Any]:
    """All options by name. Relative paths stay relative: they start from the folder in which the run starts."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}


def read_options(path: Path) -> TrainingOptions:
    """Read a file written from `options_to_json`. Options with a default may be missing.

    Raises:
        CorpusError: the file is missing or is not JSON; an option is unknown, missing or of the wrong type.
        ModelError: an option is out of range; with file and option.
    """
    try:
        options: TrainingOptions = record_from_json(TrainingOptions, read_json(path), f"{path}: training options")
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    return options


def faithful(
    *, train: Path, val: Path, wav_root: Path, checkpoint_dir: Path, preset: str = "full", **changes: Any
) -> TrainingOptions:
    """Options for CTC on produced phones.

    Args:
        train, val, wav_root, checkpoint_dir: see `TrainingOptions`.
        preset: full (wav2vec2-large, one GPU), tiny (asheard-tiny, two cores), embedded (the embedded base, two cores)
            or quick (one epoch of embedded).
        changes: any other option; it replaces the preset's.
    Raises:
        ModelError: there is no such preset, or an option is out of range.
    """
    if preset not in PRESETS:
        raise ModelError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    options: dict[str, Any] = {"kind": "faithful", "fresh_lr_factor": _FRESH_LR_FACTOR} | PRESETS[preset] | changes
    return TrainingOptions(train=train, val=val, wav_root=wav_root, checkpoint_dir=checkpoint_dir, **options)


def l1_aware(
    *, train: Path, val: Path, wav_root: Path, checkpoint_dir: Path, preset: str = "full", **changes: Any
) -> TrainingOptions:
    """Options for CTC on produced phones given the L1, plus lambda_l1 (0.3) times the cross-entropy of the L1."""
    return faithful(
        train=train,
        val=val,
        wav_root=wav_root,
        checkpoint_dir=checkpoint_dir,
        preset=preset,
        **({"kind": "l1-aware", "lambda_l1": 0.3} | changes),
    )


def base(*, train: Path, val: Path, wav_root: Path, checkpoint_dir: Path, **changes: Any) -> TrainingOptions:
    """Options for CTC on canonical phones, front end included, from random weights or from the option `base`.

    Batches are small and nothing is masked, because a fresh CTC model writes only blanks for a few thousand steps.
    """
    options: dict[str, Any] = {
        "kind": "base",
        "freeze_front_end": False,
        "epochs": 5,
        "peak_lr": 1e-3,
        "schedule": "one-cycle",
        "warmup_share": 0.3,
        "batch_seconds": 12.0,
        "mask_time_prob": 0.0,
    } | changes
    return TrainingOptions(train=train, val=val, wav_root=wav_root, checkpoint_dir=checkpoint_dir, **options)


# The recipe of each kind. base takes no preset.
RECIPES: Final[dict[str, Callable[..., TrainingOptions]]] = {"faithful": faithful, "l1-aware": l1_aware, "base": base}
