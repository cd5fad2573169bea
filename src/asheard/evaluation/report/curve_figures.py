"""Figures over all thresholds: false rejections against missed errors, and the distributions of the distances."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asheard.corpora.chains import behind_prior, distinct_transcripts
from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.evaluation.detection import DetectionCurve, area_metric, detection_curve, operating_point
from asheard.evaluation.expert_scores import SCORE_SCHEME, ScoreMeasures
from asheard.evaluation.labels import LabelMeasures
from asheard.evaluation.metrics import ChainSummary
from asheard.evaluation.report.style import (
    BLUE,
    GREY,
    SMALL_SIZE,
    VERMILION,
    chain_colours,
    grid,
    new_figure,
)
from asheard.evaluation.report.tables import number
from asheard.evaluation.separation import D2
from asheard.evaluation.tokens import IS_NAMED, IS_OK, RIGHT_FROM

_CHANCE: Final = {
    "further positions rejected at random": Line2D([], [], color=GREY, linewidth=1, linestyle=":"),
    "all positions rejected at random": Line2D([], [], color=GREY, linewidth=0.8, linestyle="--"),
}


def draw_detection(rows: pl.DataFrame, chains: Mapping[str, ChainSummary[LabelMeasures]]) -> Figure:
    """Draw FRR against missed substitutions: a curve a chain, the threshold in use, and the point with the prior."""
    shown = distinct_transcripts(chains)
    colour = chain_colours(shown)
    legend = {
        f"{chain} (AUC {number(area_metric(pooled).of(pooled))})": Line2D([], [], color=colour[chain], linewidth=2)
        for chain, pooled in ((chain, chains[chain].pooled) for chain in shown)
    }
    legend["smallest threshold: missed is collapse"] = _sample("|")
    legend["threshold in use"] = _sample("o")
    if any(behind_prior(chain) in chains for chain in shown):
        legend["with the prior"] = _sample("D", "white")
    figure = new_figure(
        4.2, "What does it cost to find more substitutions? (lower and further left is better)", legend=legend | _CHANCE
    )
    axes = figure.subplots()
    highest = 0.0
    for chain in shown:
        here = rows.filter(chain=chain)
        curve, point = detection_curve(here), operating_point(here)
        if curve is None or point is None:
            continue
        collapse, highest_here = _draw_curve(axes, curve, colour[chain])
        axes.plot(collapse, highest_here, "|", color=colour[chain], markersize=14, markeredgewidth=2)
        x, y = 100 * np.array(point)
        axes.plot(x, y, "o", color=colour[chain], markersize=8, markeredgecolor="white", zorder=4)
        with_prior = operating_point(rows.filter(chain=behind_prior(chain)))
        if with_prior is not None:
            to = (100 * with_prior[0], 100 * with_prior[1])
            axes.annotate("", to, (x, y), arrowprops={"arrowstyle": "-|>", "color": colour[chain], "shrinkB": 4})
            axes.plot(*to, "D", color="white", markeredgecolor=colour[chain], markeredgewidth=2, markersize=7, zorder=4)
        highest = max(highest, highest_here)
    axes.plot([0, 100], [100, 0], color=GREY, linewidth=0.8, linestyle="--")
    axes.set(xlim=(0, 100), ylim=(0, min(100, max(1, 1.25 * highest))))
    axes.set_xlabel("substitutions missed: below the threshold (%)")
    axes.set_ylabel("FRR: correct positions at or above the threshold (%)")
    grid(axes, "both")
    return figure


def draw_tradeoff(rows: pl.DataFrame, chains: Mapping[str, ChainSummary[ScoreMeasures]]) -> Figure:
    """Draw FRR against collapse for gold with expert scores: a point and a curve a chain."""
    colour = chain_colours(list(chains))
    legend = {
        f"{chain} (AUC {number(summary.pooled.auc)})": Line2D([], [], color=colour[chain], linewidth=2)
        for chain, summary in chains.items()
    }
    legend["phones as written"] = _sample("o")
    legend["all thresholds on the chain score"] = Line2D([], [], color=GREY, linewidth=2)
    figure = new_figure(
        5.4, "What does it cost to collapse less? (lower and further left is better)", legend=legend | _CHANCE
    )
    axes = figure.subplots()
    for chain, summary in chains.items():
        curve = detection_curve(rows.filter(chain=chain), SCORE_SCHEME)
        if curve is None:
            continue
        _draw_curve(axes, curve, colour[chain])
        point = 100 * np.array([summary.pooled.collapse, summary.pooled.frr], dtype=float)
        axes.plot(*point, "o", color=colour[chain], markersize=8, markeredgecolor="white", zorder=4, clip_on=False)
    axes.plot([0, 100], [100, 0], color=GREY, linewidth=0.8, linestyle="--")
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.set_xlabel(f"collapse: phones with a score below {MISPRONOUNCED_BELOW:g} that are accepted (%)")
    axes.set_ylabel(f"FRR: phones with a score from {RIGHT_FROM:g} that are rejected (%)")
    grid(axes, "both")
    return figure


def _draw_curve(axes: Axes, curve: DetectionCurve, colour: Any) -> tuple[float, float]:
    """Draw (missed, FRR) in per cent at every threshold, and a dotted line to the point where all is rejected.

    Returns:
        The point at which every written phone other than the canonical is an error.
    """
    missed, frr = 100 * curve.missed, 100 * curve.frr
    axes.plot([0, missed[0]], [100, frr[0]], color=colour, linewidth=1, linestyle=":")
    axes.plot(missed, frr, color=colour, linewidth=2)
    return float(missed[curve.as_written]), float(frr[curve.as_written])


def _sample(marker: str, fill: str = GREY) -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=8, color=GREY, markeredgewidth=2, markerfacecolor=fill
    )


def draw_distances(rows: pl.DataFrame, chains: Mapping[str, ChainSummary[LabelMeasures]]) -> Figure:
    """Draw the cumulative distributions of cos_dist at ok positions and at substitutions: a panel a chain."""
    shown = distinct_transcripts(chains)
    num_columns = min(2, len(shown))
    num_rows = -(-len(shown) // num_columns)
    figure = new_figure(
        0.2 + 2.2 * num_rows, "Does a chain write a more distant phone at substitutions than at correct positions?",
        legend={
            "correct (ok)": Line2D([], [], color=BLUE, linewidth=2),
            "substituted": Line2D([], [], color=VERMILION, linewidth=2),
            "75th percentile of ok": _diamond(BLUE),
            "25th percentile of substituted (D2 passes if it is larger)": _diamond(VERMILION),
        },
    )  # fmt: skip
    panels = figure.subplots(num_rows, num_columns, sharex=True, sharey=True, squeeze=False).flat
    for axes, chain in zip(panels, shown, strict=False):
        here = rows.filter(chain=chain)
        _draw_distribution(axes, here.filter(IS_OK)["cos_dist"], BLUE)
        _draw_distribution(axes, here.filter(IS_NAMED)["cos_dist"], VERMILION)
        _mark_quartiles(axes, chains[chain].pooled.d2)
        axes.set_title(_panel_title(chain, chains), fontsize=SMALL_SIZE + 1)
        grid(axes, "y")
    for axes in list(panels)[len(shown) :]:
        axes.set_axis_off()
    first = figure.axes[0]
    first.set_xscale("function", functions=(np.sqrt, np.square))  # most distances are short
    ticks = (0, 0.02, 0.1, 0.2, 0.4, 0.6, 0.8, 1)
    first.set(xlim=(0, 1), ylim=(0, 105), yticks=range(0, 101, 25))
    first.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    figure.supylabel("positions at or below the distance (%)", fontsize=9)
    for axes in figure.axes[max(0, len(shown) - num_columns) : len(shown)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("cos_dist from the canonical to the written phone")
    return figure


def _draw_distribution(axes: Axes, distances: pl.Series, colour: str) -> None:
    """Draw the per cent of `distances` at or below each distance."""
    if distances.is_empty():
        return
    values = np.sort(distances.to_numpy())
    x = np.union1d(values, [0.0, 1.0])
    share = 100 * np.searchsorted(values, x, side="right") / values.size
    axes.step(x, share, where="post", color=colour, linewidth=2)


def _mark_quartiles(axes: Axes, d2: D2) -> None:
    """Mark what D2 compares: the 75th percentile of ok and the 25th of the substitutions."""
    for level, value, colour in ((75, d2.ok_p75, BLUE), (25, d2.sub_p25, VERMILION)):
        axes.axhline(level, color=GREY, linewidth=0.6, linestyle=":")
        if value is not None:
            axes.plot(value, level, "D", color=colour, markeredgecolor="white", markersize=8, zorder=5, clip_on=False)


def _diamond(colour: str) -> Line2D:
    return Line2D([], [], color=colour, marker="D", markeredgecolor="white", markersize=8, linestyle="none")


def _panel_title(chain: str, chains: Mapping[str, ChainSummary[LabelMeasures]]) -> str:
    pooled = chains[chain].pooled
    name = f"{chain} (also with the prior)" if behind_prior(chain) in chains else chain
    d2 = {None: "undefined", True: "passes", False: "fails"}[pooled.d2.passes]
    collapse = "" if pooled.collapse is None else f"collapse {100 * pooled.collapse:.0f}%; "
    return f"{name}\n{collapse}D1: AUC {number(pooled.d1.auc)}; D2 {d2}"
