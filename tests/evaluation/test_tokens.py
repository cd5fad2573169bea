"""Token rows: one for each canonical position, the same positions in every chain and seed."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asheard.evaluation.runs import ChainRun
from asheard.evaluation.tokens import TOKEN_SCHEMA, token_rows
from asheard.phones import ERR, load_vectors
from asheard.prior import build_prior
from support.small_gold import GOLD, Case, cases, run, utterance

VECTORS = load_vectors()
AS_SAID = ["d ə k ɛ ə", "v i s"]


def rows_for(*runs: ChainRun, typical: frozenset[tuple[str, str, str]] = frozenset()) -> pl.DataFrame:
    return token_rows(GOLD, runs, vectors=VECTORS, typical=typical)


def test_token_rows_of_canonical_positions() -> None:
    rows = rows_for(run(GOLD, AS_SAID), typical=frozenset({("Hindi", "ð", "d")}))
    assert dict(rows.schema) == TOKEN_SCHEMA
    table = rows.select("utt", "index", "canonical", "perceived", "error_type", "predicted", "collapsed").rows()
    assert table == [
        ("a", 0, "ð", "d", "s", "d", False),
        ("a", 1, "ə", "ə", "ok", "ə", None),
        ("a", 2, "k", "k", "ok", "k", None),
        ("a", 3, "æ", "ɛ", "s", "ɛ", False),
        ("a", 4, "t", None, "d", "ə", None),
        ("b", 0, "v", None, "s", "v", None),
        ("b", 1, "i", "i", "ok", "i", None),
        ("b", 2, "z", "s", "s", "s", False),
    ]
    assert rows["l1_typical"].to_list() == [True] + 7 * [False]
    assert rows["speaker"].unique().sort().to_list() == ["Hindi-speaker", "Korean-speaker"]


def test_token_rows_distances() -> None:
    rows = rows_for(run(GOLD, ["d ə k ɛ", "f i s"]))
    expected = [
        VECTORS.cos_dist("ð", "d"),
        0,
        0,
        VECTORS.cos_dist("æ", "ɛ"),
        1,
        VECTORS.cos_dist("v", "f"),
        0,
    ]
    assert rows["cos_dist"].to_list() == pytest.approx([*expected, VECTORS.cos_dist("z", "s")])
    said = [
        VECTORS.cos_dist("ð", "d"),
        0,
        0,
        VECTORS.cos_dist("æ", "ɛ"),
        1,
        None,
        0,
        VECTORS.cos_dist("z", "s"),
    ]
    assert rows["gold_cos_dist"].to_list() == [None if value is None else pytest.approx(value) for value in said]


def test_token_rows_collapsed_at_named_substitutions_only() -> None:
    rows = rows_for(run(GOLD, ["ð ə k æ t", "v i z"]))
    assert rows.filter(pl.col("collapsed"))["canonical"].to_list() == ["ð", "æ", "z"]
    assert rows.filter(pl.col("collapsed").is_null())["canonical"].to_list() == ["ə", "k", "t", "v", "i"]


def test_token_rows_folded_substitution_is_ok() -> None:
    gold = [utterance("a", [("ə", "ə"), ("t", "d")])]
    folded = replace(gold[0].tokens[0], error_type=gold[0].tokens[1].error_type)
    gold = [replace(gold[0], tokens=(folded, gold[0].tokens[1]))]
    rows = token_rows(gold, [run(gold, ["ə t"])], vectors=VECTORS)
    assert rows["error_type"].to_list() == ["ok", "s"]
    assert rows["collapsed"].to_list() == [None, True]


def test_token_rows_class_by_threshold() -> None:
    rows = rows_for(run(GOLD, AS_SAID))
    called = [distance >= VECTORS.threshold for distance in rows["cos_dist"]]
    assert (rows["class_pred"] == "error").to_list() == called


def test_token_rows_class_with_prior() -> None:
    sides = [("ð", "d", "onset"), ("ð", "d", "coda")]
    gold = [
        utterance("a", [side[:2] for side in sides]),
        utterance("b", [side[:2] for side in sides], "Korean"),
    ]
    gold = [
        replace(row, tokens=tuple(replace(t, position=side[2]) for t, side in zip(row.tokens, sides, strict=True)))
        for row in gold
    ]
    shown = [("Hindi", "ð", "d", "onset")] * 20 + [("Hindi", "ð", "ð", "coda")] * 20
    prior = build_prior(shown, threshold=VECTORS.threshold)
    rows = token_rows(gold, [run(gold, ["d d", "d d"], prior=prior)], vectors=VECTORS)
    assert VECTORS.cos_dist("ð", "d") >= VECTORS.threshold
    assert rows["class_pred"].to_list() == ["variant", "error", "error", "error"]


def test_token_rows_predicted_err_is_an_error() -> None:
    prior = build_prior([("Hindi", "t", "d", None)], threshold=VECTORS.threshold)
    gold = [utterance("a", [("t", "t"), ("s", "err")])]
    for scorer in (None, prior):
        rows = token_rows(gold, [run(gold, [f"{ERR} {ERR}"], prior=scorer)], vectors=VECTORS)
        assert rows["cos_dist"].to_list() == [1, 1]
        assert rows["class_pred"].to_list() == ["error", "error"]


@given(cases(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_token_rows_do_not_depend_on_order(case: Case, random: object) -> None:
    rows = token_rows(case.gold, case.runs, vectors=VECTORS, typical=case.typical)
    gold = list(case.gold)
    random.shuffle(gold)
    runs = [replace(row, predictions=sorted(row.predictions, key=lambda _: random.random())) for row in case.runs]
    assert token_rows(gold, runs, vectors=VECTORS, typical=case.typical).equals(rows)


@given(cases())
@settings(max_examples=40)
def test_token_rows_have_the_same_positions_in_every_run(case: Case) -> None:
    rows = token_rows(case.gold, case.runs, vectors=VECTORS, typical=case.typical)
    gold_columns = ["utt", "speaker", "l1", "index", "position", "canonical", "perceived", "error_type"]
    parts = [rows.filter(chain=part.chain, seed=part.seed).select(gold_columns) for part in case.runs]
    assert all(part.equals(parts[0]) for part in parts)
    assert parts[0].height == sum(len(row.canonical) for row in case.gold)


def test_token_rows_key_is_speaker_and_utt() -> None:
    gold = [utterance("a", [("t", "t")]), utterance("a", [("t", "d")], "Korean")]
    rows = token_rows(gold, [run(gold, ["t", "d"])], vectors=VECTORS)
    assert rows["predicted"].to_list() == ["t", "d"]
