"""Merges for gold sets coarser than the inventory."""

import pytest

from asheard.corpora.coarsening import coarsening
from asheard.phones import PHONES


@pytest.mark.parametrize(
    ("absent", "partner"), [("ə", "ʌ"), ("ʌ", "ə"), ("ʃ", "ʒ"), ("ʒ", "ʃ"), ("ɔ", "ɑ"), ("ɑ", "ɔ")]
)
def test_coarsening_merges_an_absent_phone_with_its_partner(absent, partner):
    gold = [phone for phone in PHONES if phone != absent] * 100
    assert coarsening(gold) == {absent: partner}


def test_coarsening_of_the_real_36_phones():
    gold = [phone for phone in PHONES if phone not in ("ʃ", "ʌ", "ɔ")] * 100  # sh as zh, ah as ax, ao as aa
    assert coarsening(iter(gold)) == {"ʃ": "ʒ", "ʌ": "ə", "ɔ": "ɑ"}


def test_coarsening_of_fine_gold_is_empty():
    assert coarsening(PHONES * 100) == {}
    assert coarsening([*PHONES, *["ə"] * 1000]) == {}  # one ʌ is enough to show the annotators know it


def test_coarsening_of_small_gold_is_empty():
    assert coarsening(["ə"] * 99) == {}
    assert coarsening(["ə"] * 100) == {"ʌ": "ə"}
    assert coarsening([]) == {}


def test_coarsening_with_few_of_a_rare_phone():
    """For each ʒ come 15 ʃ in running English."""
    assert coarsening(["ʒ"] * 6) == {}
    assert coarsening(["ʒ"] * 7) == {"ʃ": "ʒ"}
    assert coarsening([*["ʒ"] * 33, "ʃ"]) == {}


def test_coarsening_without_both_phones_is_empty():
    gold = [phone for phone in PHONES if phone not in ("ʃ", "ʒ")] * 100
    assert coarsening(gold) == {}
