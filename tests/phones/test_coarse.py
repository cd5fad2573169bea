"""Merges for gold sets coarser than the inventory."""

import pytest

from asheard.corpora.coarsening import coarsening
from asheard.phones import PHONES


@pytest.mark.parametrize(
    ("absent", "partner"), [("ə", "ʌ"), ("ʌ", "ə"), ("ʃ", "ʒ"), ("ʒ", "ʃ"), ("ɔ", "ɑ"), ("ɑ", "ɔ")]
)
def test_an_absent_phone_goes_to_its_partner(absent, partner):
    gold = [phone for phone in PHONES if phone != absent] * 100
    assert coarsening(gold) == {absent: partner}


def test_the_real_label_set_of_36_phones():
    gold = [phone for phone in PHONES if phone not in ("ʃ", "ʌ", "ɔ")] * 100  # sh as zh, ah as ax, ao as aa
    assert coarsening(iter(gold)) == {"ʃ": "ʒ", "ʌ": "ə", "ɔ": "ɑ"}


def test_a_fine_gold_set_is_left_alone():
    assert coarsening(PHONES * 100) == {}
    assert coarsening([*PHONES, *["ə"] * 1000]) == {}  # one ʌ is enough to show the annotators know it


def test_too_small_a_gold_set_tells_nothing():
    assert coarsening(["ə"] * 99) == {}
    assert coarsening(["ə"] * 100) == {"ʌ": "ə"}
    assert coarsening([]) == {}


def test_a_few_of_a_rare_phone_and_none_of_the_common_one_are_enough():
    """For each ʒ come 15 ʃ in running English."""
    assert coarsening(["ʒ"] * 6) == {}
    assert coarsening(["ʒ"] * 7) == {"ʃ": "ʒ"}
    assert coarsening([*["ʒ"] * 33, "ʃ"]) == {}


def test_neither_present_is_no_merge():
    gold = [phone for phone in PHONES if phone not in ("ʃ", "ʒ")] * 100
    assert coarsening(gold) == {}
