"""Random errors of a learner, drawn from counts of real errors by L1 and syllable position."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np

from asheard.phones import CONSONANTS, VOWELS, cos_dist

# Tokens that (L1, canonical, position) needs; with fewer (L1, canonical) is used, then the canonical phone alone
MIN_COUNT: Final = 20

# Errors of no first language: the odds of another phone fall by e for each NEARNESS of cosine distance
NEARNESS: Final = 0.12
DELETED_SHARE: Final = 0.1  # of such errors, deletions

# {(l1, canonical, position): {produced, "" for a deletion: count}}, and the like for what is added after a phone
_Counts = dict[tuple[str, ...], dict[str, int]]


@dataclass(frozen=True, slots=True)
class Realisation:
    """One drawn position; index: of the canonical phone, None for an addition; produced: None for a deletion."""

    index: int | None
    produced: str | None


@cache
def _rates() -> tuple[_Counts, _Counts]:
    folder = files("asheard.corpora.synthetic")
    rates: _Counts = defaultdict(lambda: defaultdict(int))
    additions: _Counts = defaultdict(lambda: defaultdict(int))
    with folder.joinpath("rates.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            l1, canonical, produced, count = row["l1"], row["canonical"], row["produced"], int(row["count"])
            for context in ((l1, canonical, row["position"]), (l1, canonical), (canonical,)):
                rates[context][produced] += count
    with folder.joinpath("additions.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            additions[row["l1"], row["after"]][row["added"]] += int(row["count"])
    return rates, additions


def l1s() -> tuple[str, ...]:
    """Give the first languages of the counts, by alphabet."""
    rates, _ = _rates()
    return tuple(sorted({context[0] for context in rates if len(context) == 3}))


def speak_as_learner(
    canonical: Sequence[str],
    positions: Sequence[str],
    l1: str,
    rng: np.random.Generator,
    *,
    severity: float = 1.0,
) -> list[Realisation]:
    """Draw what a learner of first language `l1` says for canonical phones.

    Args:
        canonical: phones.
        positions: onset, nucleus or coda of each phone.
        l1: a language of `l1s`.
        rng: source of randomness.
        severity: factor on the odds of an error; 1 is the average speaker of the counts, 0 a native one.
    """
    rates, additions = _rates()
    out = []
    for index, (phone, position) in enumerate(zip(canonical, positions, strict=True)):
        produced = _draw(_counts_of(rates, l1, phone, position), phone, severity, rng)
        out.append(Realisation(index, produced or None))
        added = additions.get((l1, phone), {})
        num_spoken = sum(rates[l1, phone].values()) or 1
        if rng.random() < severity * sum(added.values()) / num_spoken:
            names = list(added)
            weights = np.array([added[name] for name in names], float)
            extra = names[int(rng.choice(len(names), p=weights / weights.sum()))]
            out.append(Realisation(None, extra))
    return out


def random_error(canonical: Sequence[str], rng: np.random.Generator, *, error_rate: float) -> list[Realisation]:
    """Draw errors that no first language explains: the nearer two phones, the more often one is said for the other.

    Args:
        canonical: phones; vowels become vowels and consonants become consonants.
        rng: source of randomness.
        error_rate: share of the phones that are substituted or deleted.
    """
    out = []
    for index, phone in enumerate(canonical):
        produced: str | None = phone
        if rng.random() < error_rate:
            produced = None if rng.random() < DELETED_SHARE else _near(phone, rng)
        out.append(Realisation(index, produced))
    return out


def _near(phone: str, rng: np.random.Generator) -> str:
    others = [other for other in (VOWELS if phone in VOWELS else CONSONANTS) if other != phone]
    weights = np.exp([-cos_dist(phone, other) / NEARNESS for other in others])
    return others[int(rng.choice(len(others), p=weights / weights.sum()))]


def _counts_of(rates: _Counts, l1: str, phone: str, position: str) -> dict[str, int]:
    for context in ((l1, phone, position), (l1, phone), (phone,)):
        counts = rates.get(context, {})
        if sum(counts.values()) >= MIN_COUNT:
            return counts
    return {}


def _draw(counts: dict[str, int], canonical: str, severity: float, rng: np.random.Generator) -> str:
    outcomes = [outcome for outcome in counts if outcome != canonical]
    weights = np.array([severity * counts[outcome] for outcome in outcomes] + [counts.get(canonical, 0) or 1], float)
    chosen = int(rng.choice(len(weights), p=weights / weights.sum()))
    return outcomes[chosen] if chosen < len(outcomes) else canonical
