"""What distances are worth: detection at every threshold, and the dissociations D1 to D3."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from asheard.evaluation.detection import detection_curve, operating_point
from asheard.evaluation.ranking import auc_path, look_up, with_copy_canonical
from asheard.evaluation.report.tables import markdown_table, number, passed, percent, probability, with_interval
from asheard.evaluation.systems import COPY_CANONICAL


def detection(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> Iterable[str]:
    """The ends of each detection curve that matter, and its area."""
    summaries = with_copy_canonical(metrics)
    yield "## Detection curves"
    yield (
        "A threshold on the distance calls a position an error; as it falls, fewer substitutions are missed and more "
        "correct positions rejected. At the smallest one every difference from the canonical is an error, and what is "
        "still missed is collapse. Per cent; AUC is D1's, the area above the curve of FRR against missed, with its "
        "interval. In use: the threshold of the report and, behind a prior, what the prior excuses; the L1-typical "
        "substitutions that it excuses count as missed here."
    )
    table = []
    for chain, summary in summaries.items():
        here = rows.filter(chain=chain)
        curve, in_use = detection_curve(here), operating_point(here)
        pooled = summary["pooled"]
        if chain == COPY_CANONICAL:  # no threshold changes anything where every distance is 0
            points = (pooled["collapse"], pooled["frr"]) * 2
        elif curve is None or in_use is None:
            points = (None,) * 4
        else:
            points = (float(curve.missed[curve.as_written]), float(curve.frr[curve.as_written]), *in_use)
        table.append([chain, _with_interval(summary, auc_path(pooled)), *map(percent, points)])
    yield markdown_table(["chain", "AUC", "smallest threshold: missed", "its FRR", "in use: missed", "its FRR"], table)
    for chain, summary in summaries.items():
        if "position_scores" in summary["pooled"]:
            yield (
                f"{chain}: AUC and curve are of its own scores of the positions in place of distances, and its "
                "smallest threshold is where it begins to write another phone. With deletions and sounds without a "
                f"name among the errors its AUC is {_with_interval(summary, 'position_scores.auc_all_errors')}."
            )


def dissociations(metrics: Mapping[str, Any]) -> Iterable[str]:
    """D1 to D3, pooled and for each L1."""
    summaries = with_copy_canonical(metrics)
    yield "## Do distances mean anything: D1, D2, D3"
    table = []
    for chain, summary in summaries.items():
        d1, d2, d3 = (summary["pooled"][name] for name in ("d1", "d2", "d3"))
        table.append(
            [
                chain,
                _with_interval(summary, "d1.auc"),
                probability(d1["p"]),
                passed(d1["pass"]),
                number(d2["ok_p75"]),
                number(d2["sub_p25"]),
                _with_interval(summary, "d2.gap"),
                passed(d2["pass"]),
                _with_interval(summary, "d3.rho"),
                probability(d3["p"]),
            ]
        )
    yield markdown_table(["chain", "D1 AUC", "D1 p", "D1", "ok p75", "sub p25", "gap", "D2", "D3 rho", "D3 p"], table)
    yield "Their p values take positions as independent; the intervals do not."
    for heading, path in (
        ("D1 AUC", "d1.auc"),
        ("D2, 25th percentile of substitutions", "d2.sub_p25"),
        ("D3 rho", "d3.rho"),
    ):
        yield f"{heading} by L1:"
        yield markdown_table(
            ["L1", *summaries],
            [
                [l1, *(number(look_up(summary["per_l1"][l1], path)) for summary in summaries.values())]
                for l1 in metrics["copy_canonical"]["per_l1"]
            ],
        )


def _with_interval(summary: Mapping[str, Any], path: str) -> str:
    return with_interval(look_up(summary["pooled"], path), summary["intervals"]["pooled"]["values"][path], number)
