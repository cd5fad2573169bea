"""Confusions: what was said, and what was written there, counted by hand."""

from asheard.evaluation.detection import most_frequent, substitutions_of
from asheard.evaluation.report.misses import confusions
from asheard.evaluation.tokens import token_rows
from asheard.phones import load_vectors
from support.small_gold import run, utterance

GOLD = [utterance(f"u{i}", [("z", "s" if i else "d"), ("t", "t")]) for i in range(4)]


def test_shares_of_what_was_said_and_written() -> None:
    rows = token_rows(GOLD, [run(GOLD, ["z t", "s t", "s t", "t"], "x")], vectors=load_vectors())
    assert most_frequent(substitutions_of(rows, "x")["perceived"], 1) == {"s": 3}
    text = "\n".join(
        confusions(
            rows,
            {
                "chains": {"x": {"pooled": {"per": 0.1, "frr_class": 0, "atypical_errors_caught": 0}}},
                "copy_canonical": {"per_l1": {"Hindi": {}}},
            },
        )
    )
    row = [cell.strip() for cell in text.splitlines()[-1].strip("|").split("|")]
    assert row == ["Hindi", "z", "4", "s 75, d 25", "s 50, nothing 25, z 25"]


def test_ties_go_by_name() -> None:
    rows = token_rows(GOLD, [run(GOLD, ["d t", "s t", "s t", "d t"], "x")], vectors=load_vectors())
    assert list(most_frequent(rows.filter(canonical="z")["predicted"], 2)) == ["d", "s"]
