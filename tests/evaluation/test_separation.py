"""AUC and correlation of resampled units, compared with repeating each unit as often as it was drawn."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, pearsonr

from asheard.evaluation.separation import has_position_scores, resampled_auc, resampled_correlation
from asheard.evaluation.tokens import token_rows
from asheard.phones import load_vectors
from support.scored_gold import SCORED, scoring
from support.small_gold import run

POSITIONS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.1, 0.25, 1.0]), st.sampled_from([0.0, 1.0, 1.8, 2.0])),
    max_size=14,
)
WEIGHTS = st.lists(st.integers(0, 3), min_size=4, max_size=4)


def table(positions: list[tuple[int, float, float]]) -> pl.DataFrame:
    columns = {"unit": pl.UInt32, "cos_dist": pl.Float64, "score": pl.Float64}
    rows = pl.DataFrame(positions, schema=columns, orient="row")
    return rows.with_columns(position_score=pl.lit(None, pl.Float64))


@given(POSITIONS, WEIGHTS)
@settings(max_examples=50)
def test_resampled_auc_weights_units(positions: list[tuple[int, float, float]], weights: list[int]) -> None:
    rows = table(positions)
    right, wrong = rows.filter(pl.col("score") >= 1.8), rows.filter(pl.col("score") < 0.5)
    (auc,) = resampled_auc(np.array([weights], dtype=float), right, wrong)
    repeated = [row for row in positions for _ in range(weights[row[0]])]
    near = [-distance for _, distance, score in repeated if score >= 1.8]
    far = [-distance for _, distance, score in repeated if score < 0.5]
    if near and far:
        assert auc == pytest.approx(mannwhitneyu(near, far).statistic / (len(near) * len(far)))
    else:
        assert np.isnan(auc)


@given(POSITIONS, WEIGHTS)
@settings(max_examples=50)
def test_resampled_correlation_weights_units(positions: list[tuple[int, float, float]], weights: list[int]) -> None:
    (correlation,) = resampled_correlation(np.array([weights], dtype=float), table(positions))
    repeated = [row for row in positions for _ in range(weights[row[0]])]
    close, scores = [-distance for _, distance, _ in repeated], [score for *_, score in repeated]
    if len(set(close)) > 1 and len(set(scores)) > 1:
        assert correlation == pytest.approx(pearsonr(close, scores).statistic)
    else:
        assert np.isnan(correlation)


def test_resampled_statistics_of_each_resample() -> None:
    rows = table([(0, 0.0, 2.0), (0, 1.0, 0.0), (1, 1.0, 2.0), (1, 0.0, 0.0)])
    weights = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=float)
    right, wrong = rows.filter(score=2.0), rows.filter(score=0.0)
    assert resampled_auc(weights, right, wrong) == pytest.approx([1, 0, 0.5, np.nan], nan_ok=True)
    assert resampled_correlation(weights, rows) == pytest.approx([1, -1, 0, np.nan], nan_ok=True)


def test_resampled_auc_uses_position_scores() -> None:
    plain = run(SCORED, ["t d i", "s z ɪ i"])
    own = scoring(replace(plain, chain="own"), (3.0, -1.0, 2.0), (2.0, 2.5, 0.0, 9.0))
    rows = token_rows(SCORED, [plain, own], vectors=load_vectors()).with_columns(unit=0)
    assert [has_position_scores(rows.filter(chain=chain)) for chain in ("x", "own")] == [False, True]
    right, wrong = pl.col("score") >= 1.8, pl.col("score") < 0.5
    aucs = {
        chain: resampled_auc(np.ones((1, 1)), here.filter(right), here.filter(wrong))[0]
        for chain in ("x", "own")
        for here in [rows.filter(chain=chain)]
    }
    assert aucs == {"x": 0.5, "own": 6 / 8}  # 2.5 at a wrong phone lies above 2.0 and 2.0 at right ones
