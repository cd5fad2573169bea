"""Detected and missed errors: detection curves, and the phones and errors that collapse most.

A threshold on the distance calls every position at or above it an error. A lower threshold misses fewer errors and
rejects more correct positions. The distance is cos_dist: at its smallest threshold every difference from the canonical
phone is an error, and the errors that are still missed are collapse, which no scorer behind the transcript can find.
For a chain with position scores the distance is minus that score, and its curve continues until everything is rejected.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from scipy.special import ndtri

from asheard.evaluation.labels import D1_AUC, LABEL_SCHEME, POSITION_AUC, LabelMeasures
from asheard.evaluation.metrics import Metric, Scheme
from asheard.evaluation.separation import CHAIN_SCORE, FloatArray, has_position_scores
from asheard.evaluation.tokens import IS_NAMED, IS_OK

MIN_SUBSTITUTIONS: Final = 20  # of a rate that is shown: with fewer, its interval may span more than 40 points
NUM_MISSED: Final = 10  # errors named for each L1
UNNAMED_SOUND: Final = "err"
NOTHING: Final = "nothing"

_LEVEL: Final = 0.95
_Z: Final = float(ndtri((1 + _LEVEL) / 2))
NUM_CANONICAL: Final = 8  # canonical phones shown for each L1
_DISTANCE: Final = -CHAIN_SCORE


@dataclass(frozen=True, slots=True)
class DetectionCurve:
    """One chain at every threshold that makes a difference, from the smallest to one above all distances.

    thresholds: (n,) ascending; the last is inf, which calls nothing an error. missed: (n,) share of the errors below
    the threshold. frr: (n,) share of the ok positions at or above it. as_written: index of the first threshold above 0,
    at which every phone written for another is an error.
    """

    thresholds: FloatArray
    missed: FloatArray
    frr: FloatArray
    as_written: int


def detection_curve(rows: pl.DataFrame, scheme: Scheme[Any] = LABEL_SCHEME) -> DetectionCurve | None:
    """Compute missed errors and false rejections at every threshold.

    With several seeds each point is the mean over seeds at that threshold. With the point (0, 1) in front, at which
    everything is called an error, the area above the curve is the AUC of `area_metric`.

    Args:
        rows: token rows of one chain.
        scheme: says which positions are right and which are errors.
    Returns:
        The curve; None without right positions or without errors.
    """
    ok, wrong = (rows.filter(side).select(_DISTANCE).to_series().to_numpy() for side in (scheme.right, scheme.wrong))
    if not ok.size or not wrong.size:
        return None
    distances = np.union1d(ok, wrong)
    if not has_position_scores(rows):
        distances = distances[distances > 0]
    thresholds = np.append(distances, np.inf)
    as_written = int(np.searchsorted(thresholds, 0, side="right"))
    return DetectionCurve(thresholds, _share_below(wrong, thresholds), 1 - _share_below(ok, thresholds), as_written)


def area_metric(measures: LabelMeasures) -> Metric[LabelMeasures]:
    """The metric that is the area above a chain's curve: of its position scores if it has them, else that of D1."""
    return POSITION_AUC if measures.position_scores else D1_AUC


def operating_point(rows: pl.DataFrame) -> tuple[float, float] | None:
    """(missed, frr) of the classes in `class_pred`: by the threshold in use and, with a prior, by what it accepts.

    Args:
        rows: token rows of one chain.
    Returns:
        Shares of the named substitutions called variant and of the ok positions called error; None if a side is
        empty.
    """
    ok, substituted = rows.filter(LABEL_SCHEME.right), rows.filter(LABEL_SCHEME.wrong)
    if ok.is_empty() or substituted.is_empty():
        return None
    missed = substituted.filter(class_pred="variant").height / substituted.height
    return missed, ok.filter(class_pred="error").height / ok.height


def _share_below(distances: FloatArray, thresholds: FloatArray) -> FloatArray:
    return np.searchsorted(np.sort(distances), thresholds, side="left") / distances.size


def collapse_by(rows: pl.DataFrame, group: str) -> pl.DataFrame:
    """Collapse for each canonical phone or each syllable position, the highest first.

    The interval is Wilson's. It assumes independent tokens, but tokens of one speaker are alike.

    Args:
        rows: token rows of one chain; several seeds count as one, with their mean.
        group: "canonical" or "position". Rows in which it is null are left out.
    Returns:
        Columns `group`, num_substitutions, collapse, low, high; only groups of at least MIN_SUBSTITUTIONS.
    Source: Wilson 1927.
    """
    num_seeds = rows["seed"].n_unique()
    rates = (
        rows.filter(IS_NAMED, pl.col(group).is_not_null())
        .group_by(group)
        .agg(num_substitutions=pl.len() // num_seeds, collapse=pl.col("collapsed").mean())
        .filter(pl.col("num_substitutions") >= MIN_SUBSTITUTIONS)
    )
    p, n = pl.col("collapse"), pl.col("num_substitutions")
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * (p * (1 - p) / n + _Z**2 / (4 * n**2)).sqrt() / (1 + _Z**2 / n)
    return rates.with_columns(low=centre - half, high=centre + half).sort(
        ["collapse", "num_substitutions", group], descending=[True, True, False]
    )


def most_missed(rows: pl.DataFrame, l1: str) -> pl.DataFrame:
    """The errors of one L1 at which the chain most often wrote the canonical phone.

    These are substitutions, deletions (said: NOTHING) and unnamed sounds (said: UNNAMED_SOUND).

    Args:
        rows: token rows of one chain; several seeds count as one, with their mean.
        l1: first language.
    Returns:
        Columns canonical, said, num_missed (a mean over seeds), num_made; up to NUM_MISSED rows, the most missed first.
    """
    num_seeds = rows["seed"].n_unique()
    not_named = pl.when(error_type="d").then(pl.lit(NOTHING)).otherwise(pl.lit(UNNAMED_SOUND))
    return (
        rows.filter(~IS_OK, l1=l1)
        .group_by("canonical", said=pl.col("perceived").fill_null(not_named))
        .agg(
            num_missed=(pl.col("predicted") == pl.col("canonical")).sum() / num_seeds,
            num_made=pl.len() // num_seeds,
        )
        .filter(pl.col("num_missed") > 0)
        .sort(["num_missed", "num_made", "canonical", "said"], descending=[True, True, False, False])
        .head(NUM_MISSED)
    )


def substitutions_of(rows: pl.DataFrame, chain: str) -> pl.DataFrame:
    """The token rows of a chain's named substitutions."""
    return rows.filter(IS_NAMED, chain=chain)


def most_frequent(phones: pl.Series, number: int) -> dict[str, int]:
    """The most frequent phones, with their number of rows; ties by name."""
    name = phones.name
    counts = phones.value_counts().sort(["count", name], descending=[True, False]).head(number)
    return dict(counts.iter_rows())
