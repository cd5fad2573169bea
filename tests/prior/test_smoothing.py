"""Smoothing against its formulas, written once more over lists of rows."""

import json
from collections import Counter
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import CorpusError
from asheard.phones import PHONES
from asheard.prior import PriorOptions, PriorRow, build_prior, load_prior
from support.hand_labelled import POSITIONS, corpora, rows

ONSET = [PriorRow("Spanish", "v", "b", "onset")] * 20
CODA = [PriorRow("Spanish", "v", "f", "coda")] * 9

options = st.builds(
    PriorOptions, smoothing=st.sampled_from(["laplace", "kneser-ney"]), position=st.booleans(), pooled=st.booleans()
)


def ask(prior, row):
    return prior.probability(row.canonical, row.produced, row.position, row.l1)


@given(corpora, rows, options)
def test_probability_gives_41_probabilities_that_sum_to_one(corpus, asked, chosen):
    prior = build_prior(corpus, options=chosen)
    probabilities = [ask(prior, asked._replace(produced=outcome)) for outcome in (*PHONES, None)]
    assert all(0 < probability < 1 for probability in probabilities)
    assert sum(probabilities) == pytest.approx(1)


@given(corpora, rows, options)
def test_probability_nothing_crosses_from_one_l1_to_another_unless_pooled_by_name(corpus, asked, chosen):
    prior = build_prior(corpus, p_min=0.0, options=chosen)
    if chosen.pooled:  # then who said what makes no difference
        named_alike = build_prior([row._replace(l1="anybody") for row in corpus], p_min=0.0, options=chosen)
    else:
        named_alike = build_prior([row for row in corpus if row.l1 == asked.l1], p_min=0.0, options=chosen)
    place = asked.canonical, asked.produced, asked.position, asked.l1
    assert prior.probability(*place) == named_alike.probability(*place)
    assert prior.accepts(*place) == named_alike.accepts(*place)


@given(corpora, rows, options)
def test_accepts_only_what_was_observed(corpus, asked, chosen):
    prior = build_prior(corpus, p_min=0.0, options=chosen)
    shown = {
        row.produced for row in corpus if row.canonical == asked.canonical and chosen.pooled | (row.l1 == asked.l1)
    }
    if prior.accepts(asked.canonical, asked.produced, asked.position, asked.l1):
        assert asked.produced is not None
        assert asked.produced in shown


@given(corpora, rows, options)
def test_probability_without_position(corpus, asked, chosen):
    if chosen.position:
        assert ask(build_prior([], options=chosen), asked) == 1 / 41
    else:
        placeless = build_prior([row._replace(position=None) for row in corpus], options=chosen)
        assert ask(build_prior(corpus, options=chosen), asked) == ask(placeless, asked._replace(position=None))


def test_kneser_ney_one_context_by_hand():
    prior = build_prior(ONSET, options=PriorOptions(smoothing="kneser-ney"))
    # Nothing was seen once, so 0.5 is taken of the 20; b follows in one context, and one context says nothing.
    assert prior.probability("v", "b", "onset", "Spanish") == pytest.approx((19.5 + 0.5 / 41) / 20)
    assert prior.probability("v", "f", "onset", "Spanish") == pytest.approx(0.5 / 41 / 20)


def kneser_ney(corpus, asked):
    """Interpolated Kneser-Ney over position, canonical and L1, straight from the rows."""
    said = [row for row in corpus if row.l1 == asked.l1]
    known = [row for row in said if row.position is not None]

    def discount(contexts):
        counts = [count for outcomes in contexts for count in outcomes.values()]
        once, twice = counts.count(1), counts.count(2)
        return once / (once + 2 * twice) if once else 0.5

    by_place = {place: Counter(r.produced for r in known if (r.canonical, r.position) == place) for place in PLACES}
    by_canonical = {phone: Counter(r.produced for r in said if r.canonical == phone) for phone in PHONES}
    places_of = {
        phone: Counter({out: sum(by_place[phone, p][out] > 0 for p in POSITIONS[:3]) for out in (*PHONES, None)})
        for phone in PHONES
    }
    canonicals_of = Counter({out: sum(by_canonical[phone][out] > 0 for phone in PHONES) for out in (*PHONES, None)})
    places_of = {phone: +outcomes for phone, outcomes in places_of.items()}

    levels = [(+canonicals_of, discount([+canonicals_of]))]
    place = asked.canonical, asked.position
    if by_place.get(place):
        levels.append((places_of[asked.canonical], discount(places_of.values())))
        levels.append((by_place[place], discount(by_place.values())))
    else:
        levels.append((by_canonical[asked.canonical], discount(by_canonical.values())))
    probability = 1 / 41
    for outcomes, taken in levels:
        if total := sum(outcomes.values()):
            left = max(outcomes[asked.produced] - taken, 0) / total
            probability = left + taken * len(outcomes) / total * probability
    return probability


PLACES = [(phone, position) for phone in PHONES for position in POSITIONS[:3]]


@given(corpora, rows)
def test_kneser_ney_equals_the_formula(corpus, asked):
    prior = build_prior(corpus, options=PriorOptions(smoothing="kneser-ney"))
    assert ask(prior, asked) == pytest.approx(kneser_ney(corpus, asked))


@given(corpora, options)
def test_options_survive_save_and_load(tmp_path_factory, corpus, chosen):
    path = tmp_path_factory.mktemp("prior") / "prior.json"
    prior = build_prior(corpus, options=chosen)
    prior.save(path)
    assert load_prior(path) == prior
    assert json.loads(path.read_text(encoding="utf-8"))["options"] == asdict(chosen)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (3, "field 'options' must be an object, not 3"),
        (None, "field 'options' must be an object, not None"),
        ({"smoothing": "laplace", "colour": "red"}, "field 'options': no such field: 'colour'"),
        ({"smoothing": "good-turing"}, "field 'smoothing' must be laplace or kneser-ney, not 'good-turing'"),
        ({"pooled": "no"}, "field 'pooled' must be true or false, not 'no'"),
    ],
)
def test_load_prior_names_impossible_options(tmp_path, written, message):
    path = tmp_path / "prior.json"
    value = {"options": written, "threshold": 0.1, "p_min": 0.05, "contexts": []}
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"(?s)prior\.json.*{message}"):
        load_prior(path)


def test_options_as_text():
    assert str(PriorOptions()) == "laplace+position"
    named = PriorOptions(smoothing="kneser-ney", position=False, pooled=True)
    assert str(named) == "kneser-ney+pooled"
