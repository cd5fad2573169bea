"""Training of transcribers: options and recipes, batches, the loop, pilot gates."""

from asheard.training.loop import train
from asheard.training.options import (
    DEFAULT_BASE,
    PRESETS,
    RECIPES,
    TrainingOptions,
    base,
    faithful,
    l1_aware,
    options_to_json,
    read_options,
)

__all__ = [
    "DEFAULT_BASE",
    "PRESETS",
    "RECIPES",
    "TrainingOptions",
    "base",
    "faithful",
    "l1_aware",
    "options_to_json",
    "read_options",
    "train",
]
