"""The scoring prior: its formula, its back-off, and that nothing crosses from one L1 to another."""

import json
from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from asheard.corpora.records import ErrorType, Token, Utterance, write_manifest
from asheard.errors import CorpusError, PhoneError
from asheard.phones import PHONES, T_PHON126, cos_dist, load_vectors
from asheard.prior import (
    P_MIN,
    P_MIN_GRID,
    PriorRow,
    build_prior,
    choose_p_min,
    classify_with_prior,
    load_prior,
    rows_of,
    typical_substitutions,
)

POSITIONS = ("onset", "nucleus", "coda", None)
SPANISH_V_B = [PriorRow("Spanish", "v", "b", "onset")] * 20

rows = st.builds(
    PriorRow,
    l1=st.sampled_from(["Spanish", "Korean"]),
    canonical=st.sampled_from(["v", "b", "ɪ"]),
    produced=st.sampled_from(["v", "b", "ɪ", "i", None]),
    position=st.sampled_from(POSITIONS),
)
corpora = st.lists(rows, max_size=60)


def utterance(speaker, l1, said, utt="a1"):
    """One utterance from (canonical, perceived) pairs; "-" is a deletion, "err" a sound without a name."""
    tokens = []
    for canonical, perceived in said:
        if perceived == canonical:
            tokens.append(Token(canonical, perceived, ErrorType.OK))
        elif perceived == "-":
            tokens.append(Token(canonical, None, ErrorType.DELETION))
        else:
            heard = None if perceived == "err" else perceived
            kind = ErrorType.ADDITION if canonical is None else ErrorType.SUBSTITUTION
            tokens.append(Token(canonical, heard, kind))
    return Utterance(utt, speaker, l1, None, None, tuple(tokens))


def test_what_one_l1_shows_is_a_variant_there_and_an_error_elsewhere():
    prior = build_prior(SPANISH_V_B)
    assert (prior.threshold, prior.p_min) == (T_PHON126, P_MIN)
    assert classify_with_prior("v", "b", "onset", "Spanish", 0.30, prior) == "variant"
    assert classify_with_prior("v", "b", "onset", "Korean", 0.30, prior) == "error"
    assert prior.probability("v", "b", "onset", "Spanish") == 21 / 61


def test_a_near_phone_is_a_variant_and_a_deletion_an_error_in_every_l1():
    deletions = [PriorRow("Spanish", "v", None, "onset")] * 100
    prior = build_prior(SPANISH_V_B + deletions, p_min=0.0)
    for l1 in ("Spanish", "Korean"):
        assert classify_with_prior("v", "w", "onset", l1, T_PHON126 - 1e-9, prior) == "variant"
        assert classify_with_prior("v", "w", "onset", l1, T_PHON126, prior) == "error"
        assert classify_with_prior("v", "v", None, l1, 0.0, prior) == "variant"
        assert classify_with_prior("v", None, "onset", l1, 0.0, prior) == "error"


def test_position_backs_off_to_the_canonical_in_the_l1_and_no_further():
    onset = [PriorRow("Spanish", "v", "b", "onset")] * 20
    coda = [PriorRow("Spanish", "v", "f", "coda")] * 9
    unknown = [PriorRow("Spanish", "v", "v", None)] * 11
    prior = build_prior(onset + coda + unknown)
    assert prior.probability("v", "b", "onset", "Spanish") == 21 / 61
    assert prior.probability("v", "f", "coda", "Spanish") == 10 / 50
    assert prior.probability("v", "b", "coda", "Spanish") == 1 / 50  # seen, and not with b: no back-off
    assert prior.probability("v", "b", "nucleus", "Spanish") == 21 / 81  # never seen: all positions
    assert prior.probability("v", "v", None, "Spanish") == 12 / 81
    assert prior.probability("v", "b", "onset", "Korean") == 1 / 41
    assert prior.probability("z", "s", "coda", "Spanish") == 1 / 41


@given(corpora, rows)
def test_probabilities_equal_the_formula_and_sum_to_one(corpus, asked):
    prior = build_prior(corpus)
    seen = [row for row in corpus if (row.l1, row.canonical) == (asked.l1, asked.canonical)]
    if asked.position in {row.position for row in seen} - {None}:
        seen = [row for row in seen if row.position == asked.position]
    count = sum(row.produced == asked.produced for row in seen)
    probability = prior.probability(asked.canonical, asked.produced, asked.position, asked.l1)
    assert probability == (count + 1) / (len(seen) + 41)
    assert 0 < probability < 1
    outcomes = (*PHONES, None)
    total = sum(prior.probability(asked.canonical, outcome, asked.position, asked.l1) for outcome in outcomes)
    assert total == pytest.approx(1)


@given(corpora, rows, st.floats(0, 1), st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_a_higher_p_min_never_makes_a_variant_of_an_error(corpus, asked, distance, p_mins):
    arguments = asked.canonical, asked.produced, asked.position, asked.l1, distance
    low, high = (classify_with_prior(*arguments, build_prior(corpus, p_min=p_min)) for p_min in sorted(p_mins))
    assert (low, high) != ("error", "variant")


@given(corpora, rows, st.floats(0, 1), st.floats(0, 1))
def test_other_l1s_change_nothing(corpus, asked, distance, p_min):
    alone = build_prior([row for row in corpus if row.l1 == asked.l1], p_min=p_min)
    together = build_prior(corpus, p_min=p_min)
    arguments = asked.canonical, asked.produced, asked.position
    assert alone.probability(*arguments, asked.l1) == together.probability(*arguments, asked.l1)
    call = classify_with_prior(*arguments, asked.l1, distance, together)
    assert call == classify_with_prior(*arguments, asked.l1, distance, alone)


@given(corpora, rows, st.floats(T_PHON126, 1))
def test_at_p_min_0_a_far_phone_is_a_variant_exactly_where_its_l1_has_shown_it(corpus, asked, distance):
    seen = [row for row in corpus if (row.l1, row.canonical) == (asked.l1, asked.canonical)]
    there = [row for row in seen if row.position == asked.position is not None] or seen
    shown = asked.produced is not None and asked.produced in {row.produced for row in there}
    prior = build_prior(corpus, p_min=0.0)
    call = classify_with_prior(asked.canonical, asked.produced, asked.position, asked.l1, distance, prior)
    assert call == ("variant" if shown else "error")


def test_what_an_l1_shows_elsewhere_is_not_shown_here():
    coda = [PriorRow("Spanish", "v", "v", "coda")]
    prior = build_prior(SPANISH_V_B + coda, p_min=0.0)
    assert prior.probability("v", "b", "coda", "Spanish") == 1 / 42
    assert classify_with_prior("v", "b", "coda", "Spanish", 0.3, prior) == "error"
    assert classify_with_prior("v", "b", "nucleus", "Spanish", 0.3, prior) == "variant"  # never seen: all positions


def test_rows_may_be_mappings_and_are_refused_by_name():
    mappings = [row._asdict() for row in SPANISH_V_B]
    assert build_prior(mappings) == build_prior(SPANISH_V_B) == build_prior(map(tuple, SPANISH_V_B))
    for row in ({"l1": "Spanish", "canonical": "v"}, mappings[0] | {"speaker": "S1"}, ("Spanish", "v", "b"), None):
        with pytest.raises(CorpusError, match="a row of a prior holds l1, canonical, produced, position, not"):
            build_prior([row])


@settings(deadline=None)  # disks may be slow
@given(corpora)
def test_a_prior_survives_the_disk_and_the_order_of_rows_leaves_no_trace(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("prior")
    prior = build_prior(corpus, threshold=0.2, p_min=0.07)
    prior.save(folder / "prior.json")
    build_prior(corpus[::-1], threshold=0.2, p_min=0.07).save(folder / "reversed.json")
    assert load_prior(folder / "prior.json") == prior
    assert (folder / "prior.json").read_bytes() == (folder / "reversed.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_min": 1.5}, "p_min must lie in 0..1"),
        ({"p_min": None}, "p_min must be a number"),
        ({"threshold": 0}, "threshold must lie above 0"),
        ({"contexts": None}, "'contexts' must be a list"),
        ({"contexts": [3]}, "context 0: field 'produced'"),
        ({"contexts": [{"l1": "", "canonical": "v", "produced": {"b": 1}}]}, "context 0: field 'l1'"),
        ({"contexts": [{"l1": "X", "canonical": "V", "produced": {"b": 1}}]}, "'V' is not one of the 40"),
        (
            {"contexts": [{"l1": "X", "canonical": "v", "produced": {"b": 0}}]},
            "count of v -> b in L1 'X' is 0",
        ),
        ({"contexts": [{"l1": "X", "canonical": "v", "deleted": "2", "produced": {}}]}, "is '2'"),
        (
            {"contexts": [{"l1": "X", "canonical": "v", "position": "end", "produced": {"b": 1}}]},
            "position 'end'",
        ),
        (
            {"contexts": [{"l1": "X", "canonical": "v", "produced": {"b": 1}}] * 2},
            "context 1: v of L1 X .* twice",
        ),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path, change, message):
    path = tmp_path / "prior.json"
    path.write_text(json.dumps({"threshold": 0.1, "p_min": 0.05, "contexts": []} | change), encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"(?s)prior\.json.*{message}"):
        load_prior(path)


def test_unknown_phones_and_positions_are_refused():
    prior = build_prior(SPANISH_V_B)
    with pytest.raises(PhoneError, match="'V'"):
        prior.probability("V", "b", "onset", "Spanish")
    with pytest.raises(PhoneError, match="'err'"):
        classify_with_prior("v", "err", "onset", "Spanish", 0.5, prior)
    with pytest.raises(CorpusError, match="position 'middle'"):
        classify_with_prior("v", "b", "middle", "Spanish", 0.5, prior)
    with pytest.raises(PhoneError, match="'sil'"):
        build_prior([("Spanish", "sil", "b", "onset")])


def test_rows_are_the_canonical_positions_without_err():
    said = [("v", "b"), ("ɪ", "ɪ"), ("z", "-"), (None, "ə"), ("t", "err"), (None, "err")]
    assert rows_of([utterance("S1", "Spanish", said)]) == [
        ("Spanish", "v", "b", None),
        ("Spanish", "ɪ", "ɪ", None),
        ("Spanish", "z", None, None),
    ]


def test_typical_is_five_per_cent_and_five_tokens():
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
def test_typical_equals_a_direct_count(corpus):
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


def test_p_min_lets_typical_variants_through_and_keeps_the_guard():
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


def test_the_speaker_left_out_is_unseen_by_prior_and_typical_set():
    """What one speaker alone does, however often, is neither typical nor forgiven when it is left out."""
    alone = [utterance("S1", "Spanish", [("v", "b")] * 50), utterance("S2", "Spanish", [("v", "v")] * 50)]
    choice = choose_p_min(alone)
    assert (choice.num_acceptable, choice.num_errors) == (50, 50)
    assert {point.guard for point in choice.curve} == {1.0}
    assert {point.frr_class for point in choice.curve} == {0.0}
    assert choice.p_min == 1.0  # nothing to gain: the strictest


def test_speakers_alone_in_their_l1_are_left_out_and_named():
    korean = utterance("K1", "Korean", [("v", "b")] * 9)
    choice = choose_p_min([*two_speakers(), korean])
    assert choice == replace(choose_p_min(two_speakers()), left_out=("K1",))
    with pytest.raises(CorpusError, match="two training speakers"):
        choose_p_min([korean])


def test_the_command_fits_and_writes_what_it_chose(tmp_path):
    from asheard.cli import app

    manifest, out = tmp_path / "train.jsonl", tmp_path / "prior.json"
    write_manifest(manifest, two_speakers())
    result = CliRunner().invoke(app, ["prior", "fit", "--train", str(manifest), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "v→b" in result.output
    assert "0.2 (chosen)" in result.output
    expected = build_prior(rows_of(two_speakers()), threshold=load_vectors().threshold, p_min=0.2)
    assert load_prior(out) == expected
