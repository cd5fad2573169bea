"""Smoothing: from counts in nested contexts to probabilities of the 41 outcomes.

An outcome is one of the 40 phones, or nothing (a deletion). A context is a canonical phone of an L1, at one position or
at all. Without a context every outcome has 1/41.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from asheard.errors import CorpusError
from asheard.phones import PHONES

NUM_OUTCOMES: Final = len(PHONES) + 1
FALLBACK_DISCOUNT: Final = 0.5  # if nothing was seen exactly once, as in KenLM's --discount_fallback

Smoothing = Literal["laplace", "kneser-ney"]
Outcomes = Counter[str | None]  # produced phone, None for a deletion -> tokens

_ALL_L1S: Final = ""  # the L1 of a pooled prior; no L1 is named so
_Key = tuple[str, ...]  # (L1,), (L1, canonical) or (L1, canonical, position)


class PriorRow(NamedTuple):
    """What a speaker made of one canonical phone. produced: None at a deletion. position: None if unknown."""

    l1: str
    canonical: str
    produced: str | None
    position: str | None


class Discounted(NamedTuple):
    """A context, and what Kneser-Ney subtracts from each of its counts: above 0, at most 1."""

    outcomes: Outcomes
    discount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorOptions:
    """How a prior turns counts into probabilities.

    smoothing: "laplace" counts in one context, the narrowest with tokens; "kneser-ney" combines it with the wider ones.
    position: distinguish onset, nucleus and coda. pooled: count all L1s as one, an L1 without rows too.
    """

    smoothing: Smoothing = "laplace"
    position: bool = True
    pooled: bool = False

    def __post_init__(self) -> None:
        if self.smoothing not in get_args(Smoothing):
            raise CorpusError(f"smoothing {self.smoothing!r} is none of {', '.join(get_args(Smoothing))}")
        if type(self.position) is not bool or type(self.pooled) is not bool:
            raise CorpusError(f"position and pooled are true or false, not {self.position!r} and {self.pooled!r}")

    def __str__(self) -> str:
        return "+".join([self.smoothing, *["position"] * self.position, *["pooled"] * self.pooled])


# The default of `fit_prior`. Of all options it predicts held-out speakers best: 16 of L2-ARCTIC's 18 training speakers
# better than the runner-up (docs/prior.md).
FITTED: Final = PriorOptions(smoothing="kneser-ney")


class Contexts:
    """Counted rows by canonical phone, position and L1. Nothing is shared between L1s unless they are pooled."""

    def __init__(self, counts: Mapping[PriorRow, int], *, position: bool, pooled: bool) -> None:
        """Sum the counts of each context.

        Args:
            counts: number of tokens of each row.
            position: distinguish onset, nucleus and coda.
            pooled: count all L1s as one.
        """
        self._pooled = pooled
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
        """Return the tokens of the canonical phone at this position, and at all positions, if there are any."""
        return [self._seen[key] for key in self._keys(canonical, position, l1)]

    def discounted(self, canonical: str, position: str | None, l1: str) -> list[Discounted]:
        """Return the narrowest context with its tokens, and the wider ones, up to the L1, with continuation counts."""
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


def laplace(contexts: Sequence[Outcomes], outcome: str | None) -> float:
    """Add one to every count: (n + 1) / (N + 41) in the narrowest context.

    Args:
        contexts: tokens by outcome, the narrowest context first.
        outcome: IPA phone, None for a deletion.
    Returns:
        A probability; those of the 41 outcomes sum to 1.
    Source: Laplace's rule of succession; Chen and Goodman 1999, section 2.1.
    """
    seen = contexts[0] if contexts else Counter()
    return (seen[outcome] + 1) / (seen.total() + NUM_OUTCOMES)


def kneser_ney(contexts: Sequence[Discounted], outcome: str | None) -> float:
    """Interpolated Kneser-Ney: what is subtracted from the outcomes seen goes to the next wider context.

    P = (max(n - D, 0) + D T P_wider) / N with T the number of outcomes seen; the widest context goes back to 1/41.

    Args:
        contexts: as in `laplace`, none of them empty; the wider ones hold continuation counts.
        outcome: as in `laplace`.
    Returns:
        A probability; those of the 41 outcomes sum to 1.
    Source: Kneser and Ney 1995; Chen and Goodman 1999, section 2.7.
    """
    probability = 1 / NUM_OUTCOMES
    for seen, discount in reversed(contexts):
        kept = max(seen[outcome] - discount, 0)
        probability = (kept + discount * len(seen) * probability) / seen.total()
    return probability


def absolute_discount(contexts: Iterable[Outcomes]) -> float:
    """Return n1 / (n1 + 2 n2), with n1 and n2 the outcomes seen once and twice in their context; 0.5 if n1 is 0.

    Source: Ney, Essen and Kneser 1994.
    """
    num_with = Counter(count for seen in contexts for count in seen.values())
    return num_with[1] / (num_with[1] + 2 * num_with[2]) if num_with[1] else FALLBACK_DISCOUNT


def _continuations(seen: Mapping[_Key, Outcomes]) -> dict[_Key, Outcomes]:
    """For each context, in how many of those one step narrower each outcome was seen."""
    narrower: defaultdict[_Key, list[Outcomes]] = defaultdict(list)
    for key, outcomes in seen.items():
        narrower[key[:-1]].append(outcomes)
    return {
        key: Counter(outcome for outcomes in contexts for outcome in outcomes) for key, contexts in narrower.items()
    }


def _discounted(seen: Mapping[_Key, Outcomes]) -> dict[_Key, Discounted]:
    """Each context with the discount that its L1 has for contexts of its width."""
    levels: defaultdict[tuple[str, int], list[Outcomes]] = defaultdict(list)
    for key, outcomes in seen.items():
        levels[key[0], len(key)].append(outcomes)
    discounts = {level: absolute_discount(contexts) for level, contexts in levels.items()}
    return {key: Discounted(outcomes, discounts[key[0], len(key)]) for key, outcomes in seen.items()}
