"""Bootstrap intervals and paired differences, compared with slow resampling and with their nominal coverage."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asheard.corpora.records import Utterance
from asheard.evaluation import bootstrap as intervals
from asheard.evaluation.bootstrap import BootstrapValues, Resampled, holm, resample
from asheard.evaluation.counts import ALL_COUNTS, UTTERANCE_SCHEMA, utterance_rows
from asheard.evaluation.labels import COLLAPSE, FRR, LABEL_SCHEME, PER, LabelMeasures
from asheard.evaluation.metrics import summarise
from asheard.evaluation.runs import ChainRun
from asheard.evaluation.separation import histograms, measure_d1, measure_d2, measure_d3, resampled_dissociations
from asheard.evaluation.tokens import token_rows
from asheard.phones import PHONES, load_vectors
from support.small_gold import Case, cases, run, utterance


def tables(gold: list[Utterance], runs: list[ChainRun]) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = token_rows(gold, runs, vectors=load_vectors())
    return rows, utterance_rows(gold, runs, rows)


def counted(chain: str, speaker: str, utt: str = "u", **counts: int) -> dict[str, Any]:
    values = dict.fromkeys(ALL_COUNTS, 0) | counts
    return {"chain": chain, "seed": 0, "l1": "Hindi", "speaker": speaker, "utt": utt} | values


def rates(rows: list[dict[str, Any]]) -> Resampled[LabelMeasures]:
    return resample(frame(rows), None, LABEL_SCHEME)


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=UTTERANCE_SCHEMA)


@given(cases())
@settings(max_examples=20)
def test_resample_first_value_is_the_metric(case: Case) -> None:
    rows, utterances = tables(case.gold, case.runs)
    measured = summarise(rows, utterances, LABEL_SCHEME)
    for chain, by_metric in resample(utterances, rows, LABEL_SCHEME).values.items():
        assert set(by_metric) == set(LABEL_SCHEME.metrics_of(measured[chain].pooled))
        for metric, numbers in by_metric.items():
            expected = metric.of(measured[chain].pooled)
            if expected is None:
                assert np.isnan(numbers.values[0]), metric.key
            else:
                assert numbers.values[0] == pytest.approx(expected), metric.key


distance = st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0])
positions = st.lists(st.tuples(st.integers(0, 3), distance, st.one_of(st.none(), distance)), max_size=14)


@given(positions, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_resampled_dissociations_weight_units(rows: list[tuple[int, float, float | None]], weights: list[int]) -> None:
    table = pl.DataFrame(
        {
            "unit": [unit for unit, _, _ in rows],
            "cos_dist": [written for _, written, _ in rows],
            "gold_cos_dist": [said or 0.0 for _, _, said in rows],
            "error_type": ["ok" if said is None else "s" for _, _, said in rows],
            "collapsed": [None if said is None else written == 0 for _, written, said in rows],
        },
        schema={
            "unit": pl.UInt32, "cos_dist": pl.Float64, "gold_cos_dist": pl.Float64, "error_type": pl.String,
            "collapsed": pl.Boolean,
        },
    )  # fmt: skip
    measured = resampled_dissociations(np.array([weights], dtype=float), histograms(table, 4))
    repeated = [row for row in rows for _ in range(weights[row[0]])]
    ok = np.array([written for _, written, said in repeated if said is None])
    sub = np.array([written for _, written, said in repeated if said is not None])
    said = np.array([said for _, _, said in repeated if said is not None])
    d2 = measure_d2(ok, sub)
    expected = (measure_d1(ok, sub).auc, d2.ok_p75, d2.sub_p25, d2.gap, measure_d3(sub, said).rho)
    for name, (found,), value in zip(measured._fields, measured, expected, strict=True):
        assert np.isnan(found) if value is None else found == pytest.approx(value), name


def test_resample_matches_slow_resampling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "NUM_RESAMPLES", 200)
    intervals._weights.cache_clear()
    rng = np.random.default_rng(3)
    speakers = [f"s{i}" for i in range(5)]
    rows = [
        counted("x", speaker, f"u{utt}", num_produced=10, num_edits=int(rng.integers(0, 10)))
        for speaker in speakers
        for utt in range(3)
    ]
    resampled = rates(rows).values["x"][PER].values
    draws = np.random.default_rng(intervals.SEED).multinomial(5, [0.2] * 5, size=200)
    slow = []
    for drawn in draws:
        utterances = [
            row
            for speaker, times in zip(speakers, drawn, strict=True)
            for row in rows * int(times)
            if row["speaker"] == speaker
        ]
        slow.append(sum(row["num_edits"] for row in utterances) / sum(row["num_produced"] for row in utterances))
    assert resampled[1:] == pytest.approx(slow)
    intervals._weights.cache_clear()


def test_resample_one_speaker_by_utterance() -> None:
    alone = rates([counted("x", "s", f"u{i}", num_produced=10, num_edits=i) for i in range(8)])
    several = rates([counted("x", f"s{i}", num_produced=10, num_edits=i) for i in range(8)])
    assert (alone.units, alone.num_units) == ("utterances", 8)
    assert (several.units, several.num_units) == ("speakers", 8)
    assert alone.intervals()["x"].values[PER] == several.intervals()["x"].values[PER]


def test_intervals_one_utterance_has_none() -> None:
    values = rates([counted("x", "s", num_produced=10, num_edits=3)]).intervals()["x"].values
    assert values[PER] is None
    assert values[COLLAPSE] is None


def test_intervals_ignore_units_that_do_not_count() -> None:
    silent = [counted("x", speaker) for speaker in "cdef"]
    one = [counted("x", "a", num_substitutions=5, num_collapsed=3), counted("x", "b"), *silent]
    two = [counted("x", "a", num_substitutions=5, num_collapsed=3), counted("x", "b", num_substitutions=5), *silent]
    assert rates(one).intervals()["x"].values[COLLAPSE] is None
    low, high = rates(two).intervals()["x"].values[COLLAPSE]
    assert (low, high) == (0, 1)  # two speakers, as unlike as these


def test_intervals_stay_within_bounds() -> None:
    rows = [
        counted("x", f"s{i}", num_produced=10, num_edits=40 * (i == 0), num_ok=5, num_ok_called_error=5 * (i == 1))
        for i in range(4)
    ]
    values = rates(rows).intervals()["x"].values
    assert values[PER][0] == values[FRR][0] == 0
    assert values[PER][1] > 1
    assert values[FRR][1] <= 1


def test_intervals_do_not_depend_on_order() -> None:
    rows = [counted("x", f"s{i}", num_produced=10, num_edits=i) for i in range(6)]
    assert rates(rows).intervals() == rates(rows[::-1]).intervals()


def test_differences_are_paired() -> None:
    """Chains that differ by the same amount for every speaker differ for certain, however unlike the speakers are."""
    rows = [
        counted(chain, f"s{i}", num_produced=1000, num_edits=100 * i + better)
        for chain, better in (("a", 40), ("b", 0), ("copy", 40))
        for i in range(6)
    ]
    resampled = rates(rows)
    low, high = resampled.intervals()["a"].values[PER]
    assert high - low > 0.2
    records = {(record.chain, record.reference): record for record in resampled.differences(["a", "b", "copy"], [PER])}
    b_a = records["b", "a"]
    assert b_a.difference == pytest.approx(-0.04)
    assert b_a.low == pytest.approx(-0.04)
    assert b_a.p < 1e-9
    assert records["copy", "a"].p is records["copy", "a"].p_holm is None


def test_differences_p_agrees_with_interval() -> None:
    rng = np.random.default_rng(5)
    for _ in range(30):
        rows = [
            counted(chain, f"s{i}", num_produced=100, num_edits=int(rng.integers(0, 60)) + 9 * (chain == "b"))
            for chain in "ab"
            for i in range(6)
        ]
        (record,) = rates(rows).differences(["a", "b"], [PER])
        assert (record.p < 0.05) == (record.low > 0 or record.high < 0)
        assert record.p_holm == record.p  # one comparison


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=7))
def test_holm_matches_its_definition(p_values: list[float | None]) -> None:
    adjusted = holm(p_values)
    tested = sorted(p for p in p_values if p is not None)
    for p, q in zip(p_values, adjusted, strict=True):
        if p is None:
            assert q is None
        else:
            steps = [min(1.0, (len(tested) - rank) * other) for rank, other in enumerate(tested) if other <= p]
            assert q == pytest.approx(max(steps))


@pytest.mark.parametrize("num_speakers", [2, 4, 6, 24])
def test_interval_covers_the_mean_with_few_speakers(num_speakers: int) -> None:
    """Speakers drawn from a population with a mean of 0.2: some 95 of 100 intervals hold it, percentiles do not."""
    rng = np.random.default_rng(num_speakers)
    covered, by_percentiles, num_studies = 0, 0, 300
    weights, where = intervals._weights(num_speakers)
    for _ in range(num_studies):
        errors = rng.binomial(500, rng.beta(4, 16, num_speakers))
        values = (weights @ errors / (500 * num_speakers))[where]
        low, high = BootstrapValues(values, num_speakers).interval()
        covered += low <= 0.2 <= high
        low, high = np.quantile(values[1:], [0.025, 0.975])
        by_percentiles += low <= 0.2 <= high
    assert 0.91 <= covered / num_studies <= 0.99
    assert by_percentiles <= covered


@pytest.mark.parametrize("num_speakers", [1, 3])
def test_resample_draws_ten_thousand_times(num_speakers: int) -> None:
    gold = [
        replace(
            utterance(f"u{i}", [(phone, phone if i % 3 else PHONES[(i + j) % 40]) for j, phone in enumerate(PHONES)]),
            speaker=f"s{i % num_speakers}",
        )
        for i in range(12)
    ]
    runs = [run(gold, [" ".join(row.canonical) for row in gold], chain) for chain in "ab"]
    rows, utterances = tables(gold, runs)
    resampled = resample(utterances, rows, LABEL_SCHEME)
    assert resampled.num_units == (12 if num_speakers == 1 else 3)
    assert {len(numbers.values) for by_metric in resampled.values.values() for numbers in by_metric.values()} == {
        10_001
    }
