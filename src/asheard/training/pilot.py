"""Pilot gates: a short run must show that the model learns before the long run starts."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import binom

from asheard.training.data import Example
from asheard.training.validation import Validation

LENGTH_RATIO: Final = (0.5, 1.5)  # bounds of the median of predicted length / target length
MIN_DISTINCT_PHONES: Final = 6
L1_TEST_LEVEL: Final = 0.05  # largest probability that a model that guesses the L1 passes


def gate_reasons(losses: Sequence[float], validation: Validation, examples: Sequence[Example]) -> list[str]:
    """Check the gates.

    Args:
        losses: total loss of each pilot step, in order.
        validation: of the model after the pilot.
        examples: those of the validation.
    Returns:
        One sentence for each gate that failed; empty if all passed.
    """
    reasons = []
    quarter = max(1, len(losses) // 4)
    first, last = float(np.mean(losses[:quarter])), float(np.mean(losses[-quarter:]))
    if not last < first:
        reasons.append(f"the loss does not fall: {first:.3f} in the first quarter of the steps, {last:.3f} in the last")
    low, high = LENGTH_RATIO
    if not low <= validation.length_ratio <= high:
        reasons.append(
            "the transcripts of held-out recordings have the wrong length: the median predicted/target length "
            f"{validation.length_ratio:.2f} is outside {low}..{high}"
        )
    if validation.num_distinct_phones < MIN_DISTINCT_PHONES:
        reasons.append(
            f"the transcripts of held-out recordings use {validation.num_distinct_phones} distinct phones; at least "
            f"{MIN_DISTINCT_PHONES} are needed"
        )
    if validation.l1_accuracy is not None:
        chance = max(Counter(example.l1 for example in examples).values()) / len(examples)
        num_right, needed = round(validation.l1_accuracy * len(examples)), num_above_chance(len(examples), chance)
        if num_right < needed:
            reasons.append(
                f"L1 accuracy {validation.l1_accuracy:.2f} is not above chance ({chance:.2f}): of {len(examples)} "
                f"recordings {num_right} are right, and {needed} are needed"
            )
    return reasons


def num_above_chance(num_examples: int, chance: float) -> int:
    """The number of recordings that an L1 classifier must get right to be above chance.

    The smallest k with P(X >= k) <= 0.05 for X ~ Binomial(num_examples, chance): the one-sided exact test. If there are
    too few recordings for any k, all must be right. For 64 recordings of six equally common L1s, k is 17: a model that
    guesses passes in 3 of 100 pilots, and a model that is right in 40% of recordings fails in 1 of 100.

    Args:
        num_examples: number of recordings.
        chance: share of the commonest L1 among them; always naming this L1 reaches it.
    """
    return min(int(binom.isf(L1_TEST_LEVEL, num_examples, chance)) + 1, num_examples)
