"""Cases for GO / NO-GO and for where the L1 should live."""

from dataclasses import fields
from itertools import combinations
from typing import Any

import pytest

from asheard.corpora.chains import FAITHFUL, L1_ENCODER, L1_PRIOR, OFF_THE_SHELF
from asheard.evaluation.decision import Verdict, decide, missing_chains
from asheard.evaluation.labels import (
    ATYPICAL_ERRORS_CAUGHT,
    COLLAPSE,
    D2_GAP,
    FRR_CLASS,
    LABEL_SCHEME,
    PER,
    Edits,
    LabelMeasures,
    PublishedMetrics,
)
from asheard.evaluation.metrics import (
    ByGroup,
    ChainSummary,
    ConfidenceIntervals,
    Design,
    Difference,
    Metric,
    Metrics,
    Range,
)
from asheard.evaluation.separation import D1, D2, D3

RATES = (PER, COLLAPSE, FRR_CLASS, ATYPICAL_ERRORS_CAUGHT)
SURE, UNSURE = 0.0001, 0.2  # half the width of an interval


def chain(**changes: Any) -> dict[str, Any]:
    """One chain's rates, how sure each is ("sure", or "unsure" with the names of the others), and its D2."""
    return {"per": 0.1, "collapse": 0.1, "frr_class": 0.2, "atypical_errors_caught": 0.6, "d2": True} | changes


def summary(values: dict[str, Any], units: str) -> ChainSummary[LabelMeasures]:
    gap = {True: 0.1, False: 0.0, None: None}[values["d2"]]
    measures = LabelMeasures(
        **dict.fromkeys((field.name for field in fields(LabelMeasures) if field.name.startswith("num_")), 0),
        **{name: values[name] for name in ("per", "collapse", "frr_class", "atypical_errors_caught")},
        frr=None,
        edits=Edits(0, 0, 0),
        published=PublishedMetrics(*[0] * 5, *[None] * 8),
        d1=D1(None, None, None),
        d2=D2(None if gap is None else 0.0, gap, gap, values["d2"]),
        d3=D3(None, None),
    )
    interval = None if gap is None else Range(gap - values.get("d2_half", SURE), gap + SURE)
    intervals = ConfidenceIntervals(units, 6, {D2_GAP: interval})
    return ChainSummary(
        pooled=measures, per_l1={}, per_seed={1: measures}, spread=ByGroup({}, {}), intervals=ByGroup(intervals, {})
    )


def difference(metric: Metric[LabelMeasures], ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    a, b = ours[metric.key], theirs[metric.key]
    half = UNSURE if metric.key in (*ours.get("unsure", ()), *theirs.get("unsure", ())) else SURE
    values: dict[str, Any] = dict.fromkeys(("difference", "low", "high", "p", "ratio", "ratio_low", "ratio_high"))
    if a is not None and b is not None:
        values |= {"difference": a - b, "low": a - b - half, "high": a - b + half}
        values["p"] = ours.get("p", 0.001 if half == SURE else 0.4)
        if b:
            values |= {"ratio": a / b, "ratio_low": (a - half) / b, "ratio_high": (a + half) / b}
    return values


def metrics_of(chains: dict[str, dict[str, Any]], units: str = "speakers") -> Metrics[LabelMeasures]:
    differences = tuple(
        Difference(
            metric=metric,
            chain=ours,
            reference=theirs,
            units=units,
            num_units=6,
            **difference(metric, chains[ours], chains[theirs]),
        )
        for theirs, ours in combinations(chains, 2)
        for metric in RATES
    )
    summaries = {name: summary(values, units) for name, values in chains.items()}
    return Metrics(
        signature="s",
        design=Design(num_folds=1, speakers={}, num_resamples=1, level=0.95),
        copy_canonical=summary(chain(), units),
        chains=summaries,
        differences=differences,
        warnings=(),
        excluded={},
        scheme=LABEL_SCHEME,
        not_ranked={},
    )


def decided(
    *,
    units: str = "speakers",
    shelf: dict[str, Any] | None = None,
    faithful: dict[str, Any] | None = None,
    encoder: dict[str, Any] | None = None,
    prior: dict[str, Any] | None = None,
) -> Verdict:
    chains = {
        OFF_THE_SHELF: chain(**{"per": 0.2, "collapse": 0.5} | (shelf or {})),
        FAITHFUL: chain(**faithful or {}),
        L1_ENCODER: chain(**encoder or {}),
        L1_PRIOR: chain(**prior or {}),
    }
    verdict = decide(metrics_of(chains, units))
    assert verdict is not None
    return verdict


@pytest.mark.parametrize(
    ("shelf", "faithful", "expected"),
    [
        ({}, {}, "GO"),
        ({"collapse": 0.201}, {}, "GO"),  # just within half
        ({"collapse": 0.199}, {}, "NO-GO"),
        ({"unsure": ["collapse"]}, {}, "NO-GO"),
        ({}, {"d2": False}, "NO-GO"),
        ({}, {"d2": None}, "NO-GO"),
        ({}, {"d2_half": 0.11}, "NO-GO"),  # passes, but its interval reaches below 0
        ({"per": 0.096}, {}, "GO"),  # within half a point
        ({"per": 0.094}, {}, "NO-GO"),
        ({"unsure": ["per"]}, {}, "NO-GO"),
        ({"collapse": None}, {}, "NO-GO"),
        ({"collapse": 0.0}, {}, "NO-GO"),
        ({}, {"per": None}, "NO-GO"),
    ],
)
def test_decide_go_needs_half_the_collapse_d2_and_per(
    shelf: dict[str, Any], faithful: dict[str, Any], expected: str
) -> None:
    assert decided(shelf=shelf, faithful=faithful).faithful == expected


@pytest.mark.parametrize(
    ("encoder", "prior", "expected"),
    [
        ({}, {}, "nowhere"),
        ({"collapse": 0.09}, {}, "encoder"),
        ({"frr_class": 0.19}, {}, "encoder"),
        ({"frr_class": 0.19, "collapse": 0.3}, {}, "encoder"),
        ({"collapse": 0.09, "per": 0.104}, {}, "encoder"),
        ({"collapse": 0.09, "per": 0.106}, {}, "nowhere"),
        ({"collapse": 0.09, "unsure": ["per"]}, {}, "nowhere"),
        ({"collapse": 0.09, "unsure": ["collapse"]}, {}, "nowhere"),
        ({"collapse": 0.09, "p": 0.03}, {}, "nowhere"),  # two chances, so each at half of 0.05
        ({}, {"frr_class": 0.19}, "scorer"),
        ({}, {"frr_class": 0.19, "p": 0.03}, "scorer"),
        ({}, {"frr_class": 0.19, "p": 0.06}, "nowhere"),
        ({}, {"frr_class": 0.19, "p": None}, "nowhere"),
        ({}, {"frr_class": 0.19, "atypical_errors_caught": 0.591}, "scorer"),
        ({}, {"frr_class": 0.19, "atypical_errors_caught": 0.58}, "nowhere"),
        ({}, {"frr_class": 0.19, "unsure": ["atypical_errors_caught"]}, "nowhere"),
        ({}, {"frr_class": 0.21}, "nowhere"),
        ({}, {"collapse": 0.05}, "nowhere"),  # the scorer is judged by what it decides
        ({"collapse": 0.09}, {"frr_class": 0.19}, "both"),
        ({"collapse": None, "frr_class": None}, {"frr_class": None}, "nowhere"),
        ({}, {"frr_class": 0.19, "atypical_errors_caught": None}, "nowhere"),
    ],
)
def test_decide_where_the_l1_should_live(encoder: dict[str, Any], prior: dict[str, Any], expected: str) -> None:
    assert decided(encoder=encoder, prior=prior).l1 == expected


def test_decide_nothing_with_one_speaker() -> None:
    clear: dict[str, Any] = {"encoder": {"collapse": 0.09}, "prior": {"frr_class": 0.19}}
    assert (decided(**clear).faithful, decided(**clear).l1) == ("GO", "both")
    verdict = decided(units="utterances", **clear)
    assert (verdict.faithful, verdict.l1) == ("NO-GO", "nowhere")
    assert "faithful: one test speaker, who decides nothing" in verdict.reasons


def test_decide_reasons_have_numbers_and_intervals() -> None:
    verdict = decided(encoder={"collapse": 0.09}, prior={"frr_class": 0.1512, "atypical_errors_caught": None})
    reasons = "\n".join(verdict.reasons)
    assert len(verdict.reasons) == 9
    for words in (
        "faithful: 6 test speakers",
        "collapse 10.00% against 50.00% off-the-shelf: 0.20 [0.20, 0.20] times as much, within the 0.5 asked for",
        "faithful: PER 10.00% against 20.00% off-the-shelf, a difference of -10.00 [-10.01, -9.99] points: not worse "
        "(tolerance 0.5 points)",
        "L1 in the encoder: collapse 9.00% against 10.00% ft-l2-faithful, a difference of -1.00 [-1.01, -0.99] points: "
        "lower (p 0.001 against 0.025)",
        "L1 in the scorer: FRR by class 15.12% against 20.00% ft-l2-faithful, a difference of -4.88",
        "atypical errors caught n/a against 60.00% ft-l2-faithful, no interval: undefined",
    ):
        assert words in reasons


def test_decide_needs_all_four_chains() -> None:
    metrics = metrics_of({FAITHFUL: chain(), "theirs": chain()})
    assert decide(metrics) is None
    assert missing_chains(metrics.chains) == [OFF_THE_SHELF, L1_ENCODER, L1_PRIOR]
