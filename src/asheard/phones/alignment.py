"""Weighted and Kaldi-compatible alignment of phone sequences.

Both modes are one Levenshtein recurrence with traceback. Costs are integers, so ties are true ties and the result is
the same on every machine. The modes differ in what a pairing costs: `wper_align` charges the articulatory distance of
the two phones, `unit_align` 0 or 1, as Kaldi's `align-text` does.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Final

import numpy as np

from asheard.phones.inventory import ERR, PHONES
from asheard.phones.levenshtein import Costs, Pairs, align_batch
from asheard.phones.vectors import Vectors, load_vectors

COST_UNIT: Final = 1_000_000  # integer steps in a cost of 1: distances are compared to six decimals

# Cost of one insertion or deletion: the constant that best recovers the hand alignment of L2-ARCTIC's 18 training
# speakers. At 0.5, 403 of 89,316 canonical phones get another partner than the annotators' (at 0.3: 999, at 1.0: 518;
# at unit costs: 1,189), and no pairing costs more than a deletion and an insertion (docs/phones.md).
INDEL_COST: Final = 0.5

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
    return align_batch(references, hypotheses, _IDS, _weighted_costs(vectors or load_vectors()), _WEIGHTED_INDEL)


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
    return align_batch(references, hypotheses, ids, None, 1)


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


@lru_cache(maxsize=8)  # of each vectors file in use; most processes use one
def _weighted_costs(vectors: Vectors) -> Costs:
    """(41, 41) cost of pairing two ids of `_IDS`."""
    costs = np.full((len(_IDS), len(_IDS)), COST_UNIT, dtype=np.int64)
    costs[:-1, :-1] = np.rint(vectors.distances * COST_UNIT)
    return costs
