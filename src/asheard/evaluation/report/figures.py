"""The pictures of RESULTS.md, a module each; what they share is in `sheet`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl
from matplotlib import rc_context

from asheard.evaluation.expert_scores import SCORES, scheme_of
from asheard.evaluation.ranking import reference_chain
from asheard.evaluation.report.distance_figures import draw_detection, draw_distances
from asheard.evaluation.report.error_figures import draw_confusions, draw_missed, draw_phones
from asheard.evaluation.report.figure_layout import Sheet
from asheard.evaluation.report.rate_figures import draw_collapse, draw_tradeoff

COLLAPSE_PLOT: Final = "collapse.png"
CONFUSIONS_PLOT: Final = "confusions.png"
DETECTION_PLOT: Final = "detection.png"
DISTANCES_PLOT: Final = "distances.png"
MISSED_PLOT: Final = "missed.png"
PHONES_PLOT: Final = "collapse-by-phone.png"
TRADEOFF_PLOT: Final = "frr-and-collapse.png"


def draw_plots(folder: Path, rows: pl.DataFrame, metrics: Mapping[str, Any]) -> None:
    """Write the pictures into `folder` as PNG.

    Args:
        folder: made if missing.
        rows: token rows of every chain and seed.
        metrics: the contents of metrics.json.
    """
    with rc_context({"text.parse_math": False}):  # a chain may be called `$x`
        for name, sheet in _sheets(rows, metrics).items():
            sheet.write(folder / name, metrics["signature"])


def _sheets(rows: pl.DataFrame, metrics: Mapping[str, Any]) -> dict[str, Sheet]:
    chains = metrics["chains"]
    if scheme_of(metrics) is SCORES:
        return {TRADEOFF_PLOT: draw_tradeoff(rows, chains)}
    reference = reference_chain(chains)
    return {
        COLLAPSE_PLOT: draw_collapse(chains),
        CONFUSIONS_PLOT: draw_confusions(rows, reference),
        DETECTION_PLOT: draw_detection(rows, chains),
        DISTANCES_PLOT: draw_distances(rows, chains),
        MISSED_PLOT: draw_missed(rows, reference),
        PHONES_PLOT: draw_phones(rows, chains),
    }
