"""Who stands before whom in the tables."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from asheard.evaluation.expert_scores import scheme_of
from asheard.evaluation.metrics import LABELS, Scheme, look_up
from asheard.evaluation.systems import COPY_CANONICAL, FAITHFUL, L1_ENCODER_UNKNOWN, behind_prior


def ranking(chains: Mapping[str, Any], scheme: Scheme = LABELS) -> list[str]:
    """Ranked chains, best first, by what the scheme ranks by.

    A number that is None comes last. The encoder chain run without its L1 is shown beside the others only.
    """

    def order(chain: str) -> list[float]:
        values = [(look_up(chains[chain]["pooled"], path), sign) for path, sign in scheme.ranked_by]
        return [inf if value is None else sign * value for value, sign in values]

    return sorted((chain for chain in chains if chain != L1_ENCODER_UNKNOWN), key=order)


def in_order(chains: Mapping[str, Any], scheme: Scheme = LABELS) -> list[str]:
    """The ranked chains, then those that are not ranked."""
    ranked = ranking(chains, scheme)
    return ranked + [chain for chain in chains if chain not in ranked]


def with_copy_canonical(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What a table of chains shows: each in order with its summary, and last, never ranked, copying the canonical."""
    chains = metrics["chains"]
    return {chain: chains[chain] for chain in in_order(chains, scheme_of(metrics))} | {
        COPY_CANONICAL: metrics["copy_canonical"]
    }


def reference_chain(chains: Mapping[str, Any]) -> str:
    """The chain looked at in detail: the faithful transcriber, or the best of those there are.

    A chain that only scores another's transcripts is not: it says nothing new about what was heard.
    """
    heard = distinct_transcripts(chains)
    return FAITHFUL if FAITHFUL in heard else next(chain for chain in in_order(chains) if chain in heard)


def distinct_transcripts(chains: Iterable[str]) -> list[str]:
    """The chains but those that only score another's transcripts."""
    names = list(chains)
    scored = set(map(behind_prior, names))
    return [chain for chain in names if chain not in scored]
