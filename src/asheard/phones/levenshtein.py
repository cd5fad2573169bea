"""The Levenshtein recurrence with traceback, over many pairs of sequences at once.

The recurrence, `_align_all`, is plain Python. numba compiles it if it is installed and the work is worth the import.
Costs are integers, so ties are true ties and the result is the same on every machine.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from itertools import accumulate, chain, pairwise, product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import CorpusError, PhoneError

Pairs = list[tuple[str | None, str | None]]
SymbolIds = NDArray[np.uint32]  # unsigned, so that numba need not check whether an index counts from the end
Costs = NDArray[np.int64]

# Cells (reference x hypothesis) of one alignment, a byte each: 256 MiB, or 16,384 phones against as many. At ten phones
# a second that is 27 minutes of speech: no utterance, but a recording passed whole by mistake.
MAX_CELLS: Final = 2**28

# Cells that plain Python computes in about the time that the import of numba takes, half a second.
_COMPILE_FROM: Final = 2**20

_PAIRING, _DELETION, _INSERTION = 0, 1, 2


def align_batch(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    ids: Mapping[str, int],
    costs: Costs | None,
    indel_cost: int,
) -> list[Pairs]:
    """Align each reference with the hypothesis of the same index.

    Args:
        references, hypotheses: sequences of symbols.
        ids: the id of each symbol, from 0 on without gaps; a mapping may add a symbol when it is looked up.
        costs: (len(ids), len(ids)) cost of pairing two ids. None: 0 for equal ids, 1 for others.
        indel_cost: cost of an insertion or deletion.
    Raises:
        ValueError: there are not as many references as hypotheses.
        PhoneError: a symbol has no id.
        CorpusError: a pair has more than `MAX_CELLS` cells.
    """
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


def _to_array(sequences: Sequence[Sequence[str]], ids: Mapping[str, int]) -> SymbolIds:
    """Concatenate sequences as an array of ids."""
    found = _to_ids(sequences, ids)
    if len(ids) <= 256:
        return np.frombuffer(bytes(found), np.uint8).astype(np.uint32)  # three times faster than from a list
    return np.array(found, np.uint32)


def _pairs(symbols: NDArray[np.object_], left: SymbolIds, right: SymbolIds) -> Pairs:
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
    """Run Levenshtein with traceback over P pairs of concatenated id sequences: on arrays if compiled, on lists if not.

    Args:
        references, hypotheses: ids below `nothing`.
        reference_bounds, hypothesis_bounds: (P + 1,) where each sequence starts, and the end of the last.
        costs: (nothing, nothing) cost of pairing two ids. None: 0 for equal ids, 1 for others.
        indel_cost: cost of an insertion or deletion.
        nothing: the id written opposite an insertion or deletion.
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
