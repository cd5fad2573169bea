"""The background of the numbers: the design, shared prompts, the choice of p_min, what was left out, validation."""

from collections.abc import Iterable, Mapping
from typing import Any

from asheard.evaluation.context import Context
from asheard.evaluation.metrics import ConfidenceIntervals, Metrics
from asheard.evaluation.report.tables import bullets, markdown_table, percent
from asheard.prior import GUARD_TOLERANCE


def shared_prompts(context: Context) -> Iterable[str]:
    """Prompts that training speakers have read too."""
    if context.num_shared_prompts:
        where = " of the fold that has most" if context.p_min[1:] else ""
        yield (
            f"Prompts read both in test and in training: {context.num_shared_prompts}, in {context.num_sharing} "
            f"training utterances{where}. Fine-tuned chains were trained on these sentences; off-the-shelf "
            "was not."
        )


def design(metrics: Metrics[Any]) -> Iterable[str]:
    """Test speakers, the models that transcribed them, and what such a design can show."""
    speakers = metrics.design.speakers
    num_folds, level = metrics.design.num_folds, metrics.design.level
    num_speakers = sum(map(len, speakers.values()))
    names = "; ".join(f"{l1}: {', '.join(of_l1)}" for l1, of_l1 in speakers.items())
    yield "## Design"
    if num_folds == 1:
        yield f"**One fixed split.** {_speakers(num_speakers)} tested, the same for every chain ({names})."
    else:
        yield (
            f"**{num_folds} folds.** {_speakers(num_speakers)} tested ({names}), each once, by models that were "
            "trained without any recording of that speaker. Numbers are counted over all folds together. So they "
            f"describe the way of training, averaged over {num_folds} models, and not one model."
        )
    yield bullets(_what_it_shows(speakers, num_folds))
    yield (
        f"Intervals are {100 * level:g}% bootstrap intervals over {metrics.design.num_resamples:,} resamples. "
        f"Pooled over L1s, {_units(metrics.copy_canonical.intervals.pooled)} are resampled. They do not "
        "include the effect of training with another seed, which has its own section."
    )


def _what_it_shows(speakers: Mapping[str, list[str]], num_folds: int) -> Iterable[str]:
    alone = [l1 for l1, names in speakers.items() if len(names) == 1]
    several = [l1 for l1, names in speakers.items() if len(names) > 1]
    if alone:
        yield (
            f"One test speaker each: {', '.join(alone)}. Speaker and L1 are confounded here: what is particular to "
            "this speaker looks like something particular to the L1. The interval of such an L1 is **within-speaker**: "
            "it resamples utterances. It says what other sentences by the same speaker would give, not what another "
            "speaker of the L1 would give."
        )
    if several:
        yield (
            f"Several test speakers: {', '.join(several)}. The differences between speakers of one L1 are seen, and "
            "are in the interval of that L1."
        )
    if num_folds > 1:
        yield (
            "Speakers of one fold are transcribed by the same model, so a good or bad model moves them together. The "
            "intervals take speakers as independent and do not see this."
        )
    num_speakers = sum(map(len, speakers.values()))
    if num_speakers > 1:
        yield (
            f"Pooled intervals rest on {num_speakers} speakers and are widened for their number, but they know of "
            "these speakers alone. A difference between chains that does not show here may still exist."
        )


def _speakers(number: int) -> str:
    return "One speaker was" if number == 1 else f"{number} speakers were"


def _units(intervals: ConfidenceIntervals[Any]) -> str:
    if intervals.units == "speakers":
        return f"{intervals.num_units} speakers, with all their utterances,"
    return f"the {intervals.num_units} utterances of the one speaker (within-speaker)"


def p_min(context: Context) -> Iterable[str]:
    """The curves on which the p_min of each fold's prior was chosen."""
    if not context.p_min:
        return
    yield "## How p_min was chosen"
    yield (
        "A prior accepts a phone that speakers of the L1 say there with probability p_min or more. p_min was chosen on "
        "the training speakers alone, one left out at a time: the lowest FRR by class among those that catch at most "
        f"{100 * GUARD_TOLERANCE:.1f} points fewer L1-atypical errors than no prior (the last row). Rates are in per "
        "cent."
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
            yield f"Not used, because they are the only speakers of their L1: {', '.join(choice.left_out)}."


def excluded(metrics: Metrics[Any], context: Context) -> Iterable[str]:
    """Warnings, and how many items some numbers leave out, by reason."""
    yield "## What was left out, and why"
    counts = {**context.excluded, **metrics.excluded}
    yield from metrics.warnings
    yield markdown_table(["reason", "count"], [[reason, str(count)] for reason, count in counts.items()])


def validation(context: Context) -> Iterable[str]:
    """Every epoch of every seed and fold."""
    if not context.validation:
        return
    yield "## Validation by epoch"
    yield (
        "Per cent, on held-out prompts of the training speakers. The number of epochs was fixed beforehand, so nothing "
        "was chosen by these numbers."
    )
    yield markdown_table(
        ["chain", "fold", "seed", "epoch", "val PER", "val L1 accuracy"],
        [
            [row.chain, str(row.fold), str(row.seed), str(row.epoch), percent(row.per), percent(row.l1_accuracy)]
            for row in context.validation
        ],
    )
