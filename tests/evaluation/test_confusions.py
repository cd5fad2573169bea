"""Confusions: what was said, and what was written there, counted by hand."""

from asheard.evaluation.detection import most_frequent, substitutions_of
from asheard.evaluation.report.by_l1 import confusions, shares
from asheard.evaluation.tokens import token_rows
from asheard.phones import load_vectors
from support.markdown import parse_table
from support.small_gold import run, utterance

GOLD = [utterance(f"u{i}", [("z", "s" if i else "d"), ("t", "t")]) for i in range(4)]


def test_confusions_have_shares_of_what_was_said_and_written() -> None:
    rows = token_rows(GOLD, [run(GOLD, ["z t", "s t", "s t", "t"], "x")], vectors=load_vectors())
    substituted = substitutions_of(rows, "x")
    assert shares(substituted["perceived"], 9) == [("s", "75"), ("d", "25")]
    assert shares(substituted["predicted"], 9) == [("s", "50"), ("nothing", "25"), ("z", "25")]
    _, table = confusions(rows, "x", "Hindi")
    assert parse_table(table).rows == [
        {"phone": "z", "substitutions": "4", "said": "s", "said, %": "75", "written": "s", "written, %": "50"}
    ]


def test_most_frequent_breaks_ties_by_name() -> None:
    rows = token_rows(GOLD, [run(GOLD, ["d t", "s t", "s t", "d t"], "x")], vectors=load_vectors())
    assert list(most_frequent(rows.filter(canonical="z")["predicted"], 2)) == ["d", "s"]
