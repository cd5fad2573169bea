"""Collapse by chain and first language.

False rejections against collapse, where the gold has expert scores alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from asheard.corpora.records import MISPRONOUNCED_BELOW
from asheard.evaluation.detection import detection_curve
from asheard.evaluation.expert_scores import RIGHT_FROM, SCORES
from asheard.evaluation.ranking import distinct_transcripts
from asheard.evaluation.report.distance_figures import AT_RANDOM, draw_chance, draw_curve, mark
from asheard.evaluation.report.figure_layout import GREY, SMALL_SIZE, TEXT_SIZE, Sheet, bare, colours, sheet
from asheard.evaluation.report.tables import number


def draw_collapse(chains: Mapping[str, Any]) -> Sheet:
    """Bars of the collapse rate, for all speakers and for each L1, with their intervals as whiskers."""
    shown = distinct_transcripts(chains)
    colour = colours(shown)
    l1s = list(chains[shown[0]]["per_l1"])
    group_width = max(0.95, 0.2 + 0.27 * len(shown))  # inches
    drawn = sheet(
        1, num_columns=1, panel=(group_width * (len(l1s) + 1), 3.4), bottom=0.35,
        title="How often is a substituted phone written as the dictionary's? (95% intervals)",
        legend={chain: Patch(color=colour[chain]) for chain in shown},
    )  # fmt: skip
    axes = drawn.panels[0]
    width = 0.84 / len(shown)
    for index, chain in enumerate(shown):
        groups = [_with_interval(chains[chain], None), *(_with_interval(chains[chain], l1) for l1 in l1s)]
        value, low, high = 100 * np.array(groups).T
        x = np.arange(len(groups)) + (index - (len(shown) - 1) / 2) * width
        axes.bar(x, value, 0.92 * width, color=colour[chain])
        axes.vlines(x, low, high, color=GREY, linewidth=1)
        for position, height, top in zip(x, value, np.fmax(value, high), strict=True):
            text = "n/a" if np.isnan(height) else f"{height:.1f}" if height < 9.95 else f"{height:.0f}"
            axes.annotate(
                text, (position, np.nan_to_num(top)), (0, 2), textcoords="offset points",
                ha="center", va="bottom", fontsize=SMALL_SIZE, color="#333333",
            )  # fmt: skip
    axes.axvline(0.5, color=GREY, linewidth=0.8)
    axes.set_xticks(range(len(l1s) + 1), ["all speakers", *l1s])
    axes.set_xlim(-0.5, len(l1s) + 0.5)
    axes.set_ylim(0, max(1, 1.08 * axes.get_ylim()[1]))
    axes.set_ylabel("collapse (% of substitutions)", fontsize=TEXT_SIZE)
    bare(axes)
    return drawn


def _with_interval(summary: Mapping[str, Any], l1: str | None) -> tuple[float, float, float]:
    """Collapse and the ends of its interval; NaN where undefined."""
    measures, intervals = (
        (summary["pooled"], summary["intervals"]["pooled"])
        if l1 is None
        else (summary["per_l1"][l1], summary["intervals"]["per_l1"][l1])
    )
    value = measures["collapse"]
    low, high = intervals["values"]["collapse"] or (np.nan, np.nan)
    return (np.nan if value is None else value), low, high


def draw_tradeoff(rows: pl.DataFrame, chains: Mapping[str, Any]) -> Sheet:
    """A point a chain, the phones as written, and its curve over all thresholds on closeness."""
    colour = colours(list(chains))
    legend = {
        f"{chain} (AUC {number(summary['pooled']['auc'])})": Line2D([], [], color=colour[chain], linewidth=2)
        for chain, summary in chains.items()
    }
    legend["phones as written"] = mark("o")
    legend["every threshold on closeness"] = Line2D([], [], color=GREY, linewidth=2)
    legend |= AT_RANDOM
    drawn = sheet(1, num_columns=1, panel=(5.2, 5.2), title="What does it cost not to collapse?", legend=legend)
    axes = drawn.panels[0]
    for chain, summary in chains.items():
        curve = detection_curve(rows.filter(chain=chain), SCORES)
        if curve is None:
            continue
        draw_curve(axes, curve, colour[chain])
        point = 100 * summary["pooled"]["collapse"], 100 * summary["pooled"]["frr"]
        axes.plot(*point, "o", color=colour[chain], markersize=8, markeredgecolor="white", zorder=4, clip_on=False)
    draw_chance(axes)
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.set_xlabel(f"collapse: phones scored < {MISPRONOUNCED_BELOW:g} and accepted (%)", fontsize=TEXT_SIZE)
    axes.set_ylabel(f"FRR: phones scored ≥ {RIGHT_FROM:g} and rejected (%)", fontsize=TEXT_SIZE)
    bare(axes, "both")
    return drawn
