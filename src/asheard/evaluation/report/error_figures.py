"""Confusion maps: for each first language what was said, and what a chain wrote there.

For each first language the errors most often missed.

Which phones and which syllable positions collapse most.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from asheard.evaluation.missed import (
    NUM_CANONICAL,
    NUM_MISSED,
    collapse_by,
    most_frequent,
    most_missed,
    substitutions_of,
)
from asheard.evaluation.ranking import distinct_transcripts, reference_chain
from asheard.evaluation.report.figure_layout import (
    GREY,
    PANEL_TITLE_SIZE,
    SMALL_SIZE,
    TEXT_SIZE,
    VERMILION,
    Sheet,
    Word,
    bare,
    colours,
    draw_words,
    sheet,
)
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


def draw_phones(rows: pl.DataFrame, chains: Mapping[str, Any]) -> Sheet:
    """A point for each phone and chain, those the reference chain collapses most on top, with its Wilson intervals.

    Syllable positions stand below the phones, where they are known.
    """
    shown, reference = distinct_transcripts(chains), reference_chain(chains)
    colour = colours(shown)
    heard = {chain: rows.filter(chain=chain) for chain in shown}
    groups = [(name, collapse_by(heard[reference], name)) for name in ("canonical", "position")]
    num_lines = sum(table.height + 1 for _, table in groups if table.height)
    drawn = sheet(
        1, num_columns=1, panel=(5.6, 0.3 + 0.21 * num_lines), left=1.25,
        title="Which phones and positions collapse most? (substitutions in brackets)",
        legend={chain: Line2D([], [], color=colour[chain], marker="o", linestyle="none") for chain in shown},
    )  # fmt: skip
    axes = drawn.panels[0]
    labels: dict[int, str] = {}
    for name, table in groups:
        first = max(labels, default=-2) + 2  # an empty line between phones and positions
        places = {group: first + line for line, group in enumerate(table[name])}
        labels |= {places[group]: f"{group}  ({num})" for group, num in table.select(name, "num_substitutions").rows()}
        for chain in shown:
            here = collapse_by(heard[chain], name)
            y = np.array([places[group] for group in here[name]], dtype=int)
            if chain == reference:
                axes.hlines(y, 100 * here["low"], 100 * here["high"], color=colour[chain], linewidth=1)
            axes.plot(100 * here["collapse"], y, "o", color=colour[chain], markersize=5.5, alpha=0.85)
    _label(axes, labels)
    return drawn


def _label(axes: Axes, labels: Mapping[int, str]) -> None:
    axes.set_yticks(list(labels), list(labels.values()))
    axes.set(xlim=(0, 100), ylim=(max(labels, default=0) + 0.7, -0.7))
    axes.set_xlabel("collapse (% of substitutions)", fontsize=TEXT_SIZE)
    bare(axes, "both")
    axes.tick_params(axis="y", length=0)
