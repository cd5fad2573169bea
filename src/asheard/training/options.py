"""What a training run is told: frozen, checked, and compared when a run is resumed.

Training options as a JSON file, so that a run can be told on another machine.

Training recipes: functions that return options.
"""

from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from asheard.errors import ModelError
from asheard.io.digests import content_digest
from asheard.io.files import read_json
from asheard.recognition.registry import ASHEARD_TINY, EMBEDDED_BASE

Kind = Literal["base", "faithful", "l1-aware"]
Schedule = Literal["linear", "one-cycle"]
UnknownPhones = Literal["wildcard", "left-out", "canonical"]

# Where files lie, how often they are written and whether a pilot ran first changes nothing about the weights.
# Recordings that were left out show in the digest of the batches.
_PLACES: Final = frozenset(
    {"wav_root", "checkpoint_dir", "checkpoint_every", "audio_cache", "pilot", "pilot_train", "skip_bad"}
)
_FILES: Final = frozenset({"train", "val", "base"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """Everything that decides the weights, and where files lie.

    Attributes:
        kind: base (CTC on canonical phones, front end trained), faithful (CTC on produced phones) or l1-aware.
        train, val: manifests (JSONL). val is logged, never used to choose anything.
        wav_root: folder the manifests' wav paths start from.
        checkpoint_dir: checkpoints, log.jsonl, tensorboard/ and, at the end, final/ go here.
        skip_bad: leave out recordings that cannot be read, and count them on the card, instead of stopping.
        unknown_phones: the target label of a phone that is only known not to be the canonical one
            (`err`, or a score below 0.5): wildcard (a hole: any other phone, or none), left-out (nothing)
            or canonical (the dictionary's phone nevertheless). In val it is a hole whatever this says.
        base: hub id or folder of the encoder to start from; None starts `asheard.models.SMALL_ENCODER` afresh.
        checkpoint_every: optimizer steps between checkpoints; one is written after every epoch too.
        epochs: passes over the training utterances, fixed beforehand.
        pilot: optimizer steps of the pilot run before the gates; 0 runs no pilot.
        pilot_train: training utterances the pilot uses, and at most as many of val that judge it.
        batch_seconds: most audio in a batch, padding included, for each process that takes part.
        peak_lr, weight_decay: of AdamW (Loshchilov and Hutter 2019).
        fresh_lr_factor: the learning rate of parameters that start fresh over that of the pretrained ones.
        schedule: linear (warm-up, then straight to 0) or one-cycle (cosine up from 1/25, cosine down to 1e-5).
        warmup_share: share of all steps that the rate rises for.
        max_grad_norm: gradients are clipped to this norm.
        lambda_l1: weight of the L1 cross-entropy in the L1-aware loss.
        freeze_front_end: leave the convolutions as they were pretrained.
        dropout: of attention, activations and hidden layers alike.
        mask_time_prob, mask_time_length: SpecAugment over frames: share masked, length of a mask.
        mask_feature_prob, mask_feature_length: SpecAugment over channels.
        augment: train on variants of the recordings (`asheard.training.data`), other ones in each epoch.
        audio_cache: folder for what is computed of recordings once: resampled ones, and the features of a frozen front
            end (`asheard.training.feature_cache`); None computes them each time.
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
        """Refuse what cannot be run.

        Raises:
            ModelError: naming the option and what it may be.
        """
        _require(self.kind in ("base", "faithful", "l1-aware"), "kind", self.kind, "base, faithful or l1-aware")
        _require(self.schedule in ("linear", "one-cycle"), "schedule", self.schedule, "linear or one-cycle")
        allowed = ("wildcard", "left-out", "canonical")
        _require(
            self.unknown_phones in allowed, "unknown_phones", self.unknown_phones, "wildcard, left-out or canonical"
        )
        _require(self.kind == "base" or self.base is not None, "base", self.base, "a hub id or a folder")
        for name in ("epochs", "checkpoint_every", "pilot_train", "mask_time_length", "mask_feature_length"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("batch_seconds", "peak_lr", "fresh_lr_factor", "max_grad_norm"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        for name in ("seed", "pilot", "weight_decay", "lambda_l1"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("dropout", "mask_time_prob", "mask_feature_prob", "warmup_share"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "a share in [0, 1)")

    @property
    def final(self) -> Path:
        """The finished model's folder."""
        return self.checkpoint_dir / "final"

    def encoder_overrides(self) -> dict[str, Any]:
        """The encoder's configuration values that these options set."""
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
        """What decides the weights, as JSON: values, and the digests of the manifests and of a local base."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _PLACES}
        return {
            name: content_digest(value) if name in _FILES and value is not None else value
            for name, value in values.items()
        }


def check_unchanged(before: dict[str, Any], now: dict[str, Any], where: Path) -> None:
    """Refuse to go on with another run's work.

    Args:
        before: fingerprint kept in `where`.
        now: fingerprint of the command at hand.
    Raises:
        ModelError: naming every option that differs.
    """
    differing = [name for name in now if before.get(name) != now[name]]
    if differing:
        changes = "; ".join(f"{name} was {before.get(name)!r}, is {now[name]!r}" for name in differing)
        raise ModelError(f"{where} belongs to a run with other options ({changes}); restore them or use another folder")


def _require(holds: bool, name: str, value: object, allowed: str) -> None:
    if not holds:
        raise ModelError(f"training option {name} is {value!r}; it must be {allowed}")


def options_to_json(options: TrainingOptions) -> dict[str, Any]:
    """All options by name; paths as they are, so relative ones start from the folder that the run is begun in."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}


def read_options(path: Path) -> TrainingOptions:
    """The options of a file that holds what `options_to_json` gives; options that have a default may be left out.

    Raises:
        ModelError: an option is unknown, missing, or not of its kind; naming file and option.
        CorpusError: the file is missing or is not JSON.
    """
    values = read_json(path)
    if not isinstance(values, dict):
        raise ModelError(f"{path}: expected one JSON object, training options by name")
    hints = get_type_hints(TrainingOptions)
    required = {field.name for field in fields(TrainingOptions) if field.default is MISSING}
    for problem, names in (("no such", values.keys() - hints.keys()), ("missing", required - values.keys())):
        if names:
            raise ModelError(f"{path}: {problem} training option: {', '.join(sorted(names))}")
    for name, value in values.items():
        if not _admits(hints[name], value):
            raise ModelError(f"{path}: training option {name} is {value!r}; it must be {_told(hints[name])}")
    of_paths = {name for name, hint in hints.items() if Path in (hint, *get_args(hint))}
    options: dict[str, Any] = {
        name: Path(value) if name in of_paths and value is not None else value for name, value in values.items()
    }
    return TrainingOptions(**options)


def _admits(hint: Any, value: object) -> bool:
    if isinstance(hint, UnionType):
        return any(_admits(part, value) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    return type(value) in {Path: (str,), float: (int, float)}.get(hint, (hint,))


def _told(hint: Any) -> str:
    if isinstance(hint, UnionType):
        return " or ".join(map(_told, get_args(hint)))
    if get_origin(hint) is Literal:
        return ", ".join(get_args(hint))
    words = {Path: "a path", str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(hint, "null")


DEFAULT_BASE: Final = "facebook/wav2vec2-lv-60-espeak-cv-ft"

# The L1 head starts afresh on a pretrained encoder, and so does a CTC head on a base that has none. At the encoder's
# rate a fresh CTC head pushes the encoder into writing blanks only, for 100 steps and more (embedded base).
_FRESH_LR_FACTOR: Final = 10.0

# Three epochs over some 1,000 short utterances on two cores, from the embedded base.
_EMBEDDED: Final[dict[str, Any]] = {
    "base": str(EMBEDDED_BASE),
    "epochs": 3,
    "peak_lr": 1e-3,
    "schedule": "one-cycle",
    "warmup_share": 0.2,
}

# wav2vec2-large on one GPU: fine-tuning rates of Xu, Baevski and Auli 2021, SpecAugment as in Baevski et al. 2020.
_FULL: Final[dict[str, Any]] = {
    "base": DEFAULT_BASE,
    "epochs": 20,
    "peak_lr": 5e-5,
    "batch_seconds": 120.0,
    "dropout": 0.1,
    "mask_feature_prob": 0.05,
    "mask_feature_length": 64,
}

# asheard-tiny on two cores (docs/voice-model.md).
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


def faithful(
    *, train: Path, val: Path, wav_root: Path, checkpoint_dir: Path, preset: str = "full", **changes: Any
) -> TrainingOptions:
    """CTC on the phones that were said.

    Args:
        train, val, wav_root, checkpoint_dir: see `TrainingOptions`.
        preset: full (wav2vec2-large on a GPU), tiny (asheard-tiny, on the speakers of your corpus), embedded or quick
            (the small base on two cores).
        changes: any other option, in place of the preset's.
    Raises:
        ModelError: no such preset, or an option out of range.
    """
    if preset not in PRESETS:
        raise ModelError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    options: dict[str, Any] = {"kind": "faithful", "fresh_lr_factor": _FRESH_LR_FACTOR} | PRESETS[preset] | changes
    return TrainingOptions(train=train, val=val, wav_root=wav_root, checkpoint_dir=checkpoint_dir, **options)


def l1_aware(
    *, train: Path, val: Path, wav_root: Path, checkpoint_dir: Path, preset: str = "full", **changes: Any
) -> TrainingOptions:
    """CTC on the phones that were said, told the L1, plus lambda_l1 (0.3) times the L1's cross-entropy."""
    return faithful(
        train=train,
        val=val,
        wav_root=wav_root,
        checkpoint_dir=checkpoint_dir,
        preset=preset,
        **({"kind": "l1-aware", "lambda_l1": 0.3} | changes),
    )


def base(*, train: Path, val: Path, wav_root: Path, checkpoint_dir: Path, **changes: Any) -> TrainingOptions:
    """CTC on canonical phones with the front end trained: the embedded base, from random weights or from `base`.

    Batches are small and nothing is masked: a fresh CTC model writes blanks until it has taken a few thousand steps.
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


RECIPES: Final[dict[str, Callable[..., TrainingOptions]]] = {"faithful": faithful, "l1-aware": l1_aware, "base": base}
