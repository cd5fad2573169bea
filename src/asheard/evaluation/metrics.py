"""What is measured on one kind of gold: labels, which name what was said, or expert scores alone.

What is measured: PER, collapse, FRR by class and its guard, the published metrics, the dissociations D1 to D3.

Measures (M) are one record for one chain, one seed and one group of speakers; docs/metrics.md defines each. A rate with
a zero denominator is None, and so is a statistic that its data leave undefined; None is never averaged away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from asheard.corpora.records import Utterance
from asheard.evaluation.counts import ALL_COUNTS, EDITS, utterance_rows
from asheard.evaluation.separation import (
    FloatArray,
    Measures,
    gradience,
    has_position_scores,
    histograms,
    quartile_gap,
    resampled_auc,
    resampled_dissociations,
    separation,
)
from asheard.evaluation.systems import ChainRun


class Ratio(NamedTuple):
    """A rate: the sum of some counts over the sum of others; a count named twice counts twice."""

    part: tuple[str, ...]
    whole: tuple[str, ...]


class Statistic(NamedTuple):
    """One number of one chain and seed under each of W weightings of the units.

    values: (W,) NaN where it is undefined. num_units: how many units have anything to say about it: a speaker without
    substitutions says nothing about collapse.
    """

    values: FloatArray
    num_units: int


Statistics = Callable[[FloatArray, pl.DataFrame], dict[str, Statistic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The numbers of one kind of gold, each known by its path in M (docs/metrics.md).

    count: (gold, runs, token rows) -> utterance rows. counts: the columns of these that are counted. ratios: the rates.
    measure: (token rows, utterance rows) of one chain, seed and group -> M. statistics: (weights (W, U), token rows
    with a column `unit`) of one chain and seed -> {path: number} of what is no rate; by_l1: whether for each L1 too.
    paths: the numbers that have a spread over seeds, where M has them. headings: the numbers that tables show, by the
    names they give them. compared: those that chains are compared in. ranked_by: (path, 1 where less is better, else
    -1). right, wrong: the positions that false rejections and missed errors are shares of.
    """

    count: Callable[[Sequence[Utterance], Sequence[ChainRun], pl.DataFrame], pl.DataFrame]
    counts: tuple[str, ...]
    ratios: Mapping[str, Ratio]
    measure: Callable[[pl.DataFrame, pl.DataFrame], Measures]
    statistics: Statistics
    by_l1: bool
    paths: tuple[str, ...]
    headings: dict[str, str]
    compared: tuple[str, ...]
    ranked_by: tuple[tuple[str, int], ...]
    right: pl.Expr
    wrong: pl.Expr

    def rates(self, count: Mapping[str, int]) -> dict[str, float | None]:
        """Every rate of summed counts; None where its denominator is zero."""
        wholes = {path: sum(count[name] for name in ratio.whole) for path, ratio in self.ratios.items()}
        return {
            path: sum(count[name] for name in ratio.part) / wholes[path] if wholes[path] else None
            for path, ratio in self.ratios.items()
        }


def on_the_data(statistics: Statistics, rows: pl.DataFrame) -> dict[str, float | None]:
    """The statistics of the rows as they are: one unit, taken once."""
    measured = statistics(np.ones((1, 1)), rows.with_columns(unit=0))
    values = {path: float(statistic.values[0]) for path, statistic in measured.items()}
    return {path: None if np.isnan(value) else value for path, value in values.items()}


_RIGHT: Final = ("num_ta", "num_fr")  # said right
_REJECTED_WRONG: Final = ("num_cd", "num_de")  # said wrong and rejected: TR
_F1_PART: Final = (*_REJECTED_WRONG, *_REJECTED_WRONG)  # 2 TR / (2 TR + FR + FA)

RATIOS: Final = {
    "per": Ratio(("num_edits",), ("num_produced",)),
    "collapse": Ratio(("num_collapsed",), ("num_substitutions",)),
    "frr_class": Ratio(("num_acceptable_called_error",), ("num_acceptable",)),
    "frr": Ratio(("num_ok_called_error",), ("num_ok",)),
    "atypical_errors_caught": Ratio(("num_atypical_called_error",), ("num_atypical_errors",)),
    "published.frr": Ratio(("num_fr",), _RIGHT),
    "published.far": Ratio(("num_fa",), ("num_fa", *_REJECTED_WRONG)),
    "published.der": Ratio(("num_de",), _REJECTED_WRONG),
    "published.precision": Ratio(_REJECTED_WRONG, (*_REJECTED_WRONG, "num_fr")),
    "published.recall": Ratio(_REJECTED_WRONG, (*_REJECTED_WRONG, "num_fa")),
    "published.f1": Ratio(_F1_PART, (*_F1_PART, "num_fr", "num_fa")),
    "published.f1_strict": Ratio(_F1_PART, (*_F1_PART, "num_fr_strict", "num_fa")),
    "published.per": Ratio(("num_edits",), ("num_produced",)),
}

# The rates by the names the tables give them, in the order of the tables.
RATES: Final = {
    "PER": "per",
    "collapse": "collapse",
    "FRR by class": "frr_class",
    "FRR at threshold": "frr",
    "atypical errors caught": "atypical_errors_caught",
    "F1": "published.f1",
    "strict F1": "published.f1_strict",
}

_SHOWN_COUNTS: Final = (
    "num_tokens",
    "num_produced",
    "num_ok",
    "num_substitutions",
    "num_deletions",
    "num_l1_typical",
    "num_atypical_errors",
)
_PUBLISHED_COUNTS: Final = ("ta", "fr", "fa", "cd", "de")

# BootstrapValues that are no rates: with an interval over speakers, and with their spread over seeds, like the rates.
STATISTICS: Final = ("d1.auc", "d2.ok_p75", "d2.sub_p25", "d2.gap", "d3.rho")

_OK: Final = pl.col("error_type") == "ok"
_NAMED: Final = pl.col("collapsed").is_not_null()  # the named substitutions

# What a chain's own scores of the positions tell apart from ok, where it has any.
_TOLD_APART: Final = {"position_scores.auc": _NAMED, "position_scores.auc_all_errors": ~_OK}


def measure(rows: pl.DataFrame, utterances: pl.DataFrame) -> Measures:
    """Measure one chain with one seed on one group of speakers.

    Args:
        rows: the group's token rows.
        utterances: the group's utterance rows.
    Returns:
        Counts (`num_...`), rates in 0..1, the "edits" that PER sums, the "published" metrics, the three dissociations,
        and "position_scores" for a chain that has them.
    """
    count = utterances.select(ALL_COUNTS).sum().row(0, named=True)
    rates = LABELS.rates(count)
    ok_dist = rows.filter(_OK)["cos_dist"].to_numpy()
    substituted = rows.filter(_NAMED)
    sub_dist = substituted["cos_dist"].to_numpy()
    return {
        "num_utterances": utterances.height,
        **{name: count[name] for name in _SHOWN_COUNTS},
        **{path: rate for path, rate in rates.items() if "." not in path},
        "edits": {name: count[f"num_edit_{name}"] for name in EDITS},
        "published": {name: count[f"num_{name}"] for name in _PUBLISHED_COUNTS}
        | {path.removeprefix("published."): rate for path, rate in rates.items() if "." in path},
        "d1": separation(ok_dist, sub_dist),
        "d2": quartile_gap(ok_dist, sub_dist),
        "d3": gradience(sub_dist, substituted["gold_cos_dist"].to_numpy()),
    } | _on_position_scores(rows)


def _on_position_scores(rows: pl.DataFrame) -> Measures:
    if not has_position_scores(rows):
        return {}
    values = on_the_data(_told_apart, rows)
    return {"position_scores": {path.removeprefix("position_scores."): value for path, value in values.items()}}


def _statistics(weights: FloatArray, rows: pl.DataFrame) -> dict[str, Statistic]:
    """STATISTICS of resampled units, and those of a chain's own scores."""
    counted = histograms(rows, weights.shape[1])
    num_units = int(np.count_nonzero(counted.sub.sum(axis=1)))  # D1 to D3 are all about substitutions
    dissociations = resampled_dissociations(weights, counted)
    statistics = {path: Statistic(values, num_units) for path, values in dissociations.items()}
    return statistics | (_told_apart(weights, rows) if has_position_scores(rows) else {})


def _told_apart(weights: FloatArray, rows: pl.DataFrame) -> dict[str, Statistic]:
    ok, wrong = rows.filter(_OK), {path: rows.filter(positions) for path, positions in _TOLD_APART.items()}
    return {
        path: Statistic(resampled_auc(weights, ok, errors), errors["unit"].n_unique()) for path, errors in wrong.items()
    }


LABELS: Final = Scheme(
    count=utterance_rows,
    counts=ALL_COUNTS,
    ratios=RATIOS,
    measure=measure,
    statistics=_statistics,
    by_l1=False,
    paths=(*RATIOS, *STATISTICS, *_TOLD_APART),
    headings=RATES,
    compared=tuple(RATES.values()),
    ranked_by=(("per", 1), ("frr_class", 1), ("atypical_errors_caught", -1)),
    right=_OK,
    wrong=_NAMED,
)


def summarise(rows: pl.DataFrame, utterances: pl.DataFrame, scheme: Scheme = LABELS) -> dict[str, Any]:
    """Measure every chain, pooled and for each L1, with every seed.

    Args:
        rows: token rows (`rows.SCHEMA`).
        utterances: utterance rows of the same runs.
        scheme: what is measured.
    Returns:
        {chain: {"pooled": M, "per_l1": {l1: M}, "per_seed": {seed: M}, "spread": {"pooled": S, "per_l1": {l1: S}}}}
        with pooled and per_l1 the means over seeds, per_seed pooled over L1s, and S {path: [least, most] over seeds}.
        Chains come in the order of the rows, L1s and seeds in their own.
    """
    l1s = sorted(utterances["l1"].unique())
    measured = {
        (chain, seed, l1): scheme.measure(
            rows.filter(chain=chain, seed=seed, **group), utterances.filter(chain=chain, seed=seed, **group)
        )
        for chain, seed in utterances.select("chain", "seed").unique(maintain_order=True).iter_rows()
        for l1, group in [(None, {}), *((l1, {"l1": l1}) for l1 in l1s)]
    }
    chains: dict[str, Any] = {}
    for chain in utterances["chain"].unique(maintain_order=True):
        seeds = sorted(utterances.filter(chain=chain)["seed"].unique())
        pooled = [measured[chain, seed, None] for seed in seeds]
        by_l1 = {l1: [measured[chain, seed, l1] for seed in seeds] for l1 in l1s}
        chains[chain] = {
            "pooled": mean_over_seeds(pooled),
            "per_l1": {l1: mean_over_seeds(group) for l1, group in by_l1.items()},
            "per_seed": {str(seed): measures for seed, measures in zip(seeds, pooled, strict=True)},
            "spread": {
                "pooled": spread_over_seeds(pooled, scheme.paths),
                "per_l1": {l1: spread_over_seeds(group, scheme.paths) for l1, group in by_l1.items()},
            },
        }
    return chains


def mean_over_seeds(seeds: Sequence[Measures]) -> Measures:
    """Average records of the same shape: numbers by their mean, `pass` where it holds with every seed.

    A number that is None with one seed is None. Counts that agree stay whole.
    """
    return {name: _mean([measures[name] for measures in seeds]) for name in seeds[0]}


def spread_over_seeds(seeds: Sequence[Measures], paths: Sequence[str]) -> dict[str, list[float] | None]:
    """[least, most] over seeds of each of the numbers that the measures hold; None where it is None with a seed."""
    spread: dict[str, list[float] | None] = {}
    for path in (path for path in paths if path.partition(".")[0] in seeds[0]):
        values = [look_up(measures, path) for measures in seeds]
        spread[path] = None if None in values else [min(values), max(values)]
    return spread


def look_up(measures: Measures, path: str) -> Any:
    """A number of `measures` by its path, such as "per" or "d1.auc"."""
    value: Any = measures
    for name in path.split("."):
        value = value[name]
    return value


def _mean(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return mean_over_seeds(values)
    if None in values:
        return None
    if isinstance(values[0], bool):
        return all(values)
    if all(value == values[0] for value in values):
        return values[0]
    return sum(values) / len(values)
