"""What a training run is told: frozen, checked, and compared when a run is resumed."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from asheard.errors import ModelError
from asheard.files import content_digest

Kind = Literal["base", "faithful", "l1-aware"]
Schedule = Literal["linear", "one-cycle"]
Unknown = Literal["wildcard", "left-out", "canonical"]

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
        unknown: what stands in the produced phones of train for a sound of which only is known that it was not the
            canonical one (`err`, or a score below 0.5): wildcard (a hole: any other phone, or none), left-out (nothing)
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
        augment: train on variants of the recordings (`asheard.training.augment`), other ones in each epoch.
        audio_cache: folder for what is computed of recordings once: resampled ones, and the features of a frozen front
            end (`asheard.training.front_end_cache`); None computes them each time.
    """

    kind: Kind
    train: Path
    val: Path
    wav_root: Path
    checkpoint_dir: Path
    skip_bad: bool = False
    unknown: Unknown = "wildcard"
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
        _require(self.unknown in allowed, "unknown", self.unknown, "wildcard, left-out or canonical")
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
