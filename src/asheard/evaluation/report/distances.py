"""Sections on distances: detection at every threshold, the dissociations D1 to D3, and collapse by phone."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import polars as pl

from asheard.corpora.chains import COPY_CANONICAL, distinct_transcripts
from asheard.evaluation.detection import (
    MIN_SUBSTITUTIONS,
    area_metric,
    collapse_by,
    detection_curve,
    operating_point,
)
from asheard.evaluation.expert_scores import SCORE_SCHEME
from asheard.evaluation.labels import D1_AUC, D2_GAP, D3_RHO, POSITION_AUC_ALL_ERRORS, LabelMeasures
from asheard.evaluation.metrics import Metrics
from asheard.evaluation.report.tables import (
    markdown_table,
    number,
    passed,
    percent,
    pooled_cell,
    probability,
    with_interval,
)

PHONES_FILE: Final = "collapse-by-phone.csv"
_NUM_CHAINS: Final = 4  # the table has six columns
_COLLAPSES: Final = (0.1, 0.2, 0.3, 0.4, 0.5)  # at which the curve of scores is read


def detection(rows: pl.DataFrame, metrics: Metrics[LabelMeasures]) -> Iterable[str]:
    """The two ends of each detection curve, and its area."""
    summaries = metrics.with_copy_canonical()
    yield "## Detection curves"
    yield (
        "A threshold on the distance calls a position an error. A lower threshold misses fewer substitutions and "
        "rejects more correct positions. At the smallest threshold every difference from the canonical is an error, "
        "and what is still missed is collapse. In use: the threshold of this report; with a prior, also what the prior "
        "accepts. The L1-typical substitutions that a prior accepts count as missed here. Missed and FRR are in per "
        "cent. AUC is that of D1, the area above the curve of FRR against missed."
    )
    table = []
    for chain, summary in summaries.items():
        here = rows.filter(chain=chain)
        curve, in_use = detection_curve(here), operating_point(here)
        pooled = summary.pooled
        if chain == COPY_CANONICAL:  # all distances are 0, so no threshold changes anything
            ends = (pooled.collapse, pooled.frr) * 2
        elif curve is None or in_use is None:
            ends = (None,) * 4
        else:
            ends = (float(curve.missed[curve.as_written]), float(curve.frr[curve.as_written]), *in_use)
        table.append([chain, pooled_cell(summary, area_metric(pooled)), *map(percent, ends)])
    yield markdown_table(["chain", "AUC", "missed, smallest", "FRR, smallest", "missed, in use", "FRR, in use"], table)
    for chain, summary in summaries.items():
        if summary.pooled.position_scores is not None:
            yield (
                f"{chain}: AUC and curve are of its own scores of the positions, not of distances. Its smallest "
                "threshold is the one at which it begins to write another phone. With deletions and sounds without a "
                f"name among the errors its AUC is {pooled_cell(summary, POSITION_AUC_ALL_ERRORS)}."
            )


def score_detection(rows: pl.DataFrame, chains: Iterable[str]) -> Iterable[str]:
    """The same for gold of expert scores: the lowest FRR of each chain at some shares of collapse."""
    yield "## FRR against collapse"
    yield (
        "A threshold on the chain score rejects the phones below it. A higher threshold lets fewer wrong phones "
        "collapse and rejects more right phones. The table has the lowest FRR of each chain, in per cent, at a "
        "collapse of at most 10, 20, ... per cent. n/a: the chain writes the canonical at more of the wrong phones "
        "than that, and no threshold on distances can change it."
    )
    table = [[chain, *map(percent, _least_frr(rows.filter(chain=chain)))] for chain in chains]
    table.append([COPY_CANONICAL, *[percent(None)] * len(_COLLAPSES)])
    yield markdown_table(["chain", *(f"collapse to {share:.0%}" for share in _COLLAPSES)], table)


def _least_frr(rows: pl.DataFrame) -> list[float | None]:
    curve = detection_curve(rows, SCORE_SCHEME)
    if curve is None:
        return [None] * len(_COLLAPSES)
    places = np.searchsorted(curve.missed, _COLLAPSES, side="right") - 1  # the last threshold that misses so few
    return [float(curve.frr[place]) if place >= 0 else None for place in places]


def dissociations(metrics: Metrics[LabelMeasures]) -> Iterable[str]:
    """D1 to D3 over all speakers."""
    summaries = metrics.with_copy_canonical()
    yield "## Do distances mean anything: D1, D2, D3"
    yield (
        "D1 asks whether distances are larger at substitutions than at correct positions, D3 whether they rank with "
        "the distances that were really said. The p values take positions as independent; the intervals do not."
    )
    yield markdown_table(
        ["chain", "D1 AUC", "D1 p", "D1", "D3 rho", "D3 p"],
        [
            [
                chain,
                pooled_cell(summary, D1_AUC),
                probability(summary.pooled.d1.p),
                passed(summary.pooled.d1.passes),
                pooled_cell(summary, D3_RHO),
                probability(summary.pooled.d3.p),
            ]
            for chain, summary in summaries.items()
        ],
    )
    yield (
        "D2 asks whether the two distributions come apart: the 25th percentile at substitutions must be above the 75th "
        "percentile at ok positions."
    )
    yield markdown_table(
        ["chain", "ok p75", "sub p25", "gap", "D2"],
        [
            [
                chain,
                number(summary.pooled.d2.ok_p75),
                number(summary.pooled.d2.sub_p25),
                pooled_cell(summary, D2_GAP),
                passed(summary.pooled.d2.passes),
            ]
            for chain, summary in summaries.items()
        ],
    )


def collapse_by_phone(rows: pl.DataFrame, metrics: Metrics[LabelMeasures]) -> Iterable[str]:
    """Collapse for each canonical phone and each syllable position."""
    shown = phone_chains(metrics)[:_NUM_CHAINS]
    reference = shown[0]
    yield "## Phones and positions that collapse most"
    yield (
        f"Collapse in per cent, for what was substituted at least {MIN_SUBSTITUTIONS} times. {reference} has Wilson "
        "intervals; they take tokens as independent, although the tokens of one speaker are alike. Copying the "
        f"canonical would collapse all of them. All chains are in [{PHONES_FILE}]({PHONES_FILE})."
    )
    for group, heading in (("canonical", "phone"), ("position", "position")):
        of_chain = {chain: collapse_by(rows.filter(chain=chain), group) for chain in shown}
        rates = {chain: dict(table.select(group, "collapse").iter_rows()) for chain, table in of_chain.items()}
        if of_chain[reference].is_empty():
            yield f"No {heading} is both known and substituted that often."
            continue
        yield markdown_table(
            [heading, "substitutions", *shown],
            [
                [
                    name,
                    str(num),
                    with_interval(rate, (low, high)),
                    *(percent(rates[chain][name]) for chain in shown[1:]),
                ]
                for name, num, rate, low, high in of_chain[reference].iter_rows()
            ],
        )


def phone_chains(metrics: Metrics[LabelMeasures]) -> list[str]:
    """Return the chains with transcripts of their own, the reference chain first."""
    reference = metrics.reference_chain()
    return [reference, *(chain for chain in distinct_transcripts(metrics.chains) if chain != reference)]
