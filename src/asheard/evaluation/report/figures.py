"""The figures of RESULTS.md, by file name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl
from matplotlib.figure import Figure

from asheard.evaluation.expert_scores import SCORES
from asheard.evaluation.ranking import reference_chain, scheme_of
from asheard.evaluation.report.curve_figures import draw_detection, draw_distances, draw_tradeoff
from asheard.evaluation.report.error_figures import draw_confusions, draw_missed
from asheard.evaluation.report.rate_figures import draw_collapse, draw_phones
from asheard.evaluation.report.style import figure_style, write_figure

COLLAPSE_FIGURE: Final = "collapse.png"
CONFUSIONS_FIGURE: Final = "confusions.png"
DETECTION_FIGURE: Final = "detection.png"
DISTANCES_FIGURE: Final = "distances.png"
MISSED_FIGURE: Final = "missed.png"
PHONES_FIGURE: Final = "collapse-by-phone.png"
TRADEOFF_FIGURE: Final = "frr-and-collapse.png"


def write_figures(folder: Path, rows: pl.DataFrame, metrics: Mapping[str, Any]) -> None:
    """Write the figures into `folder` as PNG.

    Args:
        folder: made if missing.
        rows: token rows of every chain and seed.
        metrics: the contents of metrics.json.
    """
    with figure_style():
        for name, figure in draw_figures(rows, metrics).items():
            write_figure(figure, folder / name, metrics["signature"])


def draw_figures(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw all figures of one kind of gold: {file name: figure}."""
    chains = metrics["chains"]
    if scheme_of(metrics) is SCORES:
        return {TRADEOFF_FIGURE: draw_tradeoff(rows, chains)}
    reference = reference_chain(chains)
    return {
        COLLAPSE_FIGURE: draw_collapse(chains),
        CONFUSIONS_FIGURE: draw_confusions(rows, reference),
        DETECTION_FIGURE: draw_detection(rows, chains),
        DISTANCES_FIGURE: draw_distances(rows, chains),
        MISSED_FIGURE: draw_missed(rows, reference),
        PHONES_FIGURE: draw_phones(rows, chains),
    }
