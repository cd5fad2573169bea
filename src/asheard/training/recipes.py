"""Training recipes: functions that return options."""

from pathlib import Path
from typing import Any, Final

from asheard.errors import ModelError
from asheard.models import ASHEARD_TINY, EMBEDDED_BASE
from asheard.training.options import TrainingOptions

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
_VOICE: Final[dict[str, Any]] = {
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
    "voice": _VOICE,
    "quick": _EMBEDDED | {"epochs": 1},
}


def faithful(
    *, train: Path, val: Path, wav_root: Path, checkpoint_dir: Path, preset: str = "full", **changes: Any
) -> TrainingOptions:
    """CTC on the phones that were said.

    Args:
        train, val, wav_root, checkpoint_dir: see `TrainingOptions`.
        preset: full (wav2vec2-large on a GPU), voice (asheard-tiny, on the speakers of your corpus), embedded or quick
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
