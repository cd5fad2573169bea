"""Metrics on labels, compared with slow counts in plain Python."""

import math
from collections import Counter
from dataclasses import fields
from statistics import mean
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from asheard.evaluation.counts import utterance_rows
from asheard.evaluation.labels import (
    COLLAPSE,
    D2_OK_P75,
    LABEL_SCHEME,
    RATIOS,
    Edits,
    LabelMeasures,
    PublishedMetrics,
)
from asheard.evaluation.metrics import Measured, mean_over_seeds, spread_over_seeds, summarise
from asheard.evaluation.separation import D1, D2, D3, measure_d1, measure_d2, measure_d3
from asheard.evaluation.tokens import token_rows
from asheard.phones import load_vectors
from support.small_gold import GOLD, Case, cases, run, utterance

VECTORS = load_vectors()
RATES = ("per", "collapse", "frr_class", "frr", "atypical_errors_caught")

distances = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), max_size=12)


def chains_of(case: Case) -> dict[str, Measured[LabelMeasures]]:
    rows = token_rows(case.gold, case.runs, vectors=VECTORS, typical=case.typical)
    return summarise(rows, utterance_rows(case.gold, case.runs, rows), LABEL_SCHEME)


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def levenshtein(reference: list[str], hypothesis: list[str]) -> int:
    best = {(i, 0): i for i in range(len(reference) + 1)} | {(0, j): j for j in range(len(hypothesis) + 1)}
    for i, a in enumerate(reference, start=1):
        for j, b in enumerate(hypothesis, start=1):
            best[i, j] = min(best[i - 1, j] + 1, best[i, j - 1] + 1, best[i - 1, j - 1] + (a != b))
    return best[len(reference), len(hypothesis)]


@given(cases())
@settings(max_examples=30)
def test_summarise_matches_a_slow_count(case: Case) -> None:
    rows = token_rows(case.gold, case.runs, vectors=VECTORS, typical=case.typical).to_dicts()
    chains = chains_of(case)
    for chain in ("a", "b"):
        for seed in (1, 2):
            here = [row for row in rows if row["chain"] == chain and row["seed"] == seed]
            ok = [row for row in here if row["canonical"] == row["perceived"]]
            errors = [row for row in here if row["canonical"] != row["perceived"]]
            said = [row for row in errors if row["perceived"] is not None]
            typical = [row for row in said if (row["l1"], row["canonical"], row["perceived"]) in case.typical]
            atypical = [row for row in errors if row not in typical]
            predictions = next(r for r in case.runs if (r.chain, r.seed) == (chain, seed)).predictions
            written = {prediction.key: list(prediction.phones) for prediction in predictions}
            spoken = {
                row.key: ["?" if t.is_err else t.perceived for t in row.tokens if t.is_err or t.perceived]
                for row in case.gold
            }
            edits = sum(levenshtein(phones, written[key]) for key, phones in spoken.items())

            def called_error(group: list[dict[str, Any]]) -> int:
                return sum(row["class_pred"] == "error" for row in group)

            measured = chains[chain].per_seed[seed]
            assert measured.num_utterances == len(case.gold)
            assert measured.num_tokens == len(here) == sum(len(row.canonical) for row in case.gold)
            assert measured.num_substitutions == len(said)
            assert measured.num_deletions == sum(row["error_type"] == "d" for row in here)
            assert measured.num_l1_typical == len(typical)
            assert measured.num_atypical_errors == len(atypical)
            assert [getattr(measured, name) for name in RATES] == [
                ratio(edits, sum(map(len, spoken.values()))),
                ratio(sum(row["predicted"] == row["canonical"] for row in said), len(said)),
                ratio(called_error(ok + typical), len(ok + typical)),
                ratio(called_error(ok), len(ok)),
                ratio(called_error(atypical), len(atypical)),
            ]


@given(cases())
@settings(max_examples=40)
def test_summarise_groups_add_up_and_rates_stay_in_bounds(case: Case) -> None:
    for summary in chains_of(case).values():
        for name in (field.name for field in fields(LabelMeasures) if field.name.startswith("num_")):
            assert getattr(summary.pooled, name) == sum(getattr(group, name) for group in summary.per_l1.values())
        for measures in summary.per_seed.values():
            for metric in RATIOS:
                rate = metric.of(measures)
                assert rate is None or 0 <= rate <= metric.bounds[1]
            assert measures.d1.auc is None or 0 <= measures.d1.auc <= 1
            assert measures.d3.rho is None or -1 - 1e-9 <= measures.d3.rho <= 1 + 1e-9
            if measures.collapse is not None and measures.collapse > 0.25:
                assert measures.d2.passes is not True


@given(cases())
@settings(max_examples=30)
def test_summarise_pooled_is_the_mean_over_seeds(case: Case) -> None:
    for summary in chains_of(case).values():
        for metric in LABEL_SCHEME.metrics_of(summary.pooled):
            seeds = [metric.of(measures) for measures in summary.per_seed.values()]
            pooled, spread = metric.of(summary.pooled), summary.spread.pooled[metric]
            if None in seeds:
                assert pooled is None
                assert spread is None
            else:
                assert pooled == pytest.approx(mean(seeds))
                assert spread == (min(seeds), max(seeds))


@given(distances, distances)
def test_measure_d1_matches_all_pairs(ok: list[float], sub: list[float]) -> None:
    result = measure_d1(np.array(ok), np.array(sub))
    if not ok or not sub:
        assert result == D1(None, None, None)
        return
    u = sum((s > o) + 0.5 * (s == o) for s in sub for o in ok)
    assert result.auc == pytest.approx(u / (len(ok) * len(sub)))
    n = len(ok) + len(sub)
    ties = sum(count**3 - count for count in Counter(ok + sub).values())
    variance = len(ok) * len(sub) / 12 * (n + 1 - ties / (n * (n - 1)))
    if variance == 0:
        assert result.p is None
        assert result.passes is False
        return
    z = (u - len(ok) * len(sub) / 2 - 0.5) / math.sqrt(variance)
    p = math.erfc(z / math.sqrt(2)) / 2
    assert result.p == pytest.approx(p)
    assert result.passes == (p < 0.05)


@given(distances, distances)
def test_measure_d2_matches_sorted_lists(ok: list[float], sub: list[float]) -> None:
    def percentile(values: list[float], share: float) -> float:
        place = share * (len(values) - 1)
        low, part = math.floor(place), place - math.floor(place)
        values = sorted(values)
        return values[low] + part * (values[min(low + 1, len(values) - 1)] - values[low])

    result = measure_d2(np.array(ok), np.array(sub))
    if not ok or not sub:
        assert result == D2(None, None, None, None)
        return
    assert result.ok_p75 == pytest.approx(percentile(ok, 0.75))
    assert result.sub_p25 == pytest.approx(percentile(sub, 0.25))
    assert result.gap == result.sub_p25 - result.ok_p75
    assert result.passes == (result.ok_p75 < result.sub_p25 and 4 * sub.count(0.0) <= len(sub))


@pytest.mark.parametrize(
    ("number", "collapsed", "passes"), [(102, 26, False), (102, 25, True), (10, 3, False), (10, 2, True)]
)
def test_measure_d2_fails_if_more_than_a_quarter_collapses(number: int, collapsed: int, passes: bool) -> None:
    sub = np.array([0.0] * collapsed + [0.5] * (number - collapsed))
    result = measure_d2(np.zeros(50), sub)
    assert result.ok_p75 < result.sub_p25
    assert result.passes is passes


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.4, 1.0]), st.sampled_from([0.1, 0.3, 0.5])), max_size=12))
def test_measure_d3_matches_pearson_of_mean_ranks(pairs: list[tuple[float, float]]) -> None:
    predicted, gold = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    result = measure_d3(predicted, gold)
    if len(pairs) < 3 or len(set(predicted)) < 2 or len(set(gold)) < 2:
        assert result == D3(None, None)
        return

    def ranks(values: np.ndarray) -> list[float]:
        return [(values < value).sum() + (1 + (values == value).sum()) / 2 for value in values]

    x, y = ranks(predicted), ranks(gold)
    covariance = sum((a - mean(x)) * (b - mean(y)) for a, b in zip(x, y, strict=True))
    spread = math.sqrt(sum((a - mean(x)) ** 2 for a in x) * sum((b - mean(y)) ** 2 for b in y))
    assert result.rho == pytest.approx(covariance / spread)
    assert 0 <= result.p <= 1


def test_summarise_zero_denominator_is_none() -> None:
    gold = [utterance("a", [("t", "t"), ("i", "i")]), utterance("b", [], "Korean")]
    chains = chains_of(Case(gold, [run(gold, ["t i", ""])], frozenset()))
    pooled, silent = chains["x"].pooled, chains["x"].per_l1["Korean"]
    assert (pooled.per, pooled.frr) == (0, 0)
    assert [pooled.collapse, pooled.atypical_errors_caught] == [None, None]
    assert [getattr(silent, name) for name in RATES] == 5 * [None]
    assert silent.num_utterances == 1
    assert silent.d1.passes is silent.d2.passes is silent.d3.rho is None


def test_summarise_unnamed_sound_counts_as_atypical_error_only() -> None:
    pooled = chains_of(Case(GOLD, [run(GOLD, ["d ə k ɛ", "v i s"])], frozenset()))["x"].pooled
    assert pooled.num_substitutions == 3
    assert pooled.num_atypical_errors == 5  # three substitutions, a deletion, an err


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_mean_and_spread_over_seeds(values: list[float]) -> None:
    assume(len(set(values)) == len(values))
    counts = dict.fromkeys(
        (field.name for field in fields(LabelMeasures) if field.name.startswith("num_") and field.name != "num_ok"), 0
    )
    seeds = [
        LabelMeasures(
            **counts,
            num_ok=7,
            **dict.fromkeys(RATES, value),
            edits=Edits(1, 2, 3),
            published=PublishedMetrics(*[value] * 13),
            d1=D1(value, value, value > 0.2),
            d2=D2(None, value, None, None),
            d3=D3(value, value),
        )
        for value in values
    ]
    pooled = mean_over_seeds(seeds)
    assert pooled.per == pytest.approx(mean(values))
    assert pooled.num_ok == 7
    assert isinstance(pooled.num_ok, int)
    assert pooled.d1.auc == pytest.approx(mean(values))
    assert pooled.d1.passes is (min(values) > 0.2)
    assert pooled.d2.ok_p75 is None
    assert pooled.position_scores is None
    spread = spread_over_seeds(seeds, LABEL_SCHEME.metrics_of(seeds[0]))
    assert spread[COLLAPSE] == (min(values), max(values))
    assert spread[D2_OK_P75] is None
