"""Bootstrap intervals over speakers, and paired differences between chains.

Utterances of one speaker are alike, so whole speakers are resampled. A group with one speaker has its utterances
resampled instead: such an interval is within-speaker and says nothing about another speaker. Every chain has the same
resamples. Seeds are averaged within a resample, so their spread is not in the interval.

An interval is the number plus and minus t(n - 1) times its bootstrap standard error times sqrt(n / (n - 1)).
Percentiles of the resamples would be too narrow for few speakers: none lies beyond the most extreme speaker
(docs/evaluation.md).

A resample is a vector of weights, how often each unit was drawn. Every number is a function of weighted sums over
units: counts for the rates, histograms of the distances for D1 to D3. So all resamples of a chain are one matrix
product.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from math import inf, sqrt
from typing import Final, Generic, Literal, NamedTuple

import numpy as np
import polars as pl
from scipy.stats import t

from asheard.evaluation.metrics import (
    NOT_NEGATIVE,
    ConfidenceIntervals,
    Difference,
    M,
    Metric,
    Range,
    Scheme,
    Statistic,
)
from asheard.evaluation.separation import FloatArray, IntArray, divide

LEVEL: Final = 0.95
NUM_RESAMPLES: Final = 10_000
SEED: Final = 1

_MAX_FEW: Final = 8  # units; they have at most 6,435 different resamples


class BootstrapValues(NamedTuple):
    """One metric of a chain in every resample.

    values: (1 + R,) the first is the value on the data themselves; NaN if undefined. num_units: how many units count.
    """

    values: FloatArray
    num_units: int

    def interval(self, bounds: tuple[float, float] = (-inf, inf)) -> Range | None:
        """The interval at LEVEL, within the bounds; None if the value is undefined or rests on one unit."""
        error = self.standard_error()
        if error is None:
            return None
        half = float(t.ppf((1 + LEVEL) / 2, self.num_units - 1)) * error
        return Range(max(bounds[0], float(self.values[0]) - half), min(bounds[1], float(self.values[0]) + half))

    def p_value(self) -> float | None:
        """Two-sided p of the value 0. It is below 1 - LEVEL exactly if the interval excludes 0."""
        error = self.standard_error()
        if error is None or error == self.values[0] == 0:
            return None
        return 2 * float(t.sf(abs(self.values[0]) / error, self.num_units - 1)) if error > 0 else 0.0

    def standard_error(self) -> float | None:
        """Standard deviation over the resamples with a defined value, corrected for few units."""
        resampled = self.values[1:][~np.isnan(self.values[1:])]
        if np.isnan(self.values[0]) or not resampled.size or self.num_units < 2:
            return None
        return float(np.std(resampled)) * sqrt(self.num_units / (self.num_units - 1))


@dataclass(frozen=True)
class Resampled(Generic[M]):
    """The metrics of every chain on one group of speakers.

    units: what was resampled. num_units: how many there are. values: {chain: {metric: its values, means over seeds}}.
    """

    units: Literal["speakers", "utterances"]
    num_units: int
    values: Mapping[str, Mapping[Metric[M], BootstrapValues]]

    def intervals(self) -> dict[str, ConfidenceIntervals[M]]:
        """The intervals of each chain at LEVEL."""
        return {
            chain: ConfidenceIntervals(
                self.units,
                self.num_units,
                {metric: values.interval(metric.bounds) for metric, values in by_metric.items()},
            )
            for chain, by_metric in self.values.items()
        }

    def differences(self, chains: Sequence[str], compared: Sequence[Metric[M]]) -> list[Difference[M]]:
        """Compare each of the chains with each before it, in each of the metrics.

        Holm's correction counts the pairs compared in one metric.
        """
        records = []
        for metric in compared:
            pairs = [self._difference(metric, chain, reference) for reference, chain in combinations(chains, 2)]
            for record, adjusted in zip(pairs, holm([record.p for record in pairs]), strict=True):
                records.append(replace(record, p_holm=adjusted))
        return records

    def _difference(self, metric: Metric[M], chain: str, reference: str) -> Difference[M]:
        ours, theirs = self.values[chain][metric], self.values[reference][metric]
        num_units = min(ours.num_units, theirs.num_units)
        difference = BootstrapValues(ours.values - theirs.values, num_units)
        ratio = BootstrapValues(divide(ours.values, theirs.values), num_units)
        low, high = difference.interval() or (None, None)
        ratio_low, ratio_high = ratio.interval(NOT_NEGATIVE) or (None, None)
        return Difference(
            metric=metric,
            chain=chain,
            reference=reference,
            difference=_or_none(difference.values[0]),
            low=low,
            high=high,
            p=difference.p_value(),
            ratio=_or_none(ratio.values[0]),
            ratio_low=ratio_low,
            ratio_high=ratio_high,
            units=self.units,
            num_units=num_units,
        )


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p values for their number, step by step from the least. None is no comparison and stays None.

    Source: Holm 1979.
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, index) in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * p))
        adjusted[index] = least
    return adjusted


def resample(utterances: pl.DataFrame, rows: pl.DataFrame | None, scheme: Scheme[M]) -> Resampled[M]:
    """Resample the speakers of a group, or the utterances of its only speaker.

    Args:
        utterances: utterance rows of the group, the same utterances for every chain and seed.
        rows: its token rows; None resamples the rates only.
        scheme: the metrics.
    Returns:
        The metrics of each chain, means over its seeds.
    """
    by_speaker = utterances["speaker"].n_unique() > 1
    key = ["speaker"] if by_speaker else ["speaker", "utt"]
    units = utterances.select(key).unique().sort(key).with_row_index("unit")
    weights, where = _weights(units.height)
    counts = (
        utterances.join(units, on=key).group_by("chain", "seed", "unit").agg(pl.col(scheme.counts).sum()).sort("unit")
    )
    placed = None if rows is None else rows.join(units, on=key)

    def statistics(chain: str, seed: int) -> dict[Metric[M], Statistic]:
        by_unit = counts.filter(chain=chain, seed=seed).select(scheme.counts).to_numpy()
        rates = _rates(weights, by_unit, scheme)
        if placed is None:
            return rates
        return rates | scheme.statistics(weights, placed.filter(chain=chain, seed=seed))

    of_chains = {}
    for chain in utterances["chain"].unique(maintain_order=True):
        seeds = [statistics(chain, seed) for seed in utterances.filter(chain=chain)["seed"].unique()]
        of_chains[chain] = {metric: _average([seed[metric] for seed in seeds], where) for metric in seeds[0]}
    return Resampled("speakers" if by_speaker else "utterances", units.height, of_chains)


@lru_cache(maxsize=1)
def _weights(num_units: int) -> tuple[FloatArray, IntArray]:
    """Draw how often each unit occurs in each resample; the first row is the data themselves.

    Returns:
        (W, U) the weights; if units are few, each distinct row once. (1 + R,) the row of each resample.
    """
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(num_units, np.full(num_units, 1 / num_units), size=NUM_RESAMPLES)
    weights = np.concatenate([np.ones((1, num_units)), drawn])
    if num_units > _MAX_FEW:
        return weights, np.arange(len(weights))
    few, where = np.unique(weights, axis=0, return_inverse=True)
    return few, where


def _rates(weights: FloatArray, counts: IntArray, scheme: Scheme[M]) -> dict[Metric[M], Statistic]:
    """The rates of (U, C) counts under each of the weightings."""
    sums = weights @ counts
    columns = {name: index for index, name in enumerate(scheme.counts)}
    rates = {}
    for metric, ratio in scheme.ratios.items():
        part, whole = ([columns[name] for name in names] for names in ratio)  # a count named twice counts twice
        num_units = int(np.count_nonzero(counts[:, whole].sum(axis=1)))
        rates[metric] = Statistic(divide(sums[:, part].sum(axis=1), sums[:, whole].sum(axis=1)), num_units)
    return rates


def _average(seeds: Sequence[Statistic], where: IntArray) -> BootstrapValues:
    return BootstrapValues(
        np.mean([seed.values for seed in seeds], axis=0)[where], min(seed.num_units for seed in seeds)
    )


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
