"""What is measured on one kind of gold: labels, which name what was said, or expert scores alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from asheard.corpora.records import Utterance
from asheard.evaluation.chains import ChainRun
from asheard.evaluation.dissociations import FloatArray, Measures


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
