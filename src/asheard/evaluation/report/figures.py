"""The figures of RESULTS.md, by file name."""

from pathlib import Path
from typing import Any, Final

import polars as pl
from matplotlib.figure import Figure

from asheard.evaluation.metrics import Metrics
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
