"""False rejections against collapse, where the gold has expert scores alone."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.lines import Line2D

from asheard.corpora.scored import MISPRONOUNCED_BELOW
from asheard.evaluation.detection import detection_curve
from asheard.evaluation.plots.detection import AT_RANDOM, draw_chance, draw_curve, mark
from asheard.evaluation.plots.sheet import GREY, TEXT_SIZE, Sheet, bare, colours, sheet
from asheard.evaluation.scores import RIGHT_FROM, SCORES
from asheard.evaluation.tables import number


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
