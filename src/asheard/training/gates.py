"""Pilot gates: a short run must look like learning before the long one is paid for."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from asheard.errors import GateError
from asheard.training.batches import Example
from asheard.training.validation import Validation

LENGTH_RATIO: Final = (0.5, 1.5)  # median predicted / target length of connected speech
MIN_DISTINCT_PHONES: Final = 6  # more than 5


def gate_reasons(losses: Sequence[float], validation: Validation, examples: Sequence[Example]) -> list[str]:
    """Why a pilot fails, if it does.

    Args:
        losses: total loss of each pilot step, in order.
        validation: of the model after the pilot.
        examples: those validated on; the commonest L1's share among them is what guessing reaches.
    Returns:
        One sentence a gate that failed; empty where all pass.
    """
    reasons = []
    quarter = max(1, len(losses) // 4)
    first, last = float(np.mean(losses[:quarter])), float(np.mean(losses[-quarter:]))
    if not last < first:
        reasons.append(f"the loss does not fall: {first:.3f} over the first quarter of steps, {last:.3f} over the last")
    low, high = LENGTH_RATIO
    if not low <= validation.length_ratio <= high:
        reasons.append(
            "held-out decodes are no connected speech: median predicted/target length "
            f"{validation.length_ratio:.2f} is outside {low}..{high}"
        )
    if validation.num_distinct_phones < MIN_DISTINCT_PHONES:
        reasons.append(f"held-out decodes use {validation.num_distinct_phones} distinct phones; more than 5 are needed")
    if validation.l1_accuracy is not None:
        chance = max(Counter(example.l1 for example in examples).values()) / len(examples)
        if validation.l1_accuracy <= chance:
            reasons.append(f"L1 accuracy {validation.l1_accuracy:.2f} is not above chance ({chance:.2f})")
    return reasons


def check_gates(losses: Sequence[float], validation: Validation, examples: Sequence[Example], report: Path) -> None:
    """Raise `GateError` with the reasons of `gate_reasons`, naming the pilot's report."""
    reasons = gate_reasons(losses, validation, examples)
    if reasons:
        raise GateError(
            f"the pilot of {len(losses)} steps did not pass: {'; '.join(reasons)}. "
            f"See {report}; check the data, or give the pilot more steps (--pilot) or utterances "
            "(--pilot-train)"
        )
