"""Altered sequences against independent forward passes: PyTorch's CTC, and a sum over every path there is."""

from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asheard.models import CTCTranscriber, L1AwareCTC, decode_greedy
from asheard.phones import BLANK_ID, LABELS, PAD_ID, phone_to_id
from asheard.pronunciation.gop import MAX_RATIO, alternatives, goodness, log_likelihood
from support.tiny_checkpoints import tiny_encoder

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
def test_each_alternative_is_the_forward_pass_of_the_altered_sequence(label_ids, num_frames, sharpness, seed):
    """Few labels, so that neighbours are often equal; sharp posteriors leave no room above underflow."""
    log_probs = random_posteriors(num_frames, sharpness, seed)
    table = alternatives(log_probs, np.array(label_ids))
    assert table.shape == (len(label_ids), NUM_LABELS)
    assert (table[:, PAD_ID] == -np.inf).all()
    whole = torch_likelihood(log_probs, label_ids)
    assert log_likelihood(log_probs, np.array(label_ids)) == pytest.approx(whole, rel=1e-12, abs=1e-12)
    for index in range(len(label_ids)):
        for label_id in (BLANK_ID, *range(2, 9), NUM_LABELS - 1):
            expected = torch_likelihood(log_probs, altered(label_ids, index, label_id))
            assert table[index, label_id] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("label_ids", [(2,), (2, 3), (2, 2), (2, 3, 2), (3, 3, 4)])
def test_a_sum_over_every_path(label_ids):
    """Five frames that know three phones; what they exclude is impossible, not merely unlikely."""
    probabilities = np.zeros((5, NUM_LABELS))
    probabilities[:, 1:5] = np.random.default_rng(0).dirichlet(np.ones(4), 5)
    with np.errstate(divide="ignore"):
        table = alternatives(np.log(probabilities), np.array(label_ids))
    for index, label_id in product(range(len(label_ids)), range(1, 5)):
        expected = likelihood_of_all_paths(probabilities[:, :5], altered(label_ids, index, label_id))
        assert np.exp(table[index, label_id]) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert (table[:, 5:] == -np.inf).all()


def test_a_recording_as_long_as_a_sentence():
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
    assert table[np.arange(35), label_ids] == pytest.approx(np.full(35, canonical), rel=1e-12)
    for index in (0, 6, 7, 8, 9, 20, 34):
        for label_id in (BLANK_ID, 2, 17, label_ids[6], label_ids[index - 1]):
            expected = torch_likelihood(log_probs, altered(label_ids, index, label_id))
            assert table[index, label_id] == pytest.approx(expected, rel=1e-12)


def test_equal_neighbours_need_a_blank_between_them():
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


def test_too_few_frames_give_the_lowest_score_everywhere():
    label_ids = ids("s", "ɪ", "t")
    for num_frames in (0, 1, 2):
        found = goodness(alternatives(random_posteriors(num_frames, 1.0, 0), label_ids), label_ids)
        assert found.ratios.tolist() == [-MAX_RATIO] * 3
        assert found.best.tolist() == [BLANK_ID] * 3


def test_nothing_to_score():
    found = goodness(alternatives(random_posteriors(4, 1.0, 0), np.array([], int)), np.array([], int))
    assert found.ratios.shape == found.best.shape == (0,)


@pytest.mark.parametrize("label_ids", [[PAD_ID], [BLANK_ID, 2], [NUM_LABELS]])
def test_what_is_no_phone_is_refused(label_ids):
    with pytest.raises(ValueError, match="label ids must be phones"):
        alternatives(random_posteriors(4, 1.0, 0), np.array(label_ids))


def test_posteriors_of_other_labels_are_refused():
    with pytest.raises(ValueError, match=r"posteriors of shape \(4, 40\)"):
        alternatives(random_posteriors(4, 1.0, 0)[:, :40], ids("s"))


def table_of(**likelihoods):
    table = np.full((1, NUM_LABELS), -50.0)
    table[:, PAD_ID] = -np.inf
    for phone, value in likelihoods.items():
        table[0, BLANK_ID if phone == "nothing" else phone_to_id(phone)] = value
    return table


def test_the_ratio_is_over_the_best_other():
    canonical = ids("v")
    found = goodness(table_of(v=-3.0, b=-1.0, nothing=-2.0), canonical)
    assert found.ratios.tolist() == [-2.0]
    assert found.best.tolist() == ids("b").tolist()
    assert goodness(table_of(v=-3.0, b=-9.0, nothing=-4.0), canonical).best.tolist() == [BLANK_ID]


def test_a_prior_moves_the_ratio_by_its_own():
    """b is 2 nats likelier than v; an L1 that says v nine times in ten, b one time in a hundred, turns that round."""
    canonical, table = ids("v"), table_of(v=-3.0, b=-1.0, f=-4.0)
    log_prior = np.log(table_of(v=0.9, b=0.01, f=0.09).clip(1e-9))
    found = goodness(table, canonical, log_prior)
    assert found.ratios[0] == pytest.approx(-3.0 + np.log(0.9) - (-1.0 + np.log(0.01)))
    assert found.best.tolist() == ids("b").tolist()
    habit = np.log(table_of(v=0.5, b=0.01, f=0.49).clip(1e-9))
    assert goodness(table, canonical, habit).best.tolist() == ids("f").tolist()


LENGTHS = (16_000, 100, 9_000, 12_345)


@pytest.mark.parametrize("make", [CTCTranscriber, L1AwareCTC])
@pytest.mark.parametrize("norm", ["layer", "group"])
def test_posteriors_are_what_is_decoded(make, norm):
    torch.manual_seed(0)
    model = make(tiny_encoder(norm)).eval()
    random = np.random.default_rng(0)
    waveforms = [random.normal(0, 0.1, length).astype(np.float32) for length in LENGTHS]
    l1s = [None, "Hindi", "Arabic", "Spanish"]
    recognitions = model.recognise(waveforms, l1s)
    posteriors = [one.posteriors.log_probs for one in recognitions]
    assert [frames.shape for frames in posteriors] == [(49, 42), (0, 42), (27, 42), (38, 42)]
    assert {frames.dtype for frames in posteriors} == {np.dtype(np.float32)}
    transcripts = [one.transcript for one in recognitions]
    for waveform, l1, frames, transcript in zip(waveforms, l1s, posteriors, transcripts, strict=True):
        (alone,) = model.recognise([waveform], [l1])
        np.testing.assert_allclose(frames, alone.posteriors.log_probs, atol=1e-5)
        if len(frames):
            np.testing.assert_allclose(np.exp(frames).sum(1), 1, atol=1e-5)
            (greedy,) = decode_greedy(torch.from_numpy(frames)[None], torch.tensor([len(frames)]))
            assert ids(*transcript.phones).tolist() == greedy
