"""Forced alignment against all paths."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.phones import BLANK_ID
from asheard.pronunciation.ctc_alignment import force_align, min_frames

NUM_LABELS = 4  # padding, the blank, two phones


def best_paths(log_probs, label_ids):
    """The most likely of all paths that collapse to the phones, several where they tie."""
    found = []
    for path in product(range(1, NUM_LABELS), repeat=len(log_probs)):
        if [label for label, _ in groupby(path) if label != BLANK_ID] == list(label_ids):
            found.append((sum(log_probs[t, label] for t, label in enumerate(path)), path))
    top = max(score for score, _ in found)
    return [path for score, path in found if score > top - 1e-9]


def spans_of(path):
    spans, start = [], 0
    for label, run in groupby(path):
        end = start + len(list(run))
        if label != BLANK_ID:
            spans.append([start, end])
        start = end
    return spans


@given(
    label_ids=st.lists(st.integers(2, NUM_LABELS - 1), min_size=1, max_size=4),
    num_spare=st.integers(0, 3),
    seed=st.integers(0, 1_000),
)
def test_force_align_is_the_best_of_all_paths(label_ids, num_spare, seed):
    ids = np.array(label_ids)
    logits = np.random.default_rng(seed).normal(0, 3, (min_frames(ids) + num_spare, NUM_LABELS))
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    assert force_align(log_probs, ids).tolist() in [spans_of(path) for path in best_paths(log_probs, label_ids)]


@given(label_ids=st.lists(st.integers(2, NUM_LABELS - 1), min_size=1, max_size=6))
def test_min_frames_is_the_least_that_holds_the_phones(label_ids):
    ids = np.array(label_ids)
    num_frames = min_frames(ids)
    spans = force_align(np.zeros((num_frames, NUM_LABELS)), ids)
    assert (np.diff(spans, axis=1) == 1).all()
    with pytest.raises(ValueError, match="cannot hold"):
        force_align(np.zeros((num_frames - 1, NUM_LABELS)), ids)


def test_force_align_phones_that_the_model_rules_out():
    log_probs = np.full((3, NUM_LABELS), -np.inf)
    log_probs[:, BLANK_ID] = 0.0
    spans = force_align(log_probs, np.array([2, 3]))
    assert (spans[:, 0] < spans[:, 1]).all()
    assert spans[0, 1] <= spans[1, 0] < spans[1, 1] <= 3
