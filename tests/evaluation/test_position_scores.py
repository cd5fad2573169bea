"""Chains with position scores on gold of labels: their AUC and curve; other chains do not change."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import mannwhitneyu

from asheard.corpora.chains import GOP, GOP_PRIOR, behind_prior, distinct_transcripts
from asheard.errors import CorpusError
from asheard.evaluation import ChainRun, Evaluation, evaluate_runs
from asheard.evaluation.detection import detection_curve
from asheard.evaluation.labels import POSITION_AUC, POSITION_AUC_ALL_ERRORS
from asheard.evaluation.report.curve_figures import draw_detection
from asheard.evaluation.report.distances import detection
from asheard.evaluation.tokens import OPTIONAL_COLUMNS, TOKEN_SCHEMA, token_rows
from asheard.phones import load_vectors
from support.markdown import parse_markdown
from support.scored_gold import scoring
from support.small_gold import run
from support.small_study import CONTEXT, TEST, heard

VECTORS = load_vectors()
RNG = np.random.default_rng(6)
PLAIN = ChainRun(chain="plain", predictions=heard(TEST, 0.3, 1))
OWN = {row.key: tuple((RNG.normal(2, 2, 12) - 3 * np.array([t.error_type != "ok" for t in row.tokens])).round(1))
       for row in TEST}  # fmt: skip
SCORING = ChainRun(
    chain="gop",
    predictions=[replace(row, chain="gop", position_scores=OWN[row.key]) for row in PLAIN.predictions],
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate_runs(TEST, [PLAIN, SCORING], out=tmp_path_factory.mktemp("gop"), context=CONTEXT)


def test_position_scores_have_their_own_auc(both: Evaluation) -> None:
    summary = both.metrics.chains["gop"]
    rows = both.rows.filter(chain="gop")
    ok, named, errors = (
        rows.filter(side)["position_score"]
        for side in (
            pl.col("error_type") == "ok",
            pl.col("collapsed").is_not_null(),
            pl.col("error_type") != "ok",
        )
    )
    assert len(errors) > len(named)
    for metric, wrong in ((POSITION_AUC, named), (POSITION_AUC_ALL_ERRORS, errors)):
        value = metric.of(summary.pooled)
        assert value == pytest.approx(mannwhitneyu(ok, wrong).statistic / (len(ok) * len(wrong)))
        low, high = summary.intervals.pooled.values[metric]
        assert low < value < high
        assert summary.spread.pooled[metric] == (value, value)


def test_position_scores_change_no_other_metric(both: Evaluation) -> None:
    chains = both.metrics.chains
    assert replace(chains["gop"].pooled, position_scores=None) == chains["plain"].pooled
    values = chains["gop"].intervals.pooled.values
    kept = {metric: ends for metric, ends in values.items() if metric not in (POSITION_AUC, POSITION_AUC_ALL_ERRORS)}
    assert kept == chains["plain"].intervals.pooled.values


def test_position_scores_of_one_chain_do_not_change_another(both: Evaluation, tmp_path: Path) -> None:
    alone = evaluate_runs(TEST, [PLAIN], out=tmp_path, context=CONTEXT)
    assert alone.metrics.chains["plain"] == both.metrics.chains["plain"]
    assert "position_scores" not in (tmp_path / "metrics.json").read_text()


def test_rows_file_leaves_out_empty_optional_columns(tmp_path: Path) -> None:
    for runs, lacking in (([PLAIN], set(OPTIONAL_COLUMNS)), ([PLAIN, SCORING], {"score"})):
        evaluate_runs(TEST[:1], [of_first(one) for one in runs], out=tmp_path, context=CONTEXT)
        schema = dict(pl.read_parquet(tmp_path / "rows.parquet").schema)
        assert schema == {name: kind for name, kind in TOKEN_SCHEMA.items() if name not in lacking}


def of_first(one: ChainRun) -> ChainRun:
    return replace(one, predictions=[row for row in one.predictions if row.key == TEST[0].key])


def test_detection_curve_uses_position_scores() -> None:
    rows = token_rows(TEST, [SCORING], vectors=VECTORS)
    curve = detection_curve(rows)
    assert curve is not None
    ok = rows.filter(error_type="ok")["position_score"]
    named = rows.filter(pl.col("collapsed").is_not_null())["position_score"]
    for threshold, missed, frr in zip(curve.thresholds, curve.missed, curve.frr, strict=True):
        assert missed == pytest.approx((named > -threshold).mean())
        assert frr == pytest.approx((ok <= -threshold).mean())
    assert (curve.missed[0], curve.frr[0]) == (0, pytest.approx((ok <= max(ok.max(), named.max())).mean()))
    assert (curve.missed[curve.as_written], curve.frr[curve.as_written]) == pytest.approx(
        ((named >= 0).mean(), (ok < 0).mean())
    )


def test_detection_section_names_chains_with_position_scores(both: Evaluation) -> None:
    section = parse_markdown("\n\n".join(detection(both.rows, both.metrics)))["Detection curves"]
    auc = POSITION_AUC.of(both.metrics.chains["gop"].pooled)
    assert section.tables[0].row("gop")["AUC"].startswith(f"{auc:.3f} [")
    assert [text.partition(":")[0] for text in section.paragraphs if "of its own scores" in text] == ["gop"]


def test_draw_detection_has_the_curve_of_position_scores(both: Evaluation) -> None:
    (axes,) = draw_detection(both.rows, both.metrics.chains).axes
    drawn = [line.get_ydata().tolist() for line in axes.lines]
    for chain in ("plain", "gop"):
        curve = detection_curve(both.rows.filter(chain=chain))
        assert curve is not None
        assert (100 * curve.frr).tolist() in drawn


def test_position_scores_must_match_canonical_phones(tmp_path: Path) -> None:
    for one in (scoring(run(TEST[:1], ["t"]), (1.0, 2.0)), scoring(run(TEST[:2], ["t", "t"]), (1.0,) * 12, None)):
        gold = TEST[: len(one.predictions)]
        with pytest.raises(CorpusError, match=r"chain x, seed 0: [02] position_scores for the 12 canonical phones of"):
            evaluate_runs(gold, [one], out=tmp_path, context=CONTEXT)


def test_position_scores_with_one_seed_only_are_refused(tmp_path: Path) -> None:
    runs = [SCORING, replace(PLAIN, chain="gop", seed=1)]
    with pytest.raises(CorpusError, match=r"chain gop: some of its seeds .*position_scores.*; give all or none"):
        evaluate_runs(TEST, runs, out=tmp_path, context=CONTEXT)


def test_distinct_transcripts_keeps_gop_with_prior() -> None:
    assert distinct_transcripts([GOP, GOP_PRIOR, behind_prior(GOP)]) == [GOP, GOP_PRIOR]
