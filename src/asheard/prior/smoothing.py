"""From counts to probabilities: Laplace, hierarchical Dirichlet and Kneser-Ney over the 41 outcomes.

An estimator is given what was counted in nested contexts, the narrowest first, and the outcome asked for. A context
without tokens adds nothing; without any context every outcome has 1 / 41.

What was counted, context by context: one canonical phone of an L1, over all positions and at each of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from asheard.errors import CorpusError
from asheard.phones import PHONES

NUM_OUTCOMES: Final = len(PHONES) + 1  # a phone, or nothing (a deletion)
FALLBACK_DISCOUNT: Final = 0.5  # where nothing was seen just once, as KenLM's --discount_fallback has it

Smoothing = Literal["laplace", "dirichlet", "kneser-ney"]
Outcomes = Counter[str | None]  # produced phone, None for a deletion -> tokens


class Discounted(NamedTuple):
    """A context, and what Kneser-Ney takes from each of its counts: above 0, at most 1."""

    outcomes: Outcomes
    discount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorOptions:
    """How a prior turns counts into probabilities.

    smoothing: "laplace" counts in one context, the narrowest with tokens; "dirichlet" and "kneser-ney" mix it with the
    wider ones. concentration: for "dirichlet" only, how many tokens the wider context is worth; where it is None
    `fit_prior` chooses one. position: tell onset, nucleus and coda apart. pooled: count all L1s as one, an unseen L1
    too.
    """

    smoothing: Smoothing = "laplace"
    concentration: float | None = None
    position: bool = True
    pooled: bool = False

    def __post_init__(self) -> None:
        if self.smoothing not in get_args(Smoothing):
            raise CorpusError(f"smoothing {self.smoothing!r} is none of {', '.join(get_args(Smoothing))}")
        if type(self.position) is not bool or type(self.pooled) is not bool:
            raise CorpusError(f"position and pooled are true or false, not {self.position!r} and {self.pooled!r}")
        if self.concentration is not None and self.smoothing != "dirichlet":
            raise CorpusError(f"a concentration belongs to smoothing 'dirichlet', not to {self.smoothing!r}")
        if self.concentration is not None and not 0 < self.concentration < float("inf"):
            raise CorpusError(f"the concentration must be a number above 0, not {self.concentration}")

    def __str__(self) -> str:
        parts = [self.smoothing if self.concentration is None else f"{self.smoothing}({self.concentration:g})"]
        return "+".join(parts + ["position"] * self.position + ["pooled"] * self.pooled)


def laplace(contexts: Sequence[Outcomes], outcome: str | None) -> float:
    """One added to every count: (n + 1) / (N + 41) in the narrowest context.

    Args:
        contexts: tokens by outcome, the narrowest first.
        outcome: IPA phone, None for a deletion.
    Returns:
        A probability; over the 41 outcomes they sum to 1.
    Source: Laplace's rule of succession; Chen and Goodman 1999, section 2.1.
    """
    seen = contexts[0] if contexts else Counter()
    return (seen[outcome] + 1) / (seen.total() + NUM_OUTCOMES)


def dirichlet(contexts: Sequence[Outcomes], outcome: str | None, concentration: float) -> float:
    """The mean under a Dirichlet prior centred on the next wider context, the widest on 1 / 41.

    P = (n + a P_wider) / (N + a): the more tokens a context has, the more it speaks for itself. On one context a = 41
    is Laplace's rule.

    Args:
        contexts: as in `laplace`.
        outcome: as in `laplace`.
        concentration: a, in tokens.
    Returns:
        A probability; over the 41 outcomes they sum to 1.
    Source: MacKay and Peto 1995.
    """
    probability = 1 / NUM_OUTCOMES
    for seen in reversed(contexts):
        probability = (seen[outcome] + concentration * probability) / (seen.total() + concentration)
    return probability


def kneser_ney(contexts: Sequence[Discounted], outcome: str | None) -> float:
    """Interpolated Kneser-Ney: what is taken from the outcomes seen goes to the next wider context.

    P = (max(n - D, 0) + D T P_wider) / N with T the number of outcomes seen; the widest goes back to 1 / 41.

    Args:
        contexts: as in `laplace`, none of them empty; the wider ones hold continuation counts.
        outcome: as in `laplace`.
    Returns:
        A probability; over the 41 outcomes they sum to 1.
    Source: Kneser and Ney 1995; Chen and Goodman 1999, section 2.7.
    """
    probability = 1 / NUM_OUTCOMES
    for seen, discount in reversed(contexts):
        kept = max(seen[outcome] - discount, 0)
        probability = (kept + discount * len(seen) * probability) / seen.total()
    return probability


def continuation(contexts: Iterable[Outcomes]) -> Outcomes:
    """In how many of `contexts` each outcome was seen at all."""
    return Counter(outcome for seen in contexts for outcome in seen)


def absolute_discount(contexts: Iterable[Outcomes]) -> float:
    """n1 / (n1 + 2 n2), with n1 and n2 the outcomes seen once and twice in their context; 0.5 where n1 is 0.

    Source: Ney, Essen and Kneser 1994.
    """
    num_with = Counter(count for seen in contexts for count in seen.values())
    return num_with[1] / (num_with[1] + 2 * num_with[2]) if num_with[1] else FALLBACK_DISCOUNT


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
