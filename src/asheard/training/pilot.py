"""Pilot gates: a short run must look like learning before the long one is paid for."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import binom

from asheard.training.data import Example
from asheard.training.validation import Validation

LENGTH_RATIO: Final = (0.5, 1.5)  # median predicted / target length of connected speech
MIN_DISTINCT_PHONES: Final = 6  # more than 5
GUESSING: Final = 0.05  # share of pilots in which a model that only guesses may seem to hear the L1


def gate_reasons(losses: Sequence[float], validation: Validation, examples: Sequence[Example]) -> list[str]:
    """Why a pilot fails, if it does.

    Args:
        losses: total loss of each pilot step, in order.
        validation: of the model after the pilot.
        examples: those validated on.
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
        heard, needed = round(validation.l1_accuracy * len(examples)), num_above_chance(len(examples), chance)
        if heard < needed:
            reasons.append(
                f"L1 accuracy {validation.l1_accuracy:.2f} is not above chance ({chance:.2f}): of {len(examples)} "
                f"recordings {heard} are right, and {needed} are needed"
            )
    return reasons


def num_above_chance(num_examples: int, chance: float) -> int:
    """How many recordings must be right before an L1 classifier can be said not to guess.

    The smallest k with P(X >= k) <= 0.05 for X ~ Binomial(num_examples, chance), the one-sided exact test; all of them,
    where too few recordings are there for any k to do. Of 64 recordings of six equally common L1s that is 17: guessing
    passes in 3 pilots of 100, and a model that is right in 40% of recordings fails in 1 of 100.

    Args:
        num_examples: recordings validated on.
        chance: share of the commonest L1 among them, which is what naming it every time reaches.
    """
    return min(int(binom.isf(GUESSING, num_examples, chance)) + 1, num_examples)
