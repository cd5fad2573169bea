"""What lies behind the numbers: shared prompts, the choice of p_min, what was left out, validation."""

from collections.abc import Iterable, Mapping
from typing import Any

from asheard.evaluation.context import Context
from asheard.evaluation.tables import markdown_table, percent
from asheard.prior import GUARD_TOLERANCE


def shared_prompts(context: Context) -> Iterable[str]:
    """Prompts that training speakers have read too."""
    if context.num_shared_prompts:
        where = " of the fold that has most" if context.p_min[1:] else ""
        yield (
            f"Prompts read both in test and in training: {context.num_shared_prompts}, in {context.num_sharing} "
            f"training utterances{where}. Fine-tuned chains have heard these sentences from training speakers; "
            "off-the-shelf has not."
        )


def p_min(context: Context) -> Iterable[str]:
    """The curves the p_min of each fold's prior was chosen on."""
    if not context.p_min:
        return
    yield "## How p_min was chosen"
    yield (
        "On the training speakers alone, one left out at a time: the lowest FRR by class among those that catch at "
        f"most {100 * GUARD_TOLERANCE:.1f} points fewer L1-atypical errors than no prior (the last row)."
    )
    for fold, choice in enumerate(context.p_min, start=1):
        yield (
            f"{f'Fold {fold}: ' if context.p_min[1:] else ''}p_min is {choice.p_min:g}, over {choice.num_acceptable} "
            f"ok or L1-typical positions and {choice.num_errors} errors."
        )
        yield markdown_table(
            ["p_min", "FRR by class", "atypical errors caught"],
            [[f"{point.p_min:g}", percent(point.frr_class), percent(point.guard)] for point in choice.curve],
        )
        if choice.left_out:
            yield f"Not used, the only speakers of their L1: {', '.join(choice.left_out)}."


def set_apart(metrics: Mapping[str, Any], context: Context) -> Iterable[str]:
    """How many of what was left out, by reason."""
    yield "## What was left out or set apart, and why"
    counts = dict(context.excluded) | metrics["set_apart"]
    yield from metrics["remarks"]
    yield markdown_table(["reason", "count"], [[reason, str(count)] for reason, count in counts.items()])


def validation(context: Context) -> Iterable[str]:
    """Every epoch of every seed and fold."""
    if not context.validation:
        return
    yield "## Validation by epoch"
    yield "Per cent, on held-out prompts of the training speakers. Epochs were fixed beforehand: this chose nothing."
    yield markdown_table(
        ["chain", "fold", "seed", "epoch", "val PER", "val L1 accuracy"],
        [
            [row.chain, str(row.fold), str(row.seed), str(row.epoch), percent(row.per), percent(row.l1_accuracy)]
            for row in context.validation
        ],
    )
