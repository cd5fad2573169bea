"""One picture of a corpus: what its learners say instead, L1 by L1."""

import math
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asheard.corpora.stats import CorpusStats, GroupStats
from asheard.files import whole_file

NUM_SUBSTITUTIONS: Final = 12  # bars an L1

_COLUMNS: Final = 3
_BAR, _TEXT, _FAINT = "#2f6f8f", "#222222", "#777777"


def draw_stats(stats: CorpusStats, path: Path | str, title: str) -> None:
    """Draw each L1's most frequent substitutions into a PNG: how often, and in what share of the phone."""
    rows = math.ceil(len(stats.by_l1) / _COLUMNS)
    columns = min(_COLUMNS, len(stats.by_l1))
    figure = Figure(figsize=(3.9 * columns + 0.4, 3.7 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for panel, group in zip(panels.flat, stats.by_l1, strict=False):
        _draw_group(panel, group)
    for panel in panels.flat[len(stats.by_l1) :]:
        panel.axis("off")
    figure.suptitle(title, fontsize=13, color=_TEXT)
    figure.supxlabel(
        "occurrences in 1,000 canonical phones\n(percentage: of the tokens of that canonical phone)",
        fontsize=10,
    )
    with whole_file(path) as part:
        figure.savefig(part, format="png", dpi=150)


def _draw_group(panel: Axes, group: GroupStats) -> None:
    panel.set_title(group.name, fontsize=11, color=_TEXT, loc="left")
    rates = f"{group.substituted or 0:.1%} substituted, {group.deleted or 0:.1%} deleted"
    panel.set_title(rates, fontsize=8, color=_FAINT, loc="right")
    top = group.substitutions[:NUM_SUBSTITUTIONS]
    if not top:
        panel.axis("off")
        panel.text(0.5, 0.5, "no sound is named", transform=panel.transAxes, ha="center", fontsize=10, color=_FAINT)
        return
    rows = range(len(top))
    bars = panel.barh(rows, [1000 * item.number / group.num_tokens for item in top], color=_BAR, height=0.72)
    panel.bar_label(bars, [f"{item.share:.0%}" for item in top], padding=3, fontsize=8, color=_FAINT)
    panel.set_yticks(rows, [f"{item.canonical} → {item.perceived}" for item in top], fontsize=10, color=_TEXT)
    panel.set_ylim(NUM_SUBSTITUTIONS - 0.4, -0.6)
    panel.margins(x=0.12)
    panel.tick_params(axis="y", length=0)
    panel.tick_params(axis="x", labelsize=8, colors=_FAINT, labelbottom=True)
    panel.spines[["top", "right", "left"]].set_visible(False)
