"""Token rows: one row for each canonical position, chain and seed.

Every number of the report but PER is counted on these rows. PER is counted on `edit_rows`, one row for each utterance,
because additions and insertions stand at no canonical position. A gold substitution whose two sides are the same phone
once folded (`AH0,AX,s`) is none at the grain of the inventory: its row says ok.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, partial
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from asheard.alignment import count_edits, unit_align_batch, wper_align_batch
from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.errors import CorpusError
from asheard.evaluation.chains import ChainRun
from asheard.phones import ERR, PHONES, Vectors
from asheard.prior import Prior, classify_with_prior

Substitutions = frozenset[tuple[str, str, str]]  # (l1, canonical, perceived)

SCHEMA: Final[dict[str, Any]] = {
    "utt": pl.String,
    "speaker": pl.String,
    "l1": pl.String,
    "index": pl.Int32,  # of the canonical position in its utterance, from 0
    "position": pl.String,  # onset, nucleus, coda; null where the words are not known
    "canonical": pl.String,
    "perceived": pl.String,  # null at a deletion, and at a substitution whose sound has no name (`err`)
    "error_type": pl.String,  # ok, s, d
    "l1_typical": pl.Boolean,  # a substitution that speakers of this L1 often make
    "chain": pl.String,
    "seed": pl.Int64,
    "predicted": pl.String,  # null: the chain wrote nothing here
    "cos_dist": pl.Float64,  # canonical to predicted; 1 where nothing was written
    "gold_cos_dist": pl.Float64,  # canonical to perceived; 1 at a deletion, null at `err`
    "collapsed": pl.Boolean,  # at a named substitution: the chain wrote the canonical; null elsewhere
    "class_pred": pl.String,  # variant or error
}

_UNNAMED: Final = "<unnamed>"  # `err` in the produced sequence when PER is counted: no prediction equals it
_NUM_SHOWN: Final = 3


def check_same_utterances(gold: Sequence[Utterance], runs: Sequence[ChainRun]) -> None:
    """See that every run predicts each gold utterance exactly once, and nothing else.

    Raises:
        CorpusError: naming chain and seed, how many utterances are missing, extra or double, the first few.
    """
    if not gold or not runs:
        raise CorpusError(f"nothing to evaluate: {len(gold)} gold utterances and {len(runs)} chains were given")
    names = _repeated(run.name for run in runs)
    if names:
        raise CorpusError(f"{names[0]} is given twice; give every run its own chain name or seed")
    keys = [utterance.key for utterance in gold]
    _refuse("the gold", {"come more than once": _repeated(keys)})
    wanted = set(keys)
    for run in runs:
        found = [prediction.key for prediction in run.predictions]
        _refuse(
            run.name,
            {
                "of the gold have no prediction": sorted(wanted.difference(found)),
                "are predicted but are not in the gold": sorted(set(found) - wanted),
                "are predicted more than once": _repeated(found),
            },
        )


def folds_together(token: Token) -> bool:
    """A gold substitution whose two sides are the same broad phone."""
    return token.error_type is ErrorType.SUBSTITUTION and token.perceived == token.canonical


def token_rows(
    gold: Sequence[Utterance],
    runs: Sequence[ChainRun],
    *,
    vectors: Vectors,
    typical: Substitutions = frozenset(),
) -> pl.DataFrame:
    """Align every prediction to the canonical phones and class each canonical position.

    Phones predicted between canonical positions (insertions) and gold additions have no row.

    Args:
        gold: test utterances, in any order.
        runs: chains and seeds; each predicts exactly the gold utterances.
        vectors: distances between phones, and the threshold of the chains without a prior.
        typical: the substitutions that count as L1-typical.
    Returns:
        Rows of SCHEMA: runs in the order given, utterances by (speaker, utt), the same positions in each run.
    Raises:
        CorpusError: a run misses, repeats or adds an utterance.
    """
    check_same_utterances(gold, runs)
    gold = sorted(gold, key=lambda utterance: utterance.key)
    positions = _positions(gold, vectors, typical)
    return pl.concat([_run_rows(positions, gold, run, vectors) for run in runs])


def edit_rows(gold: Sequence[Utterance], runs: Sequence[ChainRun]) -> pl.DataFrame:
    """Count each prediction's unit-cost edits against the produced phones.

    A sound the annotator could not name is a produced phone that no prediction equals.

    Returns:
        One row for each utterance of each run: chain, seed, l1, speaker, utt, num_edits, num_produced.
    Raises:
        CorpusError: a run misses, repeats or adds an utterance.
    """
    check_same_utterances(gold, runs)
    gold = sorted(gold, key=lambda utterance: utterance.key)
    produced = [_produced(utterance) for utterance in gold]
    rows = []
    for run in runs:
        alignments = unit_align_batch(produced, _hypotheses(gold, run))
        for utterance, pairs in zip(gold, alignments, strict=True):
            edits = count_edits(pairs)
            rows.append((run.chain, run.seed, utterance.l1, *utterance.key, edits.num_edits, edits.num_reference))
    columns = ["chain", "seed", "l1", "speaker", "utt", "num_edits", "num_produced"]
    return pl.DataFrame(rows, schema=columns, orient="row")


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
        },
        schema_overrides=SCHEMA,
    ).with_columns(
        l1_typical=pl.col("l1_typical") & (pl.col("error_type") == ErrorType.SUBSTITUTION.value),
        gold_cos_dist=pl.when(~_is_err()).then("gold_cos_dist"),
    )


def _run_rows(positions: pl.DataFrame, gold: Sequence[Utterance], run: ChainRun, vectors: Vectors) -> pl.DataFrame:
    """`positions` with the columns that depend on the run."""
    alignments = wper_align_batch([utterance.canonical for utterance in gold], _hypotheses(gold, run), vectors)
    predicted = [phone for pairs in alignments for canonical, phone in pairs if canonical is not None]
    named_substitution = (pl.col("error_type") == ErrorType.SUBSTITUTION.value) & ~_is_err()
    rows = positions.with_columns(
        pl.lit(run.chain).alias("chain"),
        pl.lit(run.seed, pl.Int64).alias("seed"),
        pl.Series("predicted", predicted, pl.String),
        pl.Series("cos_dist", _distances(positions["canonical"].to_list(), predicted, vectors)),
    ).with_columns(
        collapsed=pl.when(named_substitution).then(pl.col("predicted").eq_missing(pl.col("canonical"))),
        class_pred=pl.when(pl.col("cos_dist") < vectors.threshold).then(pl.lit("variant")).otherwise(pl.lit("error")),
    )
    if run.prior is not None:
        classify = cache(partial(_class_behind, run.prior))
        evidence = rows.select("canonical", "predicted", "position", "l1", "cos_dist").iter_rows()
        rows = rows.with_columns(pl.Series("class_pred", [classify(*row) for row in evidence], pl.String))
    return rows.select(list(SCHEMA))


def _class_behind(
    prior: Prior, canonical: str, predicted: str | None, position: str | None, l1: str, cos_dist: float
) -> str:
    if predicted == ERR:  # an outside transcriber's word for a sound without a name, which no prior knows
        return "error"
    return classify_with_prior(canonical, predicted, position, l1, cos_dist, prior)


def _is_err() -> pl.Expr:
    """The annotator heard a sound here and could not name it."""
    return (pl.col("error_type") == ErrorType.SUBSTITUTION.value) & pl.col("perceived").is_null()


def _distances(canonical: Sequence[str | None], other: Sequence[str | None], vectors: Vectors) -> NDArray[np.float64]:
    """cos_dist of each pair; 1 where the other side is nothing, or a sound without a name."""
    table = np.ones((len(PHONES), len(PHONES) + 1))
    table[:, :-1] = vectors.distances
    ids: dict[str | None, int] = {phone: index for index, phone in enumerate((*PHONES, None))}
    rows = np.array([ids[phone] for phone in canonical], dtype=np.int64)
    columns = np.array([ids[None if phone == ERR else phone] for phone in other], dtype=np.int64)
    return table[rows, columns]


def _canonical_tokens(utterance: Utterance) -> list[Token]:
    return [token for token in utterance.tokens if token.canonical is not None]


def _produced(utterance: Utterance) -> list[str]:
    said = (_UNNAMED if token.is_err else token.perceived for token in utterance.tokens)
    return [phone for phone in said if phone is not None]


def _hypotheses(gold: Sequence[Utterance], run: ChainRun) -> list[tuple[str, ...]]:
    """The run's phones in the order of the gold."""
    phones = {prediction.key: prediction.phones for prediction in run.predictions}
    return [phones[utterance.key] for utterance in gold]


def _repeated(items: Iterable[Any]) -> list[Any]:
    return sorted(item for item, count in Counter(items).items() if count > 1)


def _refuse(name: str, problems: dict[str, list[tuple[str, str]]]) -> None:
    """Raise if any list holds a (speaker, utt)."""
    found = [
        f"{len(keys)} {problem} ({', '.join(' '.join(key) for key in keys[:_NUM_SHOWN])}"
        f"{', ...' if len(keys) > _NUM_SHOWN else ''})"
        for problem, keys in problems.items()
        if keys
    ]
    if found:
        raise CorpusError(
            f"{name}: utterances do not match, by (speaker, utt): {'; '.join(found)}; "
            "every chain and seed must predict each gold utterance once"
        )
