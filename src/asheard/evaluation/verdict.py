"""What the numbers decide: whether the faithful transcriber is a GO, and where the L1 should live.

The rules were fixed before any study was run. They look at means over seeds; "lowers" asks for every seed besides, and
"not worse" allows PER_TOLERANCE, or for the share of L1-atypical errors caught the GUARD_TOLERANCE that p_min was
chosen with. A number that is None never speaks for its chain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, Literal

from asheard.evaluation.chains import CHAINS, FAITHFUL, L1_ENCODER, L1_PRIOR, OFF_THE_SHELF
from asheard.evaluation.metrics import look_up
from asheard.prior import GUARD_TOLERANCE

MAX_COLLAPSE_RATIO: Final = 0.5  # faithful collapse over off-the-shelf collapse
PER_TOLERANCE: Final = 0.005  # a PER higher by at most this is not worse


@dataclass(frozen=True, slots=True)
class Verdict:
    """The two answers, and the numbers they rest on, one sentence each."""

    faithful: Literal["GO", "NO-GO"]
    l1: Literal["encoder", "scorer", "both", "nowhere"]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether one condition holds, and the sentence that says so."""

    holds: bool
    sentence: str


def missing_chains(chains: Mapping[str, Any]) -> list[str]:
    """Names of the four chains that were not measured; with any missing there is no verdict."""
    return [chain for chain in CHAINS if chain not in chains]


def decide(chains: Mapping[str, Any]) -> Verdict | None:
    """Apply the rules.

    Args:
        chains: what `metrics.summarise` returns.
    Returns:
        The verdict, or None where one of the four chains is missing.
    """
    if missing_chains(chains):
        return None
    go = [
        _halves_collapse(chains),
        _passes_d2(chains),
        _per_not_worse(chains, FAITHFUL, OFF_THE_SHELF),
    ]
    encoder_lowers = [
        _lowers(chains, L1_ENCODER, "collapse", "collapse"),
        _lowers(chains, L1_ENCODER, "frr_class", "FRR by class"),
    ]
    encoder_guard = _per_not_worse(chains, L1_ENCODER, FAITHFUL)
    scorer_lowers = _lowers(chains, L1_PRIOR, "frr_class", "FRR by class")
    scorer_guard = _guard_not_worse(chains, L1_PRIOR, FAITHFUL)
    encoder = any(finding.holds for finding in encoder_lowers) and encoder_guard.holds
    scorer = scorer_lowers.holds and scorer_guard.holds
    return Verdict(
        faithful="GO" if all(finding.holds for finding in go) else "NO-GO",
        l1="both" if encoder and scorer else "encoder" if encoder else "scorer" if scorer else "nowhere",
        reasons=(
            *_told("faithful", go),
            *_told("L1 in the encoder", [*encoder_lowers, encoder_guard]),
            *_told("L1 in the scorer", [scorer_lowers, scorer_guard]),
        ),
    )


def _halves_collapse(chains: Mapping[str, Any]) -> Finding:
    faithful, shelf = (chains[chain]["pooled"]["collapse"] for chain in (FAITHFUL, OFF_THE_SHELF))
    holds = faithful is not None and shelf is not None and faithful <= MAX_COLLAPSE_RATIO * shelf
    times = f"{faithful / shelf:.2f} times as much" if faithful is not None and shelf else "no ratio"
    sentence = (
        f"collapse {_percent(faithful)} against {_percent(shelf)} {OFF_THE_SHELF}: {times}, "
        f"{'within' if holds else 'not within'} the {MAX_COLLAPSE_RATIO} asked for"
    )
    return Finding(holds, sentence)


def _passes_d2(chains: Mapping[str, Any]) -> Finding:
    d2 = chains[FAITHFUL]["pooled"]["d2"]
    numbers = " and ".join("n/a" if d2[name] is None else f"{d2[name]:.3f}" for name in ("ok_p75", "sub_p25"))
    holds = d2["pass"] is True
    return Finding(
        holds,
        f"D2 (75th percentile of ok, 25th of substitutions: {numbers}) {'passes' if holds else 'fails'}",
    )


def _per_not_worse(chains: Mapping[str, Any], chain: str, than: str) -> Finding:
    value, reference = (chains[name]["pooled"]["per"] for name in (chain, than))
    rise = None if value is None or reference is None else value - reference
    return _within(rise, PER_TOLERANCE, f"PER {_percent(value)} against {_percent(reference)} {than}")


def _guard_not_worse(chains: Mapping[str, Any], chain: str, than: str) -> Finding:
    value, reference = (chains[name]["pooled"]["atypical_errors_caught"] for name in (chain, than))
    loss = None if value is None or reference is None else reference - value
    label = "L1-atypical errors caught"
    return _within(loss, GUARD_TOLERANCE, f"{label} {_percent(value)} against {_percent(reference)} {than}")


def _within(worsening: float | None, tolerance: float, comparison: str) -> Finding:
    holds = worsening is not None and worsening <= tolerance
    return Finding(holds, f"{comparison}: {'not worse' if holds else 'worse'} (tolerance {100 * tolerance:.1f} points)")


def _lowers(chains: Mapping[str, Any], chain: str, path: str, label: str) -> Finding:
    """Lower than faithful on the mean and with every seed.

    Seeds are compared like with like; chains that share no seed are compared every seed with every seed.
    """
    value, reference = (look_up(chains[name]["pooled"], path) for name in (chain, FAITHFUL))
    if value is None or reference is None:
        how, holds = "undefined", False
    else:
        pairs = [(look_up(a, path), look_up(b, path)) for a, b in _paired_seeds(chains, chain)]
        holds = value < reference and all(a < b for a, b in pairs)
        how = (
            "lower with every seed" if holds else "lower, but not with every seed" if value < reference else "not lower"
        )
    return Finding(holds, f"{label} {_percent(value)} against {_percent(reference)} {FAITHFUL}: {how}")


def _paired_seeds(chains: Mapping[str, Any], chain: str) -> list[tuple[Any, Any]]:
    ours, theirs = chains[chain]["per_seed"], chains[FAITHFUL]["per_seed"]
    shared = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
    return shared or list(product(ours.values(), theirs.values()))


def _told(topic: str, findings: Sequence[Finding]) -> list[str]:
    return [f"{topic}: {finding.sentence}" for finding in findings]


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:.2f}%"
