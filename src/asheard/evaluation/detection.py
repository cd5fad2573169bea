"""How well distances find errors: the trade of false rejections against missed errors.

A threshold on the distance calls every position at or above it an error. As it falls, fewer errors are missed and more
correct positions rejected. Distance is cos_dist: at its smallest threshold every difference from the canonical counts,
and what is still missed is collapse: no scorer behind the transcript can find it any more. A chain that scores
positions itself has minus that score in its place, and a curve that goes on to where everything is rejected.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from asheard.evaluation.metrics import LABELS, Scheme
from asheard.evaluation.separation import CHAIN_SCORE, FloatArray, Measures, has_position_scores

_DISTANCE = -CHAIN_SCORE


@dataclass(frozen=True, slots=True)
class DetectionCurve:
    """One chain at every threshold that makes a difference, from the smallest to one above all distances.

    thresholds: (n,) the smallest on cos_dist calls every difference an error; the last, inf, nothing. missed: (n,)
    share of the errors (the named substitutions) below the threshold. frr: (n,) share of the ok positions at or above
    it. as_written: index of the first threshold above 0: what is written as another phone is an error.
    """

    thresholds: FloatArray
    missed: FloatArray
    frr: FloatArray
    as_written: int


def detection_curve(rows: pl.DataFrame, scheme: Scheme = LABELS) -> DetectionCurve | None:
    """Move the threshold over all distances.

    With several seeds each point is the mean over seeds at that threshold. With the points (0, 1) in front, where
    everything is called an error, the area above the curve is the AUC; with cos_dist, that of D1.

    Args:
        rows: token rows of one chain.
        scheme: what is ok, and what an error.
    Returns:
        The curve; None without ok positions or without errors.
    """
    ok, wrong = (rows.filter(side).select(_DISTANCE).to_series().to_numpy() for side in (scheme.right, scheme.wrong))
    if not ok.size or not wrong.size:
        return None
    distances = np.union1d(ok, wrong)
    if not has_position_scores(rows):
        distances = distances[distances > 0]
    thresholds = np.append(distances, np.inf)
    as_written = int(np.searchsorted(thresholds, 0, side="right"))
    return DetectionCurve(thresholds, _share_below(wrong, thresholds), 1 - _share_below(ok, thresholds), as_written)


def auc_path(measures: Measures) -> str:
    """The path of the area above a chain's curve: that of its own scores where it has them, else D1's."""
    return "position_scores.auc" if "position_scores" in measures else "d1.auc"


def operating_point(rows: pl.DataFrame) -> tuple[float, float] | None:
    """(missed, frr) of the classes as they were given: by the threshold in use and, behind a prior, by what it excuses.

    Args:
        rows: token rows of one chain.
    Returns:
        Shares of the named substitutions called variant and of the ok positions called error; None where a side is
        empty.
    """
    ok, substituted = rows.filter(LABELS.right), rows.filter(LABELS.wrong)
    if ok.is_empty() or substituted.is_empty():
        return None
    missed = substituted.filter(class_pred="variant").height / substituted.height
    return missed, ok.filter(class_pred="error").height / ok.height


def _share_below(distances: FloatArray, thresholds: FloatArray) -> FloatArray:
    return np.searchsorted(np.sort(distances), thresholds, side="left") / distances.size
