"""Metrics as records: a metric, the numbers of one chain, differences between chains, and one whole evaluation.

Two kinds of gold exist: labels say which phone was said (`labels.py`); expert scores say only how right a phone was
(`expert_scores.py`). Each has its own record of numbers M and its own `Scheme`. A rate with a zero denominator is None,
and so is a statistic that is undefined on its data. None is never averaged away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from math import inf
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar, cast

import numpy as np
import polars as pl

from asheard.corpora.chains import COPY_CANONICAL, FAITHFUL, L1_ENCODER_UNKNOWN, distinct_transcripts
from asheard.corpora.records import Utterance
from asheard.evaluation.runs import ChainRun, Fold
from asheard.evaluation.separation import FloatArray

M = TypeVar("M")  # LabelMeasures or ScoreMeasures
T = TypeVar("T")

NOT_NEGATIVE: Final = (0.0, inf)  # a rate whose numerator may exceed its denominator
CORRELATION: Final = (-1.0, 1.0)


class Range(NamedTuple):
    """The two ends of a range."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Metric(Generic[M]):
    """One number that has an interval.

    key: its place in a record of numbers, such as "d1.auc", and its name in metrics.json. name: its name in tables.
    definition: what it counts, "numerator / denominator" if it is a rate. bounds: the values that it can take. percent:
    tables show it in per cent; otherwise as it is.
    """

    key: str
    name: str
    definition: str
    bounds: tuple[float, float] = (0.0, 1.0)
    percent: bool = True

    def of(self, record: M) -> float | None:
        """Its value in a record of numbers; None if it is undefined, or if the record lacks its part."""
        part = self._part(record)
        value: float | None = None if part is None else getattr(part, self.key.rpartition(".")[2])
        return value

    def is_in(self, record: M) -> bool:
        """Whether a record has the part that holds this metric."""
        return self._part(record) is not None

    def _part(self, record: M) -> Any:
        part = self.key.rpartition(".")[0]
        return getattr(record, part) if part else record


@dataclass(frozen=True, slots=True)
class ByGroup(Generic[T]):
    """Something known for all speakers together and for each first language."""

    pooled: T
    per_l1: Mapping[str, T]


Spread = Mapping[Metric[M], Range | None]  # the least and the most over seeds


@dataclass(frozen=True, slots=True)
class ConfidenceIntervals(Generic[M]):
    """Confidence intervals of one chain.

    units: what was resampled. num_units: how many there are. values: None if the metric is undefined or rests on one
    unit.
    """

    units: Literal["speakers", "utterances"]
    num_units: int
    values: Mapping[Metric[M], Range | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSummary(Generic[M]):
    """The numbers of one chain: means over seeds, with their spread over seeds and intervals over speakers.

    per_seed: pooled over first languages.
    """

    pooled: M
    per_l1: Mapping[str, M]
    per_seed: Mapping[int, M]
    spread: ByGroup[Spread[M]]
    intervals: ByGroup[ConfidenceIntervals[M]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Generic[M]):
    """One metric of two chains, compared on the same resamples.

    difference: chain - reference, with its interval low, high. p: two-sided, of no difference. p_holm: corrected for
    the number of pairs compared on this metric. ratio: chain / reference, with its interval. None if undefined; both p
    are None if the chains are equal in every resample.
    """

    metric: Metric[M]
    chain: str
    reference: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    units: Literal["speakers", "utterances"]
    num_units: int
    p_holm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Who was tested, and how intervals were made. speakers: {first language: test speakers}."""

    num_folds: int
    speakers: Mapping[str, list[str]]
    num_resamples: int
    level: float


class Ratio(NamedTuple):
    """A rate: the sum of some counts over the sum of others. A count named twice counts twice."""

    part: tuple[str, ...]
    whole: tuple[str, ...]


class Statistic(NamedTuple):
    """One metric of one chain and seed under each of W weightings of the units.

    values: (W,) NaN if undefined. num_units: the units that count. (A speaker without substitutions says nothing about
    collapse.)
    """

    values: FloatArray
    num_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme(Generic[M]):
    """What is measured on one kind of gold; the only place that knows the kind.

    Attributes:
        gold: the kind.
        measures: the type of record M.
        count: (gold, runs, token rows) -> utterance rows.
        counts: the columns of utterance rows that are counts.
        ratios: the rates.
        record: (summed counts and rates by their names, token rows) of one chain, seed and group -> M.
        statistics: (weights (W, U), token rows with a column `unit`) of one chain and seed -> metrics that are no
            rates.
        statistics_by_l1: whether these have intervals for each first language too.
        all_metrics: the metrics that have an interval.
        table_metrics: the metrics that tables show, in their order.
        first_metrics: the five of them in the first table of RESULTS.md.
        compared: the metrics that chains are compared in.
        ranked_by: (metric, 1 if less is better, else -1), the most important first.
        right, wrong: the positions that false rejections and missed errors are shares of.
        warnings: (folds, coarsening) -> sentences.
        excluded: gold -> counts of what some numbers leave out, by reason.
        not_ranked: (runs, first languages) -> {chain: why}.
        has_verdict: whether the decision rules apply.
        signature_fields: what the kind of gold adds to the signature.
    """

    gold: Literal["labels", "scores"]
    measures: type[M]
    count: Callable[[Sequence[Utterance], Sequence[ChainRun], pl.DataFrame], pl.DataFrame]
    counts: tuple[str, ...]
    ratios: Mapping[Metric[M], Ratio]
    record: Callable[[Mapping[str, Any], pl.DataFrame], M]
    statistics: Callable[[FloatArray, pl.DataFrame], dict[Metric[M], Statistic]]
    statistics_by_l1: bool
    all_metrics: tuple[Metric[M], ...]
    table_metrics: tuple[Metric[M], ...]
    first_metrics: tuple[Metric[M], ...]
    compared: tuple[Metric[M], ...]
    ranked_by: tuple[tuple[Metric[M], int], ...]
    right: pl.Expr
    wrong: pl.Expr
    warnings: Callable[[Sequence[Fold], Mapping[str, str]], list[str]]
    excluded: Callable[[Sequence[Utterance]], dict[str, int]]
    not_ranked: Callable[[Sequence[ChainRun], set[str]], dict[str, str]]
    has_verdict: bool
    signature_fields: Mapping[str, str]

    def measure(self, rows: pl.DataFrame, utterances: pl.DataFrame) -> M:
        """Measure one chain with one seed on one group of speakers.

        Args:
            rows: the group's token rows.
            utterances: the group's utterance rows.
        """
        count = {"num_utterances": utterances.height} | utterances.select(self.counts).sum().row(0, named=True)
        return self.record(count | {metric.key: rate for metric, rate in self.rates(count).items()}, rows)

    def metrics_of(self, record: M) -> list[Metric[M]]:
        """The metrics with an interval that a record has."""
        return [metric for metric in self.all_metrics if metric.is_in(record)]

    def rates(self, count: Mapping[str, int]) -> dict[Metric[M], float | None]:
        """Every rate of summed counts; None if its denominator is zero."""
        wholes = {metric: sum(count[name] for name in ratio.whole) for metric, ratio in self.ratios.items()}
        return {
            metric: sum(count[name] for name in ratio.part) / wholes[metric] if wholes[metric] else None
            for metric, ratio in self.ratios.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics(Generic[M]):
    """One evaluation: what metrics.json holds.

    signature: everything that moves the numbers. copy_canonical: the chain that writes the canonical phones, whatever
    was said. warnings: what a reader must know before any number. excluded: how many items were left out or set apart,
    by reason. not_ranked: chains that this gold cannot rank, and why.
    """

    signature: str
    design: Design
    copy_canonical: ChainSummary[M]
    chains: Mapping[str, ChainSummary[M]]
    differences: tuple[Difference[M], ...]
    warnings: tuple[str, ...]
    excluded: Mapping[str, int]
    scheme: Scheme[M]
    not_ranked: Mapping[str, str]

    def ranked(self) -> list[str]:
        """The ranked chains, best first; a metric that is None ranks last.

        The encoder chain run without its first language is shown beside the others only.
        """

        def order(chain: str) -> list[float]:
            values = [(metric.of(self.chains[chain].pooled), sign) for metric, sign in self.scheme.ranked_by]
            return [inf if value is None else sign * value for value, sign in values]

        return sorted((chain for chain in self.chains if chain != L1_ENCODER_UNKNOWN), key=order)

    def ordered(self) -> list[str]:
        """The ranked chains, then the others."""
        ranked = self.ranked()
        return ranked + [chain for chain in self.chains if chain not in ranked]

    def with_copy_canonical(self) -> dict[str, ChainSummary[M]]:
        """The chains in order with their summaries; copying the canonical comes last."""
        return {chain: self.chains[chain] for chain in self.ordered()} | {COPY_CANONICAL: self.copy_canonical}

    def reference_chain(self) -> str:
        """The chain that is shown in detail: the faithful transcriber, or the best chain with its own transcripts."""
        transcribers = distinct_transcripts(self.chains)
        return FAITHFUL if FAITHFUL in transcribers else next(name for name in self.ordered() if name in transcribers)

    def difference(self, metric: Metric[M], chain: str, reference: str) -> Difference[M]:
        """The comparison of two chains in one metric.

        Raises:
            KeyError: they were not compared in this order.
        """
        for record in self.differences:
            if (record.metric, record.chain, record.reference) == (metric, chain, reference):
                return record
        raise KeyError((metric.key, chain, reference))


def on_the_data(
    statistics: Callable[[FloatArray, pl.DataFrame], dict[Metric[M], Statistic]], rows: pl.DataFrame
) -> dict[Metric[M], float | None]:
    """The statistics of the rows as they are: one unit, taken once."""
    measured = statistics(np.ones((1, 1)), rows.with_columns(unit=0))
    values = {metric: float(statistic.values[0]) for metric, statistic in measured.items()}
    return {metric: None if np.isnan(value) else value for metric, value in values.items()}


class Measured(NamedTuple, Generic[M]):
    """The numbers of one chain before their intervals are known; fields as in `ChainSummary`."""

    pooled: M
    per_l1: dict[str, M]
    per_seed: dict[int, M]
    spread: ByGroup[Spread[M]]


def summarise(rows: pl.DataFrame, utterances: pl.DataFrame, scheme: Scheme[M]) -> dict[str, Measured[M]]:
    """Measure every chain, pooled and for each first language, with every seed.

    Args:
        rows: token rows (`tokens.TOKEN_SCHEMA`).
        utterances: utterance rows of the same runs.
        scheme: what is measured.
    Returns:
        Chains in the order of the rows; first languages and seeds sorted.
    """
    l1s = sorted(utterances["l1"].unique())
    measured = {
        (chain, seed, l1): scheme.measure(
            rows.filter(chain=chain, seed=seed, **group), utterances.filter(chain=chain, seed=seed, **group)
        )
        for chain, seed in utterances.select("chain", "seed").unique(maintain_order=True).iter_rows()
        for l1, group in [(None, {}), *((l1, {"l1": l1}) for l1 in l1s)]
    }
    chains = {}
    for chain in utterances["chain"].unique(maintain_order=True):
        seeds = sorted(utterances.filter(chain=chain)["seed"].unique())
        pooled = [measured[chain, seed, None] for seed in seeds]
        by_l1 = {l1: [measured[chain, seed, l1] for seed in seeds] for l1 in l1s}
        chains[chain] = Measured(
            mean_over_seeds(pooled),
            {l1: mean_over_seeds(group) for l1, group in by_l1.items()},
            dict(zip(seeds, pooled, strict=True)),
            ByGroup(
                spread_over_seeds(pooled, scheme.metrics_of(pooled[0])),
                {l1: spread_over_seeds(group, scheme.metrics_of(group[0])) for l1, group in by_l1.items()},
            ),
        )
    return chains


def mean_over_seeds(seeds: Sequence[M]) -> M:
    """Average records field by field: numbers by their mean; True only if it is True with every seed.

    A number that is None with one seed is None. Counts that agree stay whole.
    """
    kind: Callable[..., M] = type(seeds[0])
    names = [field.name for field in fields(cast(Any, seeds[0]))]
    return kind(**{name: _mean([getattr(record, name) for record in seeds]) for name in names})


def spread_over_seeds(seeds: Sequence[M], metrics: Sequence[Metric[M]]) -> Spread[M]:
    """The least and the most over seeds of each metric; None if it is None with a seed."""
    spread: dict[Metric[M], Range | None] = {}
    for metric in metrics:
        values = [metric.of(record) for record in seeds]
        known = [value for value in values if value is not None]
        spread[metric] = Range(min(known), max(known)) if len(known) == len(values) else None
    return spread


def _mean(values: Sequence[Any]) -> Any:
    if any(value is None for value in values):
        return None
    if is_dataclass(values[0]):
        return mean_over_seeds(values)
    if isinstance(values[0], bool):
        return all(values)
    if all(value == values[0] for value in values):
        return values[0]
    return sum(values) / len(values)
