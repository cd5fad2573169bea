"""Sections for gold that has expert scores alone: the ranking, and FRR against collapse."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import polars as pl

from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.evaluation.detection import detection_curve
from asheard.evaluation.expert_scores import SCORES, ScoreMeasures
from asheard.evaluation.metrics import Metrics
from asheard.evaluation.report.rates import rank_table
from asheard.evaluation.report.tables import bullets, markdown_table, percent
from asheard.evaluation.systems import COPY_CANONICAL
from asheard.evaluation.tokens import RIGHT_FROM

_COLLAPSES: Final = (0.1, 0.2, 0.3, 0.4, 0.5)  # at which the curve is read


def ranked_by_scores(metrics: Metrics[ScoreMeasures]) -> Iterable[str]:
    """Ranks, the rest of the rates, and the chains that cannot be ranked."""
    pooled = metrics.copy_canonical.pooled
    yield "## Ranking"
    yield (
        "Experts scored how right each phone is. Nobody wrote down what was said instead. "
        f"{pooled.num_utterances} utterances, {pooled.num_tokens} canonical positions: {pooled.num_right} "
        f"scored {RIGHT_FROM:g} or more (right), {pooled.num_wrong} below {MISPRONOUNCED_BELOW:g} (wrong). AUC and "
        "PCC say how well a chain's closeness to the canonical agrees with the experts."
    )
    yield rank_table(metrics)
    if metrics.not_ranked:
        yield bullets(f"{chain} is not ranked: {reason}." for chain, reason in metrics.not_ranked.items())
    yield (
        f"`{COPY_CANONICAL}` finds no error at all and is not ranked. PER against canonical guards against chains "
        "that write anything. It is never an aim: it rewards collapse, and is 0 for the copy. There is no verdict, "
        "because a verdict needs what was said."
    )


def curves(rows: pl.DataFrame, chains: Iterable[str]) -> Iterable[str]:
    """The curve of each chain, read at some shares of collapse."""
    yield "## FRR against collapse"
    yield (
        "A threshold on closeness rejects the phones below it. A higher threshold lets fewer wrong phones collapse and "
        "rejects more right phones. The table has the lowest FRR of each chain, in per cent, at a collapse of at most "
        "10, 20, ... per cent. n/a: the chain writes the canonical at more of the wrong phones than that, and no "
        "threshold on distances can change it."
    )
    table = [[chain, *map(percent, _least_frr(rows.filter(chain=chain)))] for chain in chains]
    table.append([COPY_CANONICAL, *[percent(None)] * len(_COLLAPSES)])
    yield markdown_table(["chain", *(f"collapse to {share:.0%}" for share in _COLLAPSES)], table)


def _least_frr(rows: pl.DataFrame) -> list[float | None]:
    curve = detection_curve(rows, SCORES)
    if curve is None:
        return [None] * len(_COLLAPSES)
    places = np.searchsorted(curve.missed, _COLLAPSES, side="right") - 1  # the last threshold that misses so few
    return [float(curve.frr[place]) if place >= 0 else None for place in places]
