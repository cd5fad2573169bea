"""The loss of targets with wildcard labels equals the sum over all label paths; without them it is that of PyTorch."""

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import groupby, product
from math import log, prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asheard.corpora.records import ErrorType, Token, read_manifest, write_manifest
from asheard.models import read_card
from asheard.phones import BLANK_ID
from asheard.training import TrainingOptions, train
from asheard.training.data import Batch
from asheard.training.step import ctc_loss
from asheard.training.wildcard_ctc import least_frames, wildcard_ctc_loss

PHONES = (2, 3, 4)
NUM_IDS = 5  # after padding and blank
TARGETS = st.lists(st.sampled_from([*PHONES, *(-phone for phone in PHONES), -BLANK_ID]), min_size=1, max_size=5)


def random_log_probs(num_frames, num_rows=1, seed=0, num_ids=NUM_IDS):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(num_frames, num_rows, num_ids, generator=generator, dtype=torch.float64)
    return logits.log_softmax(-1)


def loss_of(log_probs, targets, num_frames=None):
    longest = max(map(len, targets))
    padded = torch.tensor([[*target, *[0] * (longest - len(target))] for target in targets])
    frames = torch.full((len(targets),), len(log_probs)) if num_frames is None else torch.tensor(num_frames)
    return wildcard_ctc_loss(log_probs, padded, frames, torch.tensor([len(target) for target in targets]))


@cache
def num_ways(target, phones):
    """The number of ways in which a target gives a sequence, as the module counts them, from left to right."""
    if not target:
        return int(not phones)
    run = next((i for i, label in enumerate(target) if label >= -BLANK_ID), len(target))
    if run:
        wildcards, rest = target[:run], target[run:]
        return sum(accepts(wildcards, phones[:n]) * num_ways(rest, phones[n:]) for n in range(len(phones) + 1))
    return int(bool(phones) and target[0] in (phones[0], -BLANK_ID)) and num_ways(target[1:], phones[1:])


def accepts(wildcards, phones):
    """Whether a run of wildcards can be these phones: some of them, in order, accept one each."""
    remaining = iter(wildcards)
    return all(any(phone != -wildcard for wildcard in remaining) for phone in phones)


def likelihood(log_probs, target):
    """The sum over all label paths of one utterance."""
    probabilities = log_probs[:, 0].exp().tolist()
    of_sequence = Counter()
    for path in product((BLANK_ID, *PHONES), repeat=len(probabilities)):
        phones = tuple(label for label, _ in groupby(path) if label != BLANK_ID)
        of_sequence[phones] += prod(frame[label] for frame, label in zip(probabilities, path, strict=True))
    return sum(probability * num_ways(tuple(target), phones) for phones, probability in of_sequence.items())


@settings(max_examples=40)
@given(TARGETS, st.integers(1, 5), st.integers(0, 99))
def test_wildcard_ctc_loss_is_the_sum_over_all_paths(target, num_frames, seed):
    log_probs = random_log_probs(num_frames, seed=seed)
    expected = likelihood(log_probs, target)
    assert bool(expected) == (num_frames >= least_frames(target))
    # A target that does not fit counts as 0.
    assert float(loss_of(log_probs, [target])) == pytest.approx(-log(expected or 1) / len(target), abs=1e-9)


@pytest.mark.parametrize("target", [(-2, -2), (-2, -3), (2, -3, 4), (-4, -4, -4), (2, -2, 2), (-BLANK_ID, -2)])
def test_wildcard_ctc_loss_counts_every_sequence_once(target):
    """Alone, in a row, or between two labels, no wildcard repeats a sequence of another."""
    log_probs = random_log_probs(5)
    once = 0.0
    for length in range(len(target) + 1):
        for phones in product(PHONES, repeat=length):
            if num_ways(target, phones):
                once += likelihood(log_probs, phones)
    assert float(loss_of(log_probs, [target])) * len(target) == pytest.approx(-log(once))


def test_num_ways_of_a_label_between_two_wildcards():
    assert num_ways((-2, 3, -2), (3, 3)) == 2
    assert num_ways((-2, 3), (3, 3)) == num_ways((-2, 3, -2), (4, 3)) == 1


@settings(max_examples=10)
@given(TARGETS, st.integers(0, 99))
def test_wildcard_ctc_loss_gradient(target, seed):
    log_probs = random_log_probs(4, 2, seed).requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: loss_of(rows, [target, target], [4, 3]), log_probs)


@given(st.lists(st.integers(2, 41), min_size=1, max_size=12), st.integers(0, 99))
@settings(max_examples=25)
def test_wildcard_ctc_loss_without_wildcards_is_that_of_pytorch(target, seed):
    logits = random_log_probs(16, 2, seed, num_ids=42).requires_grad_()
    targets, frames = torch.tensor([target, target]), torch.tensor([16, 9])
    lengths = torch.tensor([len(target), min(len(target), 4)])
    ours = wildcard_ctc_loss(logits.log_softmax(-1), targets, frames, lengths)
    (gradient,) = torch.autograd.grad(ours, logits)
    theirs = torch.nn.functional.ctc_loss(
        logits.log_softmax(-1), targets, frames, lengths, blank=BLANK_ID, zero_infinity=True
    )
    (expected,) = torch.autograd.grad(theirs, logits)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("num_frames", [1, 60])
def test_wildcard_ctc_loss_does_not_overflow(num_frames):
    """Logits far apart: probabilities below the smallest float, equal labels that share nearly all of it."""
    logits = torch.zeros(num_frames, 1, 42)
    logits[:, 0, 7] = 1000.0
    log_probs = logits.log_softmax(-1).requires_grad_()
    for target in ([-7], [7, -7, 7], [-8, -9, 7], [-7, -7, -7]):
        loss = loss_of(log_probs, [target])
        (gradient,) = torch.autograd.grad(loss, log_probs)
        assert loss.isfinite()
        assert gradient.isfinite().all()
    assert loss_of(log_probs, [[-8]]) == 0.0  # the wildcard accepts 7


def test_wildcard_ctc_loss_of_nan_is_nan():
    assert loss_of(torch.full((5, 1, 42), torch.nan), [[2, -3]]).isnan()


def test_wildcard_ctc_loss_of_a_row_ignores_its_neighbours():
    log_probs = random_log_probs(9, 3).requires_grad_()
    targets, frames = [[2, -3, 4], [-2], [-3, -4, 2, -BLANK_ID, 3]], [9, 4, 7]
    together = loss_of(log_probs, targets, frames)
    alone = [
        loss_of(log_probs[:length, row : row + 1], [target])
        for row, (target, length) in enumerate(zip(targets, frames, strict=True))
    ]
    torch.testing.assert_close(together, torch.stack(alone).mean())
    (gradient,) = torch.autograd.grad(together, log_probs)
    assert (gradient[4:, 1] == 0).all()
    assert (gradient[:4, 1] != 0).any()


def test_wildcard_ctc_loss_of_a_target_that_does_not_fit_is_zero():
    log_probs = random_log_probs(2, 2).requires_grad_()
    loss = loss_of(log_probs, [[2, 2], [2, -3]])
    (gradient,) = torch.autograd.grad(loss, log_probs)
    assert loss == loss_of(log_probs[:, 1:], [[2, -3]]) / 2
    assert (gradient[:, 0] == 0).all()


@pytest.fixture
def batch():
    labels = torch.tensor([[5, 6, 5], [6, 5, 0]])
    return Batch(
        torch.zeros(2, 1), torch.ones(2), labels, torch.tensor([3, 2]), ("Hindi",) * 2, ("S/a", "S/b"), ("a", "b")
    )


def test_ctc_loss_without_wildcards_is_that_of_pytorch_to_the_bit(batch):
    logits, frames = random_log_probs(8, 2, num_ids=42).float().transpose(0, 1), torch.tensor([8, 7])
    rows = logits.log_softmax(-1).transpose(0, 1)
    expected = torch.nn.functional.ctc_loss(
        rows, batch.label_ids, frames, batch.num_labels, blank=BLANK_ID, zero_infinity=True
    )
    assert torch.equal(ctc_loss(logits, frames, batch), expected)
    with_wildcard = replace(batch, label_ids=torch.tensor([[5, -6, 5], [6, 5, 0]]))
    assert torch.equal(
        ctc_loss(logits, frames, with_wildcard),
        wildcard_ctc_loss(rows, with_wildcard.label_ids, frames, batch.num_labels),
    )


@pytest.mark.parametrize(("unknown", "collapses"), [(-6, False), (6, True)])
def test_ctc_loss_with_wildcards_unlearns_the_canonical_phone(batch, unknown, collapses):
    """Sound 1 is where 6 was wrong; sounds 0 and 2 are where 5 and 7 were right. The model is linear."""
    torch.manual_seed(0)
    sounds = torch.tensor([[0, 0, 1, 1, 2, 2], [2, 2, 1, 1, 0, 0]])
    features = torch.nn.functional.one_hot(sounds, 3).float()
    learned = replace(
        batch, label_ids=torch.tensor([[5, unknown, 7], [7, unknown, 5]]), num_labels=torch.tensor([3, 3])
    )
    model = torch.nn.Linear(3, 42)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        ctc_loss(model(features), torch.tensor([6, 6]), learned).backward()
        optimizer.step()
    probabilities = model(torch.eye(3)).softmax(-1)
    assert (probabilities[0, 5], probabilities[2, 7]) > (0.5, 0.5)
    assert (probabilities[1, 6] > 0.5) == collapses
    assert collapses or probabilities[1, 6] < 0.01


def test_train_on_utterances_with_wildcards(options, tones, tmp_path):
    rows = read_manifest(tones / "train.jsonl")[:12]
    wrong = [replace(rows[0].tokens[0], perceived=None, error_type=ErrorType.SUBSTITUTION, score=0.0)]
    added = [Token(None, None, ErrorType.ADDITION)]
    with_wildcards = [replace(row, tokens=(*wrong, *row.tokens[1:], *added)) for row in rows]
    write_manifest(tmp_path / "wildcards.jsonl", with_wildcards)
    run = TrainingOptions(
        **options | {"train": tmp_path / "wildcards.jsonl", "val": tmp_path / "wildcards.jsonl", "epochs": 1}
    )
    card = read_card(train(run))["training"]
    assert card["options"]["unknown_phones"] == "wildcard"
    assert (card["num_train"], card["num_val"]) == (12, 12)
    assert card["excluded"] == {"train": {}, "val": {}}
