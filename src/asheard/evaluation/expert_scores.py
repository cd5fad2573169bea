"""Gold that says how right each phone was, and not what was said: expert scores alone.

It still tells who hears errors: what a chain writes, or how it scores the position itself, is held against the experts'
mean. Right and wrong are its two ends, where the experts agree: wrong below 0.5, as the corpus itself has it, and right
from 1.8, where at most one expert of five heard an accent. What lies between is in the correlation.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import polars as pl

from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.corpora.records import Utterance
from asheard.evaluation.counts import Counts, count_utterances
from asheard.evaluation.metrics import LABELS, Ratio, Scheme, Statistic, on_the_data
from asheard.evaluation.separation import FloatArray, Measures, resampled_auc, resampled_correlation
from asheard.evaluation.systems import GOP_PRIOR, L1_ENCODER, L1_ENCODER_UNKNOWN, ChainRun
from asheard.phones.alignment import count_edits, unit_align_batch

RIGHT_FROM: Final = 1.8

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


def has_only_scores(gold: Sequence[Utterance]) -> bool:
    """Whether some phone has a score, and no token says that another phone was said, none, or one too many."""
    tokens = [token for utterance in gold for token in utterance.tokens]
    return any(token.score is not None for token in tokens) and all(
        token.canonical is not None and (token.is_err or token.perceived == token.canonical) for token in tokens
    )


def scheme_for(gold: Sequence[Utterance]) -> Scheme:
    """What is measured on a gold set."""
    return SCORES if has_only_scores(gold) else LABELS


def scheme_of(metrics: Mapping[str, Any]) -> Scheme:
    """What was measured, by the contents of metrics.json."""
    return SCORES if metrics.get("gold") == "scores" else LABELS


def not_ranked(runs: Sequence[ChainRun], l1s: Collection[str]) -> dict[str, str]:
    """The chains that scores alone cannot rank, because they are about first languages.

    Args:
        runs: chains and seeds.
        l1s: first languages of the gold.
    Returns:
        {chain: why}.
    """
    return {run.chain: reason for run in runs if (reason := _reason(run, l1s)) is not None}


def _reason(run: ChainRun, l1s: Collection[str]) -> str | None:
    if run.prior is None and run.chain not in (L1_ENCODER, L1_ENCODER_UNKNOWN, GOP_PRIOR):
        return None
    if len(l1s) == 1:
        return f"it needs several first languages, and the gold has one ({min(l1s)})"
    if run.prior is None:
        return None
    if unknown := sorted(set(l1s) - run.prior.num_rows.keys()):
        return f"its prior knows {', '.join(sorted(run.prior.num_rows))}, and not {', '.join(unknown)}"
    return "what its prior excuses changes none of these numbers: they are about the phones as written"


def _utterance_rows(gold: Sequence[Utterance], runs: Sequence[ChainRun], rows: pl.DataFrame) -> pl.DataFrame:
    return count_utterances(gold, runs, rows, _ON_POSITIONS, _edits)


def _edits(gold: Sequence[Utterance], run: ChainRun) -> Counts:
    """Against the canonical, for what was produced is not known."""
    aligned = unit_align_batch([utterance.canonical for utterance in gold], run.phones_for(gold))
    return {"num_edits": [count_edits(pairs).num_edits for pairs in aligned]}


def _measure(rows: pl.DataFrame, utterances: pl.DataFrame) -> Measures:
    """Counts, rates, AUC and correlation of one chain with one seed on one group of speakers."""
    count = utterances.select(SCORES.counts).sum().row(0, named=True)
    return {"num_utterances": utterances.height, **count, **SCORES.rates(count), **on_the_data(_agreement, rows)}


def _agreement(weights: FloatArray, rows: pl.DataFrame) -> dict[str, Statistic]:
    """How well closeness agrees with the experts, under each of the weights."""
    right, wrong, scored = (rows.filter(positions) for positions in (_RIGHT, _WRONG, _SCORED))
    return {
        "auc": Statistic(resampled_auc(weights, right, wrong), wrong["unit"].n_unique()),
        "pcc": Statistic(resampled_correlation(weights, scored), scored["unit"].n_unique()),
    }


_RATIOS: Final = {
    "collapse": Ratio(("num_wrong_accepted",), ("num_wrong",)),
    "frr": Ratio(("num_right_rejected",), ("num_right",)),
    "precision": Ratio(("num_wrong_rejected",), ("num_rejected",)),
    "recall": Ratio(("num_wrong_rejected",), ("num_wrong",)),
    "f1": Ratio(("num_wrong_rejected", "num_wrong_rejected"), ("num_rejected", "num_wrong")),
    "per_canonical": Ratio(("num_edits",), ("num_tokens",)),
}

SCORES: Final = Scheme(
    count=_utterance_rows,
    counts=(*_ON_POSITIONS, "num_edits"),
    ratios=_RATIOS,
    measure=_measure,
    statistics=_agreement,
    by_l1=True,
    paths=(*_RATIOS, "auc", "pcc"),
    headings={
        "AUC": "auc",
        "PCC": "pcc",
        "collapse": "collapse",
        "FRR": "frr",
        "precision": "precision",
        "recall": "recall",
        "F1": "f1",
        "PER against canonical": "per_canonical",
    },
    compared=("auc", "pcc", "collapse", "frr", "f1", "per_canonical"),
    ranked_by=(("auc", -1), ("pcc", -1), ("frr", 1)),
    right=_RIGHT,
    wrong=_WRONG,
)
