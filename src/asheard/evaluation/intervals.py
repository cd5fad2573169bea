"""How far to trust a number: bootstrap intervals over speakers, and paired differences between chains.

Utterances of one speaker are alike, so speakers are resampled whole. Where a group has one speaker, its utterances are
resampled in their place: such an interval is within-speaker, and says nothing about another speaker. Every chain sees
the same resamples; seeds are averaged within a resample, so their spread stays out of the interval.

A resample is a vector of weights, how often each unit was drawn, and every number is a function of weighted sums over
units: counts for the rates, histograms of the distances for D1 to D3. So all resamples of a chain are one matrix
product, and few units, of which there are only so many resamples, cost next to nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm, t

from asheard.evaluation.counts import COUNTS
from asheard.evaluation.dissociations import histograms, resampled_dissociations
from asheard.evaluation.metrics import RATIOS

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEVEL: Final = 0.95
NUM_RESAMPLES: Final = 10_000
SEED: Final = 1
COMPARED: Final = (
    "per",
    "collapse",
    "frr_class",
    "frr",
    "atypical_errors_caught",
    "published.f1",
    "published.f1_strict",
)


@dataclass(frozen=True)
class Resampled:
    """The numbers of every chain in every resample of one group of speakers.

    units: "speakers" or "utterances", what was resampled. num_units: how many of them there are. values: {chain:
    {path: (1 + R,) floats}}, the first being the number on the data themselves; NaN where it is undefined.
    """

    units: str
    num_units: int
    values: Mapping[str, Mapping[str, FloatArray]]

    def intervals(self) -> dict[str, dict[str, Any]]:
        """{chain: {"units", "num_units", "values": {path: [low, high], or None}}} at LEVEL."""
        return {
            chain: {
                "units": self.units,
                "num_units": self.num_units,
                "values": {path: self._interval(values) for path, values in numbers.items()},
            }
            for chain, numbers in self.values.items()
        }

    def differences(self, chains: Sequence[str]) -> list[dict[str, Any]]:
        """Compare each of the chains with each before it, on the numbers of COMPARED.

        Returns:
            Records of metric, chain, reference, difference (chain - reference) with its interval low, high, p
            (two-sided, of no difference) and p_holm (for the number of pairs compared on that metric), ratio (chain /
            reference) with ratio_low, ratio_high, units and num_units. What is undefined is None, and so are the p of
            two chains that are equal in every resample, which are no comparison.
        """
        records = []
        for metric in COMPARED:
            compared = [self._difference(metric, chain, reference) for reference, chain in combinations(chains, 2)]
            for record, adjusted in zip(compared, holm([record["p"] for record in compared]), strict=True):
                records.append(record | {"p_holm": adjusted})
        return records

    def _difference(self, metric: str, chain: str, reference: str) -> dict[str, Any]:
        ours, theirs = self.values[chain][metric], self.values[reference][metric]
        difference, error = float(ours[0] - theirs[0]), self._standard_error(ours - theirs)
        half = float(t.ppf((1 + LEVEL) / 2, self.num_units - 1)) * error
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(theirs == 0, np.nan, ours / theirs)
        ratio_low, ratio_high = self._interval(ratios) or (None, None)
        return {
            "metric": metric,
            "chain": chain,
            "reference": reference,
            "difference": _or_none(difference),
            "low": _or_none(difference - half),
            "high": _or_none(difference + half),
            "p": self._p_value(difference, error),
            "ratio": _or_none(float(ratios[0])),
            "ratio_low": ratio_low,
            "ratio_high": ratio_high,
            "units": self.units,
            "num_units": self.num_units,
        }

    def _p_value(self, difference: float, error: float) -> float | None:
        """Two-sided p of a t test with the bootstrap's standard error."""
        if np.isnan(difference) or np.isnan(error) or difference == error == 0:
            return None
        return 2 * float(t.sf(abs(difference) / error, self.num_units - 1)) if error > 0 else 0.0

    def _interval(self, values: FloatArray) -> list[float] | None:
        """The percentile interval, widened for few units; None where the number itself is undefined.

        The percentiles of a bootstrap over n units are those of a normal too narrow by sqrt((n - 1) / n), and ignore
        that a spread over n units is itself uncertain. Hesterberg's expanded percentiles put both right.

        Source: Hesterberg 2015, What Teachers Should Know About the Bootstrap, section 5.
        """
        resampled = values[1:][~np.isnan(values[1:])]
        if np.isnan(values[0]) or not resampled.size or self.num_units < 2:
            return None
        n = self.num_units
        tail = float(norm.cdf(-np.sqrt(n / (n - 1)) * t.ppf((1 + LEVEL) / 2, n - 1)))
        low, high = np.quantile(resampled, [tail, 1 - tail])
        return [float(low), float(high)]

    def _standard_error(self, values: FloatArray) -> float:
        """Standard deviation over resamples, made unbiased for few units; NaN where it is undefined."""
        resampled = values[1:][~np.isnan(values[1:])]
        if not resampled.size or self.num_units < 2:
            return float("nan")
        return float(np.std(resampled) * np.sqrt(self.num_units / (self.num_units - 1)))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p values for their number, step by step from the least; None is no comparison, and stays None.

    Source: Holm 1979.
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, index) in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * p))
        adjusted[index] = least
    return adjusted


def resample(utterances: pl.DataFrame, rows: pl.DataFrame | None = None) -> Resampled:
    """Resample the speakers of a group, or the utterances of its only one.

    Args:
        utterances: utterance rows of the group, the same utterances for every chain and seed.
        rows: its token rows; without them only the rates are resampled, not D1 to D3.
    Returns:
        The numbers of each chain, means over its seeds.
    """
    by_speaker = utterances["speaker"].n_unique() > 1
    key = ["speaker"] if by_speaker else ["speaker", "utt"]
    units = utterances.select(key).unique().sort(key).with_row_index("unit")
    weights, where = _weights(units.height)
    counts = utterances.join(units, on=key).group_by("chain", "seed", "unit").agg(pl.col(COUNTS).sum()).sort("unit")
    placed = None if rows is None else rows.join(units, on=key)

    def numbers(chain: str, seed: int) -> dict[str, FloatArray]:
        rates = _rates(weights, counts.filter(chain=chain, seed=seed))
        if placed is None:
            return rates
        counted = histograms(placed.filter(chain=chain, seed=seed), units.height)
        return rates | resampled_dissociations(weights, counted)

    values = {}
    for chain in utterances["chain"].unique(maintain_order=True):
        seeds = [numbers(chain, seed) for seed in utterances.filter(chain=chain)["seed"].unique()]
        values[chain] = {path: np.mean([seed[path] for seed in seeds], axis=0)[where] for path in seeds[0]}
    return Resampled("speakers" if by_speaker else "utterances", units.height, values)


@lru_cache(maxsize=4)
def _weights(num_units: int) -> tuple[FloatArray, IntArray]:
    """How often each unit was drawn: once each for the data themselves, then as it came.

    Returns:
        (W, U) the different weights, few where units are few; (1 + R,) which of them each resample has.
    """
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(num_units, np.full(num_units, 1 / num_units), size=NUM_RESAMPLES)
    every = np.concatenate([np.ones((1, num_units)), drawn])
    weights, where = np.unique(every, axis=0, return_inverse=True)
    return weights, where


def _rates(weights: FloatArray, counts: pl.DataFrame) -> dict[str, FloatArray]:
    sums = dict(zip(COUNTS, (weights @ counts.select(COUNTS).to_numpy()).T, strict=True))

    def total(names: Sequence[str]) -> FloatArray:
        return np.asarray(sum(sums[name] for name in names))

    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            path: np.where((whole := total(ratio.whole)) > 0, total(ratio.part) / whole, np.nan)
            for path, ratio in RATIOS.items()
        }


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
