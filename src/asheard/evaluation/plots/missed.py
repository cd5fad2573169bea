"""For each first language the errors most often missed."""

from typing import Final

import polars as pl
from matplotlib.patches import Patch

from asheard.evaluation.missed import NUM_MISSED, most_missed
from asheard.evaluation.plots.sheet import (
    PANEL_TITLE_SIZE,
    SMALL_SIZE,
    TEXT_SIZE,
    VERMILION,
    Sheet,
    sheet,
)
from asheard.evaluation.plots.words import Word, draw_words

_MADE: Final = "#dddddd"
_COLUMNS: Final = 3
_LINE: Final = 0.22  # inches
_BAR: Final = 0.72 * 72 * _LINE  # points


def draw_missed(rows: pl.DataFrame, chain: str) -> Sheet:
    """Bars of how often each error was made and how often the chain wrote the canonical, a panel an L1."""
    heard = rows.filter(chain=chain)
    l1s = sorted(rows["l1"].unique())
    drawn = sheet(
        len(l1s), num_columns=min(_COLUMNS, len(l1s)), panel=(2.5, _LINE * NUM_MISSED), gap=(1.2, 0.5),
        left=1.15, bottom=0.1, title=f"Errors most often missed by {chain}", title_lines=1,
        legend={"made": Patch(color=_MADE), "missed: written as the canonical": Patch(color=VERMILION)},
    )  # fmt: skip
    for axes, l1 in zip(drawn.panels, l1s, strict=True):
        errors = most_missed(heard, l1)
        lines = range(errors.height)
        for column, colour in (("num_made", _MADE), ("num_missed", VERMILION)):
            axes.hlines(lines, 0, errors[column], color=colour, linewidth=_BAR)
        width = 1.3 * max(errors["num_made"], default=1)
        words = []
        for line, (canonical, said, missed, made) in enumerate(errors.iter_rows()):
            words.append(Word(-0.02 * width, line, f"{canonical} → {said}", TEXT_SIZE, "right"))
            words.append(Word(made + 0.02 * width, line, f"{round(missed, 1):g} of {made}", SMALL_SIZE, "left"))
        draw_words(axes, words)
        axes.set(xlim=(0, width), ylim=(NUM_MISSED - 0.4, -0.6), xticks=[], yticks=[])  # the bars say their numbers
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.set_title(l1 if errors.height else f"{l1}: none missed", loc="left", fontsize=PANEL_TITLE_SIZE)
    return drawn
