"""The scoring prior: its formula, its back-off, and that nothing crosses from one L1 to another."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import CorpusError, PhoneError
from asheard.phones import PHONES, T_PHON126
from asheard.prior import P_MIN, PriorRow, build_prior, classify_with_prior, load_prior, rows_of
from support.hand_labelled import corpora, rows, utterance

SPANISH_V_B = [PriorRow("Spanish", "v", "b", "onset")] * 20


def test_classify_what_one_l1_shows_is_a_variant_there_and_an_error_elsewhere():
    prior = build_prior(SPANISH_V_B)
    assert (prior.threshold, prior.p_min) == (T_PHON126, P_MIN)
    assert classify_with_prior("v", "b", "onset", "Spanish", 0.30, prior) == "variant"
    assert classify_with_prior("v", "b", "onset", "Korean", 0.30, prior) == "error"
    assert prior.probability("v", "b", "onset", "Spanish") == 21 / 61


def test_classify_a_near_phone_is_a_variant_and_a_deletion_an_error_in_every_l1():
    deletions = [PriorRow("Spanish", "v", None, "onset")] * 100
    prior = build_prior(SPANISH_V_B + deletions, p_min=0.0)
    for l1 in ("Spanish", "Korean"):
        assert classify_with_prior("v", "w", "onset", l1, T_PHON126 - 1e-9, prior) == "variant"
        assert classify_with_prior("v", "w", "onset", l1, T_PHON126, prior) == "error"
        assert classify_with_prior("v", "v", None, l1, 0.0, prior) == "variant"
        assert classify_with_prior("v", None, "onset", l1, 0.0, prior) == "error"


def test_probability_position_backs_off_to_the_canonical_in_the_l1_and_no_further():
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
def test_probability_equals_the_formula_and_sum_to_one(corpus, asked):
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
def test_classify_a_higher_p_min_never_makes_a_variant_of_an_error(corpus, asked, distance, p_mins):
    arguments = asked.canonical, asked.produced, asked.position, asked.l1, distance
    low, high = (classify_with_prior(*arguments, build_prior(corpus, p_min=p_min)) for p_min in sorted(p_mins))
    assert (low, high) != ("error", "variant")


@given(corpora, rows, st.floats(0, 1), st.floats(0, 1))
def test_classify_other_l1s_change_nothing(corpus, asked, distance, p_min):
    alone = build_prior([row for row in corpus if row.l1 == asked.l1], p_min=p_min)
    together = build_prior(corpus, p_min=p_min)
    arguments = asked.canonical, asked.produced, asked.position
    assert alone.probability(*arguments, asked.l1) == together.probability(*arguments, asked.l1)
    call = classify_with_prior(*arguments, asked.l1, distance, together)
    assert call == classify_with_prior(*arguments, asked.l1, distance, alone)


@given(corpora, rows, st.floats(T_PHON126, 1))
def test_classify_at_p_min_0_a_far_phone_is_a_variant_exactly_where_its_l1_has_shown_it(corpus, asked, distance):
    seen = [row for row in corpus if (row.l1, row.canonical) == (asked.l1, asked.canonical)]
    there = [row for row in seen if row.position == asked.position is not None] or seen
    shown = asked.produced is not None and asked.produced in {row.produced for row in there}
    prior = build_prior(corpus, p_min=0.0)
    call = classify_with_prior(asked.canonical, asked.produced, asked.position, asked.l1, distance, prior)
    assert call == ("variant" if shown else "error")


def test_classify_what_an_l1_shows_elsewhere_is_not_shown_here():
    coda = [PriorRow("Spanish", "v", "v", "coda")]
    prior = build_prior(SPANISH_V_B + coda, p_min=0.0)
    assert prior.probability("v", "b", "coda", "Spanish") == 1 / 42
    assert classify_with_prior("v", "b", "coda", "Spanish", 0.3, prior) == "error"
    assert classify_with_prior("v", "b", "nucleus", "Spanish", 0.3, prior) == "variant"  # never seen: all positions


def test_build_prior_takes_mappings_and_refuses_other_fields():
    mappings = [row._asdict() for row in SPANISH_V_B]
    assert build_prior(mappings) == build_prior(SPANISH_V_B) == build_prior(map(tuple, SPANISH_V_B))
    for row in ({"l1": "Spanish", "canonical": "v"}, mappings[0] | {"speaker": "S1"}, ("Spanish", "v", "b"), None):
        with pytest.raises(CorpusError, match="a row of a prior holds l1, canonical, produced, position, not"):
            build_prior([row])


@given(corpora)
def test_save_gives_the_same_bytes_in_any_order_of_rows(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("prior")
    prior = build_prior(corpus, threshold=0.2, p_min=0.07)
    prior.save(folder / "prior.json")
    build_prior(corpus[::-1], threshold=0.2, p_min=0.07).save(folder / "reversed.json")
    assert load_prior(folder / "prior.json") == prior
    assert (folder / "prior.json").read_bytes() == (folder / "reversed.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_min": 1.5}, "p_min must be a probability from 0 to 1"),
        ({"p_min": None}, "p_min must be a probability"),
        ({"threshold": 0}, "threshold must be a distance above 0"),
        ({"contexts": None}, "'contexts' must be a list"),
        ({"contexts": [3]}, "context 0: field 'produced'"),
        ({"contexts": [{"l1": "", "canonical": "v", "produced": {"b": 1}}]}, "context 0: field 'l1'"),
        ({"contexts": [{"l1": "X", "canonical": "V", "produced": {"b": 1}}]}, "'V' is not one of the 40"),
        (
            {"contexts": [{"l1": "X", "canonical": "v", "produced": {"b": 0}}]},
            "count of v -> b in L1 'X' must be a whole number from 1, not 0",
        ),
        (
            {"contexts": [{"l1": "X", "canonical": "v", "deleted": "2", "produced": {}}]},
            "must be a whole number from 1, not '2'",
        ),
        (
            {"contexts": [{"l1": "X", "canonical": "v", "position": "end", "produced": {"b": 1}}]},
            "position 'end'",
        ),
        (
            {"contexts": [{"l1": "X", "canonical": "v", "produced": {"b": 1}}] * 2},
            "context 1: v of L1 X .* occurs twice",
        ),
    ],
)
def test_load_prior_names_what_is_wrong(tmp_path, change, message):
    path = tmp_path / "prior.json"
    path.write_text(
        json.dumps({"options": {}, "threshold": 0.1, "p_min": 0.05, "contexts": []} | change), encoding="utf-8"
    )
    with pytest.raises(CorpusError, match=rf"(?s)prior\.json.*{message}"):
        load_prior(path)


def test_prior_refuses_unknown_phones_and_positions():
    prior = build_prior(SPANISH_V_B)
    with pytest.raises(PhoneError, match="'V'"):
        prior.probability("V", "b", "onset", "Spanish")
    with pytest.raises(PhoneError, match="'err'"):
        classify_with_prior("v", "err", "onset", "Spanish", 0.5, prior)
    with pytest.raises(CorpusError, match="position 'middle'"):
        classify_with_prior("v", "b", "middle", "Spanish", 0.5, prior)
    with pytest.raises(PhoneError, match="'sil'"):
        build_prior([("Spanish", "sil", "b", "onset")])


def test_rows_of_are_the_canonical_positions_without_err():
    said = [("v", "b"), ("ɪ", "ɪ"), ("z", "-"), (None, "ə"), ("t", "err"), (None, "err")]
    assert rows_of([utterance("S1", "Spanish", said)]) == [
        ("Spanish", "v", "b", None),
        ("Spanish", "ɪ", "ɪ", None),
        ("Spanish", "z", None, None),
    ]
