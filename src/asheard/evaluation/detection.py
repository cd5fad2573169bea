"""How well distances find substitutions: the trade of false rejections against missed substitutions.

A threshold on cos_dist calls every position at or above it an error. As it falls, fewer substitutions are missed and
more correct positions rejected. At the smallest threshold every difference from the canonical counts, and what is still
missed is collapse: no scorer behind the transcript can find it any more.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DetectionCurve:
    """One chain at every threshold that makes a difference, from the smallest to one above all distances.

    thresholds: (n,) the smallest calls every difference an error; the last, inf, nothing. missed: (n,) share of the
    named substitutions below the threshold. frr: (n,) share of the ok positions at or above it.
    """

    thresholds: FloatArray
    missed: FloatArray
    frr: FloatArray


def detection_curve(rows: pl.DataFrame) -> DetectionCurve | None:
    """Move the threshold over all distances.

    With several seeds each point is the mean over seeds at that threshold. With the points (0, 1) in front, where
    everything is called an error, the area above the curve is the AUC of D1.

    Args:
        rows: token rows of one chain.
    Returns:
        The curve; None without ok positions or without named substitutions.
    """
    ok, substituted = _ok_and_substituted(rows)
    if ok.is_empty() or substituted.is_empty():
        return None
    distances = np.union1d(ok["cos_dist"], substituted["cos_dist"])
    thresholds = np.append(distances[distances > 0], np.inf)
    return DetectionCurve(thresholds, _share_below(substituted, thresholds), 1 - _share_below(ok, thresholds))


def operating_point(rows: pl.DataFrame) -> tuple[float, float] | None:
    """(missed, frr) of the classes as they were given: by the threshold in use and, behind a prior, by what it excuses.

    Args:
        rows: token rows of one chain.
    Returns:
        Shares of the named substitutions called variant and of the ok positions called error; None where a side is
        empty.
    """
    ok, substituted = _ok_and_substituted(rows)
    if ok.is_empty() or substituted.is_empty():
        return None
    missed = substituted.filter(class_pred="variant").height / substituted.height
    return missed, ok.filter(class_pred="error").height / ok.height


def _ok_and_substituted(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return rows.filter(error_type="ok"), rows.filter(pl.col("collapsed").is_not_null())


def _share_below(rows: pl.DataFrame, thresholds: FloatArray) -> FloatArray:
    return np.searchsorted(np.sort(rows["cos_dist"].to_numpy()), thresholds, side="left") / rows.height
