"""Rotating the held-out speakers: every speaker is tested once, by a model that was not trained on them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.l2arctic import SPK_L1, TEST_SPK
from asheard.corpora.splits import rotate
from asheard.errors import CorpusError


def test_rotate_tests_all_24_speakers_of_l2arctic_once() -> None:
    folds = rotate(SPK_L1, TEST_SPK, 4)
    assert folds[0] == TEST_SPK
    assert folds[1] == {"YBAA", "NCC", "SVBI", "YDCK", "MBMPS", "THV"}
    assert Counter(speaker for fold in folds for speaker in fold) == Counter(SPK_L1.keys())
    for fold in folds:
        assert sorted(SPK_L1[speaker] for speaker in fold) == sorted(set(SPK_L1.values()))


@given(
    st.lists(st.integers(2, 5), min_size=1, max_size=3),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_rotate_tests_no_speaker_twice(sizes: list[int], num_folds: int, rng: object) -> None:
    l1s = {f"{l1}{speaker}": str(l1) for l1, size in enumerate(sizes) for speaker in range(size)}
    held_out = {rng.choice([speaker for speaker in l1s if l1s[speaker] == l1]) for l1 in set(l1s.values())}
    if num_folds > min(sizes):
        with pytest.raises(CorpusError, match="use fewer folds"):
            rotate(l1s, held_out, num_folds)
        return
    folds = rotate(l1s, held_out, num_folds)
    assert len(folds) == num_folds
    assert folds[0] == held_out
    assert len(set().union(*folds)) == num_folds * len(sizes)
    assert all(Counter(map(l1s.get, fold)) == Counter(set(l1s.values())) for fold in folds)


def test_rotate_never_holds_out_an_l1_without_test_speakers() -> None:
    assert rotate({"a": "Hindi", "b": "Hindi", "alone": "Thai"}, {"b"}, 2) == [{"b"}, {"a"}]
