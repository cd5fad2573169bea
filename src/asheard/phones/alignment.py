"""Which phone answers which: weighted and Kaldi-compatible alignment of phone sequences.

Both modes are one Levenshtein recurrence with traceback, compiled with numba. Costs are integers, so ties are true ties
and the result is the same on every machine. The modes differ in what a pairing costs: `wper_align` charges the
articulatory distance of the two phones, `unit_align` 0 or 1, as Kaldi's `align-text` does.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, count, pairwise, product
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asheard.errors import CorpusError, PhoneError
from asheard.phones.inventory import ERR, PHONES
from asheard.phones.vectors import Vectors, load_vectors

Pairs = list[tuple[str | None, str | None]]
Ids = NDArray[np.uint32]  # unsigned, so that numba need not ask whether an index counts from the end
Bounds = NDArray[np.int64]
Costs = NDArray[np.int64]

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
_IDS: Final = {phone: index for index, phone in enumerate((*PHONES, ERR))}


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
    costs = np.full((len(_IDS), len(_IDS)), COST_UNIT, dtype=np.int64)
    costs[:-1, :-1] = np.rint(distances * COST_UNIT)
    return _align_batch(references, hypotheses, _IDS, costs, round(INDEL_COST * COST_UNIT))


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
    return _align_batch(references, hypotheses, ids, None, 1)


def _align_batch(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    ids: Mapping[str, int],
    costs: Costs | None,
    indel_cost: int,
) -> list[Pairs]:
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references for {len(hypotheses)} hypotheses")
    reference_bounds, hypothesis_bounds = _bounds(references), _bounds(hypotheses)
    cells = np.diff(reference_bounds) * np.diff(hypothesis_bounds)
    if cells.max(initial=0) > MAX_CELLS:
        worst = int(cells.argmax())
        raise CorpusError(
            f"pair {worst}: {len(references[worst])} symbols against {len(hypotheses[worst])} are too many "
            f"for one alignment (at most {MAX_CELLS} cells); cut the recording into utterances"
        )
    reference, hypothesis = _encode(references, ids), _encode(hypotheses, ids)
    left, right, path_bounds = _align_all(
        reference, reference_bounds, hypothesis, hypothesis_bounds, costs, indel_cost, len(ids)
    )
    pairs = _pairs(np.array([*ids, None], dtype=object), left, right)
    return [pairs[start:end] for start, end in pairwise(path_bounds.tolist())]


def _bounds(sequences: Sequence[Sequence[str]]) -> Bounds:
    """(P + 1,) where each of P sequences starts in their concatenation, and the end of the last."""
    return np.fromiter(accumulate(map(len, sequences), initial=0), dtype=np.int64, count=len(sequences) + 1)


def _encode(sequences: Sequence[Sequence[str]], ids: Mapping[str, int]) -> Ids:
    try:
        codes = bytearray(map(ids.__getitem__, chain.from_iterable(sequences)))  # filled faster than an array is
        return np.frombuffer(codes, dtype=np.uint8).astype(np.uint32)
    except ValueError:  # an id above 255
        return np.fromiter(map(ids.__getitem__, chain.from_iterable(sequences)), dtype=np.uint32)
    except KeyError as error:
        raise PhoneError(
            f"{error.args[0]!r} is not one of the 40 phones; fold it first (asheard.phones.fold_*)"
        ) from None


def _pairs(symbols: NDArray[np.object_], left: Ids, right: Ids) -> Pairs:
    """The symbols of each step, where the last symbol is None.

    A long path takes its tuples from a table of all there can be: a new one for each step costs more than the kernel.
    """
    if symbols.size**2 < left.size:
        shared = np.fromiter(product(symbols, repeat=2), dtype=object, count=symbols.size**2)
        pairs: Pairs = shared[left * symbols.size + right].tolist()
        return pairs
    return list(zip(symbols[left].tolist(), symbols[right].tolist(), strict=True))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _align_all(
    references: Ids,
    reference_bounds: Bounds,
    hypotheses: Ids,
    hypothesis_bounds: Bounds,
    costs: Costs | None,
    indel_cost: int,
    nothing: int,
) -> tuple[Ids, Ids, Bounds]:
    """Levenshtein with traceback over a batch of concatenated id sequences.

    Args:
        references, hypotheses: ids below `nothing`.
        reference_bounds, hypothesis_bounds: (P + 1,) where each of the P sequences starts, and the end of the last.
        costs: (nothing, nothing) cost of pairing two ids; None: 0 for equal ids, else 1.
        indel_cost: cost of an insertion or deletion.
        nothing: the id that stands opposite an insertion or deletion.
    Returns:
        The concatenated paths as ids of the reference and ids of the hypothesis; (P + 1,) where each path starts, and
        the end of the last.
    """
    step = references.size + hypotheses.size
    left, right = np.empty(step, np.uint32), np.empty(step, np.uint32)
    path_bounds = np.empty(reference_bounds.size, np.int64)
    path_bounds[-1] = step
    # Paths are traced from their ends, so pairs are taken from the last and steps written from the back.
    for pair in range(reference_bounds.size - 2, -1, -1):
        reference = references[reference_bounds[pair] : reference_bounds[pair + 1]]
        hypothesis = hypotheses[hypothesis_bounds[pair] : hypothesis_bounds[pair + 1]]
        moves = np.empty((reference.size, hypothesis.size), np.uint8)
        row = np.empty(hypothesis.size + 1, np.int64)
        for j in range(row.size):
            row[j] = j * indel_cost
        for i in range(reference.size):
            row_moves = moves[i]
            diagonal = row[0]
            best = row[0] = diagonal + indel_cost
            for j in range(hypothesis.size):
                inserted = best + indel_cost
                if costs is None:
                    best = diagonal + (reference[i] != hypothesis[j])
                else:
                    best = diagonal + costs[reference[i], hypothesis[j]]
                move = _PAIRING
                diagonal = row[j + 1]
                if diagonal + indel_cost < best:
                    best, move = diagonal + indel_cost, _DELETION
                if inserted < best:
                    best, move = inserted, _INSERTION
                row[j + 1] = best
                row_moves[j] = move

        i, j = reference.size, hypothesis.size
        while i > 0 or j > 0:
            move = _INSERTION if i == 0 else _DELETION if j == 0 else moves[i - 1, j - 1]
            i -= move != _INSERTION
            j -= move != _DELETION
            step -= 1
            left[step] = nothing if move == _INSERTION else reference[i]
            right[step] = nothing if move == _DELETION else hypothesis[j]
        path_bounds[pair] = step
    return left[step:], right[step:], path_bounds - step
