"""Gold of expert scores alone: its detection, its metrics by hand and by scipy, and the chains it cannot rank."""

import json
import random
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import expit
from scipy.stats import mannwhitneyu, pearsonr

from asheard.corpora.chains import GOP_PRIOR, L1_ENCODER, L1_ENCODER_UNKNOWN, L1_PRIOR
from asheard.corpora.records import ErrorType, Token, Utterance
from asheard.corpora.table import read_gold
from asheard.errors import CorpusError
from asheard.evaluation import ChainRun, Context, evaluate_runs
from asheard.evaluation.bootstrap import resample
from asheard.evaluation.expert_scores import (
    AUC,
    PCC,
    SCORE_SCHEME,
    ScoreMeasures,
    has_only_scores,
    not_ranked,
    scheme_for,
)
from asheard.evaluation.labels import LABEL_SCHEME
from asheard.evaluation.runs import copy_canonical
from asheard.evaluation.tokens import token_rows
from asheard.io.files import read_json
from asheard.phones import cos_dist, load_vectors
from asheard.phones.alignment import wper_align
from asheard.prior import build_prior
from support.scored_gold import SCORED, scored, scored_cases, scoring
from support.small_gold import GOLD, PHONES, run, utterance

VECTORS = load_vectors()
CONTEXT = Context(corpus="scores", split="s")
WITHOUT_WHOLE = ("collapse", "frr", "auc", "pcc", "precision", "recall", "f1")  # undefined without scores


def pooled(gold: Sequence[Utterance], runs: Sequence[ChainRun]) -> dict[str, ScoreMeasures]:
    rows = token_rows(gold, runs, vectors=VECTORS)
    utterances = SCORE_SCHEME.count(gold, runs, rows)
    names = dict.fromkeys(run.chain for run in runs)
    return {name: SCORE_SCHEME.measure(rows.filter(chain=name), utterances.filter(chain=name)) for name in names}


@pytest.mark.parametrize(
    ("more", "only_scores"),
    [
        ([], True),
        ([Token("t", "t", ErrorType.OK)], True),  # not everything need have a score
        ([Token("t", None, ErrorType.SUBSTITUTION)], True),  # what was said is not known
        ([Token("t", "t", ErrorType.SUBSTITUTION, accented=True)], True),  # the same broad phone
        ([Token("t", "d", ErrorType.SUBSTITUTION, score=0.0)], False),
        ([Token("t", None, ErrorType.DELETION, score=0.0)], False),
        ([Token(None, "t", ErrorType.ADDITION)], False),
        ([Token(None, None, ErrorType.ADDITION)], False),
    ],
)
def test_has_only_scores_is_false_with_one_label(more: list[Token], only_scores: bool) -> None:
    gold = [*SCORED, Utterance("c", "A", "Mandarin", None, None, tuple(more))]
    assert has_only_scores(gold) is only_scores
    assert scheme_for(gold) is (SCORE_SCHEME if only_scores else LABEL_SCHEME)


def test_scheme_for_a_table_of_scores(tmp_path: Path) -> None:
    table = [
        {"utt": row.utt, "speaker": row.speaker, "l1": row.l1, "canonical": list(row.canonical),
         "scores": [token.score for token in row.tokens]}
        for row in SCORED
    ]  # fmt: skip
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, table)))
    gold = read_gold(tmp_path / "gold.jsonl")
    assert [row.tokens for row in gold] == [row.tokens for row in SCORED]
    assert scheme_for(gold) is SCORE_SCHEME


def test_has_only_scores_needs_a_score() -> None:
    assert not has_only_scores(GOLD)
    assert not has_only_scores([utterance("a", [("t", "t"), ("d", "err")])])


def test_measure_scores_counted_by_hand() -> None:
    """t d ɪ for t d i; z z i, and ɪ left out, for s z ɪ i."""
    measures = pooled(SCORED, [run(SCORED, ["t d ɪ", "z z i"])])["x"]
    counts = {name: value for name, value in asdict(measures).items() if name.startswith("num_")}
    assert counts == {
        "num_utterances": 2,
        "num_tokens": 7,
        "num_scored": 7,
        "num_right": 4,
        "num_wrong": 2,
        "num_rejected": 3,
        "num_right_rejected": 2,
        "num_wrong_rejected": 0,
        "num_wrong_accepted": 2,
        "num_edits": 3,
    }
    chain_scores = [0, 0, -cos_dist("i", "ɪ"), -cos_dist("s", "z"), 0, -1, 0]
    assert measures.collapse == 1
    assert measures.frr == 2 / 4
    assert measures.precision == measures.recall == measures.f1 == 0
    assert measures.per_canonical == 3 / 7
    assert measures.auc == (0.5 + 0 + 0 + 0.5) / 4  # each right phone against two wrong ones, both at distance 0
    assert measures.pcc == pytest.approx(np.corrcoef(chain_scores, [2, 0.4, 1.8, 2, 0, 1.2, 2])[0, 1])


@given(scored_cases())
@settings(max_examples=40)
def test_measure_scores_matches_definitions(case: tuple[list[Utterance], ChainRun]) -> None:
    gold, one = case
    tokens = [token for row in gold for token in row.tokens]
    written = [
        phone
        for row, prediction in zip(gold, one.predictions, strict=True)
        for canonical, phone in wper_align(row.canonical, prediction.phones)
        if canonical is not None
    ]
    accepted = np.array([phone == token.canonical for phone, token in zip(written, tokens, strict=True)])
    score = np.array([token.score for token in tokens])
    if one.scores_positions:
        close = np.array([value for row in one.predictions for value in row.position_scores or ()])
    else:
        rows = token_rows(gold, [one], vectors=VECTORS)
        close = -rows.sort("utt", "index")["cos_dist"].to_numpy()
    right, wrong = score >= 1.8, score < 0.5
    measures = pooled(gold, [one])["x"]

    def share(part: np.ndarray, whole: np.ndarray) -> Any:
        return pytest.approx((part & whole).sum() / whole.sum()) if whole.any() else None

    assert measures.collapse == share(accepted, wrong)
    assert measures.frr == share(~accepted, right)
    assert measures.precision == share(wrong, ~accepted)
    assert measures.recall == share(~accepted, wrong)
    if right.any() and wrong.any():
        pairs = right.sum() * wrong.sum()
        assert measures.auc == pytest.approx(mannwhitneyu(close[right], close[wrong]).statistic / pairs)
    else:
        assert measures.auc is None
    bounded = expit(close) if one.scores_positions else close
    if np.ptp(score) > 0 and np.ptp(bounded) > 1e-3:
        assert measures.pcc == pytest.approx(pearsonr(bounded, score).statistic)
    elif np.ptp(score) == 0 or np.ptp(close) == 0:
        assert measures.pcc is None


@given(scored_cases())
@settings(max_examples=20)
def test_resample_scores_first_value_is_the_metric(case: tuple[list[Utterance], ChainRun]) -> None:
    gold, one = case
    rows = token_rows(gold, [one], vectors=VECTORS)
    utterances = SCORE_SCHEME.count(gold, [one], rows)
    measures = SCORE_SCHEME.measure(rows, utterances)
    resampled = resample(utterances, rows, SCORE_SCHEME).values["x"]
    assert set(resampled) == set(SCORE_SCHEME.all_metrics)
    for metric, numbers in resampled.items():
        value = metric.of(measures)
        assert numbers.values[0] == pytest.approx(np.nan if value is None else value, nan_ok=True), metric.key


def test_measure_scores_of_copying_the_canonical() -> None:
    copied = pooled(SCORED, [copy_canonical(SCORED)])["copy the canonical"]
    assert [getattr(copied, name) for name in ("collapse", "frr", "auc", "recall", "f1", "per_canonical")] == [
        1,
        0,
        0.5,
        0,
        0,
        0,
    ]
    assert copied.precision is copied.pcc is None


def test_measure_scores_of_writing_nothing() -> None:
    silent = pooled(SCORED, [run(SCORED, ["", ""])])["x"]
    assert [getattr(silent, name) for name in ("collapse", "frr", "auc", "recall", "per_canonical")] == [
        0,
        1,
        0.5,
        1,
        1,
    ]
    assert silent.precision == 2 / 7
    assert silent.pcc is None


def test_measure_scores_of_random_phones_is_chance() -> None:
    chance = random.Random(4)
    gold = [
        scored(f"u{i}", " ".join(f"{phone} {chance.choice([0, 1, 2])}" for phone in chance.choices(PHONES, k=9)))
        for i in range(400)
    ]
    written = [" ".join(chance.choices(PHONES, k=9)) for _ in gold]
    measures = pooled(gold, [run(gold, written)])["x"]
    assert measures.auc == pytest.approx(0.5, abs=0.03)
    assert measures.pcc == pytest.approx(0, abs=0.05)
    assert measures.frr == pytest.approx(1 - measures.collapse, abs=0.05)


def test_measure_scores_zero_denominator_is_none() -> None:
    between = [scored("a", "t 1 d 1.2")]
    measures = pooled(between, [run(between, ["t d"])])["x"]
    assert {getattr(measures, name) for name in ("collapse", "frr", "auc", "pcc", "precision", "recall", "f1")} == {
        None
    }
    unscored = [Utterance("c", "A", "Mandarin", None, None, (Token("t", "t", ErrorType.OK),))]
    measures = pooled(unscored, [run(unscored, ["d"])])["x"]
    assert measures.num_scored == 0
    assert measures.per_canonical == 1
    assert {getattr(measures, name) for name in ("collapse", "frr", "auc", "pcc", "precision", "recall", "f1")} == {
        None
    }
    empty = [Utterance("c", "A", "Mandarin", None, None, ())]
    assert pooled(empty, [run(empty, ["d"])])["x"].per_canonical is None


def test_measure_scores_uses_position_scores() -> None:
    one = scoring(run(SCORED, ["t d i", "s z ɪ i"]), (4.0, -1.0, 3.0), (5.0, -2.0, 0.5, 4.5))
    measures = pooled(SCORED, [one])["x"]
    assert measures.auc == 1
    assert measures.collapse == 1  # it wrote the canonical all the same
    expected = pearsonr(expit([4, -1, 3, 5, -2, 0.5, 4.5]), [2, 0.4, 1.8, 2, 0, 1.2, 2]).statistic
    assert measures.pcc == pytest.approx(expected)


def test_intervals_of_reversed_position_scores_are_below_chance() -> None:
    gold = [scored(f"u{index}", "t 2 d 0 s 2 z 0", f"S{index}") for index in range(4)]
    values = [(-1.0, 1.0 + index, -2.0, 3.0) for index in range(4)]
    one = scoring(run(gold, ["t d s z"] * 4), *values)
    rows = token_rows(gold, [one], vectors=VECTORS)
    intervals = resample(SCORE_SCHEME.count(gold, [one], rows), rows, SCORE_SCHEME).intervals()["x"].values
    assert intervals[AUC] == (0, 0)
    low, high = intervals[PCC]
    assert -1 <= low < pooled(gold, [one])["x"].pcc < high < 0


PRIOR = build_prior([("Hindi", "t", "d", None)] * 20, threshold=VECTORS.threshold)


@pytest.mark.parametrize(
    ("l1s", "reasons"),
    [
        (
            ["Hindi"],
            {
                L1_ENCODER: "it needs several first languages, and the gold has one (Hindi)",
                L1_ENCODER_UNKNOWN: "it needs several first languages, and the gold has one (Hindi)",
                GOP_PRIOR: "it needs several first languages, and the gold has one (Hindi)",
                L1_PRIOR: "it needs several first languages, and the gold has one (Hindi)",
            },
        ),
        (["Hindi", "Korean", "Thai"], {L1_PRIOR: "its prior knows Hindi, but not Korean, Thai"}),
    ],
)
def test_not_ranked_names_chains_that_depend_on_first_languages(
    tmp_path: Path, l1s: list[str], reasons: dict[str, str]
) -> None:
    gold = [replace(row, speaker=l1 + row.speaker, l1=l1) for l1 in l1s for row in SCORED]
    names = ("x", L1_ENCODER, L1_ENCODER_UNKNOWN, GOP_PRIOR, L1_PRIOR)
    runs = [run(gold, [" ".join(row.canonical) for row in gold], name) for name in names]
    runs[-1] = replace(runs[-1], prior=PRIOR)
    metrics = evaluate_runs(gold, runs, out=tmp_path, context=CONTEXT).metrics
    assert metrics.not_ranked == reasons
    assert list(metrics.chains) == [name for name in names if name not in reasons]


def test_not_ranked_names_a_chain_with_a_prior_that_knows_every_l1() -> None:
    prior = build_prior([("Hindi", "t", "d", None), ("Korean", "t", "d", None)], threshold=VECTORS.threshold)
    (reason,) = not_ranked([replace(run(SCORED, ["", ""]), prior=prior)], {"Hindi", "Korean"}).values()
    assert "changes none of these numbers" in reason


def test_evaluate_runs_ranks_all_chains_on_labels(tmp_path: Path) -> None:
    """One L1, and labels of what was said."""
    gold = [utterance("a", [("t", "d"), ("i", "i")])]
    runs = [run(gold, ["t i"], L1_ENCODER), replace(run(gold, ["t i"], L1_PRIOR), prior=PRIOR)]
    metrics = evaluate_runs(gold, runs, out=tmp_path, context=CONTEXT).metrics
    assert list(metrics.chains) == [L1_ENCODER, L1_PRIOR]
    assert not {"gold", "not_ranked"} & read_json(tmp_path / "metrics.json").keys()


def test_evaluate_runs_without_a_rankable_chain_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nothing to rank: .*ft-l2-l1-encoder: it needs several first languages"):
        evaluate_runs(SCORED, [run(SCORED, ["", ""], L1_ENCODER)], out=tmp_path, context=CONTEXT)


def test_evaluate_runs_unranked_chain_may_miss_predictions(tmp_path: Path) -> None:
    some = run(SCORED[:1], ["t"], L1_ENCODER)
    metrics = evaluate_runs(SCORED, [run(SCORED, ["t", "s"]), some], out=tmp_path, context=CONTEXT).metrics
    assert list(metrics.chains) == ["x"]


@pytest.mark.shared
def test_evaluate_runs_on_real_scores(real_data: Path, tmp_path: Path) -> None:
    gold = read_gold(real_data / "speechocean762" / "test.jsonl")
    with warnings.catch_warnings(action="error"):
        metrics = evaluate_runs(
            gold, [replace(copy_canonical(gold), chain="copy")], out=tmp_path, context=CONTEXT
        ).metrics
    measures = metrics.chains["copy"].pooled
    assert [getattr(measures, f"num_{name}") for name in ("tokens", "right", "wrong")] == [23886, 21045, 685]
    assert (measures.collapse, measures.frr, measures.per_canonical) == (1, 0, 0)
    assert metrics.chains["copy"].intervals.pooled.num_units == 63
