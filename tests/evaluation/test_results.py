"""From predictions to rows, metrics, verdict, RESULTS.md and plots on a small study."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from asheard.corpora.chains import CHAINS, FAITHFUL, L1_ENCODER_UNKNOWN, L1_PRIOR, OFF_THE_SHELF
from asheard.corpora.records import Prediction
from asheard.errors import CorpusError
from asheard.evaluation import ChainRun, Context, evaluate_runs, write_report
from asheard.evaluation.context import read_context, write_context
from asheard.phones import load_vectors
from asheard.prior import build_prior, rows_of
from support.markdown import parse_markdown
from support.small_gold import L1S, utterance
from support.small_study import CONTEXT, TEST, TRAINING, heard, study_runs


def test_evaluate_writes_every_file(small_study: Path) -> None:
    metrics = json.loads((small_study / "metrics.json").read_text())
    assert list(metrics["chains"]) == [*CHAINS[:3], L1_PRIOR, L1_ENCODER_UNKNOWN]
    for summary in metrics["chains"].values():
        assert set(summary["per_l1"]) == set(L1S)
        assert set(summary["per_seed"]) == {"1", "2"}
        for measures in (summary["pooled"], *summary["per_l1"].values(), *summary["per_seed"].values()):
            assert {
                "num_utterances",
                "num_tokens",
                "per",
                "collapse",
                "frr_class",
                "atypical_errors_caught",
            } < set(measures)
            assert set(measures["d1"]) == {"p", "auc", "pass"}
            assert set(measures["d2"]) == {"ok_p75", "sub_p25", "gap", "pass"}
            assert set(measures["d3"]) == {"rho", "p"}
    for part in (
        "corpus:small",
        "split:test-2",
        "base:tiny",
        "seeds:1,2",
        "prior:laplace+position@0.05",
        "l1_typical:8speakers",
    ):
        assert part in metrics["signature"].split("|")
    assert json.loads((small_study / "verdict.json").read_text()).keys() == {"faithful", "l1", "reasons"}
    for name in ("collapse", "distances", "confusions"):
        assert (small_study / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert pl.read_parquet(small_study / "rows.parquet").height == 10 * 2 * 40 * 12


def test_verdict_follows_the_made_study(small_study: Path) -> None:
    verdict = json.loads((small_study / "verdict.json").read_text())
    assert (verdict["faithful"], verdict["l1"]) == ("GO", "both")
    chains = json.loads((small_study / "metrics.json").read_text())["chains"]
    assert 0.5 < chains[OFF_THE_SHELF]["pooled"]["collapse"] < 0.7
    assert chains[L1_PRIOR]["pooled"]["frr_class"] < chains[FAITHFUL]["pooled"]["frr_class"]
    for name in ("per", "collapse"):
        assert chains[L1_PRIOR]["pooled"][name] == chains[FAITHFUL]["pooled"][name]


def test_write_report_needs_the_files_alone(small_study: Path) -> None:
    made = [small_study / "verdict.json", small_study / "RESULTS.md"]
    made += sorted([*small_study.glob("*.csv"), *(small_study / "plots").iterdir()])
    before = [path.read_bytes() for path in made]
    for path in made:
        path.unlink()
    write_report(small_study)
    assert [path.read_bytes() for path in made] == before


def test_evaluate_ignores_the_order_of_utterances(small_study: Path, tmp_path: Path) -> None:
    runs = [replace(run, predictions=list(run.predictions)[::-1]) for run in study_runs()]
    evaluate_runs(TEST[::-1], runs, out=tmp_path, context=CONTEXT, training=TRAINING[::-1])
    assert (tmp_path / "metrics.json").read_bytes() == (small_study / "metrics.json").read_bytes()
    assert (tmp_path / "rows.parquet").read_bytes() == (small_study / "rows.parquet").read_bytes()


def test_write_report_of_other_chains_has_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text("{}")  # of an earlier evaluation in the same folder
    runs = [ChainRun(chain="theirs", predictions=heard(TEST, 0.3, 1))]
    evaluation = evaluate_runs(TEST, runs, out=tmp_path, context=Context(corpus="c", split="s"))
    assert write_report(tmp_path) is None
    assert not (tmp_path / "verdict.json").exists()
    results = parse_markdown((tmp_path / "RESULTS.md").read_text())
    answer = results["Results: c"].paragraphs[0]
    assert answer.startswith(
        f"No verdict: it needs all four chains, and these are missing: {', '.join(CHAINS)}. theirs "
    )
    assert "read both in test and in training" not in results["Ranking"].text
    assert "No training rows were given" in results["What was left out, and why"].text
    pooled = evaluation.metrics.chains["theirs"].pooled
    assert pooled.num_l1_typical == 0
    assert pooled.frr_class == pooled.frr


def test_report_without_errors_or_phones(tmp_path: Path) -> None:
    gold = [utterance("a", [("t", "t")]), utterance("b", [], "Korean")]
    predictions = [Prediction(row.utt, row.speaker, "x", ()) for row in gold]
    evaluate_runs(gold, [ChainRun(chain="x", predictions=predictions)], out=tmp_path, context=CONTEXT)
    write_report(tmp_path)
    assert "NaN" not in (tmp_path / "metrics.json").read_text()
    (first,) = parse_markdown((tmp_path / "RESULTS.md").read_text())["Results: small"].tables
    assert first.row("x")["collapse"] == "n/a"


def test_coarse_gold_is_folded_on_both_sides(tmp_path: Path) -> None:
    gold = [utterance(f"u{i}", [("ʌ", "ʌ"), ("ʌ", "ɪ"), ("t", "t")]) for i in range(60)]
    predictions = [Prediction(row.utt, row.speaker, "x", ("ə", "ə", "t")) for row in gold]
    training = [utterance(f"v{i}", [("ə", "ɪ"), ("ʌ", "ʌ")]) for i in range(10)]
    prior = build_prior(rows_of(training), threshold=load_vectors().threshold)
    run = ChainRun(chain="x", predictions=predictions, prior=prior)
    evaluation = evaluate_runs(gold, [run], out=tmp_path, context=CONTEXT, training=training)
    pooled = evaluation.metrics.chains["x"].pooled
    assert (pooled.per, pooled.collapse, pooled.num_l1_typical) == (pytest.approx(1 / 3), 1, 60)
    assert "folding:ə>ʌ" in evaluation.metrics.signature
    write_report(tmp_path)
    results = parse_markdown((tmp_path / "RESULTS.md").read_text())
    assert "counted on both sides: ə as ʌ" in results["What was left out, and why"].text


def test_warnings_ignore_phones_that_the_gold_folds_together(tmp_path: Path) -> None:
    """Rows folded as the gold are never said to be coarser than it; rows that are coarser of themselves are."""
    gold = [utterance(f"u{i}", [("ʌ", "ʌ"), ("ʃ", "ʒ")]) for i in range(60)]
    predictions = [Prediction(row.utt, row.speaker, "x", ("ʌ", "ʃ")) for row in gold]
    run = ChainRun(chain="x", predictions=predictions)
    for said, warned in ((["ə", "ʌ"], False), (["ə", "ʌ", "ʃ"], True)):
        training = [utterance(f"v{i}", [(phone, phone) for phone in said], "Korean") for i in range(60)]
        warnings = evaluate_runs(gold, [run], out=tmp_path, context=CONTEXT, training=training).metrics.warnings
        coarser = [warning for warning in warnings if "training rows do not distinguish" in warning]
        assert ["(ʒ as ʃ)" in warning for warning in coarser] == [True] * warned


def test_chain_named_after_its_prior_needs_one(tmp_path: Path) -> None:
    run = ChainRun(chain=L1_PRIOR, seed=2, predictions=heard(TEST, 0.1, 1))
    with pytest.raises(CorpusError, match=r"chain faithful\+l1-prior, seed 2: no prior.*--with-prior ft-l2-faithful"):
        evaluate_runs(TEST, [run], out=tmp_path, context=CONTEXT)


def test_prior_with_another_threshold_is_refused(tmp_path: Path) -> None:
    run = ChainRun(chain="x", predictions=heard(TEST, 0.1, 1), prior=build_prior([], threshold=0.9))
    with pytest.raises(CorpusError, match=r"chain x, seed 0: its prior was fitted with threshold 0\.9"):
        evaluate_runs(TEST, [run], out=tmp_path, context=CONTEXT)


def test_context_round_trip(tmp_path: Path) -> None:
    write_context(tmp_path / "context.json", CONTEXT)
    assert read_context(tmp_path / "context.json") == CONTEXT


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", '{"chains": {}}'),
        ("context.json", '{"corpus": "c", "speed": 3}'),
        ("rows.parquet", "not parquet"),
        ("rows.parquet", None),
        ("metrics.json", None),
    ],
)
def test_write_report_names_a_broken_file(small_study: Path, tmp_path: Path, name: str, content: Any) -> None:
    for file in ("rows.parquet", "metrics.json", "context.json"):
        if file != name:
            (tmp_path / file).write_bytes((small_study / file).read_bytes())
        elif content is not None:
            (tmp_path / file).write_text(content)
    with pytest.raises(CorpusError, match=name):
        write_report(tmp_path)


def test_rows_of_another_version_are_refused(small_study: Path, tmp_path: Path) -> None:
    for file in ("metrics.json", "context.json"):
        (tmp_path / file).write_bytes((small_study / file).read_bytes())
    pl.read_parquet(small_study / "rows.parquet").drop("collapsed").write_parquet(tmp_path / "rows.parquet")
    with pytest.raises(CorpusError, match=r"rows\.parquet: not the token rows of this version"):
        write_report(tmp_path)


def test_evaluation_never_imports_torch() -> None:
    code = "import sys, asheard.evaluation; assert not {'torch', 'transformers'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
