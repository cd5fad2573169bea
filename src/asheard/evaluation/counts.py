"""Utterance rows: the counts that all rates are ratios of, for each utterance, chain and seed.

A rate over any group of utterances is a sum of counts over a sum of counts. So resampling of speakers or utterances
needs these rows only.

The published counts follow the scheme of the scoring scripts that the field shares. Three unit-cost alignments with
Kaldi's tie-breaks are made: canonical with produced says what the speaker did; produced with predicted says what the
chain wrote for it; canonical with predicted says what the chain wrote if the speaker said nothing. Each canonical
position and each added phone counts once:

    said right:    TA accepted, FR rejected
    said wrong:    FA accepted; CD rejected with the phone that was said; DE rejected with another

Accepted means that the chain wrote the canonical phone or, with a prior, a phone that the prior accepts; at an added
phone, that it wrote nothing. Source: Qian, Meng and Soong 2010; the scoring scripts of Fu et al. 2021 (arXiv
2104.08428).

The scheme does not count an inserted phone as a rejection, so chains gain by writing too much. `num_fr_strict` corrects
this: a position that was said right is also rejected if the chain inserted a phone at it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import polars as pl

from asheard.corpora.records import Utterance
from asheard.evaluation.runs import ChainRun
from asheard.evaluation.tokens import IS_NAMED, IS_OK
from asheard.phones import ERR
from asheard.phones.alignment import count_edits, unit_align_batch
from asheard.phones.levenshtein import Pairs
from asheard.prior import Prior

PUBLISHED_COUNTS: Final = ("num_ta", "num_fr", "num_fa", "num_cd", "num_de", "num_fr_strict")
_UNNAMED: Final = "<unnamed>"  # a sound the annotator could not name; no prediction equals it

_KEYS: Final = ("chain", "seed", "speaker", "utt")

_ACCEPTABLE: Final = IS_OK | pl.col("l1_typical")
_CALLED_ERROR: Final = pl.col("class_pred") == "error"

# Counted on the token rows of an utterance.
_ON_POSITIONS: Final = {
    "num_tokens": pl.len(),
    "num_ok": IS_OK.sum(),
    "num_substitutions": IS_NAMED.sum(),
    "num_deletions": (pl.col("error_type") == "d").sum(),
    "num_l1_typical": pl.col("l1_typical").sum(),
    "num_acceptable": _ACCEPTABLE.sum(),
    "num_atypical_errors": (~_ACCEPTABLE).sum(),
    "num_collapsed": pl.col("collapsed").sum(),
    "num_ok_called_error": (IS_OK & _CALLED_ERROR).sum(),
    "num_acceptable_called_error": (_ACCEPTABLE & _CALLED_ERROR).sum(),
    "num_atypical_called_error": (~_ACCEPTABLE & _CALLED_ERROR).sum(),
}

EDITS: Final = ("substitutions", "deletions", "insertions")  # of the prediction against the produced phones

ALL_COUNTS: Final = (
    *_ON_POSITIONS, "num_produced", "num_edits", *(f"num_edit_{name}" for name in EDITS), *PUBLISHED_COUNTS
)  # fmt: skip
_NAMES: Final = {"chain": pl.String, "seed": pl.Int64, "l1": pl.String, "speaker": pl.String, "utt": pl.String}
UTTERANCE_SCHEMA: Final = pl.Schema(_NAMES | dict.fromkeys(ALL_COUNTS, pl.Int64))

Counts = dict[str, list[int]]  # {count: its value for each utterance}
Accepts = Callable[[str, str, str | None, str], bool]  # (canonical, predicted, position, L1)


def utterance_rows(gold: Sequence[Utterance], runs: Sequence[ChainRun], rows: pl.DataFrame) -> pl.DataFrame:
    """Count every utterance of every run.

    Args:
        gold: test utterances.
        runs: chains and seeds; each predicts exactly the gold utterances.
        rows: their token rows.
    Returns:
        Rows of UTTERANCE_SCHEMA: runs in the order given, the same utterances in each, sorted by (speaker, utt).
    """
    return count_utterances(gold, runs, rows, _ON_POSITIONS, _sequence_counts).select(list(UTTERANCE_SCHEMA))


def count_utterances(
    gold: Sequence[Utterance],
    runs: Sequence[ChainRun],
    rows: pl.DataFrame,
    on_positions: Mapping[str, pl.Expr],
    on_sequences: Callable[[Sequence[Utterance], ChainRun], Counts],
) -> pl.DataFrame:
    """Count every utterance of every run; see `utterance_rows`.

    Args:
        on_positions: counts of the token rows of an utterance.
        on_sequences: (gold, run) -> counts of whole sequences.
    """
    gold = sorted(gold, key=lambda utterance: utterance.key)
    counted = pl.concat([_with_names(gold, run, on_sequences(gold, run)) for run in runs])
    joined = counted.join(rows.group_by(_KEYS).agg(**on_positions), on=_KEYS, how="left", maintain_order="left")
    return joined.with_columns(pl.col(*on_positions).fill_null(0).cast(pl.Int64))


def _with_names(gold: Sequence[Utterance], run: ChainRun, counts: Counts) -> pl.DataFrame:
    names = {
        "chain": [run.chain] * len(gold),
        "seed": [run.seed] * len(gold),
        "l1": [utterance.l1 for utterance in gold],
        "speaker": [utterance.speaker for utterance in gold],
        "utt": [utterance.utt for utterance in gold],
    }
    return pl.DataFrame(names | counts, schema=_NAMES | dict.fromkeys(counts, pl.Int64))


def _sequence_counts(gold: Sequence[Utterance], run: ChainRun) -> Counts:
    """Edits against the produced phones, and the published counts."""
    predicted = run.phones_for(gold)
    aligned = unit_align_batch([produced_symbols(utterance) for utterance in gold], predicted)
    edits = list(map(count_edits, aligned))
    decisions = published_counts(gold, predicted, aligned, run.prior)
    columns = dict(zip(PUBLISHED_COUNTS, zip(*decisions, strict=True), strict=True))
    return (
        {
            "num_produced": [counted.num_reference for counted in edits],
            "num_edits": [counted.num_edits for counted in edits],
        }
        | {f"num_edit_{name}": [getattr(counted, name) for counted in edits] for name in EDITS}
        | {name: list(values) for name, values in columns.items()}
    )


def produced_symbols(utterance: Utterance) -> list[str]:
    """The phones that were said, with _UNNAMED for each sound that the annotator could not name."""
    said = (_UNNAMED if token.is_err else token.perceived for token in utterance.tokens)
    return [phone for phone in said if phone is not None]


def published_counts(
    gold: Sequence[Utterance],
    predicted: Sequence[Sequence[str]],
    aligned: Sequence[Pairs],
    prior: Prior | None = None,
) -> list[tuple[int, ...]]:
    """Count each utterance of one chain.

    Args:
        gold: test utterances.
        predicted: the chain's phones for each.
        aligned: `unit_align` of each utterance's `produced_symbols` with its prediction.
        prior: the scoring prior of the chain, if it has one.
    Returns:
        For each utterance its PUBLISHED_COUNTS.
    """
    canonical = [utterance.canonical for utterance in gold]
    said = unit_align_batch(canonical, [produced_symbols(utterance) for utterance in gold])
    written = unit_align_batch(canonical, predicted)
    accepts = _accepts_canonical if prior is None else _accepts_with(prior)
    return [_count(*row, accepts) for row in zip(gold, said, aligned, written, strict=True)]


def _count(utterance: Utterance, said: Pairs, aligned: Pairs, written: Pairs, accepts: Accepts) -> tuple[int, ...]:
    ta = fr = fa = cd = de = fr_strict = 0
    positions = [token.position for token in utterance.tokens if token.canonical is not None]
    at_canonical = [phone for canonical, phone in written if canonical is not None]
    at_produced = [phone for produced, phone in aligned if produced is not None]
    inserted_at = _inserted_at(said, aligned)
    i = j = 0  # canonical and produced phones so far
    for canonical, produced in said:
        phone = at_canonical[i] if produced is None else at_produced[j]
        if canonical is None:
            accepted = phone is None
        else:
            accepted = phone is not None and accepts(canonical, phone, positions[i], utterance.l1)
        if canonical == produced:
            ta += accepted
            fr += not accepted
            fr_strict += not accepted or j in inserted_at
        else:
            fa += accepted
            cd += not accepted and phone == produced
            de += not accepted and phone != produced
        i += canonical is not None
        j += produced is not None
    return ta, fr, fa, cd, de, fr_strict


def _inserted_at(said: Pairs, aligned: Pairs) -> set[int]:
    """Indices of the produced phones at which the chain inserted another phone.

    An insertion belongs to the produced phone before it, or to the first one of the utterance. If the speaker deleted a
    phone in the same gap, the insertion belongs to that deletion and to no produced phone.
    """
    deleted = _before_each_gap(produced for _, produced in said)
    inserted = _before_each_gap(produced for produced, _ in aligned)
    return {max(index, 0) for index in inserted - deleted}


def _before_each_gap(produced: Iterable[str | None]) -> set[int]:
    """Index of the produced phone before each gap of one side of an alignment; -1 for a gap at the start."""
    before, index = set(), -1
    for phone in produced:
        if phone is None:
            before.add(index)
        else:
            index += 1
    return before


def _accepts_canonical(canonical: str, predicted: str, position: str | None, l1: str) -> bool:
    return predicted == canonical


def _accepts_with(prior: Prior) -> Accepts:
    def accepts(canonical: str, predicted: str, position: str | None, l1: str) -> bool:
        if predicted in (canonical, ERR):  # ERR: an outside transcriber's label for an unnamed sound
            return predicted == canonical
        return prior.accepts(canonical, predicted, position, l1)

    return accepts
