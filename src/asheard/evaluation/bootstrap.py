"""How far to trust a number: bootstrap intervals over speakers, and paired differences between chains.

Utterances of one speaker are alike, so speakers are resampled whole. Where a group has one speaker, its utterances are
resampled in their place: such an interval is within-speaker, and says nothing about another speaker. Every chain sees
the same resamples; seeds are averaged within a resample, so their spread stays out of the interval.

An interval is the number plus and minus t(n - 1) times its bootstrap standard error times sqrt(n / (n - 1)).
Percentiles of the resamples would be too narrow for few speakers: none lies beyond the most extreme speaker
(docs/metrics.md).

A resample is a vector of weights, how often each unit was drawn, and every number is a function of weighted sums over
units: counts for the rates, histograms of the distances for D1 to D3. So all resamples of a chain are one matrix
product, and few units, of which there are only so many resamples, cost next to nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import inf, sqrt
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from scipy.stats import t

from asheard.evaluation.metrics import LABELS, Scheme, Statistic
from asheard.evaluation.separation import FloatArray, IntArray, divide

LEVEL: Final = 0.95
NUM_RESAMPLES: Final = 10_000
SEED: Final = 1

# Where a number may lie, other than in 0..1.
_BOUNDS: Final = {
    "per": (0.0, inf),
    "published.per": (0.0, inf),
    "d2.gap": (-1.0, 1.0),
    "d3.rho": (-1.0, 1.0),
    "per_canonical": (0.0, inf),
    "pcc": (-1.0, 1.0),
}
_MAX_FEW: Final = 8  # units of which there are at most 6,435 different resamples


class BootstrapValues(NamedTuple):
    """One number of a chain in every resample.

    values: (1 + R,) the first is the number on the data themselves; NaN where it is undefined. num_units: how many
    units have anything to say about it.
    """

    values: FloatArray
    num_units: int

    def interval(self, bounds: tuple[float, float] = (-inf, inf)) -> list[float] | None:
        """[low, high] at LEVEL and within the bounds; None where the number is undefined or rests on one unit."""
        error = self.standard_error()
        if error is None:
            return None
        half = float(t.ppf((1 + LEVEL) / 2, self.num_units - 1)) * error
        return [max(bounds[0], float(self.values[0]) - half), min(bounds[1], float(self.values[0]) + half)]

    def p_value(self) -> float | None:
        """Two-sided, of the number being 0: below 1 - LEVEL just where the interval excludes 0."""
        error = self.standard_error()
        if error is None or error == self.values[0] == 0:
            return None
        return 2 * float(t.sf(abs(self.values[0]) / error, self.num_units - 1)) if error > 0 else 0.0

    def standard_error(self) -> float | None:
        """Standard deviation over the resamples where the number is defined, made unbiased for few units."""
        resampled = self.values[1:][~np.isnan(self.values[1:])]
        if np.isnan(self.values[0]) or not resampled.size or self.num_units < 2:
            return None
        return float(np.std(resampled)) * sqrt(self.num_units / (self.num_units - 1))


@dataclass(frozen=True)
class Resampled:
    """The numbers of every chain on one group of speakers.

    units: "speakers" or "utterances", what was resampled. num_units: how many of them there are. numbers: {chain:
    {path: its numbers, means over the chain's seeds}}.
    """

    units: str
    num_units: int
    numbers: Mapping[str, Mapping[str, BootstrapValues]]

    def intervals(self) -> dict[str, dict[str, Any]]:
        """{chain: {"units", "num_units", "values": {path: [low, high], or None}}} at LEVEL."""
        return {
            chain: {
                "units": self.units,
                "num_units": self.num_units,
                "values": {path: numbers.interval(_BOUNDS.get(path, (0.0, 1.0))) for path, numbers in by_path.items()},
            }
            for chain, by_path in self.numbers.items()
        }

    def differences(self, chains: Sequence[str], compared: Sequence[str] = LABELS.compared) -> list[dict[str, Any]]:
        """Compare each of the chains with each before it, on each of the numbers.

        Returns:
            Records of metric, chain, reference, difference (chain - reference) with its interval low, high, p
            (two-sided, of no difference) and p_holm (for the number of pairs compared on that metric), ratio (chain /
            reference) with ratio_low, ratio_high, units and num_units. What is undefined is None, and so are the p of
            two chains that are equal in every resample, which are no comparison.
        """
        records = []
        for metric in compared:
            pairs = [self._difference(metric, chain, reference) for reference, chain in combinations(chains, 2)]
            for record, adjusted in zip(pairs, holm([record["p"] for record in pairs]), strict=True):
                records.append(record | {"p_holm": adjusted})
        return records

    def _difference(self, metric: str, chain: str, reference: str) -> dict[str, Any]:
        ours, theirs = self.numbers[chain][metric], self.numbers[reference][metric]
        num_units = min(ours.num_units, theirs.num_units)
        difference = BootstrapValues(ours.values - theirs.values, num_units)
        ratio = BootstrapValues(divide(ours.values, theirs.values), num_units)
        low, high = difference.interval() or (None, None)
        ratio_low, ratio_high = ratio.interval((0.0, inf)) or (None, None)
        return {
            "metric": metric,
            "chain": chain,
            "reference": reference,
            "difference": _or_none(difference.values[0]),
            "low": low,
            "high": high,
            "p": difference.p_value(),
            "ratio": _or_none(ratio.values[0]),
            "ratio_low": ratio_low,
            "ratio_high": ratio_high,
            "units": self.units,
            "num_units": num_units,
        }


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


def resample(utterances: pl.DataFrame, rows: pl.DataFrame | None = None, scheme: Scheme = LABELS) -> Resampled:
    """Resample the speakers of a group, or the utterances of its only one.

    Args:
        utterances: utterance rows of the group, the same utterances for every chain and seed.
        rows: its token rows; without them only the rates are resampled, not the other numbers.
        scheme: the numbers.
    Returns:
        The numbers of each chain, means over its seeds.
    """
    by_speaker = utterances["speaker"].n_unique() > 1
    key = ["speaker"] if by_speaker else ["speaker", "utt"]
    units = utterances.select(key).unique().sort(key).with_row_index("unit")
    weights, where = _weights(units.height)
    counts = (
        utterances.join(units, on=key).group_by("chain", "seed", "unit").agg(pl.col(scheme.counts).sum()).sort("unit")
    )
    placed = None if rows is None else rows.join(units, on=key)

    def statistics(chain: str, seed: int) -> dict[str, Statistic]:
        by_unit = counts.filter(chain=chain, seed=seed).select(scheme.counts).to_numpy()
        rates = _rates(weights, by_unit, scheme)
        if placed is None:
            return rates
        return rates | scheme.statistics(weights, placed.filter(chain=chain, seed=seed))

    of_chains = {}
    for chain in utterances["chain"].unique(maintain_order=True):
        seeds = [statistics(chain, seed) for seed in utterances.filter(chain=chain)["seed"].unique()]
        of_chains[chain] = {path: _mean_over_seeds([seed[path] for seed in seeds], where) for path in seeds[0]}
    return Resampled("speakers" if by_speaker else "utterances", units.height, of_chains)


@lru_cache(maxsize=1)
def _weights(num_units: int) -> tuple[FloatArray, IntArray]:
    """How often each unit was drawn: once each for the data themselves, then as it came.

    Returns:
        (W, U) the weights, each different ones once where units are few; (1 + R,) which of them each resample has.
    """
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(num_units, np.full(num_units, 1 / num_units), size=NUM_RESAMPLES)
    weights = np.concatenate([np.ones((1, num_units)), drawn])
    if num_units > _MAX_FEW:
        return weights, np.arange(len(weights))
    few, where = np.unique(weights, axis=0, return_inverse=True)
    return few, where


def _rates(weights: FloatArray, counts: IntArray, scheme: Scheme) -> dict[str, Statistic]:
    """The rates of (U, C) counts under each of the weights."""
    sums = weights @ counts
    columns = {name: index for index, name in enumerate(scheme.counts)}
    rates = {}
    for path, ratio in scheme.ratios.items():
        part, whole = ([columns[name] for name in names] for names in ratio)  # a count named twice counts twice
        num_units = int(np.count_nonzero(counts[:, whole].sum(axis=1)))
        rates[path] = Statistic(divide(sums[:, part].sum(axis=1), sums[:, whole].sum(axis=1)), num_units)
    return rates


def _mean_over_seeds(seeds: Sequence[Statistic], where: IntArray) -> BootstrapValues:
    return BootstrapValues(
        np.mean([seed.values for seed in seeds], axis=0)[where], min(seed.num_units for seed in seeds)
    )


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
