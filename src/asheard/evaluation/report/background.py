"""What lies behind the numbers: shared prompts, the choice of p_min, what was left out, validation.

Which speakers were tested by which models, and what such a design can and cannot show.

What is particular to each first language, in two sentences.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from asheard.evaluation.context import Context
from asheard.evaluation.ranking import RATES, reference_chain
from asheard.evaluation.report.tables import markdown_table, percent
from asheard.evaluation.systems import FAITHFUL, L1_ENCODER, L1_PRIOR
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


def design(metrics: Mapping[str, Any]) -> Iterable[str]:
    """The design, in sentences that hold for any gold set."""
    speakers: Mapping[str, list[str]] = metrics["design"]["speakers"]
    num_folds, level = metrics["design"]["num_folds"], metrics["design"]["level"]
    num_speakers = sum(map(len, speakers.values()))
    listed = "; ".join(f"{l1}: {', '.join(names)}" for l1, names in speakers.items())
    yield "## Design"
    if num_folds == 1:
        yield f"**One fixed split.** {_speakers(num_speakers)} tested, the same for every chain ({listed})."
    else:
        yield (
            f"**{num_folds} folds.** {_speakers(num_speakers)} tested ({listed}), each once, by models that were "
            "trained without any recording of that speaker. Numbers are counted over all folds together, so they "
            f"describe the way of training, averaged over {num_folds} models, and not one model."
        )
    yield "\n".join(f"- {sentence}" for sentence in _what_it_shows(speakers, num_folds))
    yield (
        f"Intervals are {100 * level:g}% bootstrap intervals over {metrics['design']['num_resamples']:,} resamples. "
        f"Pooled over L1s, {_units(metrics['copy_canonical']['intervals']['pooled'])} are resampled. What training "
        "with another seed would change is not in them; it has a table of its own."
    )


def _what_it_shows(speakers: Mapping[str, list[str]], num_folds: int) -> Iterable[str]:
    alone = [l1 for l1, names in speakers.items() if len(names) == 1]
    several = [l1 for l1, names in speakers.items() if len(names) > 1]
    if alone:
        yield (
            f"One test speaker each: {', '.join(alone)}. Speaker and L1 are confounded here: what is particular to "
            "this speaker looks as if it were particular to the L1. The interval of such an L1 is **within-speaker**: "
            "it resamples utterances, and says what other sentences by the same speaker would give, not what another "
            "speaker of the L1 would."
        )
    if several:
        yield (
            f"Several test speakers: {', '.join(several)}. How much speakers of one L1 differ is seen, and is in the "
            "interval of that L1."
        )
    if num_folds > 1:
        yield (
            "Speakers of one fold are heard by the same model, so a model that happens to be good or bad moves them "
            "together; the intervals take speakers as independent and do not see this."
        )
    num_speakers = sum(map(len, speakers.values()))
    if num_speakers > 1:
        yield (
            f"Pooled intervals rest on {num_speakers} speakers and are widened for their number, but they know of "
            "these speakers alone; a difference between chains that does not show here may still be there."
        )


def _speakers(number: int) -> str:
    return "One speaker was" if number == 1 else f"{number} speakers were"


def _units(intervals: Mapping[str, Any]) -> str:
    if intervals["units"] == "speakers":
        return f"{intervals['num_units']} speakers, with all their utterances,"
    return f"the {intervals['num_units']} utterances of the one speaker (within-speaker)"


_NUM_FREQUENT = 4  # substitutions named


def l1_notes(rows: pl.DataFrame, chains: Mapping[str, Any]) -> list[str]:
    """Say for each L1 what its speakers substitute, how that was heard, and what knowing the L1 changed.

    Args:
        rows: token rows of every chain and seed.
        chains: what `metrics.summarise` returns for them.
    Returns:
        One paragraph of Markdown for each L1, in alphabetical order.
    """
    reference = reference_chain(chains)
    heard = rows.filter(pl.col("chain") == reference)
    notes = []
    for (l1,), here in sorted(heard.partition_by("l1", as_dict=True).items()):
        speakers = ", ".join(sorted(here["speaker"].unique()))
        notes.append(f"**{l1}** ({speakers}): {_said_and_heard(here, reference)}{_l1_known(chains, l1)}")
    return notes


def _said_and_heard(rows: pl.DataFrame, chain: str) -> str:
    num_seeds = rows["seed"].n_unique()
    substituted = rows.filter((pl.col("error_type") == "s") & pl.col("perceived").is_not_null())
    if substituted.is_empty():
        return "no substitutions."
    frequent = (
        substituted.group_by("canonical", "perceived")
        .len()
        .sort(["len", "canonical", "perceived"], descending=[True, False, False])
        .head(_NUM_FREQUENT)
    )
    named = ", ".join(f"{a} said {b} ({count // num_seeds})" for a, b, count in frequent.iter_rows())
    shares = substituted.select(
        typical=pl.col("l1_typical").mean(),
        right=(pl.col("predicted") == pl.col("perceived")).fill_null(False).mean(),
        collapsed=pl.col("collapsed").mean(),
    ).row(0, named=True)
    return (
        f"{substituted.height // num_seeds} substitutions, {percent(shares['typical'])}% L1-typical; "
        f"most often {named}. {chain} wrote the phone that was said at {percent(shares['right'])}% of them "
        f"and the canonical at {percent(shares['collapsed'])}%."
    )


def _l1_known(chains: Mapping[str, Any], l1: str) -> str:
    """How the chains that know the L1 differ from the faithful one."""
    if FAITHFUL not in chains:
        return ""
    faithful = chains[FAITHFUL]["per_l1"][l1]
    sentences = []
    if L1_ENCODER in chains:
        encoder = chains[L1_ENCODER]["per_l1"][l1]
        sentences.append(f" The L1 encoder moves {_moved(faithful, encoder, 'collapse', 'per', 'frr_class')}.")
    if L1_PRIOR in chains:
        prior = chains[L1_PRIOR]["per_l1"][l1]
        sentences.append(f" The L1 prior moves {_moved(faithful, prior, 'frr_class', 'atypical_errors_caught')}.")
    return "".join(sentences)


def _moved(before: dict[str, Any], after: dict[str, Any], *names: str) -> str:
    labels = {path: label for label, path in RATES.items()}
    return ", ".join(f"{labels[name]} {percent(before[name])} to {percent(after[name])}" for name in names)
