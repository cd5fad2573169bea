"""What is said of a gold set that has expert scores alone."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.evaluation.detection import detection_curve
from asheard.evaluation.expert_scores import SCORES
from asheard.evaluation.ranking import headings_of, in_order, ranking, with_copy_canonical
from asheard.evaluation.report.rates import of_runs, rates, units
from asheard.evaluation.report.tables import markdown_table, percent
from asheard.evaluation.systems import COPY_CANONICAL
from asheard.evaluation.tokens import RIGHT_FROM

_COLLAPSES: Final = (0.1, 0.2, 0.3, 0.4, 0.5)  # at which the curve is read


def ranked_by_scores(metrics: Mapping[str, Any]) -> Iterable[str]:
    """Every chain with its numbers, best first, and those that step aside."""
    chains, copied = metrics["chains"], metrics["copy_canonical"]
    order, pooled = ranking(chains, SCORES), copied["pooled"]
    yield "## Ranking"
    yield (
        "Experts scored how right each phone is, and nobody wrote down what was said instead. "
        f"{pooled['num_utterances']} utterances, {pooled['num_tokens']} canonical positions: {pooled['num_right']} "
        f"scored {RIGHT_FROM:g} or more (right), {pooled['num_wrong']} below {MISPRONOUNCED_BELOW:g} (wrong). AUC and "
        "PCC say how well a chain's closeness to the canonical agrees with the experts; the other numbers are in per "
        f"cent. All are {of_runs(chains)}; in brackets the {100 * metrics['design']['level']:g}% interval over "
        f"{units(copied['intervals']['pooled'])}. Ranked by AUC, ties by PCC."
    )
    table = [
        [chain, str(order.index(chain) + 1) if chain in order else "-", *rates(summary, headings_of(SCORES).values())]
        for chain, summary in with_copy_canonical(metrics).items()
    ]
    table += [[chain, "aside", *["-"] * len(headings_of(SCORES))] for chain in metrics["aside"]]
    yield markdown_table(["chain", "rank", *headings_of(SCORES)], table)
    if metrics["aside"]:
        yield "\n".join(f"- {chain} steps aside: {reason}." for chain, reason in metrics["aside"].items())
    yield (
        f"`{COPY_CANONICAL}` is what hears no error at all; it is not ranked. PER against canonical is a guard against "
        "chains that write anything, and never an aim: it rewards collapse, and is 0 for the copy. There is no "
        "verdict: it rests on what was said."
    )


def curves(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> Iterable[str]:
    """The curve of each chain, read at some shares of collapse."""
    yield "## FRR against collapse"
    yield (
        "A threshold on closeness rejects what lies below it: as it rises, less collapses and more is rejected that is "
        "right. The least FRR of each chain, in per cent, at a collapse of at most that much. n/a: the chain writes "
        "the canonical at more of the wrong phones than that, and no threshold on distances can undo it."
    )
    table = [
        [chain, *map(percent, _least_frr(rows.filter(chain=chain)))] for chain in in_order(metrics["chains"], SCORES)
    ]
    yield markdown_table(["chain", *(f"collapse to {share:.0%}" for share in _COLLAPSES)], table)


def _least_frr(rows: pl.DataFrame) -> list[float | None]:
    curve = detection_curve(rows, SCORES)
    if curve is None:
        return [None] * len(_COLLAPSES)
    places = np.searchsorted(curve.missed, _COLLAPSES, side="right") - 1  # the last threshold that misses so few
    return [float(curve.frr[place]) if place >= 0 else None for place in places]
