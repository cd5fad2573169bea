"""Greedy CTC decoding against the definition, and the loss against a sum over all paths."""

from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asheard.recognition.decoding import decode_recognition, find_segments
from asheard.training.data import Batch
from asheard.training.step import ctc_loss

paths = st.lists(st.integers(0, 5), min_size=1, max_size=25)


def certain(path: list[int]) -> torch.Tensor:
    """(1, T, 6) log probabilities of a model that is sure of each frame."""
    return torch.nn.functional.one_hot(torch.tensor([path]), 6).float().mul(20).log_softmax(-1)


@given(paths)
def test_find_segments_merges_repeats_and_removes_blanks(path):
    expected = [label for label, _ in groupby(path) if label > 1]
    assert [segment.label_id for segment in find_segments(certain(path)[0].numpy())] == expected


def test_decode_confidence_is_the_mean_posterior():
    probabilities = np.full((1, 4, 6), 0.02)
    for frame, (label, probability) in enumerate([(3, 0.9), (3, 0.5), (1, 0.9), (3, 0.9)]):
        probabilities[0, frame] = (1 - probability) / 5
        probabilities[0, frame, label] = probability
    segments = find_segments(np.log(probabilities[0]))
    assert [(s.label_id, s.start, s.end) for s in segments] == [(3, 0, 2), (3, 3, 4)]
    assert [s.confidence for s in segments] == pytest.approx([0.7, 0.9])


def test_decode_times_are_frames_of_20_ms():
    transcript = decode_recognition(certain([1, 2, 2, 1, 3])[0].numpy(), 0.02).transcript
    assert transcript.phones == ("p", "b")
    assert transcript.times_s == ((0.02, pytest.approx(0.06)), (0.08, pytest.approx(0.10)))


def test_ctc_loss_sums_over_every_path():
    """Our call of CTC (blank 1, nats a label) is -log of the sum over all paths that decode to the target."""
    torch.manual_seed(0)
    logits, target = torch.randn(1, 5, 4), [2, 3, 3]
    log_probs = logits.log_softmax(-1)[0]
    total = sum(
        float(torch.stack([log_probs[frame, label] for frame, label in enumerate(path)]).sum().exp())
        for path in product(range(4), repeat=5)
        if [label for label, _ in groupby(path) if label != 1] == target
    )
    batch = Batch(
        torch.zeros(1, 1), torch.tensor([1]), torch.tensor([target]), torch.tensor([3]), ("x",), ("x",), ("x",)
    )
    loss = float(ctc_loss(logits, torch.tensor([5]), batch))
    assert loss == pytest.approx(-np.log(total) / len(target), rel=1e-5)
