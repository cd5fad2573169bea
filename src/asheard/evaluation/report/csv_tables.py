"""The tables that are too wide for RESULTS.md, as CSV files beside metrics.json.

Numbers are written as RESULTS.md writes them: rates in per cent, distances and coefficients as they are.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import polars as pl

from asheard.evaluation.detection import collapse_by, substitutions_of
from asheard.evaluation.labels import D1_AUC, D2_SUB_P25, D3_RHO, LabelMeasures
from asheard.evaluation.metrics import Metrics
from asheard.evaluation.report.by_l1 import BY_L1_FILE, CONFUSIONS_FILE, shares
from asheard.evaluation.report.distances import PHONES_FILE, phone_chains
from asheard.evaluation.report.rates import DIFFERENCES_FILE, units
from asheard.evaluation.report.tables import NOT_AVAILABLE, percent, probability, signed, write_csv, written

_DISTANCES: Final = {"D1 AUC": D1_AUC, "D2, 25th percentile of substitutions": D2_SUB_P25, "D3 rho": D3_RHO}


def write_csv_tables(out: Path, rows: pl.DataFrame, metrics: Metrics[Any]) -> None:
    """Write the CSV files into `out`.

    Args:
        out: an existing folder.
        rows: token rows of every chain and seed.
        metrics: of the same rows.
    """
    write_csv(
        out / DIFFERENCES_FILE,
        ["metric", "chain", "reference", "difference", "low", "high", "p", "p_holm"],
        _differences(metrics),
    )
    write_csv(out / BY_L1_FILE, ["l1", "intervals_over", "metric", "chain", "value", "low", "high"], _by_l1(metrics))
    if metrics.scheme.has_verdict:
        write_csv(
            out / CONFUSIONS_FILE,
            ["l1", "chain", "phone", "substitutions", "said_or_written", "other_phone", "per_cent"],
            _confusions(rows, metrics),
        )
        write_csv(
            out / PHONES_FILE,
            ["phone_or_position", "name", "substitutions", "chain", "collapse", "low", "high"],
            _collapse_by_phone(rows, metrics),
        )


def _differences(metrics: Metrics[Any]) -> Iterable[list[str]]:
    for record in metrics.differences:
        ends = (record.difference, record.low, record.high)
        yield [
            record.metric.name,
            record.chain,
            record.reference,
            *(signed(end, coefficient=not record.metric.percent) for end in ends),
            probability(record.p),
            probability(record.p_holm),
        ]


def _by_l1(metrics: Metrics[Any]) -> Iterable[list[str]]:
    summaries = metrics.with_copy_canonical()
    for l1, intervals in metrics.copy_canonical.intervals.per_l1.items():
        over = units(intervals)
        for metric in metrics.scheme.table_metrics:
            for chain, summary in summaries.items():
                ends = summary.intervals.per_l1[l1].values[metric] or (None, None)
                cells = [written(metric, value) for value in (metric.of(summary.per_l1[l1]), *ends)]
                yield [l1, over, metric.name, chain, *cells]
        if metrics.scheme.has_verdict:
            for heading, metric in _DISTANCES.items():
                for chain, summary in summaries.items():
                    value = written(metric, metric.of(summary.per_l1[l1]))
                    yield [l1, over, heading, chain, value, NOT_AVAILABLE, NOT_AVAILABLE]


def _confusions(rows: pl.DataFrame, metrics: Metrics[LabelMeasures]) -> Iterable[list[str]]:
    chain = metrics.reference_chain()
    num_seeds = max(1, rows.filter(chain=chain)["seed"].n_unique())
    substituted = substitutions_of(rows, chain)
    for (l1, phone), here in sorted(substituted.partition_by("l1", "canonical", as_dict=True).items()):
        for side, column in (("said", "perceived"), ("written", "predicted")):
            for other, share in shares(here[column], here.height):
                yield [l1, chain, phone, str(here.height // num_seeds), side, other, share]


def _collapse_by_phone(rows: pl.DataFrame, metrics: Metrics[LabelMeasures]) -> Iterable[list[str]]:
    for group, heading in (("canonical", "phone"), ("position", "position")):
        for chain in phone_chains(metrics):
            for name, num, *rates in collapse_by(rows.filter(chain=chain), group).iter_rows():
                yield [heading, name, str(num), chain, *map(percent, rates)]
