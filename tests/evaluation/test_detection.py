"""Detection curves, compared with their definition at every threshold and with the AUC of D1."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from scipy.integrate import trapezoid

from asheard.evaluation.counts import utterance_rows
from asheard.evaluation.detection import detection_curve, operating_point
from asheard.evaluation.labels import LABEL_SCHEME
from asheard.evaluation.separation import measure_d1
from asheard.evaluation.tokens import token_rows
from asheard.phones import load_vectors
from asheard.prior import build_prior, rows_of
from support.small_gold import Case, cases, run, utterance

VECTORS = load_vectors()

SUBSTITUTED = utterance("a", [("t", "t"), ("z", "s"), ("d", "d"), ("s", "z"), ("i", "i"), ("t", None), ("z", "err")])


def rows_of_first(case: Case) -> pl.DataFrame:
    return token_rows(case.gold, case.runs[:1], vectors=VECTORS)


def distances(rows: pl.DataFrame) -> tuple[list[float], list[float]]:
    """cos_dist of the ok positions and of the named substitutions."""
    ok, named = [], []
    for row in rows.iter_rows(named=True):
        if row["error_type"] == "ok":
            ok.append(row["cos_dist"])
        elif row["error_type"] == "s" and row["perceived"] is not None:
            named.append(row["cos_dist"])
    return ok, named


@given(cases())
def test_detection_curve_matches_its_definition(case: Case) -> None:
    rows = rows_of_first(case)
    ok, named = distances(rows)
    curve = detection_curve(rows)
    if not ok or not named:
        assert curve is None
        assert operating_point(rows) is None
        return
    assert curve is not None
    assert set(curve.thresholds) == {value for value in (*ok, *named) if value > 0} | {math.inf}
    for threshold, missed, frr in zip(curve.thresholds, curve.missed, curve.frr, strict=True):
        assert missed == pytest.approx(sum(value < threshold for value in named) / len(named))
        assert frr == pytest.approx(sum(value >= threshold for value in ok) / len(ok))
    assert (curve.missed[-1], curve.frr[-1]) == (1, 0)
    assert np.all(np.diff(curve.missed) >= 0)
    assert np.all(np.diff(curve.frr) <= 0)


@given(cases())
def test_detection_curve_area_is_d1_auc(case: Case) -> None:
    rows = rows_of_first(case)
    curve = detection_curve(rows)
    if curve is not None:
        below = trapezoid(np.append(1, curve.frr), np.append(0, curve.missed))
        ok, named = (np.array(values) for values in distances(rows))
        assert 1 - below == pytest.approx(measure_d1(ok, named).auc)


@given(cases())
def test_detection_curve_starts_at_collapse_and_passes_operating_point(case: Case) -> None:
    runs = case.runs[:1]
    rows = token_rows(case.gold, runs, vectors=VECTORS)
    curve, in_use = detection_curve(rows), operating_point(rows)
    if curve is None or in_use is None:
        return
    measured = LABEL_SCHEME.measure(rows, utterance_rows(case.gold, runs, rows))
    assert curve.missed[0] == pytest.approx(measured.collapse)
    assert in_use[1] == pytest.approx(measured.frr)
    place = np.searchsorted(curve.thresholds, VECTORS.threshold)
    assert in_use == pytest.approx((curve.missed[place], curve.frr[place]))


def test_detection_curve_averages_seeds() -> None:
    runs = [run([SUBSTITUTED], [text], seed=seed) for seed, text in ((1, "t z d s i t z"), (2, "t s s z i t z"))]
    rows = token_rows([SUBSTITUTED], runs, vectors=VECTORS)
    both = detection_curve(rows)
    assert both is not None
    for threshold, missed, frr in zip(both.thresholds, both.missed, both.frr, strict=True):
        each = [distances(rows.filter(seed=seed)) for seed in (1, 2)]
        assert missed == pytest.approx(np.mean([np.less(named, threshold).mean() for _, named in each]))
        assert frr == pytest.approx(np.mean([np.greater_equal(ok, threshold).mean() for ok, _ in each]))


def test_operating_point_moves_with_a_prior() -> None:
    gold = utterance("a", [("z", "i"), ("t", "t"), ("s", "i")])
    training = [utterance(f"v{index}", [("z", "i"), ("z", "z")]) for index in range(30)]
    plain = run([gold], ["i t i"])
    scored = replace(plain, chain="scored", prior=build_prior(rows_of(training), threshold=VECTORS.threshold))
    rows = token_rows([gold], [plain, scored], vectors=VECTORS)
    apart, behind = (rows.filter(chain=chain) for chain in ("x", "scored"))
    curves = detection_curve(apart), detection_curve(behind)
    assert curves[0] is not None
    assert curves[1] is not None
    assert np.array_equal(curves[0].missed, curves[1].missed)
    assert operating_point(apart) == (0.0, 0.0)
    assert operating_point(behind) == (0.5, 0.0)
