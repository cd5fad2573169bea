"""Do distances mean anything? The dissociations D1 to D3, on the data and on resamples of them.

D1 and D2 compare cos_dist at correct positions (ok) with cos_dist at named substitutions (sub); D3 compares, over the
substitutions, the distance written with the distance said. A statistic that its data leave undefined is None.

How close to the canonical a chain finds what was said, and how well that orders positions.

Closeness is the chain's own score of the position where it gives one (goodness of pronunciation), and else minus the
articulatory distance from the canonical to what it wrote there. All that resampling needs is small: for the AUC how
many pairs are in order between each two units, for the correlation six sums a unit.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, spearmanr

Measures = dict[str, Any]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

ALPHA: Final = 0.05  # D1 passes below this one-sided p
MAX_D2_COLLAPSE: Final = 0.25  # D2 fails above this share of substitutions at distance 0

_BLOCK: Final = 1_000  # resamples whose histograms are in memory at once


def separation(ok: FloatArray, sub: FloatArray) -> Measures:
    """D1: are predictions farther from the canonical at substitutions than at correct positions?

    Args:
        ok: cos_dist at correct positions.
        sub: cos_dist at substitutions.
    Returns:
        p: one-sided Mann-Whitney (ok < sub), normal approximation with tie and continuity correction.
        auc: share of (ok, sub) pairs where sub is farther, ties counting half. pass: p < 0.05. p is None where all
        distances are equal; all three are where a side is empty.
    Source: Mann and Whitney 1947.
    """
    if not ok.size or not sub.size:
        return {"p": None, "auc": None, "pass": None}
    if np.ptp(np.concatenate([ok, sub])) == 0:
        return {"p": None, "auc": 0.5, "pass": False}
    result = mannwhitneyu(sub, ok, alternative="greater", method="asymptotic")
    p = float(result.pvalue)
    return {"p": p, "auc": float(result.statistic) / (ok.size * sub.size), "pass": p < ALPHA}


def quartile_gap(ok: FloatArray, sub: FloatArray) -> Measures:
    """D2: is the 75th percentile of the ok distances below the 25th of the substitutions'?

    Percentiles interpolate linearly, so the 25th may lie above 0 although a chain collapses just over a quarter of the
    substitutions; it does not pass then either.

    Args:
        ok: cos_dist at correct positions.
        sub: cos_dist at substitutions.
    Returns:
        ok_p75, sub_p25: the percentiles. gap: sub_p25 - ok_p75. pass: the gap is above 0, and at most a quarter of sub
        is 0. All four are None where a side is empty.
    """
    if not ok.size or not sub.size:
        return {"ok_p75": None, "sub_p25": None, "gap": None, "pass": None}
    ok_p75, sub_p25 = float(np.percentile(ok, 75)), float(np.percentile(sub, 25))
    collapsed = float(np.mean(sub == 0))
    return {
        "ok_p75": ok_p75,
        "sub_p25": sub_p25,
        "gap": sub_p25 - ok_p75,
        "pass": ok_p75 < sub_p25 and collapsed <= MAX_D2_COLLAPSE,
    }


def gradience(predicted: FloatArray, gold: FloatArray) -> Measures:
    """D3: at substitutions, does the predicted distance rank with the gold distance?

    Returns:
        rho: Spearman's, with mean ranks for ties. p: two-sided. Both None below three substitutions, or where one side
        is constant.
    """
    if predicted.size < 3 or np.ptp(predicted) == 0 or np.ptp(gold) == 0:
        return {"rho": None, "p": None}
    result = spearmanr(predicted, gold)
    return {"rho": float(result.statistic), "p": float(result.pvalue)}


class Histograms(NamedTuple):
    """How often each distance occurs in each unit that is resampled.

    distances: (D,) the distances, rising. ok, sub: (U, D) positions of each unit at each of them. written, said: (C,)
    the distances, as indices, of each pair (written, said) that some substitution shows, sorted by written. pairs:
    (U, C) substitutions that show it.
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
    named = rows.filter((pl.col("error_type") == "ok") | pl.col("collapsed").is_not_null())
    ok, sub = named.filter(error_type="ok"), named.filter(pl.col("error_type") != "ok")
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


def resampled_dissociations(weights: FloatArray, counted: Histograms) -> dict[str, FloatArray]:
    """The statistics of D1 to D3 when unit u is there weights[r, u] times.

    Args:
        weights: (R, U) whole numbers.
        counted: of the U units.
    Returns:
        {"d1.auc", "d2.ok_p75", "d2.sub_p25", "d2.gap", "d3.rho": (R,)}, as `separation`, `quartile_gap` and
        `gradience` give them for the rows so repeated; NaN for None.
    """
    blocks = [_statistics(weights[start : start + _BLOCK], counted) for start in range(0, len(weights), _BLOCK)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def divide(part: FloatArray, whole: FloatArray) -> FloatArray:
    """part / whole; NaN where whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole != 0)


def _statistics(weights: FloatArray, counted: Histograms) -> dict[str, FloatArray]:
    ok, sub = weights @ counted.ok, weights @ counted.sub
    auc = divide((sub * _ranks(ok)).sum(axis=1), ok.sum(axis=1) * sub.sum(axis=1))
    p75, p25 = _percentile(counted.distances, ok, 0.75), _percentile(counted.distances, sub, 0.25)
    p75, p25 = (np.where(np.isnan(p75 + p25), np.nan, values) for values in (p75, p25))
    rho = _correlation(weights @ counted.pairs, counted.written, counted.said, counted.distances.size)
    return {"d1.auc": auc, "d2.ok_p75": p75, "d2.sub_p25": p25, "d2.gap": p25 - p75, "d3.rho": rho}


def _ranks(histogram: FloatArray) -> FloatArray:
    """(R, D) how many of the counted lie below each distance, those at it counting half."""
    return np.asarray(np.cumsum(histogram, axis=1) - histogram / 2)


def _percentile(distances: FloatArray, histogram: FloatArray, share: float) -> FloatArray:
    """(R,) percentiles, interpolated linearly between order statistics; NaN where nothing is counted."""
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
    """(R,) Spearman's correlation, mean ranks for ties, of (R, C) counted pairs; NaN where `gradience` has none."""
    total = pairs.sum(axis=1)
    sides = []
    for codes in (written, said):
        histogram = pairs @ np.eye(num_distances)[codes]
        ranks = _ranks(histogram) - total[:, None] / 2  # 0 on average
        sides.append((ranks[:, codes], (histogram * ranks**2).sum(axis=1)))
    (ours, our_spread), (theirs, their_spread) = sides
    rho = divide((pairs * ours * theirs).sum(axis=1), np.sqrt(our_spread * their_spread))
    return np.where(total < 3, np.nan, rho)


CHAIN_SCORE: Final = pl.coalesce("position_score", -pl.col("cos_dist"))
# What is correlated with experts' scores, which have a floor and a ceiling, has them too: the probability that the
# canonical phone was said, where the chain's scores are log-odds of it.
BOUNDED_CHAIN_SCORE: Final = pl.coalesce(1 / (1 + (-pl.col("position_score")).exp()), -pl.col("cos_dist"))

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
    units, values = wrong["unit"].to_numpy().astype(np.int64), wrong.select(CHAIN_SCORE).to_series().to_numpy()
    in_order = np.zeros((num_units, num_units))  # pairs of the right of one unit and the wrong of another
    for (unit,), here in right.group_by("unit"):
        closer = np.sort(here.select(CHAIN_SCORE).to_series().to_numpy())
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
