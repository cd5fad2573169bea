"""Which phone answers which: weighted and Kaldi-compatible alignment of phone sequences.

Both modes are one Levenshtein recurrence with traceback, compiled with numba. Costs are integers, so ties are true ties
and the result is the same on every machine. The modes differ in what a pairing costs: `wper_align` charges the
articulatory distance of the two phones, `unit_align` 0 or 1, as Kaldi's `align-text` does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asheard.errors import CorpusError, PhoneError
from asheard.phones import ERR, PHONES, Vectors, load_vectors

Pairs = list[tuple[str | None, str | None]]
IntArray = NDArray[np.int64]

COST_UNIT: Final = 1_000_000  # integer steps in a cost of 1: distances are compared to six decimals

# Cost of one insertion or deletion: the constant that best recovers the hand alignment of L2-ARCTIC's 18
# training speakers. At 0.5, 403 of 89,316 canonical phones get another partner than the annotators' (at 0.3:
# 999, at 1.0: 518; at unit costs: 1,189), and no pairing costs more than a deletion and an insertion
# (docs/alignment.md).
INDEL_COST: Final = 0.5

# Cells (reference x hypothesis) of one alignment, a byte each: 256 MiB, or 16,384 phones against as many. At
# ten phones a second that is 27 minutes of speech: no utterance, but a recording passed whole by mistake.
MAX_CELLS: Final = 2**28

_PAIRING, _DELETION, _INSERTION = 0, 1, 2
_REFERENCE_IDS: Final = {phone: index for index, phone in enumerate((*PHONES, ERR))}
_HYPOTHESIS_IDS: Final = _REFERENCE_IDS | {ERR: len(_REFERENCE_IDS)}  # two ids, for ERR is unlike itself


@dataclass(frozen=True, slots=True)
class EditCounts:
    """How often each edit occurs in an alignment."""

    correct: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def num_reference(self) -> int:
        """Symbols of the reference."""
        return self.correct + self.substitutions + self.deletions

    @property
    def num_edits(self) -> int:
        """All but the correct."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def error_rate(self) -> float | None:
        """Edits over symbols of the reference; None where the reference is empty."""
        return self.num_edits / self.num_reference if self.num_reference else None


def count_edits(pairs: Iterable[tuple[str | None, str | None]]) -> EditCounts:
    """Count the edits of one alignment, or of several chained into one.

    Args:
        pairs: (reference, hypothesis) symbols, None on the side that has none.
    Returns:
        The counts; two equal symbols are correct.
    """
    correct = substitutions = deletions = insertions = 0
    for reference, hypothesis in pairs:
        if reference == hypothesis:
            correct += 1
        elif hypothesis is None:
            deletions += 1
        elif reference is None:
            insertions += 1
        else:
            substitutions += 1
    return EditCounts(correct, substitutions, deletions, insertions)


def wper_align(reference: Sequence[str], hypothesis: Sequence[str], vectors: Vectors | None = None) -> Pairs:
    """Align two phone sequences so that the summed articulatory distance is least.

    A pairing costs the cos_dist of its phones (to six decimals), an insertion or deletion `INDEL_COST`. `ERR` is at
    distance 1 from every phone and from itself. Ties are settled from the end of the sequences: pairing before
    deletion, deletion before insertion.

    Args:
        reference: IPA phones of the inventory, or ERR; may be empty.
        hypothesis: the same.
        vectors: the phones' vectors; None takes the bundled ones.
    Returns:
        (reference phone or None, hypothesis phone or None) from start to end; never (None, None).
    Raises:
        PhoneError: a symbol is neither a phone nor ERR.
        CorpusError: the sequences are too long for one alignment (more than `MAX_CELLS` cells).
    Source: Levenshtein 1966; costs by articulatory distance as in Mortensen et al. 2016 (PanPhon).
    """
    return wper_align_batch([reference], [hypothesis], vectors)[0]


def wper_align_batch(
    references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]], vectors: Vectors | None = None
) -> list[Pairs]:
    """Align each reference with the hypothesis of the same index; as `wper_align`, faster than one by one.

    Raises:
        ValueError: there are not as many references as hypotheses.
        PhoneError, CorpusError: as in `wper_align`.
    """
    distances = (vectors or load_vectors()).distances
    costs = np.full((len(PHONES) + 1, len(PHONES) + 1), COST_UNIT, dtype=np.int64)
    costs[:-1, :-1] = np.rint(distances * COST_UNIT)
    return _align_batch(references, hypotheses, _REFERENCE_IDS, _HYPOTHESIS_IDS, costs, round(INDEL_COST * COST_UNIT))


def unit_align(reference: Sequence[str], hypothesis: Sequence[str]) -> Pairs:
    """Align two sequences of any symbols at unit costs, with the tie-breaks of Kaldi's `align-text`.

    Args:
        reference: symbols, compared as strings (ERR too is an ordinary symbol here); may be empty.
        hypothesis: the same.
    Returns:
        (reference symbol or None, hypothesis symbol or None) from start to end.
    Raises:
        CorpusError: the sequences are too long for one alignment (more than `MAX_CELLS` cells).
    Source: Kaldi, src/util/edit-distance-inl.h, LevenshteinAlignment.
    """
    return unit_align_batch([reference], [hypothesis])[0]


def unit_align_batch(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> list[Pairs]:
    """Align each reference with the hypothesis of the same index; as `unit_align`, faster than one by one.

    Raises:
        ValueError: there are not as many references as hypotheses.
        CorpusError: as in `unit_align`.
    """
    ids: defaultdict[str, int] = defaultdict(count().__next__)
    return _align_batch(references, hypotheses, ids, ids, np.ones((1, 1), dtype=np.int64), 1)


def _align_batch(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    reference_ids: Mapping[str, int],
    hypothesis_ids: Mapping[str, int],
    costs: IntArray,
    indel_cost: int,
) -> list[Pairs]:
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references for {len(hypotheses)} hypotheses")
    reference_ends, hypothesis_ends = _ends(references), _ends(hypotheses)
    cells = np.diff(reference_ends, prepend=0) * np.diff(hypothesis_ends, prepend=0)
    if cells.max(initial=0) > MAX_CELLS:
        worst = int(cells.argmax())
        raise CorpusError(
            f"pair {worst}: {len(references[worst])} symbols against {len(hypotheses[worst])} are too many "
            f"for one alignment (at most {MAX_CELLS} cells); cut the recording into utterances"
        )
    reference = _encode(references, reference_ids)
    hypothesis = _encode(hypotheses, hypothesis_ids)
    symbols: dict[int, str | None] = {}
    for ids in (reference_ids, hypothesis_ids):
        symbols |= {code: symbol for symbol, code in ids.items()}
    nothing = len(symbols)
    symbols[nothing] = None
    steps, step_ends = _align_all(reference, reference_ends, hypothesis, hypothesis_ends, costs, indel_cost, nothing)

    # Steps that are alike share one tuple; to make a new one for each would take longer than all the rest.
    codes = steps.tolist()
    shared = {code: (symbols[code // (nothing + 1)], symbols[code % (nothing + 1)]) for code in set(codes)}
    pairs = list(map(shared.__getitem__, codes))
    ends = step_ends.tolist()
    return [pairs[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _ends(sequences: Sequence[Sequence[str]]) -> IntArray:
    """Where each sequence ends in their concatenation."""
    return np.cumsum(np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences)))


def _encode(sequences: Sequence[Sequence[str]], ids: Mapping[str, int]) -> IntArray:
    try:
        return np.fromiter(map(ids.__getitem__, chain.from_iterable(sequences)), dtype=np.int64)
    except KeyError as error:
        raise PhoneError(
            f"{error.args[0]!r} is not one of the 40 phones; fold it first (asheard.phones.fold_*)"
        ) from None


@njit(cache=True)  # type: ignore[untyped-decorator]
def _align_all(
    references: IntArray,
    reference_ends: IntArray,
    hypotheses: IntArray,
    hypothesis_ends: IntArray,
    costs: IntArray,
    indel_cost: int,
    nothing: int,
) -> tuple[IntArray, IntArray]:
    """Levenshtein with traceback over a batch of concatenated id sequences.

    Args:
        references, hypotheses: ids below `nothing`.
        reference_ends, hypothesis_ends: (P,) where each of the P sequences ends.
        costs: (K, K) cost of pairing two different ids, where ids past the last row share it; equal ids pair at no
            cost.
        indel_cost: cost of an insertion or deletion.
        nothing: the id that stands opposite an insertion or deletion.
    Returns:
        Each step of the concatenated paths, as reference id * (nothing + 1) + hypothesis id; (P,) where each path ends.
    """
    last = costs.shape[0] - 1
    steps = np.empty(references.size + hypotheses.size, np.int64)
    step_ends = np.empty(reference_ends.size, np.int64)
    reference_start = hypothesis_start = step_start = 0
    for pair in range(reference_ends.size):
        reference = references[reference_start : reference_ends[pair]]
        hypothesis = hypotheses[hypothesis_start : hypothesis_ends[pair]]
        moves = np.empty((reference.size, hypothesis.size), np.uint8)
        row = np.empty(hypothesis.size + 1, np.int64)
        for j in range(row.size):
            row[j] = j * indel_cost
        for i in range(reference.size):
            row_costs = costs[min(reference[i], last)]
            diagonal = row[0]
            row[0] += indel_cost
            for j in range(hypothesis.size):
                same = reference[i] == hypothesis[j]
                best = diagonal + (0 if same else row_costs[min(hypothesis[j], last)])
                move = _PAIRING
                diagonal = row[j + 1]
                if diagonal + indel_cost < best:
                    best, move = diagonal + indel_cost, _DELETION
                if row[j] + indel_cost < best:
                    best, move = row[j] + indel_cost, _INSERTION
                row[j + 1] = best
                moves[i, j] = move

        i, j, step_end = reference.size, hypothesis.size, step_start
        while i > 0 or j > 0:
            move = _INSERTION if i == 0 else _DELETION if j == 0 else moves[i - 1, j - 1]
            i -= move != _INSERTION
            j -= move != _DELETION
            left = nothing if move == _INSERTION else reference[i]
            right = nothing if move == _DELETION else hypothesis[j]
            steps[step_end] = left * (nothing + 1) + right
            step_end += 1
        # Traced from the end, so turned round; slices would do it in one line and compile for 3 s longer.
        for k in range((step_end - step_start) // 2):
            first, other = step_start + k, step_end - 1 - k
            steps[first], steps[other] = steps[other], steps[first]
        step_ends[pair] = step_start = step_end
        reference_start, hypothesis_start = reference_ends[pair], hypothesis_ends[pair]
    return steps[:step_start], step_ends
