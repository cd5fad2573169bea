"""Utterance rows: what the rates are ratios of, counted for each utterance, chain and seed.

A rate over any group of utterances is a sum of counts over a sum of counts, so these rows are all that a resampling of
speakers or utterances has to look at.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import polars as pl

from asheard.alignment import count_edits, unit_align_batch
from asheard.corpora.records import Utterance
from asheard.evaluation import published
from asheard.evaluation.chains import ChainRun
from asheard.evaluation.published import produced_symbols, published_counts

KEYS: Final = ("chain", "seed", "speaker", "utt")

_OK: Final = pl.col("error_type") == "ok"
_NAMED: Final = (pl.col("error_type") == "s") & pl.col("perceived").is_not_null()
_ACCEPTABLE: Final = _OK | pl.col("l1_typical")
_CALLED_ERROR: Final = pl.col("class_pred") == "error"

# Counted on the token rows of an utterance.
_ON_POSITIONS: Final = {
    "num_tokens": pl.len(),
    "num_ok": _OK.sum(),
    "num_substitutions": _NAMED.sum(),
    "num_deletions": (pl.col("error_type") == "d").sum(),
    "num_l1_typical": pl.col("l1_typical").sum(),
    "num_acceptable": _ACCEPTABLE.sum(),
    "num_atypical_errors": (~_ACCEPTABLE).sum(),
    "num_collapsed": (_NAMED & pl.col("collapsed")).sum(),
    "num_ok_called_error": (_OK & _CALLED_ERROR).sum(),
    "num_acceptable_called_error": (_ACCEPTABLE & _CALLED_ERROR).sum(),
    "num_atypical_called_error": (~_ACCEPTABLE & _CALLED_ERROR).sum(),
}

EDITS: Final = ("substitutions", "deletions", "insertions")  # of the prediction against what was produced

COUNTS: Final = (
    *_ON_POSITIONS, "num_produced", "num_edits", *(f"num_edit_{name}" for name in EDITS), *published.COUNTS
)  # fmt: skip
_NAMES: Final = {"chain": pl.String, "seed": pl.Int64, "l1": pl.String, "speaker": pl.String, "utt": pl.String}
SCHEMA: Final = pl.Schema(_NAMES | dict.fromkeys(COUNTS, pl.Int64))

Counts = dict[str, list[int]]  # one of each count an utterance


def utterance_rows(gold: Sequence[Utterance], runs: Sequence[ChainRun], rows: pl.DataFrame) -> pl.DataFrame:
    """Count every utterance of every run.

    Args:
        gold: test utterances.
        runs: chains and seeds; each predicts exactly the gold utterances.
        rows: their token rows.
    Returns:
        Rows of SCHEMA: runs in the order given, the same utterances in each, by (speaker, utt).
    """
    return count_utterances(gold, runs, rows, _ON_POSITIONS, _sequence_counts).select(list(SCHEMA))


def count_utterances(
    gold: Sequence[Utterance],
    runs: Sequence[ChainRun],
    rows: pl.DataFrame,
    on_positions: Mapping[str, pl.Expr],
    on_sequences: Callable[[Sequence[Utterance], ChainRun], Counts],
) -> pl.DataFrame:
    """Count every utterance of every run by any counts; see `utterance_rows`.

    Args:
        on_positions: counted on the token rows of an utterance.
        on_sequences: (gold, run) -> what is counted on whole sequences.
    """
    gold = sorted(gold, key=lambda utterance: utterance.key)
    counted = pl.concat([_named(gold, run, on_sequences(gold, run)) for run in runs])
    joined = counted.join(rows.group_by(KEYS).agg(**on_positions), on=KEYS, how="left", maintain_order="left")
    return joined.with_columns(pl.col(*on_positions).fill_null(0).cast(pl.Int64))


def _named(gold: Sequence[Utterance], run: ChainRun, counts: Counts) -> pl.DataFrame:
    names = {
        "chain": [run.chain] * len(gold),
        "seed": [run.seed] * len(gold),
        "l1": [utterance.l1 for utterance in gold],
        "speaker": [utterance.speaker for utterance in gold],
        "utt": [utterance.utt for utterance in gold],
    }
    return pl.DataFrame(names | counts, schema=_NAMES | dict.fromkeys(counts, pl.Int64))


def _sequence_counts(gold: Sequence[Utterance], run: ChainRun) -> Counts:
    """Edits against what was produced, and the published counts."""
    predicted = run.phones_for(gold)
    heard = unit_align_batch([produced_symbols(utterance) for utterance in gold], predicted)
    edits = list(map(count_edits, heard))
    decisions = published_counts(gold, predicted, heard, run.prior)
    columns = dict(zip(published.COUNTS, zip(*decisions, strict=True), strict=True))
    return (
        {
            "num_produced": [counted.num_reference for counted in edits],
            "num_edits": [counted.num_edits for counted in edits],
        }
        | {f"num_edit_{name}": [getattr(counted, name) for counted in edits] for name in EDITS}
        | {name: list(values) for name, values in columns.items()}
    )
