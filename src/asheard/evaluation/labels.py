"""Metrics on gold with the phones that were said: PER, collapse, FRR by class, the published metrics, D1 to D3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import polars as pl

from asheard.evaluation.counts import ALL_COUNTS, EDITS, utterance_rows
from asheard.evaluation.metrics import CORRELATION, NOT_NEGATIVE, Metric, Ratio, Scheme, Statistic, on_the_data
from asheard.evaluation.runs import ChainRun
from asheard.evaluation.separation import (
    ALPHA,
    D1,
    D2,
    D3,
    MAX_D2_COLLAPSE,
    FloatArray,
    has_position_scores,
    histograms,
    measure_d1,
    measure_d2,
    measure_d3,
    resampled_auc,
    resampled_dissociations,
)
from asheard.evaluation.tokens import IS_NAMED, IS_OK
from asheard.evaluation.warnings import label_exclusions, label_warnings


@dataclass(frozen=True, slots=True)
class Edits:
    """Unit-cost edits of the predictions against the produced phones; PER sums them. Means over seeds."""

    substitutions: float
    deletions: float
    insertions: float


@dataclass(frozen=True, slots=True)
class PublishedMetrics:
    """Counts and rates of the scoring scripts that the field shares (`counts.py`)."""

    ta: float
    fr: float
    fa: float
    cd: float
    de: float
    frr: float | None
    far: float | None
    der: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    f1_strict: float | None
    per: float | None


@dataclass(frozen=True, slots=True)
class PositionScoreAUC:
    """How well a chain's own position scores separate ok positions from errors.

    auc: from named substitutions. auc_all_errors: from deletions and unnamed sounds too.
    """

    auc: float | None
    auc_all_errors: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMeasures:
    """The numbers of one chain on one group of speakers: counts, rates in 0..1, the three dissociations.

    num_substitutions: named ones. position_scores: None if the chain writes phones alone.
    """

    num_utterances: int
    num_tokens: int
    num_produced: int
    num_ok: int
    num_substitutions: int
    num_deletions: int
    num_l1_typical: int
    num_atypical_errors: int
    per: float | None
    collapse: float | None
    frr_class: float | None
    frr: float | None
    atypical_errors_caught: float | None
    edits: Edits
    published: PublishedMetrics
    d1: D1
    d2: D2
    d3: D3
    position_scores: PositionScoreAUC | None = None


_LabelMetric = Metric[LabelMeasures]

PER = _LabelMetric(
    "per",
    "PER",
    "unit-cost edits of the prediction against the produced phones / produced phones",
    NOT_NEGATIVE,
)
COLLAPSE = _LabelMetric(
    "collapse",
    "collapse",
    "named substitutions at which the canonical phone was written / named substitutions",
)
FRR_CLASS = _LabelMetric(
    "frr_class",
    "FRR by class",
    "ok and L1-typical positions called error / ok and L1-typical positions",
)
FRR = _LabelMetric("frr", "FRR at threshold", "ok positions called error / ok positions")
ATYPICAL_ERRORS_CAUGHT = _LabelMetric(
    "atypical_errors_caught",
    "atypical errors caught",
    "L1-atypical errors called error / L1-atypical errors",
)
PUBLISHED_FRR = _LabelMetric("published.frr", "FRR", "FR / (TA + FR)")
PUBLISHED_FAR = _LabelMetric("published.far", "FAR", "FA / (FA + TR)")
PUBLISHED_DER = _LabelMetric("published.der", "DER", "DE / (CD + DE)")
PUBLISHED_PRECISION = _LabelMetric("published.precision", "precision", "TR / (TR + FR)")
PUBLISHED_RECALL = _LabelMetric("published.recall", "recall", "TR / (TR + FA)")
F1 = _LabelMetric("published.f1", "F1", "2 TR / (2 TR + FR + FA)")
F1_STRICT = _LabelMetric(
    "published.f1_strict",
    "strict F1",
    "F1 with more false rejections: a position that was said right also counts as FR if a phone was inserted at it",
)
PUBLISHED_PER = _LabelMetric("published.per", "PER", "as PER above", NOT_NEGATIVE)
D1_AUC = _LabelMetric(
    "d1.auc",
    "D1 AUC",
    "share of the (ok, substitution) pairs in which cos_dist is larger at the substitution; ties count half. D1 passes "
    f"at p < {ALPHA:g} (Mann-Whitney, one-sided)",
    percent=False,
)
D2_OK_P75 = _LabelMetric("d2.ok_p75", "ok p75", "75th percentile of cos_dist at ok", percent=False)
D2_SUB_P25 = _LabelMetric("d2.sub_p25", "sub p25", "25th percentile of cos_dist at named substitutions", percent=False)
D2_GAP = _LabelMetric(
    "d2.gap",
    "gap",
    "sub p25 less ok p75. D2 passes if the gap is above 0 and at most "
    f"{100 * MAX_D2_COLLAPSE:.0f}% of the named substitutions collapse",
    CORRELATION,
    percent=False,
)
D3_RHO = _LabelMetric(
    "d3.rho",
    "D3 rho",
    "Spearman's rank correlation, over named substitutions, of cos_dist with gold_cos_dist",
    CORRELATION,
    percent=False,
)
POSITION_AUC = _LabelMetric(
    "position_scores.auc",
    "AUC of position scores",
    "as D1 AUC, with the chain's own score of the position in place of minus cos_dist",
    percent=False,
)
POSITION_AUC_ALL_ERRORS = _LabelMetric(
    "position_scores.auc_all_errors",
    "AUC of position scores, all errors",
    "the same, with deletions and unnamed sounds among the errors",
    percent=False,
)

PUBLISHED: Final = (
    PUBLISHED_FRR,
    PUBLISHED_FAR,
    PUBLISHED_DER,
    PUBLISHED_PRECISION,
    PUBLISHED_RECALL,
    F1,
    F1_STRICT,
    PUBLISHED_PER,
)
TABLE_METRICS: Final = (PER, COLLAPSE, FRR_CLASS, FRR, ATYPICAL_ERRORS_CAUGHT, F1, F1_STRICT)

_RIGHT_COUNTS: Final = ("num_ta", "num_fr")  # said right
_TRUE_REJECTIONS: Final = ("num_cd", "num_de")  # said wrong and rejected: TR
_F1_PART: Final = (*_TRUE_REJECTIONS, *_TRUE_REJECTIONS)  # 2 TR of F1 = 2 TR / (2 TR + FR + FA)

RATIOS: Final = {
    PER: Ratio(("num_edits",), ("num_produced",)),
    COLLAPSE: Ratio(("num_collapsed",), ("num_substitutions",)),
    FRR_CLASS: Ratio(("num_acceptable_called_error",), ("num_acceptable",)),
    FRR: Ratio(("num_ok_called_error",), ("num_ok",)),
    ATYPICAL_ERRORS_CAUGHT: Ratio(("num_atypical_called_error",), ("num_atypical_errors",)),
    PUBLISHED_FRR: Ratio(("num_fr",), _RIGHT_COUNTS),
    PUBLISHED_FAR: Ratio(("num_fa",), ("num_fa", *_TRUE_REJECTIONS)),
    PUBLISHED_DER: Ratio(("num_de",), _TRUE_REJECTIONS),
    PUBLISHED_PRECISION: Ratio(_TRUE_REJECTIONS, (*_TRUE_REJECTIONS, "num_fr")),
    PUBLISHED_RECALL: Ratio(_TRUE_REJECTIONS, (*_TRUE_REJECTIONS, "num_fa")),
    F1: Ratio(_F1_PART, (*_F1_PART, "num_fr", "num_fa")),
    F1_STRICT: Ratio(_F1_PART, (*_F1_PART, "num_fr_strict", "num_fa")),
    PUBLISHED_PER: Ratio(("num_edits",), ("num_produced",)),
}
STATISTICS: Final = (D1_AUC, D2_OK_P75, D2_SUB_P25, D2_GAP, D3_RHO)  # no rates, but with interval and spread
POSITION_STATISTICS: Final = (POSITION_AUC, POSITION_AUC_ALL_ERRORS)


def _record(values: Mapping[str, Any], rows: pl.DataFrame) -> LabelMeasures:
    ok_dist = rows.filter(IS_OK)["cos_dist"].to_numpy()
    substituted = rows.filter(IS_NAMED)
    sub_dist = substituted["cos_dist"].to_numpy()
    return LabelMeasures(
        **{field.name: values[field.name] for field in fields(LabelMeasures) if field.name in values},
        edits=Edits(*(values[f"num_edit_{name}"] for name in EDITS)),
        published=PublishedMetrics(
            *(values[f"num_{name}"] for name in ("ta", "fr", "fa", "cd", "de")),
            *(values[metric.key] for metric in PUBLISHED),
        ),
        d1=measure_d1(ok_dist, sub_dist),
        d2=measure_d2(ok_dist, sub_dist),
        d3=measure_d3(sub_dist, substituted["gold_cos_dist"].to_numpy()),
        position_scores=_position_scores(rows),
    )


def _position_scores(rows: pl.DataFrame) -> PositionScoreAUC | None:
    if not has_position_scores(rows):
        return None
    values = on_the_data(_position_statistics, rows)
    return PositionScoreAUC(values[POSITION_AUC], values[POSITION_AUC_ALL_ERRORS])


def _statistics(weights: FloatArray, rows: pl.DataFrame) -> dict[_LabelMetric, Statistic]:
    """STATISTICS of resampled units, and POSITION_STATISTICS if the chain scores positions."""
    counted = histograms(rows, weights.shape[1])
    num_units = int(np.count_nonzero(counted.sub.sum(axis=1)))  # D1 to D3 all need substitutions
    dissociations = resampled_dissociations(weights, counted)
    statistics = {
        metric: Statistic(values, num_units) for metric, values in zip(STATISTICS, dissociations, strict=True)
    }
    return statistics | (_position_statistics(weights, rows) if has_position_scores(rows) else {})


def _position_statistics(weights: FloatArray, rows: pl.DataFrame) -> dict[_LabelMetric, Statistic]:
    ok = rows.filter(IS_OK)
    errors = {POSITION_AUC: rows.filter(IS_NAMED), POSITION_AUC_ALL_ERRORS: rows.filter(~IS_OK)}
    return {
        metric: Statistic(resampled_auc(weights, ok, wrong), wrong["unit"].n_unique())
        for metric, wrong in errors.items()
    }


def _rank_all(runs: Sequence[ChainRun], l1s: set[str]) -> dict[str, str]:
    return {}


LABEL_SCHEME: Final = Scheme(
    gold="labels",
    measures=LabelMeasures,
    count=utterance_rows,
    counts=ALL_COUNTS,
    ratios=RATIOS,
    record=_record,
    statistics=_statistics,
    statistics_by_l1=False,
    all_metrics=(*RATIOS, *STATISTICS, *POSITION_STATISTICS),
    table_metrics=TABLE_METRICS,
    first_metrics=(PER, COLLAPSE, FRR_CLASS, ATYPICAL_ERRORS_CAUGHT, F1_STRICT),
    compared=TABLE_METRICS,
    ranked_by=((PER, 1), (FRR_CLASS, 1), (ATYPICAL_ERRORS_CAUGHT, -1)),
    right=IS_OK,
    wrong=IS_NAMED,
    warnings=label_warnings,
    excluded=label_exclusions,
    not_ranked=_rank_all,
    has_verdict=True,
    signature_fields={},
)
