"""Confusion maps: for each first language what was said, and what a chain wrote there."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes

from asheard.evaluation.confusions import NUM_CANONICAL, most_frequent, substitutions_of
from asheard.evaluation.plots.sheet import GREY, PANEL_TITLE_SIZE, SMALL_SIZE, TEXT_SIZE, Sheet, sheet
from asheard.evaluation.plots.words import Word, draw_words
from asheard.phones import PHONES

_NUM_SAID: Final = 10  # phones said instead of them
_CANONICAL, _OTHER, _NOTHING = "canonical", "other", "nothing"


def draw_confusions(rows: pl.DataFrame, chain: str) -> Sheet:
    """For each L1, what was said for the most substituted phones, and what the chain wrote there."""
    substituted = substitutions_of(rows, chain)
    num_seeds = max(1, substituted["seed"].n_unique())
    l1s = sorted(rows["l1"].unique())
    drawn = sheet(
        len(l1s), num_columns=1, panel=(9.4, 0.26 * NUM_CANONICAL), gap=(0, 0.75), left=0.9, bottom=0.4, title_lines=1,
        title="The most substituted phones of each L1 (substitutions in brackets), "
        f"per cent of them. Written by {chain}; orange: the canonical",
    )  # fmt: skip
    for axes, l1 in zip(drawn.panels, l1s, strict=True):
        here = substituted.filter(l1=l1)
        canonical = most_frequent(here["canonical"], NUM_CANONICAL)
        here = here.filter(pl.col("canonical").is_in(list(canonical)))
        phones = sorted(most_frequent(here["perceived"], _NUM_SAID), key=PHONES.index)
        said, written = [*phones, _OTHER], [_CANONICAL, *phones, _OTHER, _NOTHING]
        second = len(said) + 1.5  # where the second map begins
        axes.set(xlim=(-0.5, second + len(written) - 0.5), ylim=(NUM_CANONICAL - 0.5, -0.5))
        axes.set_axis_off()
        if not canonical:
            _title(axes, 0, f"{l1}: no substitutions")
            continue
        _title(axes, 0, f"{l1}: what was said")
        _title(axes, second, f"{l1}: what was written there")
        words = _map(axes, 0, here, "perceived", list(canonical), said)
        words += _map(axes, second, here, "predicted", list(canonical), written)
        for row, (phone, number) in enumerate(canonical.items()):
            words.append(Word(-0.7, row, f"{phone}  ({number // num_seeds})", TEXT_SIZE, "right"))
            words.append(Word(second - 0.7, row, phone, TEXT_SIZE, "right"))
        draw_words(axes, words)
    return drawn


def _title(axes: Axes, place: float, text: str) -> None:
    axes.text(place - 0.5, -0.75, text, fontsize=PANEL_TITLE_SIZE)


def _map(
    axes: Axes, first: float, rows: pl.DataFrame, column: str, canonical: Sequence[str], names: Sequence[str]
) -> list[Word]:
    """Shade the shares of each canonical phone's substitutions, from place `first` on; collapse in its own colour.

    Returns:
        What is to be written on the map and below it.
    """
    places = {name: place for place, name in enumerate(names)}
    share = np.zeros((len(canonical), len(names)))
    for phone, written, count in rows.group_by("canonical", column).len().iter_rows():
        name = _NOTHING if written is None else _CANONICAL if written == phone else written
        share[canonical.index(phone), places.get(name, places[_OTHER])] += count
    share *= 100 / share.sum(axis=1, keepdims=True)
    shades = colormaps["Blues"](share / 100)
    rules = [places[_OTHER] - 0.5]
    if _CANONICAL in places:
        shades[:, places[_CANONICAL]] = colormaps["Oranges"](share[:, places[_CANONICAL]] / 100)
        rules.append(places[_CANONICAL] + 0.5)
    left, bottom = first - 0.5, len(canonical) - 0.5
    axes.imshow(shades, extent=(left, left + len(names), bottom, -0.5), aspect="auto", interpolation="nearest")
    axes.vlines([first + rule for rule in rules], -0.5, bottom, color=GREY, linewidth=1)
    numbers = [
        Word(first + place, row, f"{value:.0f}", SMALL_SIZE, colour="white" if value > 55 else "black")
        for (row, place), value in np.ndenumerate(share)
        if value >= 1
    ]
    return numbers + [
        Word(first + place + 0.3, bottom + 0.4, name, SMALL_SIZE, "right", angle=35)
        if len(name) > 3
        else Word(first + place, bottom + 0.45, name, TEXT_SIZE)
        for place, name in enumerate(names)
    ]
