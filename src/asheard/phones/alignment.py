"""Weighted and Kaldi-compatible alignment of phone sequences.

Both modes are one Levenshtein recurrence with traceback. Costs are integers, so ties are true ties and the result is
the same on every machine. The modes differ in what a pairing costs: `wper_align` charges the articulatory distance of
the two phones, `unit_align` 0 or 1, as Kaldi's `align-text` does.

The recurrence, `_align_all`, is plain Python. numba compiles it if it is installed and the work is worth the import.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from itertools import accumulate, chain, count, pairwise, product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import CorpusError, PhoneError
from asheard.phones.inventory import ERR, PHONES
from asheard.phones.vectors import Vectors, load_vectors

Pairs = list[tuple[str | None, str | None]]
Ids = NDArray[np.uint32]  # unsigned, so that numba need not check whether an index counts from the end
Costs = NDArray[np.int64]

COST_UNIT: Final = 1_000_000  # integer steps in a cost of 1: distances are compared to six decimals

# Cost of one insertion or deletion: the constant that best recovers the hand alignment of L2-ARCTIC's 18 training
# speakers. At 0.5, 403 of 89,316 canonical phones get another partner than the annotators' (at 0.3: 999, at 1.0: 518;
# at unit costs: 1,189), and no pairing costs more than a deletion and an insertion (docs/phones.md).
INDEL_COST: Final = 0.5

# Cells (reference x hypothesis) of one alignment, a byte each: 256 MiB, or 16,384 phones against as many. At ten phones
# a second that is 27 minutes of speech: no utterance, but a recording passed whole by mistake.
MAX_CELLS: Final = 2**28

# Cells that plain Python computes in about the time that the import of numba takes, half a second.
_COMPILE_FROM: Final = 2**20

_PAIRING, _DELETION, _INSERTION = 0, 1, 2
_IDS: Final = {phone: index for index, phone in enumerate((*PHONES, ERR))}
_WEIGHTED_INDEL: Final = round(INDEL_COST * COST_UNIT)


@dataclass(frozen=True, slots=True)
class EditCounts:
    """Number of each edit in an alignment."""

    correct: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def num_reference(self) -> int:
        """Number of symbols of the reference."""
        return self.correct + self.substitutions + self.deletions

    @property
    def num_edits(self) -> int:
        """Number of substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def error_rate(self) -> float | None:
        """Edits over symbols of the reference; None if the reference is empty."""
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
    distance 1 from every phone and from itself. Ties are settled from the end of the sequences: a pairing before a
    deletion, a deletion before an insertion.

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
    return _align_batch(references, hypotheses, _IDS, _weighted_costs(vectors or load_vectors()), _WEIGHTED_INDEL)


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


def closest_sequences(choices: Sequence[Sequence[Sequence[str]]], hypothesis: Sequence[str]) -> list[int]:
    """Choose one of several phone sequences at each place of a reference, from the first place to the last.

    The sequence chosen makes the weighted cost of the whole reference least, with the choices made before and the first
    sequence of every later place. Of equals the first is taken. Costs are those of `wper_align` with the bundled
    vectors.

    Args:
        choices: for each place one or more sequences of IPA phones.
        hypothesis: IPA phones.
    Returns:
        The index of the sequence chosen at each place.
    """
    pairing = _weighted_costs(load_vectors())[:, [_IDS[phone] for phone in hypothesis]]
    start = np.arange(len(hypothesis) + 1) * _WEIGHTED_INDEL
    suffixes = [start]  # costs of the later places against the last 0, 1, ... phones of the hypothesis
    for first, *_ in reversed(choices):
        suffixes.append(_extend(suffixes[-1], first[::-1], pairing[:, ::-1]))
    prefix, chosen = start, []
    for place, sequences in enumerate(choices):
        suffix = suffixes[len(choices) - 1 - place][::-1]
        prefixes = [_extend(prefix, sequence, pairing) for sequence in sequences]
        chosen.append(int(np.argmin([(costs + suffix).min() for costs in prefixes])))
        prefix = prefixes[chosen[-1]]
    return chosen


def _extend(costs: Costs, phones: Sequence[str], pairing: Costs) -> Costs:
    """Add phones to a reference, row by row of the recurrence, without traceback.

    Args:
        costs: (H + 1,) costs of the reference so far against the first 0, 1, ..., H phones of the hypothesis.
        phones: what is added.
        pairing: (41, H) cost of pairing each id with each phone of the hypothesis.
    Returns:
        (H + 1,) costs of the longer reference.
    """
    insertions = np.arange(len(costs)) * _WEIGHTED_INDEL
    for phone in phones:
        row = costs + _WEIGHTED_INDEL
        np.minimum(row[1:], costs[:-1] + pairing[_IDS[phone]], out=row[1:])
        costs = np.minimum.accumulate(row - insertions) + insertions
    return costs


@cache
def _weighted_costs(vectors: Vectors) -> Costs:
    """(41, 41) cost of pairing two ids of `_IDS`."""
    costs = np.full((len(_IDS), len(_IDS)), COST_UNIT, dtype=np.int64)
    costs[:-1, :-1] = np.rint(vectors.distances * COST_UNIT)
    return costs


def _align_batch(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    ids: Mapping[str, int],
    costs: Costs | None,
    indel_cost: int,
) -> list[Pairs]:
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references for {len(hypotheses)} hypotheses")
    cells = [len(reference) * len(hypothesis) for reference, hypothesis in zip(references, hypotheses, strict=True)]
    if max(cells, default=0) > MAX_CELLS:
        worst = cells.index(max(cells))
        raise CorpusError(
            f"pair {worst}: {len(references[worst])} symbols against {len(hypotheses[worst])} are too many "
            f"for one alignment (at most {MAX_CELLS} cells); cut the recording into utterances"
        )
    compiled = _compiled() if sum(cells) >= _COMPILE_FROM or _compiled.cache_info().currsize else None
    align = _align_plainly if compiled is None else partial(_align_compiled, compiled)
    return align(references, hypotheses, ids, costs, indel_cost)


@cache
def _compiled() -> Callable[..., None] | None:
    """`_align_all`, compiled; None if numba is not installed."""
    try:
        numba = import_module("numba")
    except ModuleNotFoundError:
        return None
    compiled: Callable[..., None] = numba.njit(cache=True)(_align_all)
    return compiled


def _align_compiled(
    compiled: Callable[..., None],
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    ids: Mapping[str, int],
    costs: Costs | None,
    indel_cost: int,
) -> list[Pairs]:
    reference, hypothesis = _to_array(references, ids), _to_array(hypotheses, ids)
    left, right = (np.empty(reference.size + hypothesis.size, np.uint32) for _ in range(2))
    path_bounds = np.empty(len(references) + 1, np.int64)
    compiled(
        reference,
        np.array(_bounds(references)),
        hypothesis,
        np.array(_bounds(hypotheses)),
        costs,
        indel_cost,
        len(ids),
        np.empty(max(map(len, hypotheses), default=0) + 1, np.int64),
        np.empty(_max_cells(references, hypotheses), np.uint8),
        left,
        right,
        path_bounds,
    )
    start = path_bounds[0]
    pairs = _pairs(np.array([*ids, None], dtype=object), left[start:], right[start:])
    return [pairs[start:end] for start, end in pairwise((path_bounds - start).tolist())]


def _align_plainly(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    ids: Mapping[str, int],
    costs: Costs | None,
    indel_cost: int,
) -> list[Pairs]:
    reference, hypothesis = (_to_ids(sequences, ids) for sequences in (references, hypotheses))
    left, right = ([0] * (len(reference) + len(hypothesis)) for _ in range(2))
    path_bounds = [0] * (len(references) + 1)
    _align_all(
        reference,
        _bounds(references),
        hypothesis,
        _bounds(hypotheses),
        None if costs is None else costs.tolist(),
        indel_cost,
        len(ids),
        [0] * (max(map(len, hypotheses), default=0) + 1),
        bytearray(_max_cells(references, hypotheses)),
        left,
        right,
        path_bounds,
    )
    symbols = [*ids, None]
    return [
        [(symbols[left[step]], symbols[right[step]]) for step in range(start, end)]
        for start, end in pairwise(path_bounds)
    ]


def _max_cells(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> int:
    """Cells of the largest pair."""
    return max((len(one) * len(other) for one, other in zip(references, hypotheses, strict=True)), default=0)


def _bounds(sequences: Sequence[Sequence[str]]) -> list[int]:
    """Where each of P sequences starts in their concatenation, and the end of the last."""
    return list(accumulate(map(len, sequences), initial=0))


def _to_ids(sequences: Sequence[Sequence[str]], ids: Mapping[str, int]) -> list[int]:
    """Concatenate sequences as ids."""
    try:
        return list(map(ids.__getitem__, chain.from_iterable(sequences)))
    except KeyError as error:
        raise PhoneError(
            f"{error.args[0]!r} is not one of the 40 phones; fold it first (asheard.phones.fold_*)"
        ) from None


def _to_array(sequences: Sequence[Sequence[str]], ids: Mapping[str, int]) -> Ids:
    """Concatenate sequences as an array of ids."""
    found = _to_ids(sequences, ids)
    if len(ids) <= 256:
        return np.frombuffer(bytes(found), np.uint8).astype(np.uint32)  # three times faster than from a list
    return np.array(found, np.uint32)


def _pairs(symbols: NDArray[np.object_], left: Ids, right: Ids) -> Pairs:
    """Name the symbols of each step; the last symbol is None.

    A long path takes its tuples from a table of all possible ones: a new tuple for each step costs more than the
    recurrence.
    """
    if symbols.size**2 < left.size:
        shared = np.fromiter(product(symbols, repeat=2), dtype=object, count=symbols.size**2)
        pairs: Pairs = shared[left * symbols.size + right].tolist()
        return pairs
    return list(zip(symbols[left].tolist(), symbols[right].tolist(), strict=True))


def _align_all(
    references: Any,
    reference_bounds: Any,
    hypotheses: Any,
    hypothesis_bounds: Any,
    costs: Any,
    indel_cost: int,
    nothing: int,
    row: Any,
    moves: Any,
    left: Any,
    right: Any,
    path_bounds: Any,
) -> None:
    """Run Levenshtein with traceback over P pairs of concatenated id sequences: in arrays if compiled, else in lists.

    Args:
        references, hypotheses: ids below `nothing`.
        reference_bounds, hypothesis_bounds: (P + 1,) where each sequence starts, and the end of the last.
        costs: (nothing, nothing) cost of pairing two ids. None: 0 for equal ids, else 1.
        indel_cost: cost of an insertion or deletion.
        nothing: the id that stands opposite an insertion or deletion.
        row: workspace, one more than the longest hypothesis.
        moves: workspace, the cells of the largest pair.
        left, right: filled from the back with the ids of reference and hypothesis at each step; as long as all
            sequences together.
        path_bounds: (P + 1,) filled with where each path starts in `left` and `right`, and the end of the last.
    """
    step = len(left)
    path_bounds[-1] = step
    # Paths are traced from their ends, so pairs are taken from the last and steps written from the back.
    for pair in range(len(reference_bounds) - 2, -1, -1):
        reference = references[reference_bounds[pair] : reference_bounds[pair + 1]]
        hypothesis = hypotheses[hypothesis_bounds[pair] : hypothesis_bounds[pair + 1]]
        width = len(hypothesis)
        for j in range(width + 1):
            row[j] = j * indel_cost
        cell = 0
        for i in range(len(reference)):
            symbol = reference[i]
            diagonal = row[0]
            best = row[0] = diagonal + indel_cost
            for j in range(width):
                inserted = best + indel_cost
                if costs is None:
                    best = diagonal + (symbol != hypothesis[j])
                else:
                    best = diagonal + costs[symbol][hypothesis[j]]
                move = _PAIRING
                diagonal = row[j + 1]
                if diagonal + indel_cost < best:
                    best, move = diagonal + indel_cost, _DELETION
                if inserted < best:
                    best, move = inserted, _INSERTION
                row[j + 1] = best
                moves[cell] = move
                cell += 1

        i, j = len(reference), width
        while i > 0 or j > 0:
            move = _INSERTION if i == 0 else _DELETION if j == 0 else moves[(i - 1) * width + j - 1]
            i -= move != _INSERTION
            j -= move != _DELETION
            step -= 1
            left[step] = nothing if move == _INSERTION else reference[i]
            right[step] = nothing if move == _DELETION else hypothesis[j]
        path_bounds[pair] = step
