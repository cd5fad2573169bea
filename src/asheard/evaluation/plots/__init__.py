"""The pictures of RESULTS.md, a module each; what they share is in `sheet`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl
from matplotlib import rc_context

from asheard.evaluation.plots.collapse import draw_collapse
from asheard.evaluation.plots.confusions import draw_confusions
from asheard.evaluation.plots.detection import draw_detection
from asheard.evaluation.plots.distances import draw_distances
from asheard.evaluation.plots.missed import draw_missed
from asheard.evaluation.plots.phones import draw_phones
from asheard.evaluation.plots.sheet import Sheet
from asheard.evaluation.plots.tradeoff import draw_tradeoff
from asheard.evaluation.ranking import reference_chain
from asheard.evaluation.scores import SCORES, scheme_of

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
