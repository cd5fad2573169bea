"""What is chosen on training speakers: L1-typical substitutions and p_min."""

import json
from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from asheard.corpora.records import write_manifest
from asheard.errors import CorpusError
from asheard.phones import cos_dist, load_vectors
from asheard.prior import (
    FITTED,
    P_MIN_GRID,
    PriorOptions,
    PriorRow,
    build_prior,
    choose_p_min,
    fit_prior,
    leave_one_out,
    load_prior,
    rows_of,
    typical_substitutions,
)
from support.hand_labelled import three_speakers, utterance

rows = st.builds(
    PriorRow,
    l1=st.sampled_from(["Spanish", "Korean"]),
    canonical=st.sampled_from(["v", "b", "ɪ"]),
    produced=st.sampled_from(["v", "b", "ɪ", "i", None]),
    position=st.sampled_from(["onset", "nucleus", "coda", None]),
)


def test_typical_substitutions_are_five_per_cent_and_five_tokens():
    def corpus(substituted, total, l1="Spanish", produced="b"):
        return [PriorRow(l1, "v", produced, None)] * substituted + [PriorRow(l1, "v", "v", None)] * (
            total - substituted
        )

    assert typical_substitutions(corpus(5, 100)) == {("Spanish", "v", "b")}
    assert typical_substitutions(corpus(5, 101)) == frozenset()
    assert typical_substitutions(corpus(4, 4)) == frozenset()
    assert typical_substitutions(corpus(50, 100, produced=None)) == frozenset()
    assert typical_substitutions(corpus(5, 50) + corpus(3, 50, l1="Korean")) == {("Spanish", "v", "b")}


@given(st.lists(rows, max_size=300))
def test_typical_substitutions_equal_a_direct_count(corpus):
    tokens = Counter((row.l1, row.canonical) for row in corpus)
    direct = {
        row[:3]
        for row in corpus
        if row.produced not in (None, row.canonical)
        and (same := sum(other[:3] == row[:3] for other in corpus)) >= 5
        and 20 * same >= tokens[row.l1, row.canonical]
    }
    assert typical_substitutions(corpus) == direct


def two_speakers():
    """Each says v as b in 30 of 100; S2 also says t as k in 4 of 100, z as m once, and drops a phone."""
    common = [("v", "b")] * 30 + [("v", "v")] * 70
    second = [("t", "k")] * 4 + [("t", "t")] * 96 + [("z", "m"), ("z", "-")]
    first = [("t", "t")] * 96 + [("t", "k")] * 4
    return [utterance("S1", "Spanish", common + first), utterance("S2", "Spanish", common + second)]


def test_choose_p_min_lets_typical_variants_through_and_keeps_the_guard():
    choice = choose_p_min(two_speakers())
    assert cos_dist("v", "b") > load_vectors().threshold
    assert (choice.num_acceptable, choice.num_errors, choice.left_out) == (392, 10, ())
    curve = {point.p_min: point for point in choice.curve}
    assert list(curve) == list(P_MIN_GRID)
    # Without a prior all 60 v -> b are rejected and all errors caught.
    assert curve[1.0].frr_class == 60 / 392
    assert curve[1.0].guard == 1.0
    # The other speaker's prior gives v -> b 31/141 = 0.22, t -> k 5/141 = 0.035.
    assert curve[0.2].frr_class == 0
    assert curve[0.3].frr_class == 60 / 392
    assert curve[0.03].guard == 2 / 10
    assert curve[0.04].guard == 1.0
    assert choice.p_min == 0.2  # no error more is let through, and it is the largest that good
    json.dumps(asdict(choice))


def test_choose_p_min_speaker_left_out_is_unseen_by_prior_and_typical_set():
    """What one speaker alone does, however often, is neither typical nor forgiven when it is left out."""
    alone = [utterance("S1", "Spanish", [("v", "b")] * 50), utterance("S2", "Spanish", [("v", "v")] * 50)]
    choice = choose_p_min(alone)
    assert (choice.num_acceptable, choice.num_errors) == (50, 50)
    assert {point.guard for point in choice.curve} == {1.0}
    assert {point.frr_class for point in choice.curve} == {0.0}
    assert choice.p_min == 1.0  # nothing to gain: the strictest


def test_choose_p_min_names_speakers_alone_in_their_l1():
    korean = utterance("K1", "Korean", [("v", "b")] * 9)
    choice = choose_p_min([*two_speakers(), korean])
    assert choice == replace(choose_p_min(two_speakers()), left_out=("K1",))
    with pytest.raises(CorpusError, match="two training speakers"):
        choose_p_min([korean])
    unnamed = [utterance(speaker, "Korean", [("v", "err")]) for speaker in ("K1", "K2")]
    with pytest.raises(CorpusError, match="two training speakers"):
        fit_prior(unnamed)
    with pytest.raises(CorpusError, match="ok or L1-typical"):
        fit_prior([utterance(speaker, "Korean", [("v", "-")]) for speaker in ("K1", "K2")])


def everything():
    return [
        PriorOptions(smoothing=smoothing, position=position)
        for smoothing in ("laplace", "kneser-ney")
        for position in (True, False)
    ]


def test_leave_one_out_folds():
    korean = utterance("K1", "Korean", [("v", "b")] * 9)
    folds, alone = leave_one_out([*two_speakers(), korean])
    assert alone == ("K1",)
    for fold, held_out, other in zip(folds, two_speakers(), two_speakers()[::-1], strict=True):
        assert fold.held_out == Counter(rows_of([held_out]))
        assert fold.others == Counter(rows_of([other, korean]))
        assert fold.typical == typical_substitutions(rows_of([other]))


def test_fit_prior_with_every_option():
    for options in everything():
        prior, choice = fit_prior(three_speakers(), options=options)
        assert prior.options == options
        assert choice == choose_p_min(three_speakers(), options=options)
        expected = build_prior(
            rows_of(three_speakers()), threshold=load_vectors().threshold, p_min=choice.p_min, options=options
        )
        assert prior == replace(expected, speakers=frozenset({"S0", "S1", "S2"}))
    assert fit_prior(three_speakers())[0].options == FITTED


def test_fit_prior_pooled_l1s():
    speakers = [*two_speakers(), utterance("K1", "Korean", [("v", "v")] * 9), utterance("K2", "Korean", [("t", "t")])]
    assert not fit_prior(speakers)[0].observed("v", "b", None, "Korean")
    pooled, _ = fit_prior(speakers, options=replace(FITTED, pooled=True))
    assert pooled.observed("v", "b", None, "Korean")
    assert pooled.probability("v", "b", None, "Korean") == pooled.probability("v", "b", None, "Spanish")


@pytest.mark.parametrize(("flags", "pooled"), [([], False), (["--pooled"], True)])
def test_command_fits_a_prior(tmp_path, flags, pooled):
    from asheard.cli import app

    manifest, out = tmp_path / "train.jsonl", tmp_path / "prior.json"
    write_manifest(manifest, two_speakers())
    result = CliRunner().invoke(app, ["prior", "fit", "--train", str(manifest), "--out", str(out), *flags])
    assert result.exit_code == 0, result.output
    assert "v→b" in result.output
    assert "0.2 (chosen)" in result.output
    options = PriorOptions(smoothing="kneser-ney", pooled=pooled)
    assert str(options) in result.output
    expected = build_prior(rows_of(two_speakers()), threshold=load_vectors().threshold, p_min=0.2, options=options)
    assert load_prior(out) == replace(expected, speakers=frozenset({"S1", "S2"}))
