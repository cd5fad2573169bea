"""Utterance rows: edits against the produced phones, and counts that add up to those of the token rows."""

from hypothesis import given, settings

from asheard.evaluation.counts import ALL_COUNTS, UTTERANCE_SCHEMA, utterance_rows
from asheard.evaluation.tokens import token_rows
from asheard.phones import ERR, load_vectors
from support.small_gold import GOLD, Case, cases, run, utterance

VECTORS = load_vectors()


def test_utterance_rows_edits_count_additions_and_unnamed_sounds() -> None:
    chain = run(GOLD, ["d ə k ɛ", "v i s"])
    counted = utterance_rows(GOLD, [chain], token_rows(GOLD, [chain], vectors=VECTORS))
    assert counted.schema == UTTERANCE_SCHEMA
    assert counted.select("utt", "num_edits", "num_produced").rows() == [("a", 1, 5), ("b", 2, 4)]


def test_utterance_rows_unnamed_sound_is_never_correct() -> None:
    gold = [utterance("a", [("t", "t"), ("s", "err")])]
    chain = run(gold, [f"t {ERR}"])
    counted = utterance_rows(gold, [chain], token_rows(gold, [chain], vectors=VECTORS))
    assert counted.select("num_edits", "num_cd", "num_de").row(0) == (1, 0, 1)


@given(cases())
@settings(max_examples=30)
def test_utterance_rows_add_up_to_token_rows(case: Case) -> None:
    rows = token_rows(case.gold, case.runs, vectors=VECTORS, typical=case.typical)
    counted = utterance_rows(case.gold, case.runs, rows)
    assert counted.height == len(case.gold) * len(case.runs)
    assert counted["num_tokens"].sum() == rows.height
    keys = counted.filter(chain="a", seed=1).select("speaker", "utt").rows()
    assert keys == sorted(row.key for row in case.gold)
    for row in counted.iter_rows(named=True):
        assert min(row[name] for name in ALL_COUNTS) >= 0
        assert row["num_acceptable"] + row["num_atypical_errors"] == row["num_tokens"]
        assert row["num_fr"] <= row["num_fr_strict"] <= row["num_ta"] + row["num_fr"]
