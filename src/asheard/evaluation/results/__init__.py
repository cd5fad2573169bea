"""RESULTS.md: the sections in the order they are read."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from asheard.evaluation.context import Context
from asheard.evaluation.definitions import DEFINITIONS, SCORE_DEFINITIONS
from asheard.evaluation.metrics import LABELS
from asheard.evaluation.notes import l1_notes
from asheard.evaluation.plots import (
    COLLAPSE_PLOT,
    CONFUSIONS_PLOT,
    DETECTION_PLOT,
    DISTANCES_PLOT,
    MISSED_PLOT,
    PHONES_PLOT,
    TRADEOFF_PLOT,
)
from asheard.evaluation.results.background import p_min, set_apart, shared_prompts, validation
from asheard.evaluation.results.design import design
from asheard.evaluation.results.distances import detection, dissociations
from asheard.evaluation.results.misses import confusions, errors_missed, phones_that_collapse
from asheard.evaluation.results.rates import (
    by_l1,
    differences,
    l1_declared_or_unknown,
    published,
    ranked,
    seeds,
)
from asheard.evaluation.results.scores import curves, ranked_by_scores
from asheard.evaluation.scores import scheme_of
from asheard.evaluation.verdict import Verdict, missing_chains


def results_text(
    rows: pl.DataFrame, metrics: Mapping[str, Any], context: Context, verdict: Verdict | None, plots: str
) -> str:
    """Compose RESULTS.md.

    Args:
        rows: token rows of every chain and seed.
        metrics: the contents of metrics.json.
        context: what is said beside the numbers.
        verdict: None where there is none.
        plots: folder of the pictures, relative to the text.
    Returns:
        Markdown; each paragraph is one line, and below each table stands the signature of its numbers.
    """
    blocks = [
        f"# Results: {context.corpus}",
        *(f"> **{note}**" for note in context.notes),
        f"`{metrics['signature']}`",
        *(
            _of_labels(rows, metrics, context, verdict, plots)
            if scheme_of(metrics) is LABELS
            else _of_scores(rows, metrics, context, plots)
        ),
    ]
    return "\n\n".join(_signed(blocks, metrics["signature"])) + "\n"


def _of_labels(
    rows: pl.DataFrame, metrics: Mapping[str, Any], context: Context, verdict: Verdict | None, plots: str
) -> list[str]:
    return [
        *ranked(metrics),
        *shared_prompts(context),
        f"![Collapse by chain and first language]({plots}/{COLLAPSE_PLOT})",
        *design(metrics),
        *_verdict(metrics["chains"], verdict),
        *published(metrics),
        *differences(metrics),
        *seeds(metrics),
        *by_l1(metrics),
        "\n".join(f"- {note}" for note in l1_notes(rows, metrics["chains"])),
        *confusions(rows, metrics),
        f"![What was said and what was written, for each first language]({plots}/{CONFUSIONS_PLOT})",
        *errors_missed(rows, metrics),
        f"![The errors most often missed, for each first language]({plots}/{MISSED_PLOT})",
        *phones_that_collapse(rows, metrics),
        f"![Collapse by canonical phone and syllable position]({plots}/{PHONES_PLOT})",
        *detection(rows, metrics),
        f"![False rejections against missed substitutions]({plots}/{DETECTION_PLOT})",
        *dissociations(metrics),
        f"![Distances at correct and at substituted positions]({plots}/{DISTANCES_PLOT})",
        *l1_declared_or_unknown(metrics),
        *p_min(context),
        *set_apart(metrics, context),
        *validation(context),
        "## What is counted",
        DEFINITIONS,
    ]


def _of_scores(rows: pl.DataFrame, metrics: Mapping[str, Any], context: Context, plots: str) -> list[str]:
    return [
        *ranked_by_scores(metrics),
        *shared_prompts(context),
        f"![False rejections against collapse]({plots}/{TRADEOFF_PLOT})",
        *curves(rows, metrics),
        *design(metrics),
        *differences(metrics),
        *seeds(metrics),
        *(by_l1(metrics) if len(metrics["design"]["speakers"]) > 1 else ()),
        *set_apart(metrics, context),
        *validation(context),
        "## What is counted",
        SCORE_DEFINITIONS,
    ]


def _signed(blocks: Iterable[str], signature: str) -> Iterable[str]:
    for block in blocks:
        yield block
        if block.startswith("|"):
            yield f"<sub>`{signature}`</sub>"


def _verdict(chains: Mapping[str, Any], verdict: Verdict | None) -> Iterable[str]:
    yield "## Verdict"
    if verdict is None:
        missing = ", ".join(missing_chains(chains))
        yield f"No verdict: it needs all four chains, and these are missing: {missing}."
        return
    homes = {
        "encoder": "in the encoder",
        "scorer": "in the scorer",
        "both": "in both the encoder and the scorer",
        "nowhere": "nowhere",
    }
    yield (
        f"(a) The faithful transcriber: **{verdict.faithful}**. "
        f"(b) The first language should live **{homes[verdict.l1]}**."
    )
    yield "\n".join(f"- {reason}" for reason in verdict.reasons)
