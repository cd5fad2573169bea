"""Detection curves: false rejections against missed substitutions."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from asheard.evaluation.chains import behind_prior
from asheard.evaluation.detection import DetectionCurve, auc_path, detection_curve, operating_point
from asheard.evaluation.metrics import look_up
from asheard.evaluation.plots.sheet import GREY, TEXT_SIZE, Sheet, bare, colours, sheet
from asheard.evaluation.ranking import distinct_transcripts
from asheard.evaluation.tables import number

AT_RANDOM: Final = {
    "rejecting more, at random": Line2D([], [], color=GREY, linewidth=1, linestyle=":"),
    "chance": Line2D([], [], color=GREY, linewidth=0.8, linestyle="--"),
}


def draw_detection(rows: pl.DataFrame, chains: Mapping[str, Any]) -> Sheet:
    """One curve a chain over all thresholds, with the point it works at, and behind the prior that one's point."""
    shown = distinct_transcripts(chains)
    colour = colours(shown)
    legend = {
        f"{chain} (AUC {number(look_up(pooled, auc_path(pooled)))})": Line2D([], [], color=colour[chain], linewidth=2)
        for chain, pooled in ((chain, chains[chain]["pooled"]) for chain in shown)
    }
    legend["every difference is an error: collapse"] = mark("|")
    legend["threshold in use"] = mark("o")
    legend |= AT_RANDOM
    if any(behind_prior(chain) in chains for chain in shown):
        legend["behind the prior"] = mark("D", "white")
    drawn = sheet(
        1, num_columns=1, panel=(5.6, 4.0), title="What does it cost to find more substitutions?", legend=legend
    )
    axes = drawn.panels[0]
    highest = 0.0
    for chain in shown:
        here = rows.filter(chain=chain)
        curve, point = detection_curve(here), operating_point(here)
        if curve is None or point is None:
            continue
        collapse, highest_here = draw_curve(axes, curve, colour[chain])
        axes.plot(collapse, highest_here, "|", color=colour[chain], markersize=14, markeredgewidth=2)
        x, y = 100 * np.array(point)
        axes.plot(x, y, "o", color=colour[chain], markersize=8, markeredgecolor="white", zorder=4)
        behind = operating_point(rows.filter(chain=behind_prior(chain)))
        if behind is not None:
            to = (100 * behind[0], 100 * behind[1])
            axes.annotate("", to, (x, y), arrowprops={"arrowstyle": "-|>", "color": colour[chain], "shrinkB": 4})
            axes.plot(*to, "D", color="white", markeredgecolor=colour[chain], markeredgewidth=2, markersize=7, zorder=4)
        highest = max(highest, highest_here)
    draw_chance(axes)
    axes.set(xlim=(0, 100), ylim=(0, min(100, max(1, 1.25 * highest))))
    axes.set_xlabel("substitutions missed: below the threshold (%)", fontsize=TEXT_SIZE)
    axes.set_ylabel("FRR: correct positions at or above the threshold (%)", fontsize=TEXT_SIZE)
    bare(axes, "both")
    return drawn


def draw_curve(axes: Axes, curve: DetectionCurve, colour: Any) -> tuple[float, float]:
    """Draw (missed, FRR) in per cent at every threshold, and dotted on to where everything is rejected.

    Returns:
        The point at which what is written as another phone is an error.
    """
    missed, frr = 100 * curve.missed, 100 * curve.frr
    axes.plot([0, missed[0]], [100, frr[0]], color=colour, linewidth=1, linestyle=":")
    axes.plot(missed, frr, color=colour, linewidth=2)
    return float(missed[curve.as_written]), float(frr[curve.as_written])


def draw_chance(axes: Axes) -> None:
    """Draw where positions are rejected at random."""
    axes.plot([0, 100], [100, 0], color=GREY, linewidth=0.8, linestyle="--")


def mark(marker: str, fill: str = GREY) -> Line2D:
    """What a legend has for a marker of any chain."""
    return Line2D(
        [], [], linestyle="none", marker=marker, markersize=8, color=GREY, markeredgewidth=2, markerfacecolor=fill
    )
