"""Token rows: one row for each canonical position, chain and seed.

PER and the published metrics are counted on whole sequences (`counts.py`), because additions and insertions have no
canonical position. A gold substitution whose two sides are one phone of the inventory (`AH0,AX,s`) has error type ok.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.evaluation.runs import ChainRun
from asheard.phones import ERR, PHONES, Vectors
from asheard.phones.alignment import wper_align_batch
from asheard.prior import Prior, classify_with_prior

RIGHT_FROM: Final = 1.8  # a phone with this mean expert score or more is right

Substitutions = frozenset[tuple[str, str, str]]  # (l1, canonical, perceived)

TOKEN_SCHEMA: Final[dict[str, Any]] = {
    "utt": pl.String,
    "speaker": pl.String,
    "l1": pl.String,
    "index": pl.Int32,  # of the canonical position in its utterance, from 0
    "position": pl.String,  # onset, nucleus, coda; null if the words are not known
    "canonical": pl.String,
    "perceived": pl.String,  # null at a deletion, and at a substitution whose sound has no name (`err`)
    "error_type": pl.String,  # ok, s, d
    "l1_typical": pl.Boolean,  # a substitution that speakers of this L1 often produce
    "chain": pl.String,
    "seed": pl.Int64,
    "predicted": pl.String,  # null: the chain wrote nothing here
    "cos_dist": pl.Float64,  # canonical to predicted; 1 if nothing was written
    "gold_cos_dist": pl.Float64,  # canonical to perceived; 1 at a deletion, null at `err`
    "collapsed": pl.Boolean,  # at a named substitution: the chain wrote the canonical; null elsewhere
    "class_pred": pl.String,  # variant or error
    "score": pl.Float64,  # mean expert score; null if the gold has none
    "position_score": pl.Float64,  # the chain's own score of the position; null for a chain that writes phones alone
}
IS_OK: Final = pl.col("error_type") == "ok"
IS_NAMED: Final = pl.col("collapsed").is_not_null()  # the named substitutions
OPTIONAL_COLUMNS: Final = ("score", "position_score")  # columns that a file may lack


def folds_together(token: Token) -> bool:
    """Whether the token is a gold substitution whose two sides are one phone of the inventory."""
    return token.error_type is ErrorType.SUBSTITUTION and token.perceived == token.canonical


def token_rows(
    gold: Sequence[Utterance],
    runs: Sequence[ChainRun],
    *,
    vectors: Vectors,
    typical: Substitutions = frozenset(),
) -> pl.DataFrame:
    """Align every prediction to the canonical phones and classify each canonical position.

    Phones predicted between canonical positions (insertions) and gold additions have no row.

    Args:
        gold: test utterances, in any order.
        runs: chains and seeds; each predicts exactly the gold utterances.
        vectors: distances between phones, and the threshold of the chains without a prior.
        typical: the substitutions that count as L1-typical.
    Returns:
        Rows of TOKEN_SCHEMA: runs in the order given, utterances sorted by (speaker, utt). Each run has the same
        positions.
    Raises:
        CorpusError: a run has position scores, but not exactly one for each canonical phone.
    """
    gold = sorted(gold, key=lambda utterance: utterance.key)
    positions = _positions(gold, vectors, typical)
    return pl.concat([_run_rows(positions, gold, run, vectors) for run in runs])


def _positions(gold: Sequence[Utterance], vectors: Vectors, typical: Substitutions) -> pl.DataFrame:
    """The columns that depend on the gold alone."""
    utterances = [utterance for utterance in gold for _ in utterance.canonical]
    tokens = [token for utterance in gold for token in _canonical_tokens(utterance)]
    canonical = [token.canonical for token in tokens]
    perceived = [token.perceived for token in tokens]
    l1 = [utterance.l1 for utterance in utterances]
    return pl.DataFrame(
        {
            "utt": [utterance.utt for utterance in utterances],
            "speaker": [utterance.speaker for utterance in utterances],
            "l1": l1,
            "index": [index for utterance in gold for index in range(len(utterance.canonical))],
            "position": [token.position for token in tokens],
            "canonical": canonical,
            "perceived": perceived,
            "error_type": ["ok" if folds_together(token) else token.error_type.value for token in tokens],
            "l1_typical": [sides in typical for sides in zip(l1, canonical, perceived, strict=True)],
            "gold_cos_dist": _distances(canonical, perceived, vectors),
            "score": [token.score for token in tokens],
        },
        schema_overrides=TOKEN_SCHEMA,
    ).with_columns(
        l1_typical=pl.col("l1_typical") & (pl.col("error_type") == ErrorType.SUBSTITUTION.value),
        gold_cos_dist=pl.when(~_is_err()).then("gold_cos_dist"),
    )


def _run_rows(positions: pl.DataFrame, gold: Sequence[Utterance], run: ChainRun, vectors: Vectors) -> pl.DataFrame:
    """Add the columns that depend on the run."""
    alignments = wper_align_batch([utterance.canonical for utterance in gold], run.phones_for(gold), vectors)
    predicted = [phone for pairs in alignments for canonical, phone in pairs if canonical is not None]
    named_substitution = (pl.col("error_type") == ErrorType.SUBSTITUTION.value) & ~_is_err()
    rows = positions.with_columns(
        pl.lit(run.chain).alias("chain"),
        pl.lit(run.seed, pl.Int64).alias("seed"),
        pl.Series("predicted", predicted, pl.String),
        pl.Series("cos_dist", _distances(positions["canonical"].to_list(), predicted, vectors)),
        pl.Series("position_score", run.position_scores_for(gold), pl.Float64),
    ).with_columns(
        collapsed=pl.when(named_substitution).then(pl.col("predicted").eq_missing(pl.col("canonical"))),
        class_pred=pl.when(pl.col("cos_dist") < vectors.threshold).then(pl.lit("variant")).otherwise(pl.lit("error")),
    )
    if run.prior is not None:
        classify = cache(partial(_class_with_prior, run.prior))
        evidence = rows.select("canonical", "predicted", "position", "l1", "cos_dist").iter_rows()
        rows = rows.with_columns(pl.Series("class_pred", [classify(*row) for row in evidence], pl.String))
    return rows.select(list(TOKEN_SCHEMA))


def _class_with_prior(
    prior: Prior, canonical: str, predicted: str | None, position: str | None, l1: str, cos_dist: float
) -> str:
    if predicted == ERR:  # an outside transcriber's label for an unnamed sound, which no prior knows
        return "error"
    return classify_with_prior(canonical, predicted, position, l1, cos_dist, prior)


def _is_err() -> pl.Expr:
    """Rows at which the annotator heard a sound but could not name it."""
    return (pl.col("error_type") == ErrorType.SUBSTITUTION.value) & pl.col("perceived").is_null()


def _distances(canonical: Sequence[str | None], other: Sequence[str | None], vectors: Vectors) -> NDArray[np.float64]:
    """cos_dist of each pair; 1 if the other side is nothing or an unnamed sound."""
    table = np.ones((len(PHONES), len(PHONES) + 1))
    table[:, :-1] = vectors.distances
    ids: dict[str | None, int] = {phone: index for index, phone in enumerate((*PHONES, None))}
    rows = np.array([ids[phone] for phone in canonical], dtype=np.int64)
    columns = np.array([ids[None if phone == ERR else phone] for phone in other], dtype=np.int64)
    return table[rows, columns]


def _canonical_tokens(utterance: Utterance) -> list[Token]:
    return [token for token in utterance.tokens if token.canonical is not None]
