"""The tables that are too wide for RESULTS.md, as CSV files beside metrics.json.

Numbers are written as RESULTS.md writes them: rates in per cent, distances and coefficients as they are.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from asheard.evaluation.expert_scores import scheme_of
from asheard.evaluation.metrics import LABELS, look_up
from asheard.evaluation.missed import collapse_by, substitutions_of
from asheard.evaluation.ranking import reference_chain, with_copy_canonical
from asheard.evaluation.report.by_l1 import BY_L1_FILE, CONFUSIONS_FILE, shares
from asheard.evaluation.report.distances import PHONES_FILE, phone_chains
from asheard.evaluation.report.rates import DIFFERENCES_FILE, units
from asheard.evaluation.report.tables import (
    COEFFICIENTS,
    NOT_AVAILABLE,
    notation,
    number,
    percent,
    probability,
    signed,
    write_csv,
)

_DISTANCES = {"D1 AUC": "d1.auc", "D2, 25th percentile of substitutions": "d2.sub_p25", "D3 rho": "d3.rho"}


def write_csv_tables(out: Path, rows: pl.DataFrame, metrics: Mapping[str, Any]) -> None:
    """Write the CSV files into `out`.

    Args:
        out: an existing folder.
        rows: token rows of every chain and seed.
        metrics: the contents of metrics.json.
    """
    write_csv(
        out / DIFFERENCES_FILE,
        ["metric", "chain", "reference", "difference", "low", "high", "p", "p_holm"],
        _differences(metrics),
    )
    write_csv(out / BY_L1_FILE, ["l1", "intervals_over", "metric", "chain", "value", "low", "high"], _by_l1(metrics))
    if scheme_of(metrics) is LABELS:
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


def _differences(metrics: Mapping[str, Any]) -> Iterable[list[str]]:
    headings = {path: heading for heading, path in scheme_of(metrics).headings.items()}
    for record in metrics["differences"]:
        coefficient = record["metric"] in COEFFICIENTS
        yield [
            headings[record["metric"]],
            record["chain"],
            record["reference"],
            *(signed(record[name], coefficient=coefficient) for name in ("difference", "low", "high")),
            probability(record["p"]),
            probability(record["p_holm"]),
        ]


def _by_l1(metrics: Mapping[str, Any]) -> Iterable[list[str]]:
    scheme, summaries = scheme_of(metrics), with_copy_canonical(metrics)
    for l1 in metrics["copy_canonical"]["per_l1"]:
        over = units(metrics["copy_canonical"]["intervals"]["per_l1"][l1])
        for heading, path in scheme.headings.items():
            written = notation(path)
            for chain, summary in summaries.items():
                ends = summary["intervals"]["per_l1"][l1]["values"][path] or (None, None)
                value = look_up(summary["per_l1"][l1], path)
                yield [l1, over, heading, chain, written(value), *map(written, ends)]
        if scheme is LABELS:
            for heading, path in _DISTANCES.items():
                for chain, summary in summaries.items():
                    value = number(look_up(summary["per_l1"][l1], path))
                    yield [l1, over, heading, chain, value, NOT_AVAILABLE, NOT_AVAILABLE]


def _confusions(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> Iterable[list[str]]:
    chain = reference_chain(metrics["chains"])
    num_seeds = max(1, rows.filter(chain=chain)["seed"].n_unique())
    substituted = substitutions_of(rows, chain)
    for (l1, phone), here in sorted(substituted.partition_by("l1", "canonical", as_dict=True).items()):
        for side, column in (("said", "perceived"), ("written", "predicted")):
            for other, share in shares(here[column], here.height):
                yield [l1, chain, phone, str(here.height // num_seeds), side, other, share]


def _collapse_by_phone(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> Iterable[list[str]]:
    for group, heading in (("canonical", "phone"), ("position", "position")):
        for chain in phone_chains(metrics):
            for name, num, *rates in collapse_by(rows.filter(chain=chain), group).iter_rows():
                yield [heading, name, str(num), chain, *map(percent, rates)]
