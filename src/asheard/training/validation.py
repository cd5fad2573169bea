"""Measures of a model on the validation set. They are logged; nothing is chosen by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from asheard.errors import ModelError
from asheard.models import CTCTranscriber, L1AwareCTC
from asheard.phones import BLANK_ID, phone_to_id
from asheard.training.data import Example, LoadWav

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


def validate(model: CTCTranscriber | L1AwareCTC, examples: Sequence[Example], load: LoadWav) -> Validation:
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
