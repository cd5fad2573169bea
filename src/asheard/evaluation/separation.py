"""How well distances and position scores separate correct positions from errors, on the data and on resamples.

D1 and D2 compare cos_dist at correct positions (ok) with cos_dist at named substitutions (sub). D3 compares, over the
substitutions, the predicted distance with the gold distance. A statistic that is undefined on its data is None.

The chain's score of a position is its own position score if it gives one, else minus cos_dist. Resampling needs little
of it: for the AUC the number of ordered pairs between each two units, for the correlation six sums a unit.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, spearmanr

from asheard.evaluation.tokens import IS_NAMED, IS_OK

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ALPHA: Final = 0.05  # D1 passes below this one-sided p
MAX_D2_COLLAPSE: Final = 0.25  # D2 fails if more of the substitutions than this share are at distance 0

CHAIN_SCORE: Final = pl.coalesce("position_score", -pl.col("cos_dist"))
# The experts' scale has two ends, so a score that is correlated with it has two ends too: log-odds become the
# probability that the canonical phone was said.
BOUNDED_CHAIN_SCORE: Final = pl.coalesce(1 / (1 + (-pl.col("position_score")).exp()), -pl.col("cos_dist"))

_BLOCK: Final = 1_000  # resamples whose histograms are in memory at once
_LEAST_VARIANCE: Final = 1e-9  # of standardised values; a smaller one is a rounding error


@dataclass(frozen=True, slots=True)
class D1:
    """Are predictions farther from the canonical phone at substitutions than at correct positions?

    p: one-sided Mann-Whitney (ok < sub). auc: share of the (ok, sub) pairs in which sub is farther; ties count half.
    passes: p is below ALPHA. p is None if all distances are equal; all are None if a side is empty.
    """

    p: float | None
    auc: float | None
    passes: bool | None


@dataclass(frozen=True, slots=True)
class D2:
    """Is the 75th percentile of the ok distances below the 25th percentile of the substitutions' distances?

    ok_p75, sub_p25: the percentiles. gap: sub_p25 - ok_p75. passes: the gap is above 0, and at most MAX_D2_COLLAPSE of
    the substitutions are at distance 0. All are None if a side is empty.
    """

    ok_p75: float | None
    sub_p25: float | None
    gap: float | None
    passes: bool | None


@dataclass(frozen=True, slots=True)
class D3:
    """At substitutions, does the predicted distance rank with the gold distance?

    rho: Spearman's rank correlation. p: two-sided. Both are None below three substitutions or if a side is constant.
    """

    rho: float | None
    p: float | None


class Dissociations(NamedTuple):
    """The statistics of D1 to D3 under R weightings of the units, each (R,); NaN if undefined."""

    auc: FloatArray
    ok_p75: FloatArray
    sub_p25: FloatArray
    gap: FloatArray
    rho: FloatArray


def measure_d1(ok: FloatArray, sub: FloatArray) -> D1:
    """Compute D1 with the normal approximation, with tie and continuity correction.

    Args:
        ok: cos_dist at correct positions.
        sub: cos_dist at substitutions.
    Source: Mann and Whitney 1947.
    """
    if not ok.size or not sub.size:
        return D1(None, None, None)
    if np.ptp(np.concatenate([ok, sub])) == 0:
        return D1(None, 0.5, False)
    result = mannwhitneyu(sub, ok, alternative="greater", method="asymptotic")
    p = float(result.pvalue)
    return D1(p, float(result.statistic) / (ok.size * sub.size), p < ALPHA)


def measure_d2(ok: FloatArray, sub: FloatArray) -> D2:
    """Compute D2 with percentiles that interpolate linearly between order statistics.

    So the 25th percentile may lie above 0 although just over a quarter of the substitutions collapse. D2 fails then
    too.

    Args:
        ok: cos_dist at correct positions.
        sub: cos_dist at substitutions.
    """
    if not ok.size or not sub.size:
        return D2(None, None, None, None)
    ok_p75, sub_p25 = float(np.percentile(ok, 75)), float(np.percentile(sub, 25))
    collapsed = float(np.mean(sub == 0))
    return D2(ok_p75, sub_p25, sub_p25 - ok_p75, ok_p75 < sub_p25 and collapsed <= MAX_D2_COLLAPSE)


def measure_d3(predicted: FloatArray, gold: FloatArray) -> D3:
    """Compute D3 with mean ranks for ties.

    Args:
        predicted: cos_dist at substitutions.
        gold: gold_cos_dist at the same positions.
    """
    if predicted.size < 3 or np.ptp(predicted) == 0 or np.ptp(gold) == 0:
        return D3(None, None)
    result = spearmanr(predicted, gold)
    return D3(float(result.statistic), float(result.pvalue))


class Histograms(NamedTuple):
    """How often each distance occurs in each of the U units that are resampled.

    distances: (D,) in ascending order. ok, sub: (U, D) number of positions. written, said: (C,) indices into distances
    of each combination (predicted, gold) that occurs at a substitution, sorted by written. pairs: (U, C) number of
    substitutions.
    """

    distances: FloatArray
    ok: FloatArray
    sub: FloatArray
    written: IntArray
    said: IntArray
    pairs: FloatArray


def histograms(rows: pl.DataFrame, num_units: int) -> Histograms:
    """Count the distances of one chain and seed.

    Args:
        rows: token rows with a column `unit`, the index of what each row is resampled with.
        num_units: U.
    """
    named = rows.filter(IS_OK | IS_NAMED)
    ok, sub = named.filter(IS_OK), named.filter(IS_NAMED)
    distances = np.unique(np.concatenate([named["cos_dist"].to_numpy(), sub["gold_cos_dist"].to_numpy()]))

    def place(values: pl.Series) -> IntArray:
        return np.searchsorted(distances, values.to_numpy())

    def count(units: pl.Series, codes: IntArray, num_codes: int) -> FloatArray:
        cells = units.to_numpy().astype(np.int64) * num_codes + codes
        return np.bincount(cells, minlength=num_units * num_codes).reshape(num_units, num_codes).astype(np.float64)

    written, said = place(sub["cos_dist"]), place(sub["gold_cos_dist"])
    shown, codes = np.unique(written * distances.size + said, return_inverse=True)
    return Histograms(
        distances,
        count(ok["unit"], place(ok["cos_dist"]), distances.size),
        count(sub["unit"], written, distances.size),
        *np.divmod(shown, max(distances.size, 1)),
        count(sub["unit"], codes, shown.size),
    )


def resampled_dissociations(weights: FloatArray, counted: Histograms) -> Dissociations:
    """Compute the statistics of D1 to D3 as if unit u occurred weights[r, u] times.

    Args:
        weights: (R, U) whole numbers.
        counted: histograms of the U units.
    """
    blocks = [_statistics(weights[start : start + _BLOCK], counted) for start in range(0, len(weights), _BLOCK)]
    return Dissociations(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def divide(part: FloatArray, whole: FloatArray) -> FloatArray:
    """part / whole; NaN if whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole != 0)


def _statistics(weights: FloatArray, counted: Histograms) -> Dissociations:
    ok, sub = weights @ counted.ok, weights @ counted.sub
    auc = divide((sub * _ranks(ok)).sum(axis=1), ok.sum(axis=1) * sub.sum(axis=1))
    p75, p25 = _percentile(counted.distances, ok, 0.75), _percentile(counted.distances, sub, 0.25)
    p75, p25 = (np.where(np.isnan(p75 + p25), np.nan, values) for values in (p75, p25))
    rho = _correlation(weights @ counted.pairs, counted.written, counted.said, counted.distances.size)
    return Dissociations(auc, p75, p25, p25 - p75, rho)


def _ranks(histogram: FloatArray) -> FloatArray:
    """(R, D) number of counted positions below each distance; those at the distance count half."""
    return np.asarray(np.cumsum(histogram, axis=1) - histogram / 2)


def _percentile(distances: FloatArray, histogram: FloatArray, share: float) -> FloatArray:
    """(R,) percentiles, interpolated linearly between order statistics; NaN if nothing is counted."""
    below = np.cumsum(histogram, axis=1)
    if not distances.size:
        return np.full(len(histogram), np.nan)
    rank = (below[:, -1] - 1) * share
    lower, upper = (
        distances[np.minimum((below <= place[:, None]).sum(axis=1), distances.size - 1)]
        for place in (np.floor(rank), np.ceil(rank))
    )
    return np.where(below[:, -1] > 0, lower + (upper - lower) * (rank - np.floor(rank)), np.nan)


def _correlation(pairs: FloatArray, written: IntArray, said: IntArray, num_distances: int) -> FloatArray:
    """(R,) Spearman's correlation, mean ranks for ties, of (R, C) counted pairs; NaN if `measure_d3` has none."""
    total = pairs.sum(axis=1)
    sides = []
    for codes in (written, said):
        histogram = pairs @ np.eye(num_distances)[codes]
        ranks = _ranks(histogram) - total[:, None] / 2  # 0 on average
        sides.append((ranks[:, codes], (histogram * ranks**2).sum(axis=1)))
    (ours, our_spread), (theirs, their_spread) = sides
    rho = divide((pairs * ours * theirs).sum(axis=1), np.sqrt(our_spread * their_spread))
    return np.where(total < 3, np.nan, rho)


def has_position_scores(rows: pl.DataFrame) -> bool:
    """Whether the chain of these token rows scores positions itself."""
    return rows["position_score"].null_count() < rows.height


def resampled_auc(weights: FloatArray, right: pl.DataFrame, wrong: pl.DataFrame) -> FloatArray:
    """Share of the (right, wrong) pairs in which the right position has the higher chain score; ties count half.

    Args:
        weights: (R, U) whole numbers, how often each unit occurs.
        right: token rows with a column `unit`.
        wrong: token rows of the errors, likewise.
    Returns:
        (R,) shares; NaN if a side is empty.
    """
    num_units = weights.shape[1]
    units, values = wrong["unit"].to_numpy().astype(np.int64), wrong.select(CHAIN_SCORE).to_series().to_numpy()
    in_order = np.zeros((num_units, num_units))  # pairs of a right position of one unit and a wrong one of another
    for (unit,), here in right.group_by("unit"):
        scores = np.sort(here.select(CHAIN_SCORE).to_series().to_numpy())
        below = sum(np.searchsorted(scores, values, side) for side in ("left", "right")) / 2
        in_order[unit] = np.bincount(units, scores.size - below, minlength=num_units)
    num_right, num_wrong = (
        np.bincount(side["unit"].to_numpy().astype(np.int64), minlength=num_units) for side in (right, wrong)
    )
    return divide(((weights @ in_order) * weights).sum(axis=1), (weights @ num_right) * (weights @ num_wrong))


def resampled_correlation(weights: FloatArray, rows: pl.DataFrame) -> FloatArray:
    """Pearson's correlation of the bounded chain score with the expert score.

    Args:
        weights: (R, U) whole numbers, how often each unit occurs.
        rows: token rows with a column `unit`.
    Returns:
        (R,) correlations; NaN if a side is constant.
    """
    units = rows["unit"].to_numpy().astype(np.int64)
    x, y = (_standardised(rows.select(side).to_series().to_numpy()) for side in (BOUNDED_CHAIN_SCORE, "score"))
    sums = [np.bincount(units, values, weights.shape[1]) for values in (np.ones_like(x), x, y, x * x, y * y, x * y)]
    num, *means = (weights @ np.array(sums).T).T
    x_mean, y_mean, xx, yy, xy = (divide(total, num) for total in means)
    x_spread, y_spread = (np.where(spread > _LEAST_VARIANCE, spread, 0) for spread in (xx - x_mean**2, yy - y_mean**2))
    return divide(xy - x_mean * y_mean, np.sqrt(x_spread * y_spread))


def _standardised(values: FloatArray) -> FloatArray:
    if not values.size or np.ptp(values) == 0:
        return np.zeros_like(values)
    return np.asarray((values - values.mean()) / values.std())
