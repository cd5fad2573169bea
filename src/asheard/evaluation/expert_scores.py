"""Metrics on gold that has expert scores of the phones, but not the phones that were said.

Such gold still shows which chains find errors. What a chain writes, or how it scores the position, is compared with the
experts' mean score. Right and wrong are the two ends, where the experts agree: wrong below 0.5, as the corpus itself
defines it, and right from 1.8, where at most one expert of five noted an accent. Scores between count in the
correlation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from asheard.corpora.chains import GOP_PRIOR, L1_ENCODER, L1_ENCODER_UNKNOWN
from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.corpora.records import Utterance
from asheard.evaluation.counts import Counts, count_utterances
from asheard.evaluation.labels import LABEL_SCHEME
from asheard.evaluation.metrics import CORRELATION, NOT_NEGATIVE, Metric, Ratio, Scheme, Statistic, on_the_data
from asheard.evaluation.runs import ChainRun
from asheard.evaluation.separation import FloatArray, resampled_auc, resampled_correlation
from asheard.evaluation.tokens import RIGHT_FROM
from asheard.evaluation.warnings import score_exclusions, score_warnings
from asheard.phones.alignment import count_edits, unit_align_batch

_SCORED: Final = pl.col("score").is_not_null()
_RIGHT: Final = _SCORED & (pl.col("score") >= RIGHT_FROM)
_WRONG: Final = _SCORED & (pl.col("score") < MISPRONOUNCED_BELOW)
_REJECTED: Final = pl.col("predicted").ne_missing(pl.col("canonical"))

_ON_POSITIONS: Final = {
    "num_tokens": pl.len(),
    "num_scored": _SCORED.sum(),
    "num_right": _RIGHT.sum(),
    "num_wrong": _WRONG.sum(),
    "num_rejected": (_SCORED & _REJECTED).sum(),
    "num_right_rejected": (_RIGHT & _REJECTED).sum(),
    "num_wrong_rejected": (_WRONG & _REJECTED).sum(),
    "num_wrong_accepted": (_WRONG & ~_REJECTED).sum(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMeasures:
    """The numbers of one chain on one group of speakers: counts, rates in 0..1, AUC and correlation.

    num_edits: of the prediction against the canonical phones.
    """

    num_utterances: int
    num_tokens: int
    num_scored: int
    num_right: int
    num_wrong: int
    num_rejected: float
    num_right_rejected: float
    num_wrong_rejected: float
    num_wrong_accepted: float
    num_edits: float
    collapse: float | None
    frr: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    per_canonical: float | None
    auc: float | None
    pcc: float | None


_ScoreMetric = Metric[ScoreMeasures]

AUC = _ScoreMetric(
    "auc",
    "AUC",
    "share of the (right, wrong) pairs in which the right phone has the higher chain score; ties count half; 0.5 is "
    "chance",
    percent=False,
)
PCC = _ScoreMetric(
    "pcc",
    "PCC",
    "Pearson's correlation of the chain score with the expert score, over all scored phones; position scores enter as "
    "the probability they stand for",
    CORRELATION,
    percent=False,
)
SCORE_COLLAPSE = _ScoreMetric(
    "collapse",
    "collapse",
    "wrong phones at which the canonical phone was written / wrong phones",
)
SCORE_FRR = _ScoreMetric("frr", "FRR", "right phones rejected / right phones")
SCORE_PRECISION = _ScoreMetric("precision", "precision", "wrong phones rejected / scored phones rejected")
SCORE_RECALL = _ScoreMetric("recall", "recall", "wrong phones rejected / wrong phones")
SCORE_F1 = _ScoreMetric("f1", "F1", "2 x wrong phones rejected / (scored phones rejected + wrong phones)")
PER_CANONICAL = _ScoreMetric(
    "per_canonical",
    "PER against canonical",
    "unit-cost edits of the prediction against the canonical phones / canonical phones. It is not the PER of other "
    "reports, which is against the produced phones",
    NOT_NEGATIVE,
)

_RATIOS: Final = {
    SCORE_COLLAPSE: Ratio(("num_wrong_accepted",), ("num_wrong",)),
    SCORE_FRR: Ratio(("num_right_rejected",), ("num_right",)),
    SCORE_PRECISION: Ratio(("num_wrong_rejected",), ("num_rejected",)),
    SCORE_RECALL: Ratio(("num_wrong_rejected",), ("num_wrong",)),
    SCORE_F1: Ratio(("num_wrong_rejected", "num_wrong_rejected"), ("num_rejected", "num_wrong")),
    PER_CANONICAL: Ratio(("num_edits",), ("num_tokens",)),
}


def has_only_scores(gold: Sequence[Utterance]) -> bool:
    """Whether some phone has a score, and no token records a substitution, deletion or addition."""
    tokens = [token for utterance in gold for token in utterance.tokens]
    return any(token.score is not None for token in tokens) and all(
        token.canonical is not None and (token.is_err or token.perceived == token.canonical) for token in tokens
    )


def scheme_for(gold: Sequence[Utterance]) -> Scheme[Any]:
    """The scheme that measures a gold set."""
    return SCORE_SCHEME if has_only_scores(gold) else LABEL_SCHEME


def not_ranked(runs: Sequence[ChainRun], l1s: set[str]) -> dict[str, str]:
    """Find the chains that scores alone cannot rank, because they depend on first languages.

    Args:
        runs: chains and seeds.
        l1s: first languages of the gold.
    Returns:
        {chain: why}.
    """
    return {run.chain: reason for run in runs if (reason := _reason(run, l1s)) is not None}


def _reason(run: ChainRun, l1s: set[str]) -> str | None:
    if run.prior is None and run.chain not in (L1_ENCODER, L1_ENCODER_UNKNOWN, GOP_PRIOR):
        return None
    if len(l1s) == 1:
        return f"it needs several first languages, and the gold has one ({min(l1s)})"
    if run.prior is None:
        return None
    if unknown := sorted(l1s - run.prior.tokens_per_l1.keys()):
        return f"its prior knows {', '.join(sorted(run.prior.tokens_per_l1))}, but not {', '.join(unknown)}"
    return "its prior changes none of these numbers, which compare the phones as written"


def _utterance_rows(gold: Sequence[Utterance], runs: Sequence[ChainRun], rows: pl.DataFrame) -> pl.DataFrame:
    return count_utterances(gold, runs, rows, _ON_POSITIONS, _edits)


def _edits(gold: Sequence[Utterance], run: ChainRun) -> Counts:
    """Edits against the canonical phones, because the produced phones are not known."""
    aligned = unit_align_batch([utterance.canonical for utterance in gold], run.phones_for(gold))
    return {"num_edits": [count_edits(pairs).num_edits for pairs in aligned]}


def _record(values: Mapping[str, Any], rows: pl.DataFrame) -> ScoreMeasures:
    agreement = {metric.key: value for metric, value in on_the_data(_agreement, rows).items()}
    return ScoreMeasures(**{**values, **agreement})


def _agreement(weights: FloatArray, rows: pl.DataFrame) -> dict[_ScoreMetric, Statistic]:
    """How well the chain score agrees with the experts, under each of the weightings."""
    right, wrong, scored = (rows.filter(positions) for positions in (_RIGHT, _WRONG, _SCORED))
    return {
        AUC: Statistic(resampled_auc(weights, right, wrong), wrong["unit"].n_unique()),
        PCC: Statistic(resampled_correlation(weights, scored), scored["unit"].n_unique()),
    }


SCORE_SCHEME: Final = Scheme(
    gold="scores",
    measures=ScoreMeasures,
    count=_utterance_rows,
    counts=(*_ON_POSITIONS, "num_edits"),
    ratios=_RATIOS,
    record=_record,
    statistics=_agreement,
    statistics_by_l1=True,
    all_metrics=(*_RATIOS, AUC, PCC),
    table_metrics=(AUC, PCC, SCORE_COLLAPSE, SCORE_FRR, SCORE_PRECISION, SCORE_RECALL, SCORE_F1, PER_CANONICAL),
    first_metrics=(AUC, PCC, SCORE_COLLAPSE, SCORE_FRR, PER_CANONICAL),
    compared=(AUC, PCC, SCORE_COLLAPSE, SCORE_FRR, SCORE_F1, PER_CANONICAL),
    ranked_by=((AUC, -1), (PCC, -1), (SCORE_FRR, 1)),
    right=_RIGHT,
    wrong=_WRONG,
    warnings=score_warnings,
    excluded=score_exclusions,
    not_ranked=not_ranked,
    has_verdict=False,
    signature_fields={"gold": f"scores:wrong<{MISPRONOUNCED_BELOW:g},right>={RIGHT_FROM:g}"},
)
