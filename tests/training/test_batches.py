"""Examples, excluded utterances by name, and the order of batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asheard.corpora.records import ErrorType, Token
from asheard.models import SMALL_ENCODER, fresh_encoder
from asheard.phones import BLANK_ID, PAD_ID, phone_to_id
from asheard.training.data import Example, build_examples, collate, plan_epoch
from support.tone_corpus import SPOKEN, utterance

ENCODER = fresh_encoder(SMALL_ENCODER, mask_time_length=10)


def never(wav):
    raise AssertionError("nothing needs reading")


def examples_of(seconds):
    return [Example("S", f"u{i}", "Hindi", f"{i}.wav", s, (2,)) for i, s in enumerate(seconds)]


@pytest.fixture
def said(tmp_path):
    return utterance(tmp_path, "u", "Hindi", list(SPOKEN[:5]), np.random.default_rng(0))


def test_build_examples_takes_produced_or_canonical_phones(said):
    substituted = Token("p", "b", ErrorType.SUBSTITUTION)
    deleted = Token("t", None, ErrorType.DELETION)
    added = Token(None, "d", ErrorType.ADDITION)
    row = replace(said, tokens=(substituted, deleted, added))
    for kind, target in (("faithful", "bd"), ("l1-aware", "bd"), ("base", "pt")):
        (example,), exclusions = build_examples([row], kind, ENCODER, never)
        assert example.label_ids == tuple(phone_to_id(phone) for phone in target)
        assert not exclusions.counts()


@pytest.mark.parametrize(
    ("unknown", "target"),
    [("wildcard", (2, -2, 3, -BLANK_ID, -5)), ("left-out", (2, 3)), ("canonical", (2, 2, 3, 5))],
)
def test_build_examples_labels_of_an_unknown_phone(said, unknown, target):
    wrong = Token("p", None, ErrorType.SUBSTITUTION, score=0.2)
    nameless = Token("d", None, ErrorType.SUBSTITUTION)
    added = Token(None, None, ErrorType.ADDITION)
    deleted = Token("t", None, ErrorType.DELETION)
    p, b = (Token(phone, phone, ErrorType.OK) for phone in "pb")
    row = replace(said, tokens=(p, wrong, b, added, deleted, nameless))
    for kind in ("faithful", "l1-aware"):
        (example,), _ = build_examples([row], kind, ENCODER, never, unknown)
        assert example.label_ids == target
    (example,), _ = build_examples([row], "base", ENCODER, never, unknown)
    assert example.label_ids == tuple(map(phone_to_id, "ppbtd"))  # a base does not read what was perceived


def test_build_examples_without_known_phones(said):
    row = replace(said, tokens=(Token("p", None, ErrorType.SUBSTITUTION),) * 3)
    (example,), _ = build_examples([row], "faithful", ENCODER, never)
    assert example.label_ids == (-2, -2, -2)
    _, exclusions = build_examples([row], "faithful", ENCODER, never, "left-out")
    assert dict(exclusions) == {"no phones": ["S0/u"]}


def test_build_examples_needs_no_frame_for_a_wildcard(said):
    encoder = fresh_encoder(SMALL_ENCODER, mask_time_length=1)
    seconds = (400 + 9 * 320) / 16_000  # ten frames
    wildcard = Token("p", None, ErrorType.SUBSTITUTION)
    tokens = tuple(Token(phone, phone, ErrorType.OK) for phone in "ptptptptpt")
    examples, _ = build_examples(
        [replace(said, seconds=seconds, tokens=(wildcard, *tokens, wildcard))], "faithful", encoder, never
    )
    assert len(examples) == 1
    added = Token(None, None, ErrorType.ADDITION)
    examples, _ = build_examples([replace(said, seconds=seconds, tokens=(*tokens, added))], "faithful", encoder, never)
    assert not examples


def test_build_examples_names_exclusions_by_reason(said):
    rows = [
        said,
        replace(said, utt="mute", wav=None),
        replace(said, utt="empty", tokens=()),
        replace(said, utt="crowded", seconds=0.25, tokens=said.tokens * 3),
        replace(said, utt="blip", seconds=0.15, tokens=said.tokens[:1]),
    ]
    examples, exclusions = build_examples(rows, "faithful", ENCODER, never)
    assert [example.utt for example in examples] == ["u"]
    assert dict(exclusions) == {
        "no recording": ["S0/mute"],
        "no phones": ["S0/empty"],
        "fewer frames than CTC needs": ["S0/crowded"],
        "shorter than SpecAugment's mask": ["S0/blip"],
    }


@pytest.mark.parametrize(("phones", "fits"), [("ptptptptpt", True), ("ppppp", True), ("ppppptt", False)])
def test_build_examples_needs_a_blank_between_equal_neighbours(said, phones, fits):
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


def test_build_examples_fits_targets_at_the_highest_speed(said):
    encoder = fresh_encoder(SMALL_ENCODER, mask_time_length=1)
    tokens = tuple(Token(phone, phone, ErrorType.OK) for phone in "ptptptptpt")  # ten frames
    for num_samples, fits in ((400 + 9 * 320, False), (round(1.2 * (400 + 9 * 320)), True)):
        row = replace(said, seconds=num_samples / 16_000, tokens=tokens)
        examples, exclusions = build_examples([row], "faithful", encoder, never, fastest=1.2)
        assert bool(examples) == fits
        assert exclusions.counts() == ({} if fits else {"fewer frames than CTC needs": 1})


def test_build_examples_reads_lengths_that_the_manifest_lacks(said, tmp_path):
    from asheard.io.audio import load_audio

    rows = [replace(said, seconds=None)]
    (example,), _ = build_examples(rows, "faithful", ENCODER, lambda wav: load_audio(tmp_path, wav))
    assert example.seconds == said.seconds


@given(st.lists(st.floats(0.2, 20.0), min_size=1, max_size=60), st.integers(0, 9), st.integers(0, 9))
def test_plan_epoch_holds_every_example_once_in_batches_within_the_limit(seconds, seed, epoch):
    plan = plan_epoch(examples_of(seconds), 30.0, seed, epoch)
    assert sorted(row for rows in plan for row in rows) == list(range(len(seconds)))
    for rows in plan:
        assert len(rows) == 1 or max(seconds[row] for row in rows) * len(rows) <= 30.0
    assert plan == plan_epoch(examples_of(seconds), 30.0, seed, epoch)


def test_plan_epoch_differs_by_epoch_and_seed_and_pads_little():
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
    assert batch.inputs.tolist() == [[1, 1, 1, 1, 1], [2, 2, 2, 0, 0]]
    assert batch.num_samples.tolist() == [5, 3]
    assert batch.label_ids.tolist() == [[2, 3], [4, 0]]
    assert batch.num_labels.tolist() == [2, 1]
    assert batch.l1s == ("Hindi", "Thai")
    assert batch.names == ("S/a", "S/b")


def test_collate_draws_variants_from_its_generator():
    recordings = {"a": np.sin(np.arange(8_000, dtype=np.float32)), "b": np.cos(np.arange(9_000, dtype=np.float32))}
    examples = [Example("S", name, "Hindi", name, 0.5, (2,)) for name in recordings]
    one, again, other = (collate(examples, recordings.__getitem__, np.random.default_rng(i)) for i in (1, 1, 2))
    assert torch.equal(one.inputs, again.inputs)
    assert torch.equal(one.num_samples, again.num_samples)
    assert one.inputs.shape != other.inputs.shape or not torch.equal(one.inputs, other.inputs)
    for row, length in zip(one.inputs, one.num_samples.tolist(), strict=True):
        assert not row[length:].any()


def test_collate_keeps_wildcards():
    examples = [Example("S", "a", "Hindi", "", 1.0, (2, -3, -BLANK_ID)), Example("S", "b", "Hindi", "", 1.0, (-4,))]
    batch = collate(examples, lambda _: np.ones(5, np.float32))
    assert batch.label_ids.tolist() == [[2, -3, -BLANK_ID], [-4, PAD_ID, PAD_ID]]
    assert batch.num_labels.tolist() == [3, 1]
