"""The loss of targets with holes against all label paths, and against PyTorch's where there are none."""

from collections import Counter
from dataclasses import replace
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
NUM_IDS = 5  # padding and blank before them
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


def num_ways(target, phones):
    """In how many ways a target gives a sequence, counted as the module says; from the target's left to its right."""
    if not target:
        return int(not phones)
    run = next((i for i, label in enumerate(target) if label >= -BLANK_ID), len(target))
    if run:
        holes, rest = target[:run], target[run:]
        return sum(takes(holes, phones[:n]) * num_ways(rest, phones[n:]) for n in range(len(phones) + 1))
    return int(bool(phones) and target[0] in (phones[0], -BLANK_ID)) and num_ways(target[1:], phones[1:])


def takes(holes, phones):
    """Whether a run of holes can be these phones: some of its holes, in order, take one each."""
    remaining = iter(holes)
    return all(any(phone != -hole for hole in remaining) for phone in phones)


def likelihood(log_probs, target):
    """The sum over all label paths of one utterance."""
    probabilities = log_probs[:, 0].exp().tolist()
    of_sequence = Counter()
    for path in product((BLANK_ID, *PHONES), repeat=len(probabilities)):
        phones = tuple(label for label, _ in groupby(path) if label != BLANK_ID)
        of_sequence[phones] += prod(frame[label] for frame, label in zip(probabilities, path, strict=True))
    return sum(probability * num_ways(target, phones) for phones, probability in of_sequence.items())


@settings(max_examples=60)
@given(TARGETS, st.integers(1, 5), st.integers(0, 99))
def test_it_is_the_sum_over_all_paths(target, num_frames, seed):
    log_probs = random_log_probs(num_frames, seed=seed)
    expected = likelihood(log_probs, target)
    assert bool(expected) == (num_frames >= least_frames(target))
    # What cannot fit counts as 0.
    assert float(loss_of(log_probs, [target])) == pytest.approx(-log(expected or 1) / len(target), abs=1e-9)


@pytest.mark.parametrize("target", [(-2, -2), (-2, -3), (2, -3, 4), (-4, -4, -4), (2, -2, 2), (-BLANK_ID, -2)])
def test_every_sequence_counts_once(target):
    """As a set: alone or in a row, and between two labels, no hole doubles what another gives."""
    log_probs = random_log_probs(5)
    once = 0.0
    for length in range(len(target) + 1):
        for phones in product(PHONES, repeat=length):
            if num_ways(target, phones):
                once += likelihood(log_probs, phones)
    assert float(loss_of(log_probs, [target])) * len(target) == pytest.approx(-log(once))


def test_what_a_label_between_two_holes_may_double():
    assert num_ways((-2, 3, -2), (3, 3)) == 2
    assert num_ways((-2, 3), (3, 3)) == num_ways((-2, 3, -2), (4, 3)) == 1


@settings(max_examples=10)
@given(TARGETS, st.integers(0, 99))
def test_the_gradient_is_that_of_the_loss(target, seed):
    log_probs = random_log_probs(4, 2, seed).requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: loss_of(rows, [target, target], [4, 3]), log_probs)


@given(st.lists(st.integers(2, 41), min_size=1, max_size=12), st.integers(0, 99))
@settings(max_examples=25)
def test_without_holes_it_is_pytorchs(target, seed):
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
def test_confident_models_overflow_nothing(num_frames):
    """Logits far apart: probabilities below the smallest float, equal labels that share nearly all of it."""
    logits = torch.zeros(num_frames, 1, 42)
    logits[:, 0, 7] = 1000.0
    log_probs = logits.log_softmax(-1).requires_grad_()
    for target in ([-7], [7, -7, 7], [-8, -9, 7], [-7, -7, -7]):
        loss = loss_of(log_probs, [target])
        (gradient,) = torch.autograd.grad(loss, log_probs)
        assert loss.isfinite()
        assert gradient.isfinite().all()
    assert loss_of(log_probs, [[-8]]) == 0.0  # 7 is one of what the hole stands for


def test_nan_is_no_perfect_fit():
    assert loss_of(torch.full((5, 1, 42), torch.nan), [[2, -3]]).isnan()


def test_a_row_does_not_depend_on_its_neighbours():
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


def test_what_cannot_fit_moves_nothing():
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


def test_a_batch_without_holes_keeps_pytorchs_loss_to_the_bit(batch):
    logits, frames = random_log_probs(8, 2, num_ids=42).float().transpose(0, 1), torch.tensor([8, 7])
    rows = logits.log_softmax(-1).transpose(0, 1)
    expected = torch.nn.functional.ctc_loss(
        rows, batch.label_ids, frames, batch.num_labels, blank=BLANK_ID, zero_infinity=True
    )
    assert torch.equal(ctc_loss(logits, frames, batch), expected)
    with_hole = replace(batch, label_ids=torch.tensor([[5, -6, 5], [6, 5, 0]]))
    assert torch.equal(
        ctc_loss(logits, frames, with_hole), wildcard_ctc_loss(rows, with_hole.label_ids, frames, batch.num_labels)
    )


@pytest.mark.parametrize(("unknown", "collapses"), [(-6, False), (6, True)])
def test_a_model_trained_on_holes_stops_writing_the_canonical_phone(batch, unknown, collapses):
    """Sound 1 is heard where 6 was wrong, sounds 0 and 2 where 5 and 7 were right; a linear model hears them."""
    torch.manual_seed(0)
    sounds = torch.tensor([[0, 0, 1, 1, 2, 2], [2, 2, 1, 1, 0, 0]])
    heard = torch.nn.functional.one_hot(sounds, 3).float()
    learnt = replace(batch, label_ids=torch.tensor([[5, unknown, 7], [7, unknown, 5]]), num_labels=torch.tensor([3, 3]))
    model = torch.nn.Linear(3, 42)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        ctc_loss(model(heard), torch.tensor([6, 6]), learnt).backward()
        optimizer.step()
    probabilities = model(torch.eye(3)).softmax(-1)
    assert (probabilities[0, 5], probabilities[2, 7]) > (0.5, 0.5)
    assert (probabilities[1, 6] > 0.5) == collapses
    assert collapses or probabilities[1, 6] < 0.01


def test_a_run_learns_from_utterances_with_holes(options, tones, tmp_path):
    rows = read_manifest(tones / "train.jsonl")
    wrong = [replace(rows[0].tokens[0], perceived=None, error_type=ErrorType.SUBSTITUTION, score=0.0)]
    added = [Token(None, None, ErrorType.ADDITION)]
    holed = [replace(row, tokens=(*wrong, *row.tokens[1:], *added)) for row in rows]
    write_manifest(tmp_path / "holes.jsonl", holed)
    run = TrainingOptions(**options | {"train": tmp_path / "holes.jsonl", "val": tmp_path / "holes.jsonl", "epochs": 1})
    card = read_card(train(run))["training"]
    assert card["options"]["unknown_phones"] == "wildcard"
    assert (card["num_train"], card["num_val"]) == (48, 48)
    assert card["excluded"] == {"train": {}, "val": {}}
