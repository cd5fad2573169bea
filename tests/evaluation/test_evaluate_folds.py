"""Folds evaluated together: each speaker with the prior and training rows of their own fold."""

from dataclasses import replace
from pathlib import Path

import pytest

from asheard.corpora.records import Utterance
from asheard.errors import CorpusError
from asheard.evaluation import ChainRun, Context, Fold, evaluate_folds, evaluate_runs
from asheard.phones import load_vectors
from asheard.prior import build_prior
from support.small_gold import run, token

THRESHOLD = load_vectors().threshold
CONTEXT = Context(corpus="hand", split="2-folds")


def said(speaker: str, utt: str, sides: list[tuple[str, str]]) -> Utterance:
    return Utterance(utt, speaker, "Spanish", None, None, tuple(token(*pair) for pair in sides))


def fold(tested: str, trained: str, learnt: list[tuple[str, str]]) -> Fold:
    """A fold whose training speaker has shown `learnt`, ten times each."""
    gold = [said(tested, "u", [("v", "b"), ("θ", "s"), ("i", "i")])]
    prior = build_prior([("Spanish", *pair, None) for pair in learnt] * 10, threshold=THRESHOLD)
    heard = run(gold, ["b s i"], "heard")
    behind = ChainRun(chain="behind", predictions=heard.predictions, prior=prior)
    return Fold(gold=gold, runs=[heard, behind], training=[said(trained, f"t{i}", learnt) for i in range(10)])


def test_evaluate_folds_uses_prior_and_training_rows_of_each_fold(tmp_path: Path) -> None:
    folds = [fold("a", "b", [("v", "b")]), fold("b", "a", [("v", "v")])]
    evaluation = evaluate_folds(folds, out=tmp_path, context=CONTEXT)
    v = evaluation.rows.filter(canonical="v", chain="behind").sort("speaker")
    assert v["l1_typical"].to_list() == [True, False]
    assert v["class_pred"].to_list() == ["variant", "error"]
    assert set(evaluation.metrics.chains) == {"heard", "behind"}
    assert evaluation.metrics.chains["behind"].pooled.num_utterances == 2
    assert evaluation.metrics.design.num_folds == 2
    assert evaluation.metrics.design.speakers == {"Spanish": ["a", "b"]}
    assert evaluation.metrics.chains["heard"].intervals.per_l1["Spanish"].units == "speakers"


def test_evaluate_folds_of_one_fold_equals_evaluate_runs(tmp_path: Path) -> None:
    only = fold("a", "b", [("v", "b")])
    together = evaluate_folds([only], out=tmp_path / "folds", context=CONTEXT)
    alone = evaluate_runs(only.gold, only.runs, out=tmp_path / "one", context=CONTEXT, training=only.training)
    assert together.rows.equals(alone.rows)
    assert together.metrics == alone.metrics


def test_evaluate_folds_warns_of_shared_speakers(tmp_path: Path) -> None:
    warnings = evaluate_folds([fold("a", "a", [("v", "b")])], out=tmp_path, context=CONTEXT).metrics.warnings
    assert warnings == ("Training and gold share speakers (a): L1-typical substitutions were counted on them too.",)
    apart = [fold("a", "b", [("v", "b")]), fold("b", "a", [("v", "b")])]
    warnings = evaluate_folds(apart, out=tmp_path, context=CONTEXT).metrics.warnings
    assert warnings == ()


@pytest.mark.parametrize("name", ["rows.parquet", "utterances.parquet", "metrics.json", "context.json"])
def test_evaluate_folds_writes_files(tmp_path: Path, name: str) -> None:
    evaluate_folds([fold("a", "b", [("v", "b")])], out=tmp_path, context=CONTEXT)
    assert (tmp_path / name).is_file()


def test_evaluate_folds_refuses_folds_that_do_not_match(tmp_path: Path) -> None:
    first, second = fold("a", "b", [("v", "b")]), fold("b", "a", [("v", "b")])
    heard, behind = second.runs
    for folds, words in (
        ([first, replace(second, runs=[heard])], "folds 1 and 2 differ in chain behind, seed 0"),
        ([first, replace(second, runs=[replace(heard, seed=2), behind])], "differ in chain heard, seed"),
        ([first, replace(second, runs=[replace(heard, prior=behind.prior), behind])], "differ in chain heard"),
        ([], "no folds were given"),
        ([first, first], "1 utterances are tested in two folds, a/u first"),
    ):
        with pytest.raises(CorpusError, match=words):
            evaluate_folds(folds, out=tmp_path, context=CONTEXT)


def test_evaluate_folds_warns_of_a_prior_fitted_on_test_speakers(tmp_path: Path) -> None:
    only = fold("a", "b", [("v", "b")])
    heard, behind = only.runs
    leaked = replace(behind, prior=replace(behind.prior, speakers=frozenset({"a", "z"})))
    warnings = evaluate_folds([replace(only, runs=[heard, leaked])], out=tmp_path, context=CONTEXT).metrics.warnings
    assert warnings == ("A prior was fitted on speakers it is tested on (a): it has seen the answers.",)
