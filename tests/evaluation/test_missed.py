"""Phones that collapse most and errors missed most often, counted by hand."""

import polars as pl
import pytest
from scipy.stats import binomtest

from asheard.corpora.records import Utterance
from asheard.evaluation.detection import MIN_SUBSTITUTIONS, NUM_MISSED, collapse_by, most_missed
from asheard.evaluation.tokens import token_rows
from asheard.phones import load_vectors
from support.small_gold import run, token, utterance

VECTORS = load_vectors()


def rows(gold: list[Utterance], *texts: list[str]) -> pl.DataFrame:
    """Rows of one chain, a seed a list of texts."""
    runs = [run(gold, list(text), seed=seed) for seed, text in enumerate(texts)]
    return token_rows(gold, runs, vectors=VECTORS)


def spoken(num: int, canonical: str, said: str, position: str | None = None) -> list[Utterance]:
    """`num` utterances of one token between two that are said right."""
    return [
        Utterance(
            f"{canonical}{said}{index}", "S", "Hindi", None, None,
            (token("k", "k"), token(canonical, said, position), token("k", "k")),
        )
        for index in range(num)
    ]  # fmt: skip


def test_collapse_by_phone_has_wilson_intervals() -> None:
    gold = spoken(25, "z", "s", "coda") + spoken(40, "t", "d", "onset") + spoken(MIN_SUBSTITUTIONS - 1, "i", "ɪ")
    written = ["k z k"] * 20 + ["k s k"] * 5 + ["k t k"] * 10 + ["k d k"] * 30 + ["k i k"] * (MIN_SUBSTITUTIONS - 1)
    table = collapse_by(rows(gold, written), "canonical")
    assert table.select("canonical", "num_substitutions", "collapse").rows() == [("z", 25, 0.8), ("t", 40, 0.25)]
    for (low, high), (missed, made) in zip(table.select("low", "high").rows(), [(20, 25), (10, 40)], strict=True):
        wilson = binomtest(missed, made).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((wilson.low, wilson.high))


def test_collapse_by_position_needs_known_positions() -> None:
    gold = spoken(25, "z", "s", "coda") + spoken(30, "t", "d")
    table = collapse_by(rows(gold, ["k z k"] * 25 + ["k t k"] * 30), "position")
    assert table.select("position", "num_substitutions", "collapse").rows() == [("coda", 25, 1.0)]


def test_collapse_by_averages_seeds() -> None:
    gold = spoken(20, "z", "s")
    one, two = ["k z k"] * 20, ["k s k"] * 20
    assert collapse_by(rows(gold, one, two), "canonical").select("num_substitutions", "collapse").rows() == [(20, 0.5)]
    assert collapse_by(rows(gold[:10], one[:10], two[:10]), "canonical").is_empty()
    assert most_missed(rows(gold, one, two), "Hindi").rows() == [("z", "s", 10.0, 20)]


def test_most_missed_counts_every_kind_of_error() -> None:
    gold = [
        utterance("a", [("k", "k"), ("t", None), ("z", "err"), ("i", "ɪ"), ("d", "t")]),
        utterance("b", [("t", None)]),
    ]
    gold.append(utterance("c", [("i", "ɪ")], l1="Korean"))
    table = most_missed(rows(gold, ["k t z i t", "t", "i"]), "Hindi")
    assert table.rows() == [("t", "nothing", 2.0, 2), ("i", "ɪ", 1.0, 1), ("z", "err", 1.0, 1)]


def test_most_missed_is_limited() -> None:
    phones = ("p", "b", "t", "d", "k", "ɡ", "f", "v", "s", "z", "θ", "ð")
    gold = [utterance(phone, [(phone, "ʃ")]) for phone in phones]
    table = most_missed(rows(gold, list(phones)), "Hindi")
    assert table.height == NUM_MISSED
    assert table["canonical"].to_list() == sorted(phones)[:NUM_MISSED]
