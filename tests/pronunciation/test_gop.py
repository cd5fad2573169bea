"""Altered sequences against independent forward passes: PyTorch's CTC, and a sum over every path there is."""

from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asheard.phones import BLANK_ID, LABELS, PAD_ID, phone_to_id
from asheard.prior import build_prior
from asheard.pronunciation.calibration import Calibration
from asheard.pronunciation.gop import MAX_RATIO, GopScorer, alternatives, goodness, log_likelihoods
from support import gop_loops
from support.posteriors import between

NUM_LABELS = len(LABELS)


def random_posteriors(num_frames, sharpness, seed):
    logits = np.random.default_rng(seed).normal(0, sharpness, (num_frames, NUM_LABELS))
    return torch.from_numpy(logits).log_softmax(-1).numpy()


def torch_likelihood(log_probs, label_ids):
    if len(label_ids) == 0:
        return log_probs[:, BLANK_ID].sum()
    lengths = torch.tensor([len(log_probs)]), torch.tensor([len(label_ids)])
    frames, target = torch.from_numpy(log_probs)[:, None], torch.from_numpy(np.array([label_ids]))
    return -float(torch.nn.functional.ctc_loss(frames, target, *lengths, blank=BLANK_ID, reduction="sum"))


def likelihood_of_all_paths(probabilities, label_ids):
    total = 0.0
    for path in product(range(probabilities.shape[1]), repeat=len(probabilities)):
        if [label for label, _ in groupby(path) if label != BLANK_ID] == list(label_ids):
            total += np.prod([frame[label] for frame, label in zip(probabilities, path, strict=True)])
    return total


def altered(label_ids, index, label_id):
    label_ids = list(label_ids)
    return label_ids[:index] + ([] if label_id == BLANK_ID else [label_id]) + label_ids[index + 1 :]


def ids(*phones):
    return np.array([phone_to_id(phone) for phone in phones])


@settings(max_examples=25)
@given(
    label_ids=st.lists(st.integers(2, 5), min_size=1, max_size=5),
    num_frames=st.integers(1, 14),
    sharpness=st.sampled_from([0.1, 1.0, 10.0, 100.0]),
    seed=st.integers(0, 1000),
)
def test_alternatives_are_the_forward_passes_of_the_altered_sequences(label_ids, num_frames, sharpness, seed):
    """Few labels, so that neighbours are often equal; sharp posteriors leave no room above underflow."""
    log_probs = random_posteriors(num_frames, sharpness, seed)
    table = alternatives(log_probs, np.array(label_ids))
    assert table.shape == (len(label_ids), NUM_LABELS)
    assert (table[:, PAD_ID] == -np.inf).all()
    whole = torch_likelihood(log_probs, label_ids)
    assert log_likelihoods(log_probs, [np.array(label_ids)]) == pytest.approx([whole], rel=1e-12, abs=1e-12)
    assert table == pytest.approx(gop_loops.alternatives(log_probs, label_ids), rel=1e-12, abs=1e-12)
    for index in range(len(label_ids)):
        for label_id in (BLANK_ID, *range(2, 9), NUM_LABELS - 1):
            expected = torch_likelihood(log_probs, altered(label_ids, index, label_id))
            assert table[index, label_id] == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_log_likelihoods_of_several_lengths():
    log_probs = random_posteriors(12, 1.0, 0)
    sequences = [ids("s", "s", "t"), ids("n"), np.array([], int), ids("s", "t", "ɹ", "i", "t")]
    expected = [torch_likelihood(log_probs, sequence) for sequence in sequences]
    assert log_likelihoods(log_probs, sequences) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("label_ids", [(2,), (2, 3), (2, 2), (2, 3, 2), (3, 3, 4)])
def test_alternatives_are_sums_over_every_path(label_ids):
    """Five frames that know three phones; what they exclude is impossible, not merely unlikely."""
    probabilities = np.zeros((5, NUM_LABELS))
    probabilities[:, 1:5] = np.random.default_rng(0).dirichlet(np.ones(4), 5)
    with np.errstate(divide="ignore"):
        table = alternatives(np.log(probabilities), np.array(label_ids))
    for index, label_id in product(range(len(label_ids)), range(1, 5)):
        expected = likelihood_of_all_paths(probabilities[:, :5], altered(label_ids, index, label_id))
        assert np.exp(table[index, label_id]) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert (table[:, 5:] == -np.inf).all()


def test_alternatives_of_a_sentence():
    """35 phones in 250 frames of speech-like posteriors: one label a frame nearly certain, likelihoods below 1e-308."""
    random = np.random.default_rng(1)
    log_probs = random_posteriors(250, 2.0, 1)
    log_probs[np.arange(250), np.where(random.random(250) < 0.7, BLANK_ID, random.integers(2, 42, 250))] += 9
    log_probs = torch.from_numpy(log_probs).log_softmax(-1).numpy()
    label_ids = random.integers(2, 42, 35)
    label_ids[7:9] = label_ids[6]
    table = alternatives(log_probs, label_ids)
    canonical = torch_likelihood(log_probs, label_ids)
    assert canonical < -400
    assert table == pytest.approx(gop_loops.alternatives(log_probs, label_ids), rel=1e-12)
    assert table[np.arange(35), label_ids] == pytest.approx(np.full(35, canonical), rel=1e-12)
    for index in (0, 6, 7, 8, 9, 20, 34):
        for label_id in (BLANK_ID, 2, 17, label_ids[6], label_ids[index - 1]):
            expected = torch_likelihood(log_probs, altered(label_ids, index, label_id))
            assert table[index, label_id] == pytest.approx(expected, rel=1e-12)


def test_alternatives_equal_neighbours_need_a_blank_between_them():
    """s s t in three frames cannot be; without one s it can, and with another phone in its place too."""
    log_probs = random_posteriors(3, 1.0, 0)
    label_ids = ids("s", "s", "t")
    table = alternatives(log_probs, label_ids)
    s, t, n = ids("s", "t", "n")
    assert (table[np.arange(3), label_ids] == -np.inf).all()
    assert table[0, n] == pytest.approx(log_probs[[0, 1, 2], [n, s, t]].sum())
    assert table[1, t] == table[2, s] == -np.inf
    assert np.isfinite(table[:2, BLANK_ID]).all()
    assert table[2, BLANK_ID] == pytest.approx(log_probs[[0, 1, 2], [s, BLANK_ID, s]].sum())


def test_goodness_too_few_frames_give_the_lowest_score_everywhere():
    label_ids = ids("s", "ɪ", "t")
    for num_frames in (0, 1, 2):
        found = goodness(alternatives(random_posteriors(num_frames, 1.0, 0), label_ids), label_ids)
        assert found.ratios.tolist() == [-MAX_RATIO] * 3
        assert found.best.tolist() == [BLANK_ID] * 3


def test_goodness_of_no_phones():
    found = goodness(alternatives(random_posteriors(4, 1.0, 0), np.array([], int)), np.array([], int))
    assert found.ratios.shape == found.best.shape == (0,)


@pytest.mark.parametrize("label_ids", [[PAD_ID], [BLANK_ID, 2], [NUM_LABELS]])
def test_alternatives_refuse_what_is_no_phone(label_ids):
    with pytest.raises(ValueError, match="label ids must be phones"):
        alternatives(random_posteriors(4, 1.0, 0), np.array(label_ids))


def test_alternatives_refuse_posteriors_of_other_labels():
    with pytest.raises(ValueError, match=r"posteriors of shape \(4, 40\)"):
        alternatives(random_posteriors(4, 1.0, 0)[:, :40], ids("s"))


def table_of(**likelihoods):
    table = np.full((1, NUM_LABELS), -50.0)
    table[:, PAD_ID] = -np.inf
    for phone, value in likelihoods.items():
        table[0, BLANK_ID if phone == "nothing" else phone_to_id(phone)] = value
    return table


def test_goodness_is_over_the_best_other():
    canonical = ids("v")
    found = goodness(table_of(v=-3.0, b=-1.0, nothing=-2.0), canonical)
    assert found.ratios.tolist() == [-2.0]
    assert found.best.tolist() == ids("b").tolist()
    assert goodness(table_of(v=-3.0, b=-9.0, nothing=-4.0), canonical).best.tolist() == [BLANK_ID]


def test_goodness_with_a_prior():
    """b is 2 nats likelier than v; an L1 that says v nine times in ten, b one time in a hundred, turns that round."""
    canonical, table = ids("v"), table_of(v=-3.0, b=-1.0, f=-4.0)
    log_prior = np.log(table_of(v=0.9, b=0.01, f=0.09).clip(1e-9))
    found = goodness(table, canonical, log_prior)
    assert found.ratios[0] == pytest.approx(-3.0 + np.log(0.9) - (-1.0 + np.log(0.01)))
    assert found.best.tolist() == ids("b").tolist()
    habit = np.log(table_of(v=0.5, b=0.01, f=0.49).clip(1e-9))
    assert goodness(table, canonical, habit).best.tolist() == ids("f").tolist()


def test_alternatives_in_several_blocks_of_positions():
    """More positions than are summed together, with posteriors that underflow, against the loops."""
    random = np.random.default_rng(3)
    log_probs, label_ids = random_posteriors(220, 30.0, 3), random.integers(2, 6, 150)
    expected = gop_loops.alternatives(log_probs, label_ids)
    assert np.isfinite(expected).any()
    assert alternatives(log_probs, label_ids) == pytest.approx(expected, rel=1e-12)


def score(scorer, frames, *phones, l1="Spanish", merges=None):
    return scorer.score(frames, phones, ["onset"] * len(phones), l1, merges)


def test_scorer_prior_shifts_what_is_heard_towards_what_its_l1_says():
    """Between v and b: Spanish speakers often say b for v, Hindi speakers w."""
    habits = {"Spanish": "b", "Hindi": "w"}
    rows = [(l1, "v", phone, "onset") for l1, habit in habits.items() for phone in ["v"] * 30 + [habit] * 30]
    scorer = GopScorer(prior=build_prior(rows))
    without, spanish = score(GopScorer(), between("v", "b"), "v"), score(scorer, between("v", "b"), "v")
    hindi = score(scorer, between("v", "b"), "v", l1="Hindi")
    assert (without.heard, spanish.heard, hindi.heard) == (("b",), ("b",), ("v",))
    assert without.scores == pytest.approx(spanish.scores)  # as many rows of v as of b: both have one probability
    assert hindi.scores[0] == pytest.approx(without.scores[0] + np.log(31 / 1))


def test_scorer_merges_phones_that_the_annotation_does_not_tell_apart():
    """Gold that writes ʌ for ə: half a ʌ and half a ə are a ʌ, and no rival of it."""
    frames = between("ʌ", "ə")
    apart, merged = score(GopScorer(), frames, "ʌ"), score(GopScorer(), frames, "ʌ", merges={"ə": "ʌ"})
    assert (apart.heard, merged.heard) == (("ə",), ("ʌ",))
    together = frames.copy()
    together[:, phone_to_id("ʌ")] = np.logaddexp(*frames[:, [phone_to_id("ʌ"), phone_to_id("ə")]].T)
    together[:, phone_to_id("ə")] = -np.inf
    assert merged.scores == pytest.approx(score(GopScorer(), together, "ʌ").scores)
    assert frames[3, phone_to_id("ə")] > -1  # the caller's posteriors stay


def test_scorer_hears_nothing_at_a_deletion():
    frames = between("s", "t")
    frames[3] = frames[0]
    found = score(GopScorer(), frames, "s")
    assert (found.heard, found.phones, found.confidences) == ((None,), (), ())
    assert found.scores[0] < 0


def test_scorer_calibration_moves_the_even_odds():
    frames = between("v", "b")
    (ratio,) = score(GopScorer(), frames, "v").scores
    milder = score(GopScorer(Calibration(2.0, 1.0)), frames, "v")
    assert milder.scores == pytest.approx([2 * ratio + 1])
    assert ratio < 0 < milder.scores[0]
    assert milder.phones == ("v",)
    assert milder.confidences == pytest.approx([1 / (1 + np.exp(-milder.scores[0]))])
