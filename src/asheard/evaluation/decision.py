"""What the numbers decide: whether the faithful transcriber is a GO, and where the L1 should live.

The rules were fixed before any study was run. Each asks where an interval over speakers lies: "lower" that the interval
of the paired difference lies below 0, "not worse" that all of it lies within a tolerance, PER_TOLERANCE, or for the
share of L1-atypical errors caught the GUARD_TOLERANCE that p_min was chosen with. So speakers that disagree decide
nothing, nor does a single speaker. A number that is None never speaks for its chain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from asheard.evaluation.bootstrap import LEVEL
from asheard.evaluation.metrics import RATES, look_up
from asheard.evaluation.report.tables import probability
from asheard.evaluation.systems import CHAINS, FAITHFUL, L1_ENCODER, L1_PRIOR, OFF_THE_SHELF
from asheard.prior import GUARD_TOLERANCE

MAX_COLLAPSE_RATIO: Final = 0.5  # faithful collapse over off-the-shelf collapse
PER_TOLERANCE: Final = 0.005  # a PER higher by at most this is not worse
MAX_P: Final = 1 - LEVEL  # of a difference whose interval excludes 0

_LABELS: Final = {path: label for label, path in RATES.items()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The two answers, and the numbers they rest on, one sentence each."""

    faithful: Literal["GO", "NO-GO"]
    l1: Literal["encoder", "scorer", "both", "nowhere"]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether one condition holds, and the sentence that says so."""

    holds: bool
    sentence: str


def missing_chains(chains: Mapping[str, Any]) -> list[str]:
    """Names of the four chains that were not measured; with any missing there is no verdict."""
    return [chain for chain in CHAINS if chain not in chains]


def decide(metrics: Mapping[str, Any]) -> Verdict | None:
    """Apply the rules.

    Args:
        metrics: the contents of metrics.json.
    Returns:
        The verdict, or None where one of the four chains is missing.
    """
    if missing_chains(metrics["chains"]):
        return None
    speakers = _several_speakers(metrics)
    go = [
        speakers,
        _halves_collapse(metrics),
        _passes_d2(metrics),
        _per_not_worse(metrics, FAITHFUL, OFF_THE_SHELF),
    ]
    encoder_lowers = [  # two chances to be right, so each at half the level
        _lowers(metrics, L1_ENCODER, "collapse", MAX_P / 2),
        _lowers(metrics, L1_ENCODER, "frr_class", MAX_P / 2),
    ]
    encoder_guard = _per_not_worse(metrics, L1_ENCODER, FAITHFUL)
    scorer_lowers = _lowers(metrics, L1_PRIOR, "frr_class", MAX_P)
    scorer_guard = _guard_not_worse(metrics, L1_PRIOR, FAITHFUL)
    encoder = speakers.holds and any(condition.holds for condition in encoder_lowers) and encoder_guard.holds
    scorer = speakers.holds and scorer_lowers.holds and scorer_guard.holds
    return Verdict(
        faithful="GO" if all(condition.holds for condition in go) else "NO-GO",
        l1="both" if encoder and scorer else "encoder" if encoder else "scorer" if scorer else "nowhere",
        reasons=(
            *_told("faithful", go),
            *_told("L1 in the encoder", [*encoder_lowers, encoder_guard]),
            *_told("L1 in the scorer", [scorer_lowers, scorer_guard]),
        ),
    )


def _several_speakers(metrics: Mapping[str, Any]) -> Condition:
    intervals = metrics["chains"][FAITHFUL]["intervals"]["pooled"]
    holds = intervals["units"] == "speakers"
    sentence = f"{intervals['num_units']} test speakers" if holds else "one test speaker, who decides nothing"
    return Condition(holds, sentence)


def _halves_collapse(metrics: Mapping[str, Any]) -> Condition:
    difference = _difference(metrics, "collapse", FAITHFUL, OFF_THE_SHELF)
    ratio, low, high = (difference[name] for name in ("ratio", "ratio_low", "ratio_high"))
    holds = high is not None and high <= MAX_COLLAPSE_RATIO
    times = "no ratio" if high is None else f"{ratio:.2f} [{low:.2f}, {high:.2f}] times as much"
    return Condition(
        holds,
        f"{_both(metrics, 'collapse', FAITHFUL, OFF_THE_SHELF)}: {times}, "
        f"{'within' if holds else 'not surely within'} the {MAX_COLLAPSE_RATIO} asked for",
    )


def _passes_d2(metrics: Mapping[str, Any]) -> Condition:
    chain = metrics["chains"][FAITHFUL]
    d2, interval = chain["pooled"]["d2"], chain["intervals"]["pooled"]["values"]["d2.gap"]
    holds = d2["pass"] is True and interval is not None and interval[0] > 0
    numbers = " and ".join("n/a" if d2[name] is None else f"{d2[name]:.3f}" for name in ("ok_p75", "sub_p25"))
    gap = "n/a" if interval is None else f"{d2['gap']:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
    how = "passes" if holds else "passes, but not surely" if d2["pass"] else "fails"
    return Condition(holds, f"D2 (75th percentile of ok, 25th of substitutions: {numbers}; gap {gap}) {how}")


def _per_not_worse(metrics: Mapping[str, Any], chain: str, than: str) -> Condition:
    difference = _difference(metrics, "per", chain, than)
    return _not_worse(metrics, difference, difference["high"], PER_TOLERANCE)


def _guard_not_worse(metrics: Mapping[str, Any], chain: str, than: str) -> Condition:
    difference = _difference(metrics, "atypical_errors_caught", chain, than)
    low = difference["low"]
    return _not_worse(metrics, difference, None if low is None else -low, GUARD_TOLERANCE)


def _not_worse(
    metrics: Mapping[str, Any], difference: Mapping[str, Any], worst: float | None, tolerance: float
) -> Condition:
    """worst: the end of the interval at which the chain is farthest behind."""
    holds = worst is not None and worst <= tolerance
    how = "not worse" if holds else "undefined" if worst is None else "perhaps worse"
    return Condition(holds, f"{_told_difference(metrics, difference)}: {how} (tolerance {100 * tolerance:.1f} points)")


def _lowers(metrics: Mapping[str, Any], chain: str, path: str, max_p: float) -> Condition:
    """Lower than faithful: the interval of the difference at level 1 - max_p lies below 0."""
    difference = _difference(metrics, path, chain, FAITHFUL)
    value, p = difference["difference"], difference["p"]
    holds = value is not None and value < 0 and p is not None and p < max_p
    how = "lower" if holds else "undefined" if value is None else "perhaps lower" if value < 0 else "not lower"
    return Condition(holds, f"{_told_difference(metrics, difference)}: {how} (p {probability(p)} against {max_p:g})")


def _difference(metrics: Mapping[str, Any], metric: str, chain: str, reference: str) -> Mapping[str, Any]:
    sought = (metric, chain, reference)
    return next(
        record
        for record in metrics["differences"]
        if (record["metric"], record["chain"], record["reference"]) == sought
    )


def _told_difference(metrics: Mapping[str, Any], difference: Mapping[str, Any]) -> str:
    both = _both(metrics, difference["metric"], difference["chain"], difference["reference"])
    value, low, high = (difference[name] for name in ("difference", "low", "high"))
    if low is None:
        return f"{both}, no interval"
    return f"{both}, a difference of {100 * value:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}] points"


def _both(metrics: Mapping[str, Any], metric: str, chain: str, reference: str) -> str:
    ours, theirs = (_percent(look_up(metrics["chains"][name]["pooled"], metric)) for name in (chain, reference))
    return f"{_LABELS[metric]} {ours} against {theirs} {reference}"


def _told(topic: str, conditions: Sequence[Condition]) -> list[str]:
    return [f"{topic}: {condition.sentence}" for condition in conditions]


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:.2f}%"
