"""Chains that score positions themselves, on gold of labels: their AUC and curve, and who has none is as before."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import mannwhitneyu
from scored_gold import scoring
from small_gold import run
from small_study import CONTEXT, TEST, heard

from asheard.errors import CorpusError
from asheard.evaluation import GOP, GOP_PRIOR, ChainRun, evaluate, report
from asheard.evaluation.chains import behind_prior
from asheard.evaluation.detection import detection_curve
from asheard.evaluation.ranking import distinct_transcripts
from asheard.evaluation.rows import OPTIONAL, SCHEMA, token_rows
from asheard.phones import load_vectors

RNG = np.random.default_rng(6)
PLAIN = ChainRun(chain="plain", predictions=heard(TEST, 0.3, 1))
OWN = {row.key: tuple((RNG.normal(2, 2, 12) - 3 * np.array([t.error_type != "ok" for t in row.tokens])).round(1))
       for row in TEST}  # fmt: skip
SCORING = ChainRun(
    chain="gop",
    predictions=[replace(row, chain="gop", position_scores=OWN[row.key]) for row in PLAIN.predictions],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("gop")
    evaluate(TEST, [PLAIN, SCORING], out=out, context=CONTEXT)
    report(out)
    return out


def test_its_auc_is_of_its_own_scores(folder: Path) -> None:
    chains = json.loads((folder / "metrics.json").read_text())["chains"]
    rows = pl.read_parquet(folder / "rows.parquet").filter(chain="gop")
    ok, named, errors = (
        rows.filter(side)["position_score"]
        for side in (
            pl.col("error_type") == "ok",
            pl.col("collapsed").is_not_null(),
            pl.col("error_type") != "ok",
        )
    )
    assert len(errors) > len(named)
    measured = chains["gop"]["pooled"]["position_scores"]
    for name, wrong in (("auc", named), ("auc_all_errors", errors)):
        assert measured[name] == pytest.approx(mannwhitneyu(ok, wrong).statistic / (len(ok) * len(wrong)))
        low, high = chains["gop"]["intervals"]["pooled"]["values"][f"position_scores.{name}"]
        assert low < measured[name] < high
    assert chains["gop"]["spread"]["pooled"]["position_scores.auc"] == [measured["auc"]] * 2


def test_every_other_number_is_that_of_the_phones_it_wrote(folder: Path) -> None:
    chains = json.loads((folder / "metrics.json").read_text())["chains"]
    del chains["gop"]["pooled"]["position_scores"]
    assert chains["gop"]["pooled"] == chains["plain"]["pooled"]
    values = chains["gop"]["intervals"]["pooled"]["values"]
    kept = {path: ends for path, ends in values.items() if not path.startswith("position_scores")}
    assert kept == chains["plain"]["intervals"]["pooled"]["values"]


def test_a_chain_without_scores_is_as_it_was(folder: Path, tmp_path: Path) -> None:
    evaluate(TEST, [PLAIN], out=tmp_path, context=CONTEXT)
    alone, beside = (json.loads((out / "metrics.json").read_text())["chains"]["plain"] for out in (tmp_path, folder))
    assert alone == beside
    assert "position_scores" not in (tmp_path / "metrics.json").read_text()
    schema = dict(pl.read_parquet(tmp_path / "rows.parquet").schema)
    assert schema == {name: kind for name, kind in SCHEMA.items() if name not in OPTIONAL}
    assert list(pl.read_parquet(folder / "rows.parquet").columns) == [name for name in SCHEMA if name != "score"]
    report(tmp_path)


def test_its_curve_is_over_its_own_scores() -> None:
    rows = token_rows(TEST, [SCORING], vectors=load_vectors())
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


def test_the_report_says_whose_scores_they_are(folder: Path) -> None:
    text = (folder / "RESULTS.md").read_text()
    auc = json.loads((folder / "metrics.json").read_text())["chains"]["gop"]["pooled"]["position_scores"]["auc"]
    table = text[text.index("## Detection curves") : text.index("## Do distances")]
    assert f"| gop                | {auc:.3f} [" in table
    assert "gop: AUC and curve are of its own scores" in table
    assert "plain: AUC" not in table


def test_scores_that_are_not_one_a_position_are_refused(tmp_path: Path) -> None:
    for one in (scoring(run(TEST[:1], ["t"]), (1.0, 2.0)), scoring(run(TEST[:2], ["t", "t"]), (1.0,) * 12, None)):
        gold = TEST[: len(one.predictions)]
        with pytest.raises(CorpusError, match=r"chain x, seed 0: [02] position_scores for the 12 canonical phones of"):
            evaluate(gold, [one], out=tmp_path, context=CONTEXT)


def test_a_chain_that_scores_positions_with_one_seed_only_is_refused(tmp_path: Path) -> None:
    runs = [SCORING, replace(PLAIN, chain="gop", seed=1)]
    with pytest.raises(CorpusError, match="chain gop: some of its seeds or folds have position_scores"):
        evaluate(TEST, runs, out=tmp_path, context=CONTEXT)


def test_a_prior_in_the_scores_is_no_prior_behind_them() -> None:
    assert distinct_transcripts([GOP, GOP_PRIOR, behind_prior(GOP)]) == [GOP, GOP_PRIOR]
