"""The decisions: whether the faithful transcriber is a GO, and where the first language (L1) should live.

The rules were fixed before any study was run. Each is about an interval over speakers. "Lower" means that the
interval of the paired difference lies below 0. "Not worse" means that the whole interval lies within a tolerance:
PER_TOLERANCE, or, for the share of L1-atypical errors caught, the GUARD_TOLERANCE that p_min was chosen with. So
speakers that disagree decide nothing, and neither does a single speaker. A number that is None never supports a chain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from asheard.corpora.chains import CHAINS, FAITHFUL, L1_ENCODER, L1_PRIOR, OFF_THE_SHELF
from asheard.evaluation.bootstrap import LEVEL
from asheard.evaluation.labels import ATYPICAL_ERRORS_CAUGHT, COLLAPSE, D2_GAP, FRR_CLASS, PER, LabelMeasures
from asheard.evaluation.metrics import Difference, Metric, Metrics
from asheard.evaluation.report.tables import probability
from asheard.prior import GUARD_TOLERANCE

MAX_COLLAPSE_RATIO: Final = 0.5  # faithful collapse over off-the-shelf collapse
PER_TOLERANCE: Final = 0.005  # a PER that is higher by at most this is not worse
MAX_P: Final = 1 - LEVEL  # of a difference whose interval excludes 0

_Metrics = Metrics[LabelMeasures]
_Metric = Metric[LabelMeasures]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The two answers, and the numbers they rest on, one sentence each."""

    faithful: Literal["GO", "NO-GO"]
    l1: Literal["encoder", "scorer", "both", "nowhere"]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether one condition holds, and a sentence with its numbers."""

    holds: bool
    sentence: str


def missing_chains(chains: Iterable[str]) -> list[str]:
    """The ranked chains that were not measured. If one is missing there is no verdict."""
    measured = set(chains)
    return [chain for chain in CHAINS if chain not in measured]


def decide(metrics: Metrics[Any]) -> Verdict | None:
    """Apply the rules.

    Returns:
        The verdict; None if one of the four chains is missing or the gold has only expert scores.
    """
    if not metrics.scheme.has_verdict or missing_chains(metrics.chains):
        return None
    speakers = _several_speakers(metrics)
    go = [
        speakers,
        _halves_collapse(metrics),
        _passes_d2(metrics),
        _per_not_worse(metrics, FAITHFUL, OFF_THE_SHELF),
    ]
    encoder_lowers = [  # two chances to be right, so each at half the level
        _lowers(metrics, L1_ENCODER, COLLAPSE, MAX_P / 2),
        _lowers(metrics, L1_ENCODER, FRR_CLASS, MAX_P / 2),
    ]
    encoder_guard = _per_not_worse(metrics, L1_ENCODER, FAITHFUL)
    scorer_lowers = _lowers(metrics, L1_PRIOR, FRR_CLASS, MAX_P)
    scorer_guard = _guard_not_worse(metrics, L1_PRIOR, FAITHFUL)
    encoder = speakers.holds and any(condition.holds for condition in encoder_lowers) and encoder_guard.holds
    scorer = speakers.holds and scorer_lowers.holds and scorer_guard.holds
    return Verdict(
        faithful="GO" if all(condition.holds for condition in go) else "NO-GO",
        l1="both" if encoder and scorer else "encoder" if encoder else "scorer" if scorer else "nowhere",
        reasons=(
            *_reasons("faithful", go),
            *_reasons("L1 in the encoder", [*encoder_lowers, encoder_guard]),
            *_reasons("L1 in the scorer", [scorer_lowers, scorer_guard]),
        ),
    )


def _several_speakers(metrics: _Metrics) -> Condition:
    intervals = metrics.chains[FAITHFUL].intervals.pooled
    holds = intervals.units == "speakers"
    return Condition(
        holds, f"{intervals.num_units} test speakers" if holds else "one test speaker, who decides nothing"
    )


def _halves_collapse(metrics: _Metrics) -> Condition:
    record = metrics.difference(COLLAPSE, FAITHFUL, OFF_THE_SHELF)
    holds = record.ratio_high is not None and record.ratio_high <= MAX_COLLAPSE_RATIO
    times = (
        "no ratio"
        if record.ratio_high is None
        else f"{record.ratio:.2f} [{record.ratio_low:.2f}, {record.ratio_high:.2f}] times as much"
    )
    return Condition(
        holds,
        f"{_both(metrics, COLLAPSE, FAITHFUL, OFF_THE_SHELF)}: {times}, "
        f"{'within' if holds else 'not surely within'} the {MAX_COLLAPSE_RATIO} asked for",
    )


def _passes_d2(metrics: _Metrics) -> Condition:
    chain = metrics.chains[FAITHFUL]
    d2, interval = chain.pooled.d2, chain.intervals.pooled.values[D2_GAP]
    holds = d2.passes is True and interval is not None and interval.low > 0
    numbers = " and ".join("n/a" if value is None else f"{value:.3f}" for value in (d2.ok_p75, d2.sub_p25))
    gap = "n/a" if interval is None else f"{d2.gap:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    how = "passes" if holds else "passes, but not surely" if d2.passes else "fails"
    return Condition(holds, f"D2 (75th percentile of ok, 25th of substitutions: {numbers}; gap {gap}) {how}")


def _per_not_worse(metrics: _Metrics, chain: str, than: str) -> Condition:
    record = metrics.difference(PER, chain, than)
    return _not_worse(metrics, record, record.high, PER_TOLERANCE)


def _guard_not_worse(metrics: _Metrics, chain: str, than: str) -> Condition:
    record = metrics.difference(ATYPICAL_ERRORS_CAUGHT, chain, than)
    return _not_worse(metrics, record, None if record.low is None else -record.low, GUARD_TOLERANCE)


def _not_worse(
    metrics: _Metrics, record: Difference[LabelMeasures], worst: float | None, tolerance: float
) -> Condition:
    """Ask whether `worst`, the unfavourable end of the interval, is within the tolerance."""
    holds = worst is not None and worst <= tolerance
    how = "not worse" if holds else "undefined" if worst is None else "perhaps worse"
    return Condition(holds, f"{_difference_text(metrics, record)}: {how} (tolerance {100 * tolerance:.1f} points)")


def _lowers(metrics: _Metrics, chain: str, metric: _Metric, max_p: float) -> Condition:
    """Ask whether the interval of the difference from faithful, at level 1 - max_p, lies below 0."""
    record = metrics.difference(metric, chain, FAITHFUL)
    value, p = record.difference, record.p
    holds = value is not None and value < 0 and p is not None and p < max_p
    how = "lower" if holds else "undefined" if value is None else "perhaps lower" if value < 0 else "not lower"
    return Condition(holds, f"{_difference_text(metrics, record)}: {how} (p {probability(p)} against {max_p:g})")


def _difference_text(metrics: _Metrics, record: Difference[LabelMeasures]) -> str:
    both = _both(metrics, record.metric, record.chain, record.reference)
    if record.difference is None or record.low is None or record.high is None:
        return f"{both}, no interval"
    value, low, high = (100 * number for number in (record.difference, record.low, record.high))
    return f"{both}, a difference of {value:+.2f} [{low:+.2f}, {high:+.2f}] points"


def _both(metrics: _Metrics, metric: _Metric, chain: str, reference: str) -> str:
    ours, theirs = (_percent(metric.of(metrics.chains[name].pooled)) for name in (chain, reference))
    return f"{metric.name} {ours} against {theirs} {reference}"


def _reasons(topic: str, conditions: Sequence[Condition]) -> list[str]:
    return [f"{topic}: {condition.sentence}" for condition in conditions]


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{100 * value:.2f}%"
