"""Measures of a model on the validation set, and the gates of a pilot run.

The measures are logged; nothing is chosen by them. A pilot is a short run that must show that the model learns before
the long run starts.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from scipy.stats import binom

from asheard.errors import ModelError
from asheard.models import L1AwareCTC, Transcriber
from asheard.phones import BLANK_ID, phone_to_id
from asheard.training.data import Example, LoadWav

LENGTH_RATIO: Final = (0.5, 1.5)  # bounds of the median of predicted length / target length
MIN_DISTINCT_PHONES: Final = 6
L1_TEST_LEVEL: Final = 0.05  # largest probability that a model that guesses the L1 passes
_NUM_IN_MEMORY: Final = 64  # recordings


@dataclass(frozen=True, slots=True)
class Validation:
    """Measures over the validation set.

    per: phone error rate, edits divided by labels of the targets (canonical phones for a base). A wildcard label that
    holds a phone it accepts costs nothing. l1_accuracy: share of recordings whose L1 the classifier recognises; None
    without a classifier. length_ratio: median of predicted phones / labels of the target. num_distinct_phones: number
    of different phones in the predictions.
    """

    per: float
    l1_accuracy: float | None
    length_ratio: float
    num_distinct_phones: int


def validate(model: Transcriber, examples: Sequence[Example], load: LoadWav) -> Validation:
    """Transcribe the examples greedily and compare with their targets. An L1-aware model is given the true L1.

    Raises:
        ModelError: there are no examples.
    """
    if not examples:
        raise ModelError("no utterances to validate on; give a --val manifest with usable utterances")
    targets = [example.label_ids for example in examples]
    hypotheses: list[tuple[str, ...]] = []
    num_l1_right = 0
    model.eval()
    for start in range(0, len(examples), _NUM_IN_MEMORY):
        rows = examples[start : start + _NUM_IN_MEMORY]
        waveforms, l1s = [load(row.wav) for row in rows], [row.l1 for row in rows]
        if isinstance(model, L1AwareCTC):
            results = model.transcribe_with_l1(waveforms, l1s)
            hypotheses += [transcript.phones for transcript, _ in results]
            num_l1_right += sum(recognised == l1 for (_, recognised), l1 in zip(results, l1s, strict=True))
        else:
            hypotheses += [one.transcript.phones for one in model.recognise(waveforms, l1s)]
    model.train()
    num_edits = sum(map(count_target_edits, targets, hypotheses))
    ratios = [len(hypothesis) / len(target) for target, hypothesis in zip(targets, hypotheses, strict=True)]
    return Validation(
        per=num_edits / sum(map(len, targets)),
        l1_accuracy=num_l1_right / len(examples) if isinstance(model, L1AwareCTC) else None,
        length_ratio=float(np.median(ratios)),
        num_distinct_phones=len(set(chain.from_iterable(hypotheses))),
    )


def count_target_edits(target: Sequence[int], hypothesis: Sequence[str]) -> int:
    """The fewest edits (substitution, deletion, insertion) between a target and phones.

    A target with wildcard labels stands for a set of phone sequences; the closest one counts.

    Args:
        target: ids of phones and wildcard labels, see `wildcard_ctc_loss`.
        hypothesis: IPA phones of the inventory.
    Source: Levenshtein 1966.
    """
    phones = [phone_to_id(phone) for phone in hypothesis]
    costs = list(range(len(phones) + 1))
    for label in target:
        deletion = int(label >= -BLANK_ID)
        diagonal, costs[0] = costs[0], costs[0] + deletion
        for index, phone in enumerate(phones, start=1):
            fits = phone == label if label > 0 else phone != -label
            cost = min(diagonal + (not fits), costs[index] + deletion, costs[index - 1] + 1)
            diagonal, costs[index] = costs[index], cost
    return costs[-1]


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
