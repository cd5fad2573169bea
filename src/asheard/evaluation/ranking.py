"""Who stands before whom in the tables."""

from collections.abc import Mapping
from math import inf
from typing import Any

from asheard.evaluation.chains import FAITHFUL, L1_ENCODER_UNKNOWN


def ranking(chains: Mapping[str, Any]) -> list[str]:
    """Ranked chains, best first: lower PER, then lower FRR by class, then more L1-atypical errors caught.

    A number that is None comes last. The encoder chain run without its L1 is shown beside the others only.
    """

    def order(chain: str) -> tuple[float, float, float]:
        pooled = chains[chain]["pooled"]
        per, frr, caught = (pooled[name] for name in ("per", "frr_class", "atypical_errors_caught"))
        return (inf if per is None else per, inf if frr is None else frr, inf if caught is None else -caught)

    return sorted((chain for chain in chains if chain != L1_ENCODER_UNKNOWN), key=order)


def in_order(chains: Mapping[str, Any]) -> list[str]:
    """The ranked chains, then those that are not ranked."""
    ranked = ranking(chains)
    return ranked + [chain for chain in chains if chain not in ranked]


def reference_chain(chains: Mapping[str, Any]) -> str:
    """The chain looked at in detail: the faithful transcriber, or the best of those there are."""
    return FAITHFUL if FAITHFUL in chains else in_order(chains)[0]
