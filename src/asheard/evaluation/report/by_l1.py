"""One section for each first language: its rates, its confusions, and the errors most often missed."""

from collections.abc import Iterable
from typing import Any, Final

import polars as pl

from asheard.corpora.chains import FAITHFUL, L1_ENCODER, L1_PRIOR
from asheard.evaluation.detection import (
    NOTHING,
    NUM_CANONICAL,
    NUM_MISSED,
    UNNAMED_SOUND,
    most_frequent,
    most_missed,
    substitutions_of,
)
from asheard.evaluation.labels import ATYPICAL_ERRORS_CAUGHT, COLLAPSE, FRR_CLASS, PER, LabelMeasures
from asheard.evaluation.metrics import Metric, Metrics
from asheard.evaluation.report.rates import units
from asheard.evaluation.report.tables import bullets, l1_cell, markdown_table, percent
from asheard.evaluation.tokens import IS_NAMED

BY_L1_FILE: Final = "by-l1.csv"
CONFUSIONS_FILE: Final = "confusions.csv"
_NUM_FREQUENT: Final = 4  # substitutions named in the summary


def by_l1(rows: pl.DataFrame, metrics: Metrics[Any]) -> Iterable[str]:
    """A section for each first language."""
    labels, chain = metrics.scheme.has_verdict, metrics.reference_chain()
    yield "## By first language"
    yield (
        f"Rates are written as in the first table; the others are in [{BY_L1_FILE}]({BY_L1_FILE}). If an L1 has one "
        "test speaker, its intervals are within-speaker (see Design)."
    )
    if labels:
        yield bullets(
            [
                f"Confusions: the {NUM_CANONICAL} most substituted phones, what was said and what {chain} wrote most "
                "often instead, in per cent of the substitutions. Copying the canonical would write the phone itself. "
                f"All phones are in [{CONFUSIONS_FILE}]({CONFUSIONS_FILE}).",
                f"Errors missed: the {NUM_MISSED} errors that {chain} missed most often, with times missed and times "
                "made. Missed means written as the canonical: a substitution, a deletion "
                f"({NOTHING}) or a sound the annotator could not name ({UNNAMED_SOUND}). Copying the canonical would "
                "miss all of them.",
            ]
        )
    for l1 in metrics.copy_canonical.per_l1:
        yield f"### {l1}"
        if labels:
            yield l1_summary(rows.filter(l1=l1), metrics, l1)
        yield f"Intervals over {units(metrics.copy_canonical.intervals.per_l1[l1])}:"
        yield _rates(metrics, l1)
        if labels:
            yield from confusions(rows, chain, l1)
            yield from errors_missed(rows, chain, l1)


def _rates(metrics: Metrics[Any], l1: str) -> str:
    columns = metrics.scheme.first_metrics
    return markdown_table(
        ["chain", *(metric.name for metric in columns)],
        [
            [chain, *(l1_cell(summary, l1, metric) for metric in columns)]
            for chain, summary in metrics.with_copy_canonical().items()
        ],
    )


def l1_summary(rows: pl.DataFrame, metrics: Metrics[LabelMeasures], l1: str) -> str:
    """Say what the speakers of an L1 substitute, what the reference chain wrote, and what knowing the L1 changed.

    Args:
        rows: token rows of the L1, every chain and seed.
        metrics: of the same rows.
        l1: first language.
    """
    reference = metrics.reference_chain()
    rows = rows.filter(chain=reference)
    speakers = ", ".join(sorted(rows["speaker"].unique()))
    return f"Test speakers: {speakers}. {_said_and_written(rows, reference)}{_l1_known(metrics, l1)}"


def _said_and_written(rows: pl.DataFrame, chain: str) -> str:
    num_seeds = rows["seed"].n_unique()
    substituted = rows.filter(IS_NAMED)
    if substituted.is_empty():
        return "No substitutions."
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
        f"{substituted.height // num_seeds} substitutions, {percent(shares['typical'])}% L1-typical. Most frequent: "
        f"{named}. {chain} wrote the phone that was said at {percent(shares['right'])}% of the substitutions, and the "
        f"canonical at {percent(shares['collapsed'])}%."
    )


def _l1_known(metrics: Metrics[LabelMeasures], l1: str) -> str:
    """Say how the chains that know the L1 differ from the faithful one."""
    of_l1 = {chain: summary.per_l1[l1] for chain, summary in metrics.chains.items()}
    if FAITHFUL not in of_l1:
        return ""
    sentences = []
    if L1_ENCODER in of_l1:
        changes = _changes(of_l1[FAITHFUL], of_l1[L1_ENCODER], COLLAPSE, PER, FRR_CLASS)
        sentences.append(f" The L1 encoder changes {changes}.")
    if L1_PRIOR in of_l1:
        changes = _changes(of_l1[FAITHFUL], of_l1[L1_PRIOR], FRR_CLASS, ATYPICAL_ERRORS_CAUGHT)
        sentences.append(f" The L1 prior changes {changes}.")
    return "".join(sentences)


def _changes(before: LabelMeasures, after: LabelMeasures, *metrics: Metric[LabelMeasures]) -> str:
    return ", ".join(
        f"{metric.name} from {percent(metric.of(before))} to {percent(metric.of(after))}" for metric in metrics
    )


def confusions(rows: pl.DataFrame, chain: str, l1: str) -> Iterable[str]:
    """The most substituted phones of an L1, with what was said and what the chain wrote most often."""
    substituted = substitutions_of(rows, chain).filter(l1=l1)
    num_seeds = max(1, rows.filter(chain=chain)["seed"].n_unique())
    table = []
    for phone, count in most_frequent(substituted["canonical"], NUM_CANONICAL).items():
        of_phone = substituted.filter(canonical=phone)
        table.append([phone, str(count // num_seeds), *_first(of_phone["perceived"]), *_first(of_phone["predicted"])])
    if table:
        yield "Confusions:"
        yield markdown_table(["phone", "substitutions", "said", "said, %", "written", "written, %"], table)


def _first(phones: pl.Series) -> tuple[str, str]:
    ((phone, share),) = shares(phones, 1)
    return phone, share


def shares(phones: pl.Series, number: int) -> list[tuple[str, str]]:
    """Return the most frequent phones, and their share in per cent."""
    counts = most_frequent(phones.fill_null(NOTHING), number)
    return [(phone, f"{100 * count / len(phones):.0f}") for phone, count in counts.items()]


def errors_missed(rows: pl.DataFrame, chain: str, l1: str) -> Iterable[str]:
    """The errors of an L1 at which the chain most often wrote the canonical."""
    errors = most_missed(rows.filter(chain=chain), l1)
    table = [
        [f"{canonical} → {said}", f"{round(missed, 1):g}", str(made)]
        for canonical, said, missed, made in errors.iter_rows()
    ]
    yield "Errors missed:" if table else "No error was missed."
    if table:
        yield markdown_table(["error", "missed", "made"], table)
