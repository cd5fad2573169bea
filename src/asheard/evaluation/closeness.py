"""How close to the canonical a chain finds what was said, and how well that orders positions.

Closeness is the chain's own score of the position where it gives one (goodness of pronunciation), and else minus the
articulatory distance from the canonical to what it wrote there. All that resampling needs is small: for the AUC how
many pairs are in order between each two units, for the correlation six sums a unit.
"""

from typing import Final

import numpy as np
import polars as pl

from asheard.evaluation.dissociations import FloatArray, divide

CLOSENESS: Final = pl.coalesce("position_score", -pl.col("cos_dist"))
# What is correlated with experts' scores, which have a floor and a ceiling, has them too: the probability that the
# canonical phone was said, where the chain's scores are log-odds of it.
BOUNDED_CLOSENESS: Final = pl.coalesce(1 / (1 + (-pl.col("position_score")).exp()), -pl.col("cos_dist"))

_LEAST_VARIANCE: Final = 1e-9  # of standardised values; what is less is rounding


def has_position_scores(rows: pl.DataFrame) -> bool:
    """Whether the chain of these token rows scores positions itself."""
    return rows["position_score"].null_count() < rows.height


def resampled_auc(weights: FloatArray, right: pl.DataFrame, wrong: pl.DataFrame) -> FloatArray:
    """The share of (right, wrong) pairs in which the right position is closer, ties counting half.

    Args:
        weights: (R, U) whole numbers, how often each unit is there.
        right: token rows with a column `unit`.
        wrong: the same of the positions to be told apart from them.
    Returns:
        (R,) shares; NaN where a side is empty.
    """
    num_units = weights.shape[1]
    units, values = wrong["unit"].to_numpy().astype(np.int64), wrong.select(CLOSENESS).to_series().to_numpy()
    in_order = np.zeros((num_units, num_units))  # pairs of the right of one unit and the wrong of another
    for (unit,), here in right.group_by("unit"):
        closer = np.sort(here.select(CLOSENESS).to_series().to_numpy())
        below = sum(np.searchsorted(closer, values, side) for side in ("left", "right")) / 2
        in_order[unit] = np.bincount(units, closer.size - below, minlength=num_units)
    num_right, num_wrong = (
        np.bincount(side["unit"].to_numpy().astype(np.int64), minlength=num_units) for side in (right, wrong)
    )
    return divide(((weights @ in_order) * weights).sum(axis=1), (weights @ num_right) * (weights @ num_wrong))


def resampled_correlation(weights: FloatArray, rows: pl.DataFrame) -> FloatArray:
    """Pearson's correlation of bounded closeness with the expert score.

    Args:
        weights: (R, U) whole numbers, how often each unit is there.
        rows: token rows with a column `unit`.
    Returns:
        (R,) correlations; NaN where a side is constant.
    """
    units = rows["unit"].to_numpy().astype(np.int64)
    x, y = (_standardised(rows.select(side).to_series().to_numpy()) for side in (BOUNDED_CLOSENESS, "score"))
    sums = [np.bincount(units, values, weights.shape[1]) for values in (np.ones_like(x), x, y, x * x, y * y, x * y)]
    num, *means = (weights @ np.array(sums).T).T
    x_mean, y_mean, xx, yy, xy = (divide(total, num) for total in means)
    x_spread, y_spread = (np.where(spread > _LEAST_VARIANCE, spread, 0) for spread in (xx - x_mean**2, yy - y_mean**2))
    return divide(xy - x_mean * y_mean, np.sqrt(x_spread * y_spread))


def _standardised(values: FloatArray) -> FloatArray:
    if not values.size or np.ptp(values) == 0:
        return np.zeros_like(values)
    return np.asarray((values - values.mean()) / values.std())
