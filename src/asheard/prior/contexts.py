"""What was counted, context by context: one canonical phone of an L1, over all positions and at each of them."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from asheard.prior.smoothing import Discounted, Outcomes, absolute_discount, continuation

_ALL_L1S: Final = ""  # the group of a pooled prior; no L1 is named so
_Key = tuple[str, ...]  # (L1,), (L1, canonical) or (L1, canonical, position)


class PriorRow(NamedTuple):
    """What a speaker made of one canonical phone; produced is None at a deletion, position where unknown."""

    l1: str
    canonical: str
    produced: str | None
    position: str | None


class Contexts:
    """Counted rows, looked up by canonical phone, position and L1; nothing crosses from one L1 to another."""

    def __init__(self, counts: Mapping[PriorRow, int], *, position: bool, pooled: bool) -> None:
        """Sum the counts of each context.

        Args:
            counts: how often each row was seen.
            position: tell onset, nucleus and coda apart.
            pooled: take all L1s as one.
        """
        self._position, self._pooled = position, pooled
        seen: defaultdict[_Key, Outcomes] = defaultdict(Counter)
        for (l1, canonical, produced, place), count in counts.items():
            wide = self._wide(canonical, l1)
            seen[wide][produced] += count
            if position and place is not None:
                seen[*wide, place][produced] += count
        self._seen = dict(seen)
        self._discounted = _discounted(self._seen)
        self._continued = _discounted(_continuations(self._seen))

    def nested(self, canonical: str, position: str | None, l1: str) -> list[Outcomes]:
        """The tokens of this canonical at this position, and at all positions; only contexts that have any."""
        return [self._seen[key] for key in self._keys(canonical, position, l1)]

    def discounted(self, canonical: str, position: str | None, l1: str) -> list[Discounted]:
        """The narrowest context with its tokens, the wider ones with their continuation counts, up to the whole L1."""
        wide = self._wide(canonical, l1)
        keys = self._keys(canonical, position, l1)[:1]
        wider = [key for key in (wide, wide[:1]) if key not in keys and key in self._continued]
        return [self._discounted[key] for key in keys] + [self._continued[key] for key in wider]

    def _wide(self, canonical: str, l1: str) -> _Key:
        return (_ALL_L1S if self._pooled else l1, canonical)

    def _keys(self, canonical: str, position: str | None, l1: str) -> list[_Key]:
        wide = self._wide(canonical, l1)
        keys = [wide] if position is None else [(*wide, position), wide]
        return [key for key in keys if key in self._seen]


def _continuations(seen: Mapping[_Key, Outcomes]) -> dict[_Key, Outcomes]:
    """For each context, in how many of those one step narrower each outcome was seen."""
    narrower: defaultdict[_Key, list[Outcomes]] = defaultdict(list)
    for key, outcomes in seen.items():
        narrower[key[:-1]].append(outcomes)
    return {key: continuation(contexts) for key, contexts in narrower.items()}


def _discounted(seen: Mapping[_Key, Outcomes]) -> dict[_Key, Discounted]:
    """Each context with the discount that its L1 has for contexts of its length."""
    levels: defaultdict[tuple[str, int], list[Outcomes]] = defaultdict(list)
    for key, outcomes in seen.items():
        levels[key[0], len(key)].append(outcomes)
    discounts = {level: absolute_discount(contexts) for level, contexts in levels.items()}
    return {key: Discounted(outcomes, discounts[key[0], len(key)]) for key, outcomes in seen.items()}
