"""Three pictures: collapse by chain and L1, distances at ok and substituted positions, confusion maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asheard.evaluation.chains import (
    FAITHFUL,
    L1_ENCODER,
    L1_ENCODER_UNKNOWN,
    L1_PRIOR,
    OFF_THE_SHELF,
    behind_prior,
)
from asheard.evaluation.ranking import reference_chain
from asheard.evaluation.tables import number
from asheard.files import whole_file
from asheard.phones import PHONES

# Okabe and Ito's palette, which stays distinct under every common colour blindness.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
_COLOURS: Final = {
    OFF_THE_SHELF: VERMILION,
    FAITHFUL: BLUE,
    L1_ENCODER: GREEN,
    L1_ENCODER_UNKNOWN: ORANGE,
    L1_PRIOR: SKY,
}
_OTHERS: Final = (PURPLE, BLACK, YELLOW)
_GREY: Final = "#666666"

COLLAPSE_PLOT: Final = "collapse.png"
DISTANCES_PLOT: Final = "distances.png"
CONFUSIONS_PLOT: Final = "confusions.png"

_NUM_CONFUSED: Final = 8  # canonical phones shown for each L1
_NUM_PRODUCED: Final = 10  # produced phones shown for each L1


def draw_plots(folder: Path, rows: pl.DataFrame, chains: Mapping[str, Any]) -> None:
    """Write the three pictures into `folder` as PNG.

    Args:
        folder: made if missing.
        rows: token rows of every chain and seed.
        chains: what `metrics.summarise` returns for them.
    """
    figures = {
        COLLAPSE_PLOT: collapse_figure(chains),
        DISTANCES_PLOT: distances_figure(rows, chains),
        CONFUSIONS_PLOT: confusions_figure(rows, reference_chain(chains)),
    }
    for name, figure in figures.items():
        with whole_file(folder / name) as part:
            figure.savefig(part, format="png", dpi=150, metadata={"Software": None})


def collapse_figure(chains: Mapping[str, Any]) -> Figure:
    """Bars of the collapse rate, grouped by L1, with the range over seeds as whiskers."""
    shown = _distinct_transcripts(chains)
    l1s = list(next(iter(chains.values()))["per_l1"])
    figure = Figure(figsize=(max(6.4, 1.5 + 1.25 * (len(l1s) + 1)), 4.6), layout="constrained")
    axes = figure.subplots()
    width = 0.84 / len(shown)
    for index, chain in enumerate(shown):
        summary = chains[chain]
        means = [summary["pooled"]["collapse"], *(summary["per_l1"][l1]["collapse"] for l1 in l1s)]
        spreads = [
            summary["spread"]["pooled"]["collapse"],
            *(summary["spread"]["per_l1"][l1]["collapse"] for l1 in l1s),
        ]
        x = np.arange(len(means)) + (index - (len(shown) - 1) / 2) * width
        heights = np.array([np.nan if mean is None else 100 * mean for mean in means])
        ends = np.array([[np.nan, np.nan] if spread is None else spread for spread in spreads]) * 100
        whiskers = np.clip(np.stack([heights - ends[:, 0], ends[:, 1] - heights]), 0, None)
        axes.bar(x, heights, 0.92 * width, color=_colour(chain, shown), label=chain)
        if np.nanmax(whiskers, initial=0) > 0:
            axes.errorbar(x, heights, whiskers, fmt="none", ecolor="black", elinewidth=1, capsize=2)
        for position, height, top in zip(x, heights, np.fmax(heights, ends[:, 1]), strict=True):
            text = "n/a" if np.isnan(height) else f"{height:.0f}"
            axes.annotate(
                text, (position, np.nan_to_num(top)), (0, 2), textcoords="offset points",
                ha="center", va="bottom", fontsize=8, color="#333333",
            )  # fmt: skip
    axes.axvline(0.5, color=_GREY, linewidth=0.8)
    axes.set_xticks(range(len(l1s) + 1), ["all speakers", *l1s])
    axes.set_ylabel("collapse (% of substitutions)")
    axes.set_title("How often is a substituted phone written as the dictionary's?", loc="left")
    axes.margins(x=0.01, y=0.1)
    _bare(axes)
    figure.legend(loc="outside lower center", ncols=min(4, len(shown)), frameon=False)
    return figure


def distances_figure(rows: pl.DataFrame, chains: Mapping[str, Any]) -> Figure:
    """Cumulative distributions of cos_dist at ok positions and at substitutions, a panel a chain."""
    shown = _distinct_transcripts(chains)
    num_columns = min(2, len(shown))
    num_rows = -(-len(shown) // num_columns)
    figure = Figure(figsize=(2.4 + 4.6 * num_columns, 1.2 + 3.4 * num_rows), layout="constrained")
    panels = figure.subplots(num_rows, num_columns, sharex=True, sharey=True, squeeze=False)
    named = rows.filter(pl.col("perceived").is_not_null())
    for axes, chain in zip(panels.flat, shown, strict=False):
        here = named.filter(chain=chain)
        _cumulative(axes, here.filter(error_type="ok")["cos_dist"], BLUE, "said as expected (ok)", "right ")
        _cumulative(axes, here.filter(error_type="s")["cos_dist"], VERMILION, "substituted", "collapse ")
        _mark_quartiles(axes, chains[chain]["pooled"]["d2"])
        axes.set_xscale("function", functions=(np.sqrt, np.square))  # most distances are short
        ticks = (0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)
        axes.set(xlim=(0, 1), ylim=(0, 105), xticks=ticks, yticks=range(0, 101, 25))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_title(_panel_title(chain, chains), loc="left", fontsize=10)
        _bare(axes)
    for axes in panels.flat[len(shown) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        axes.set_xlabel("distance from the canonical to what was written (cos_dist)")
    for axes in panels[:, 0]:
        axes.set_ylabel("positions at or below (%)")
    figure.suptitle("Is something farther away written where something else was said?", x=0.02, ha="left")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def confusions_figure(rows: pl.DataFrame, chain: str) -> Figure:
    """For each L1, what was said for the most substituted phones, and what the chain wrote there."""
    named = (pl.col("error_type") == "s") & pl.col("perceived").is_not_null()
    substituted = rows.filter((pl.col("chain") == chain) & named)
    l1s = sorted(rows["l1"].unique())
    figure = Figure(figsize=(11.5, 0.9 + 3.0 * len(l1s)), layout="constrained")
    grid = figure.subplots(len(l1s), 2, squeeze=False)
    for l1, (said, written) in zip(l1s, grid, strict=True):
        here = substituted.filter(l1=l1)
        phones = here["canonical"].value_counts().sort(["count", "canonical"], descending=[True, False])
        canonical = phones["canonical"].head(_NUM_CONFUSED).to_list()
        here = here.filter(pl.col("canonical").is_in(canonical))
        produced = here["perceived"].value_counts().sort(["count", "perceived"], descending=[True, False])
        if not canonical:
            for axes in (said, written):
                axes.set_axis_off()
                axes.set_title(f"{l1}: no substitutions", loc="left", fontsize=10)
            continue
        columns = sorted(produced["perceived"].head(_NUM_PRODUCED), key=PHONES.index)
        num_seeds = here["seed"].n_unique()
        labels = [f"{row[0]}  ({row[1] // num_seeds})" for row in phones.head(_NUM_CONFUSED).iter_rows()]
        for axes, column, title in (
            (said, "perceived", f"{l1}: what was said"),
            (written, "predicted", f"{l1}: what {chain} wrote there"),
        ):
            _heat_map(axes, here, column, canonical, columns)
            axes.set_title(title, loc="left", fontsize=10)
        said.set_yticks(range(len(labels)), labels)
        written.set_yticks(range(len(labels)), canonical)
        said.set_ylabel("canonical (substitutions)")
    for axes in grid[-1]:
        axes.set_xlabel("phone at the position")
    figure.suptitle(
        "The most substituted phones of each L1, % of their substitutions (orange: written as the canonical)",
        x=0.02, ha="left",
    )  # fmt: skip
    return figure


def _heat_map(axes: Axes, rows: pl.DataFrame, column: str, canonical: Sequence[str], phones: Sequence[str]) -> None:
    """Shares of each canonical phone's substitutions; the canonical, nothing and the rest in own columns."""
    names = ["canonical", *phones, "other", "nothing"]
    share = np.zeros((len(canonical), len(names)))
    for phone, other, count in rows.group_by("canonical", column).len().iter_rows():
        name = "canonical" if other == phone else "nothing" if other is None else other
        share[canonical.index(phone), names.index(name) if name in names else -2] += count
    share *= 100 / np.maximum(share.sum(axis=1, keepdims=True), 1)
    collapse = np.arange(len(names)) == 0
    axes.imshow(np.where(collapse, share, np.nan), cmap="Oranges", vmin=0, vmax=100, aspect="auto")
    axes.imshow(np.where(collapse, np.nan, share), cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for (row, place), value in np.ndenumerate(share):
        if value >= 1:
            colour = "white" if value > 55 else "black"
            axes.text(place, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=colour)
    axes.axvline(0.5, color=_GREY, linewidth=1)
    axes.axvline(len(names) - 2.5, color=_GREY, linewidth=1)
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(length=0)
    for label in axes.get_xticklabels():
        if len(label.get_text()) > 3:
            label.set(fontsize=8, rotation=35, ha="right", rotation_mode="anchor")


def _cumulative(axes: Axes, distances: pl.Series, colour: str, label: str, first: str) -> None:
    """Draw the per cent of `distances` at or below each distance; `first` names the per cent at 0."""
    if distances.is_empty():
        return
    values = np.sort(distances.to_numpy())
    x = np.union1d(values, [0.0, 1.0])
    share = 100 * np.searchsorted(values, x, side="right") / values.size
    axes.step(x, share, where="post", color=colour, linewidth=2, label=label)
    axes.annotate(
        f"{first}{share[0]:.0f}%", (0, share[0]), (5, 3), textcoords="offset points", color=colour, fontsize=9
    )


def _mark_quartiles(axes: Axes, d2: Mapping[str, Any]) -> None:
    """Where D2 looks: the 75th percentile of ok and the 25th of the substitutions."""
    for level, value, colour, label in (
        (75, d2["ok_p75"], BLUE, "75th percentile of ok"),
        (25, d2["sub_p25"], VERMILION, "25th percentile of substituted; D2: farther right than the other"),
    ):
        axes.axhline(level, color=_GREY, linewidth=0.6, linestyle=":")
        if value is not None:
            axes.plot(
                value, level, "D", color=colour, markeredgecolor="white", markersize=8, zorder=5,
                clip_on=False, linestyle="none", label=label,
            )  # fmt: skip


def _panel_title(chain: str, chains: Mapping[str, Any]) -> str:
    pooled = chains[chain]["pooled"]
    scored = behind_prior(chain)
    name = f"{chain} (the same for {scored})" if scored in chains else chain
    d2 = {None: "has no data", True: "passes", False: "fails"}[pooled["d2"]["pass"]]
    return f"{name}\nD1: AUC {number(pooled['d1']['auc'])}; D2 {d2}"


def _distinct_transcripts(chains: Mapping[str, Any]) -> list[str]:
    """The chains but those that only score another's transcripts."""
    scored = set(map(behind_prior, chains))
    return [chain for chain in chains if chain not in scored]


def _colour(chain: str, shown: Sequence[str]) -> str:
    others = [name for name in shown if name not in _COLOURS]
    return _COLOURS[chain] if chain in _COLOURS else _OTHERS[others.index(chain) % len(_OTHERS)]


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
