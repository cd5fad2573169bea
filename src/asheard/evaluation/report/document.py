"""RESULTS.md: one screen with the verdict, a table and a picture, then sections that a reader may skip."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from asheard.corpora.chains import FAITHFUL, L1_ENCODER, L1_PRIOR, OFF_THE_SHELF
from asheard.evaluation.context import Context
from asheard.evaluation.decision import Verdict, missing_chains
from asheard.evaluation.labels import COLLAPSE, FRR_CLASS
from asheard.evaluation.metrics import Metric, Metrics
from asheard.evaluation.report.background import design, excluded, p_min, shared_prompts, validation
from asheard.evaluation.report.by_l1 import by_l1
from asheard.evaluation.report.csv_tables import write_csv_tables
from asheard.evaluation.report.definitions import (
    ABOUT_POSITIONS,
    ABOUT_SCORE_POSITIONS,
    DEFINITIONS,
    FIRST_SCORE_TERMS,
    FIRST_TERMS,
    SCORE_DEFINITIONS,
)
from asheard.evaluation.report.distances import collapse_by_phone, detection, dissociations, score_detection
from asheard.evaluation.report.figures import (
    COLLAPSE_FIGURE,
    CONFUSIONS_FIGURE,
    DETECTION_FIGURE,
    DISTANCES_FIGURE,
    MISSED_FIGURE,
    PHONES_FIGURE,
    TRADEOFF_FIGURE,
    write_figures,
)
from asheard.evaluation.report.rates import (
    best_pairs,
    first_table,
    how_to_read,
    l1_given_or_withheld,
    published,
    ranked,
    ranked_by_scores,
    seeds,
    verdict_pairs,
)
from asheard.evaluation.report.tables import bullets, number, percent, points
from asheard.io.files import whole_file

RESULTS_FILE: Final = "RESULTS.md"
FIGURES_FOLDER: Final = "plots"

_PLACES: Final = {
    "encoder": "in the encoder",
    "scorer": "in the scorer",
    "both": "in both the encoder and the scorer",
    "nowhere": "nowhere",
}


def write_results(
    out: Path, rows: pl.DataFrame, metrics: Metrics[Any], context: Context, verdict: Verdict | None
) -> None:
    """Write RESULTS.md, its figures, and the CSV files with the wide tables.

    Args:
        out: an existing folder.
        rows: token rows of every chain and seed.
        metrics: of the same rows.
        context: texts beside the numbers.
        verdict: None if there is none.
    """
    write_figures(out / FIGURES_FOLDER, rows, metrics)
    write_csv_tables(out, rows, metrics)
    with whole_file(out / RESULTS_FILE) as part:
        part.write_text(results_text(rows, metrics, context, verdict), encoding="utf-8")


def results_text(rows: pl.DataFrame, metrics: Metrics[Any], context: Context, verdict: Verdict | None) -> str:
    """Compose RESULTS.md.

    Returns:
        Markdown. A paragraph is one line. The signature of its numbers follows each table.
    """
    labels = metrics.scheme.has_verdict
    sections = _label_sections(rows, metrics, context, verdict) if labels else _score_sections(rows, metrics, context)
    blocks = [
        f"# Results: {context.corpus}",
        *(f"> **{note}**" for note in context.notes),
        _answer(metrics, verdict) if labels else _best_by_scores(metrics),
        first_table(metrics),
        how_to_read(metrics),
        bullets(f"**{term}**: {meaning}" for term, meaning in (FIRST_TERMS if labels else FIRST_SCORE_TERMS).items()),
        *sections,
    ]
    return "\n\n".join(_signed(blocks, metrics.signature)) + "\n"


def _label_sections(rows: pl.DataFrame, metrics: Metrics[Any], context: Context, verdict: Verdict | None) -> list[str]:
    return [
        _picture("Collapse by chain and first language", COLLAPSE_FIGURE),
        *_verdict(metrics, verdict),
        *ranked(metrics),
        *shared_prompts(context),
        *design(metrics),
        *published(metrics),
        *seeds(metrics),
        *by_l1(rows, metrics),
        _picture("What was said and what was written, for each first language", CONFUSIONS_FIGURE),
        _picture("The errors most often missed, for each first language", MISSED_FIGURE),
        *collapse_by_phone(rows, metrics),
        _picture("Collapse by canonical phone and syllable position", PHONES_FIGURE),
        *detection(rows, metrics),
        _picture("False rejections against missed substitutions", DETECTION_FIGURE),
        *dissociations(metrics),
        _picture("Distances at correct and at substituted positions", DISTANCES_FIGURE),
        *l1_given_or_withheld(metrics),
        *p_min(context),
        *excluded(metrics, context),
        *validation(context),
        *_definitions(metrics, ABOUT_POSITIONS, DEFINITIONS),
    ]


def _score_sections(rows: pl.DataFrame, metrics: Metrics[Any], context: Context) -> list[str]:
    return [
        _picture("False rejections against collapse", TRADEOFF_FIGURE),
        *ranked_by_scores(metrics),
        *shared_prompts(context),
        *score_detection(rows, metrics.ordered()),
        *design(metrics),
        *best_pairs(metrics),
        *seeds(metrics),
        *(by_l1(rows, metrics) if len(metrics.design.speakers) > 1 else ()),
        *excluded(metrics, context),
        *validation(context),
        *_definitions(metrics, ABOUT_SCORE_POSITIONS, SCORE_DEFINITIONS),
    ]


def _definitions(metrics: Metrics[Any], positions: str, terms: Mapping[str, str]) -> Iterable[str]:
    yield "## Definitions"
    yield positions
    of_metrics = {metric.name: f"{metric.definition}." for metric in metrics.scheme.table_metrics}
    yield bullets(f"**{term}**: {meaning}" for term, meaning in (of_metrics | dict(terms)).items())


def _picture(title: str, name: str) -> str:
    return f"![{title}]({FIGURES_FOLDER}/{name})"


def _signed(blocks: Iterable[str], signature: str) -> Iterable[str]:
    for block in blocks:
        yield block
        if block.startswith("|"):
            yield f"`{signature}`"


def _answer(metrics: Metrics[Any], verdict: Verdict | None) -> str:
    """Say the verdict in two sentences."""
    if verdict is None:
        return f"{_no_verdict(metrics)} {_lowest_per(metrics)}"
    ours, theirs = (percent(metrics.chains[chain].pooled.collapse) for chain in (FAITHFUL, OFF_THE_SHELF))
    changes = {
        "encoder": f": it changes collapse by {_change(metrics, COLLAPSE, L1_ENCODER)} points and FRR by class by "
        f"{_change(metrics, FRR_CLASS, L1_ENCODER)} points",
        "scorer": f": it changes FRR by class by {_change(metrics, FRR_CLASS, L1_PRIOR)} points",
        "both": f": the encoder changes collapse by {_change(metrics, COLLAPSE, L1_ENCODER)} points, the scorer FRR "
        f"by class by {_change(metrics, FRR_CLASS, L1_PRIOR)} points",
        "nowhere": ": neither the encoder nor the scorer meets its conditions",
    }
    return (
        f"The faithful transcriber is a **{verdict.faithful}**: it writes the canonical phone at {ours}% of the "
        f"substitutions, off-the-shelf at {theirs}%. The first language (L1) should live **{_PLACES[verdict.l1]}**"
        f"{changes[verdict.l1]}."
    )


def _change(metrics: Metrics[Any], metric: Metric[Any], chain: str) -> str:
    record = metrics.difference(metric, chain, FAITHFUL)
    return points(record.difference, (record.low, record.high))


def _no_verdict(metrics: Metrics[Any]) -> str:
    missing = ", ".join(missing_chains(metrics.chains))
    return f"No verdict: it needs all four chains, and these are missing: {missing}."


def _lowest_per(metrics: Metrics[Any]) -> str:
    best = metrics.ranked()[0]
    per = metrics.chains[best].pooled.per
    return "No PER is defined." if per is None else f"{best} has the lowest PER, {percent(per)}%."


def _best_by_scores(metrics: Metrics[Any]) -> str:
    best = metrics.ranked()[0]
    auc = number(metrics.chains[best].pooled.auc)
    return (
        "No verdict: experts scored the phones, and what was said instead is not known. "
        f"{best} agrees best with the experts: its AUC is {auc}."
    )


def _verdict(metrics: Metrics[Any], verdict: Verdict | None) -> Iterable[str]:
    if verdict is None:
        yield from best_pairs(metrics)
        return
    yield "## Verdict"
    yield (
        f"The faithful transcriber: **{verdict.faithful}**. The first language should live "
        f"**{_PLACES[verdict.l1]}**. The rules were fixed before any study was run; they are under Definitions."
    )
    yield bullets(verdict.reasons)
    yield from verdict_pairs(metrics)
