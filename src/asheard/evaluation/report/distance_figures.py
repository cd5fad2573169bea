"""Detection curves: false rejections against missed substitutions.

Distributions of the distances at correct and at substituted positions.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from asheard.evaluation.detection import DetectionCurve, auc_path, detection_curve, operating_point
from asheard.evaluation.metrics import look_up
from asheard.evaluation.ranking import distinct_transcripts
from asheard.evaluation.report.figure_layout import (
    BLUE,
    GREY,
    PANEL_TITLE_SIZE,
    SMALL_SIZE,
    TEXT_SIZE,
    VERMILION,
    Sheet,
    bare,
    colours,
    sheet,
)
from asheard.evaluation.report.tables import number
from asheard.evaluation.systems import behind_prior

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


def draw_distances(rows: pl.DataFrame, chains: Mapping[str, Any]) -> Sheet:
    """Cumulative distributions of cos_dist at ok positions and at substitutions, a panel a chain."""
    shown = distinct_transcripts(chains)
    num_columns = min(2, len(shown))
    drawn = sheet(
        len(shown), num_columns=num_columns, panel=(4.5, 2.6), gap=(0.45, 0.75), title_lines=2,
        title="Is something farther away written where something else was said?",
        legend={
            "said as expected (ok)": Line2D([], [], color=BLUE, linewidth=2),
            "substituted": Line2D([], [], color=VERMILION, linewidth=2),
            "75th percentile of ok": _diamond(BLUE),
            "25th percentile of substituted; D2: farther right": _diamond(VERMILION),
        },
    )  # fmt: skip
    for index, (axes, chain) in enumerate(zip(drawn.panels, shown, strict=True)):
        here = rows.filter(chain=chain)
        _cumulative(axes, here.filter(error_type="ok")["cos_dist"], BLUE, "right")
        _cumulative(axes, here.filter(pl.col("collapsed").is_not_null())["cos_dist"], VERMILION, "collapse")
        _mark_quartiles(axes, chains[chain]["pooled"]["d2"])
        axes.set_xscale("function", functions=(np.sqrt, np.square))  # most distances are short
        ticks = (0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)
        axes.set(xlim=(0, 1), ylim=(0, 105), yticks=range(0, 101, 25))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_title(_panel_title(chain, chains), loc="left", fontsize=PANEL_TITLE_SIZE)
        if index + num_columns >= len(shown):
            axes.set_xlabel("distance from the canonical to what was written (cos_dist)", fontsize=TEXT_SIZE)
        if index % num_columns == 0:
            axes.set_ylabel("positions at or below (%)", fontsize=TEXT_SIZE)
        bare(axes)
    return drawn


def _cumulative(axes: Axes, distances: pl.Series, colour: str, at_zero: str) -> None:
    """Draw the per cent of `distances` at or below each distance; `at_zero` names the per cent at 0."""
    if distances.is_empty():
        return
    values = np.sort(distances.to_numpy())
    x = np.union1d(values, [0.0, 1.0])
    share = 100 * np.searchsorted(values, x, side="right") / values.size
    axes.step(x, share, where="post", color=colour, linewidth=2)
    axes.annotate(
        f"{at_zero} {share[0]:.0f}%", (0, share[0]), (5, 3), textcoords="offset points", color=colour,
        fontsize=SMALL_SIZE,
    )  # fmt: skip


def _mark_quartiles(axes: Axes, d2: Mapping[str, Any]) -> None:
    """Where D2 looks: the 75th percentile of ok and the 25th of the substitutions."""
    for level, value, colour in ((75, d2["ok_p75"], BLUE), (25, d2["sub_p25"], VERMILION)):
        axes.axhline(level, color=GREY, linewidth=0.6, linestyle=":")
        if value is not None:
            axes.plot(value, level, "D", color=colour, markeredgecolor="white", markersize=8, zorder=5, clip_on=False)


def _diamond(colour: str) -> Line2D:
    return Line2D([], [], color=colour, marker="D", markeredgecolor="white", markersize=8, linestyle="none")


def _panel_title(chain: str, chains: Mapping[str, Any]) -> str:
    pooled = chains[chain]["pooled"]
    name = f"{chain} (and behind the prior)" if behind_prior(chain) in chains else chain
    d2 = {None: "has no data", True: "passes", False: "fails"}[pooled["d2"]["pass"]]
    return f"{name}\nD1: AUC {number(pooled['d1']['auc'])}; D2 {d2}"
