"""The figures of RESULTS.md by file name, and those of collapse: by chain and L1, and by canonical phone."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asheard.corpora.chains import distinct_transcripts
from asheard.evaluation.detection import collapse_by
from asheard.evaluation.labels import COLLAPSE, LabelMeasures
from asheard.evaluation.metrics import ChainSummary, Metrics
from asheard.evaluation.report.curve_figures import draw_detection, draw_distances, draw_tradeoff
from asheard.evaluation.report.error_figures import draw_confusions, draw_missed
from asheard.evaluation.report.style import (
    GREY,
    chain_colours,
    chain_markers,
    figure_style,
    grid,
    new_figure,
    write_figure,
)

COLLAPSE_FIGURE: Final = "collapse.png"
CONFUSIONS_FIGURE: Final = "confusions.png"
DETECTION_FIGURE: Final = "detection.png"
DISTANCES_FIGURE: Final = "distances.png"
MISSED_FIGURE: Final = "missed.png"
PHONES_FIGURE: Final = "collapse-by-phone.png"
TRADEOFF_FIGURE: Final = "frr-and-collapse.png"


def write_figures(folder: Path, rows: pl.DataFrame, metrics: Metrics[Any]) -> None:
    """Write the figures into `folder` as PNG.

    Args:
        folder: made if missing.
        rows: token rows of every chain and seed.
        metrics: of the same rows.
    """
    with figure_style():
        for name, figure in draw_figures(rows, metrics).items():
            write_figure(figure, folder / name, metrics.signature)


def draw_figures(rows: pl.DataFrame, metrics: Metrics[Any]) -> dict[str, Figure]:
    """Draw all figures of one kind of gold: {file name: figure}."""
    chains = metrics.chains
    if not metrics.scheme.has_verdict:
        return {TRADEOFF_FIGURE: draw_tradeoff(rows, chains)}
    reference = metrics.reference_chain()
    return {
        COLLAPSE_FIGURE: draw_collapse(chains),
        CONFUSIONS_FIGURE: draw_confusions(rows, reference),
        DETECTION_FIGURE: draw_detection(rows, chains),
        DISTANCES_FIGURE: draw_distances(rows, chains),
        MISSED_FIGURE: draw_missed(rows, reference),
        PHONES_FIGURE: draw_phones(rows, chains, reference),
    }


def draw_collapse(chains: Mapping[str, ChainSummary[LabelMeasures]]) -> Figure:
    """Draw the collapse rate and its interval, for all speakers and for each L1: one point a chain."""
    shown = distinct_transcripts(chains)
    l1s = list(chains[shown[0]].per_l1)
    figure = new_figure(
        3.4, "Collapse: the canonical is written although another phone was said (95% intervals)",
        legend=_legend(shown),
    )  # fmt: skip
    axes = figure.subplots()
    colour, marker = chain_colours(shown), chain_markers(shown)
    step = 0.8 / len(shown)
    for index, chain in enumerate(shown):
        groups = [_collapse(chains[chain], l1) for l1 in (None, *l1s)]
        value, low, high = 100 * np.array(groups).T
        x = np.arange(len(groups)) + (index - (len(shown) - 1) / 2) * step
        axes.errorbar(
            x, value, [value - np.fmin(low, value), np.fmax(high, value) - value], fmt=marker[chain],
            color=colour[chain], markersize=6, elinewidth=1.5,
        )  # fmt: skip
    axes.axvline(0.5, color=GREY, linewidth=0.8)
    axes.set_xticks(range(len(l1s) + 1), ["all\nspeakers", *l1s])
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(l1s) + 0.5)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("collapse (% of substitutions)")
    grid(axes, "y")
    return figure


def _legend(chains: list[str]) -> dict[str, Line2D]:
    colour, marker = chain_colours(chains), chain_markers(chains)
    return {
        chain: Line2D([], [], color=colour[chain], marker=marker[chain], linestyle="none", markersize=6)
        for chain in chains
    }


def _collapse(summary: ChainSummary[LabelMeasures], l1: str | None) -> tuple[float, float, float]:
    """Return collapse and the ends of its interval; NaN if undefined."""
    measures = summary.pooled if l1 is None else summary.per_l1[l1]
    intervals = summary.intervals.pooled if l1 is None else summary.intervals.per_l1[l1]
    low, high = intervals.values[COLLAPSE] or (np.nan, np.nan)
    return (np.nan if measures.collapse is None else measures.collapse), low, high


def draw_phones(rows: pl.DataFrame, chains: Iterable[str], reference: str) -> Figure:
    """Draw collapse by canonical phone, with Wilson intervals of the reference chain: one point a chain.

    The phones that the reference chain collapses most are at the top. Syllable positions, if known, are below.
    """
    shown = distinct_transcripts(chains)
    colour, marker = chain_colours(shown), chain_markers(shown)
    of_chain = {chain: rows.filter(chain=chain) for chain in shown}
    groups = [(name, collapse_by(of_chain[reference], name)) for name in ("canonical", "position")]
    num_lines = sum(table.height + 1 for _, table in groups if table.height)
    figure = new_figure(
        max(1.5, 0.6 + 0.2 * num_lines), "Which phones collapse most? (number of substitutions in brackets)",
        legend=_legend(shown),
    )  # fmt: skip
    axes = figure.subplots()
    labels: dict[int, str] = {}
    for name, table in groups:
        first = max(labels, default=-2) + 2  # an empty line between phones and positions
        places = {group: first + line for line, group in enumerate(table[name])}
        labels |= {places[group]: f"{group}  ({num})" for group, num in table.select(name, "num_substitutions").rows()}
        for chain in shown:
            here = collapse_by(of_chain[chain], name)
            y = np.array([places[group] for group in here[name]], dtype=int)
            if chain == reference:
                axes.hlines(y, 100 * here["low"], 100 * here["high"], color=colour[chain], linewidth=1.5)
            axes.plot(100 * here["collapse"], y, marker[chain], color=colour[chain], markersize=5.5, clip_on=False)
    axes.set_yticks(list(labels), list(labels.values()))
    axes.set(xlim=(0, 100), ylim=(max(labels, default=0) + 0.7, -0.7), xlabel="collapse (% of substitutions)")
    axes.tick_params(axis="y", length=0, pad=7)
    grid(axes, "both")
    return figure
