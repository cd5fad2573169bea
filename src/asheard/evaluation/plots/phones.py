"""Which phones and which syllable positions collapse most."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from asheard.evaluation.missed import collapse_by
from asheard.evaluation.plots.sheet import TEXT_SIZE, Sheet, bare, colours, sheet
from asheard.evaluation.ranking import distinct_transcripts, reference_chain


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
