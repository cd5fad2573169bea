"""Examples, exclusions by name, and the order of batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tone_corpus import SPOKEN, utterance

from asheard.corpora.records import ErrorType, Token
from asheard.models import SMALL_ENCODER, fresh_encoder
from asheard.phones import phone_to_id
from asheard.training.batches import Example, build_examples, collate, plan_epoch

ENCODER = fresh_encoder(SMALL_ENCODER, mask_time_length=10)


def never(wav):
    raise AssertionError("nothing needs reading")


def examples_of(seconds):
    return [Example("S", f"u{i}", "Hindi", f"{i}.wav", s, (2,)) for i, s in enumerate(seconds)]


@pytest.fixture
def said(tmp_path):
    return utterance(tmp_path, "u", "Hindi", list(SPOKEN[:5]), np.random.default_rng(0))


def test_targets_are_produced_or_canonical(said):
    substituted = Token("p", "b", ErrorType.SUBSTITUTION)
    deleted = Token("t", None, ErrorType.DELETION)
    added = Token(None, "d", ErrorType.ADDITION)
    row = replace(said, tokens=(substituted, deleted, added))
    for kind, target in (("faithful", "bd"), ("l1-aware", "bd"), ("base", "pt")):
        (example,), exclusions = build_examples([row], kind, ENCODER, never)
        assert example.label_ids == tuple(phone_to_id(phone) for phone in target)
        assert not exclusions.counts()


def test_exclusions_are_named_by_reason(said):
    nameless = Token("p", None, ErrorType.SUBSTITUTION)
    rows = [
        said,
        replace(said, utt="mute", wav=None),
        replace(said, utt="err", tokens=(nameless, *said.tokens)),
        replace(said, utt="empty", tokens=()),
        replace(said, utt="crowded", seconds=0.25, tokens=said.tokens * 3),
        replace(said, utt="blip", seconds=0.15, tokens=said.tokens[:1]),
    ]
    examples, exclusions = build_examples(rows, "faithful", ENCODER, never)
    assert [example.utt for example in examples] == ["u"]
    assert dict(exclusions) == {
        "no recording": ["S0/mute"],
        "err in the target": ["S0/err"],
        "no phones": ["S0/empty"],
        "fewer frames than CTC needs": ["S0/crowded"],
        "shorter than SpecAugment's mask": ["S0/blip"],
    }
    canonical, _ = build_examples(rows[2:3], "base", ENCODER, never)
    assert len(canonical) == 1  # a base does not read what was perceived


@pytest.mark.parametrize(("phones", "fits"), [("ptptptptpt", True), ("ppppp", True), ("ppppptt", False)])
def test_equal_neighbours_need_a_blank_between_them(said, phones, fits):
    encoder = fresh_encoder(SMALL_ENCODER, mask_time_length=1)
    seconds = (400 + 9 * 320) / 16_000  # ten frames
    tokens = tuple(Token(phone, phone, ErrorType.OK) for phone in phones)
    examples, _ = build_examples([replace(said, seconds=seconds, tokens=tokens)], "faithful", encoder, never)
    assert bool(examples) == fits
    # PyTorch agrees about what fits: the loss is finite exactly then.
    target = torch.tensor([[phone_to_id(phone) for phone in phones]])
    loss = torch.nn.functional.ctc_loss(
        torch.zeros(10, 1, 42).log_softmax(-1),
        target,
        torch.tensor([10]),
        torch.tensor([len(phones)]),
        blank=1,
    )
    assert bool(loss.isfinite()) == fits


def test_a_manifest_without_lengths_is_read(said, tmp_path):
    from asheard.corpora.audio import load_audio

    rows = [replace(said, seconds=None)]
    (example,), _ = build_examples(rows, "faithful", ENCODER, lambda wav: load_audio(tmp_path, wav))
    assert example.seconds == said.seconds


@given(st.lists(st.floats(0.2, 20.0), min_size=1, max_size=60), st.integers(0, 9), st.integers(0, 9))
def test_every_example_once_and_no_batch_too_long(seconds, seed, epoch):
    plan = plan_epoch(examples_of(seconds), 30.0, seed, epoch)
    assert sorted(row for rows in plan for row in rows) == list(range(len(seconds)))
    for rows in plan:
        assert len(rows) == 1 or max(seconds[row] for row in rows) * len(rows) <= 30.0
    assert plan == plan_epoch(examples_of(seconds), 30.0, seed, epoch)


def test_epochs_and_seeds_differ_and_little_is_padding():
    seconds = np.random.default_rng(0).uniform(1, 6, 300).tolist()
    examples = examples_of(seconds)
    plans = [plan_epoch(examples, 40.0, seed, epoch) for seed in (1, 2) for epoch in (0, 1)]
    assert len({str(plan) for plan in plans}) == 4
    for plan in plans:
        padded = sum(max(seconds[row] for row in rows) * len(rows) for rows in plan)
        assert sum(seconds) / padded > 0.88


def test_collate_pads():
    waveforms = {"0.wav": np.ones(5, np.float32), "1.wav": np.full(3, 2, np.float32)}
    examples = [
        Example("S", "a", "Hindi", "0.wav", 1.0, (2, 3)),
        Example("S", "b", "Thai", "1.wav", 1.0, (4,)),
    ]
    batch = collate(examples, waveforms.__getitem__)
    assert batch.waveforms.tolist() == [[1, 1, 1, 1, 1], [2, 2, 2, 0, 0]]
    assert batch.num_samples.tolist() == [5, 3]
    assert batch.label_ids.tolist() == [[2, 3], [4, 0]]
    assert batch.num_labels.tolist() == [2, 1]
    assert batch.l1s == ("Hindi", "Thai")
    assert batch.names == ("S/a", "S/b")
