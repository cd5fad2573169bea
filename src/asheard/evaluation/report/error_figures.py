"""Figures of single errors: confusion maps, and the errors most often missed."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from asheard.evaluation.detection import NUM_CANONICAL, most_frequent, most_missed, substitutions_of
from asheard.evaluation.report.style import GREY, SMALL_SIZE, VERMILION, new_figure
from asheard.evaluation.separation import FloatArray
from asheard.phones import PHONES

_NUM_SAID: Final = 8  # phones that have a column of their own
_CANONICAL, _OTHER, _NOTHING = "can.", "other", "none"
_LEAST_NUMBER: Final = 5  # per cent; smaller shares have no number on the map
_NUM_COLUMNS: Final = 3
_MADE: Final = "#cccccc"
_BAR: Final = 9  # points


def draw_confusions(rows: pl.DataFrame, chain: str) -> Figure:
    """Draw for each L1 what was said instead of the most substituted phones, and what the chain wrote there."""
    substituted = substitutions_of(rows, chain)
    num_seeds = max(1, substituted["seed"].n_unique())
    l1s = sorted(rows["l1"].unique())
    figure = new_figure(
        2.05 * len(l1s), "The most substituted phones of each L1 (number of substitutions in brackets), per cent "
        f"of their substitutions. Left: what was said. Right: what {chain} wrote. Orange: the canonical was written, "
        "so the error was missed",
    )  # fmt: skip
    panels = figure.subplots(len(l1s), squeeze=False)[:, 0]
    for axes, l1 in zip(panels, l1s, strict=True):
        here = substituted.filter(l1=l1)
        canonical = most_frequent(here["canonical"], NUM_CANONICAL)
        if not canonical:
            axes.set_title(f"{l1}: no substitutions")
            axes.set_axis_off()
            continue
        here = here.filter(pl.col("canonical").is_in(list(canonical)))
        phones = sorted(most_frequent(here["perceived"], _NUM_SAID), key=PHONES.index)
        said, written = [*phones, _OTHER], [_CANONICAL, *phones, _OTHER, _NOTHING]
        second = len(said) + 1.5  # where the second map begins
        axes.set_title(f"{l1}: said")
        axes.set_title("written", loc="right")
        _draw_map(axes, 0, _shares(here, "perceived", list(canonical), said), said)
        _draw_map(axes, second, _shares(here, "predicted", list(canonical), written), written)
        axes.set_xticks(
            [*range(len(said)), *(second + place for place in range(len(written)))], [*said, *written],
            fontsize=SMALL_SIZE,
        )  # fmt: skip
        axes.set_yticks(
            range(len(canonical)), [f"{phone}  ({count // num_seeds})" for phone, count in canonical.items()]
        )
        axes.set(xlim=(-0.5, second + len(written) - 0.5), ylim=(len(canonical) - 0.5, -0.5))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def _shares(rows: pl.DataFrame, column: str, canonical: Sequence[str], names: Sequence[str]) -> FloatArray:
    """Return (canonical phones, names): the per cent of the substitutions of each canonical phone."""
    places = {name: place for place, name in enumerate(names)}
    share = np.zeros((len(canonical), len(names)))
    for phone, written, count in rows.group_by("canonical", column).len().iter_rows():
        name = _NOTHING if written is None else _CANONICAL if written == phone else written
        share[canonical.index(phone), places.get(name, places[_OTHER])] += count
    share *= 100 / share.sum(axis=1, keepdims=True)
    return share


def _draw_map(axes: Axes, left: float, share: FloatArray, names: Sequence[str]) -> None:
    """Shade the shares, from place `left` on. The column of the canonical has its own colour."""
    shades = colormaps["Blues"](share / 100)
    rules = [names.index(_OTHER) - 0.5]
    if _CANONICAL in names:
        place = names.index(_CANONICAL)
        shades[:, place] = colormaps["Oranges"](share[:, place] / 100)
        rules.append(place + 0.5)
    extent = (left - 0.5, left + len(names) - 0.5, len(share) - 0.5, -0.5)
    axes.imshow(shades, extent=extent, aspect="auto", interpolation="nearest")
    axes.vlines([left + rule for rule in rules], -0.5, len(share) - 0.5, color=GREY, linewidth=1)
    for (row, place), value in np.ndenumerate(share):
        if value >= _LEAST_NUMBER:
            colour = "white" if value > 55 else "black"
            axes.text(
                left + place, row, f"{value:.0f}", ha="center", va="center", fontsize=SMALL_SIZE, color=colour
            ).set_in_layout(False)


def draw_missed(rows: pl.DataFrame, chain: str) -> Figure:
    """Draw how often each error was made and how often the chain wrote the canonical: a panel an L1."""
    of_chain = rows.filter(chain=chain)
    l1s = sorted(rows["l1"].unique())
    num_columns = min(_NUM_COLUMNS, len(l1s))
    num_rows = -(-len(l1s) // num_columns)
    figure = new_figure(
        2.2 * num_rows, f"The errors that {chain} missed most often (canonical → said)",
        legend={"made": Patch(color=_MADE), "missed: the canonical was written": Patch(color=VERMILION)},
    )  # fmt: skip
    panels = list(figure.subplots(num_rows, num_columns, squeeze=False).flat)
    of_l1 = {l1: most_missed(of_chain, l1) for l1 in l1s}
    num_lines = max(errors.height for errors in of_l1.values())
    for axes, (l1, errors) in zip(panels, of_l1.items(), strict=False):
        lines = np.arange(errors.height)
        for column, colour in (("num_made", _MADE), ("num_missed", VERMILION)):
            axes.hlines(lines, 0, errors[column], color=colour, linewidth=_BAR)
        width = 1.45 * max(errors["num_made"], default=1)
        for line, (missed, made) in enumerate(errors.select("num_missed", "num_made").rows()):
            text = f"{round(missed, 1):g} of {made}"
            axes.text(made + 0.02 * width, line, text, va="center", fontsize=SMALL_SIZE).set_in_layout(False)
        axes.set_yticks(
            lines, [f"{canonical} → {said}" for canonical, said in errors.select("canonical", "said").rows()]
        )
        axes.set(xlim=(0, width), ylim=(max(1, num_lines) - 0.4, -0.6), xticks=[])
        axes.tick_params(length=0)
        axes.spines["bottom"].set_visible(False)
        axes.set_title(l1 if errors.height else f"{l1}: none missed")
    for axes in panels[len(l1s) :]:
        axes.set_axis_off()
    return figure
