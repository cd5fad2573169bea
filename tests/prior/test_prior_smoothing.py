"""The variants of a prior against their formulas, written out once more over lists of rows."""

import json
from collections import Counter
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asheard.errors import CorpusError
from asheard.phones import PHONES
from asheard.prior import P_MIN, PriorOptions, PriorRow, build_prior, load_prior
from support.hand_labelled import POSITIONS, corpora, rows

ONSET = [PriorRow("Spanish", "v", "b", "onset")] * 20
CODA = [PriorRow("Spanish", "v", "f", "coda")] * 9

smoothings = st.sampled_from([("laplace", None), ("dirichlet", 0.5), ("dirichlet", 8.0), ("kneser-ney", None)])
options = st.builds(
    lambda smoothing, position, pooled: PriorOptions(
        smoothing=smoothing[0], concentration=smoothing[1], position=position, pooled=pooled
    ),
    smoothings,
    st.booleans(),
    st.booleans(),
)


def ask(prior, row):
    return prior.probability(row.canonical, row.produced, row.position, row.l1)


@given(corpora, rows, options)
def test_every_variant_gives_41_probabilities_that_sum_to_one(corpus, asked, chosen):
    prior = build_prior(corpus, options=chosen)
    probabilities = [ask(prior, asked._replace(produced=outcome)) for outcome in (*PHONES, None)]
    assert all(0 < probability < 1 for probability in probabilities)
    assert sum(probabilities) == pytest.approx(1)


@given(corpora, rows, options)
def test_nothing_crosses_from_one_l1_to_another_unless_pooled_by_name(corpus, asked, chosen):
    prior = build_prior(corpus, p_min=0.0, options=chosen)
    if chosen.pooled:  # then who said what makes no difference
        named_alike = build_prior([row._replace(l1="anybody") for row in corpus], p_min=0.0, options=chosen)
    else:
        named_alike = build_prior([row for row in corpus if row.l1 == asked.l1], p_min=0.0, options=chosen)
    place = asked.canonical, asked.produced, asked.position, asked.l1
    assert prior.probability(*place) == named_alike.probability(*place)
    assert prior.excuses(*place) == named_alike.excuses(*place)


@given(corpora, rows, options)
def test_only_what_was_shown_for_the_canonical_is_ever_excused(corpus, asked, chosen):
    prior = build_prior(corpus, p_min=0.0, options=chosen)
    shown = {
        row.produced for row in corpus if row.canonical == asked.canonical and chosen.pooled | (row.l1 == asked.l1)
    }
    if prior.excuses(asked.canonical, asked.produced, asked.position, asked.l1):
        assert asked.produced is not None
        assert asked.produced in shown


@given(corpora, rows, options)
def test_without_position_all_positions_are_one(corpus, asked, chosen):
    if chosen.position:
        assert ask(build_prior([], options=chosen), asked) == 1 / 41
    else:
        placeless = build_prior([row._replace(position=None) for row in corpus], options=chosen)
        assert ask(build_prior(corpus, options=chosen), asked) == ask(placeless, asked._replace(position=None))


def test_dirichlet_gives_each_context_what_the_wider_one_says_times_its_concentration():
    prior = build_prior(ONSET + CODA, options=PriorOptions(smoothing="dirichlet", concentration=2))
    anywhere = (20 + 2 / 41) / (29 + 2)
    assert prior.probability("v", "b", None, "Spanish") == pytest.approx(anywhere)
    assert prior.probability("v", "b", "onset", "Spanish") == pytest.approx((20 + 2 * anywhere) / (20 + 2))
    assert prior.probability("v", "b", "coda", "Spanish") == pytest.approx(2 * anywhere / (9 + 2))
    assert prior.probability("v", "b", "nucleus", "Spanish") == pytest.approx(anywhere)
    assert prior.probability("v", "b", "onset", "Korean") == pytest.approx(1 / 41)


@given(corpora, rows)
def test_one_context_with_a_concentration_of_41_is_laplace(corpus, asked):
    one_context = PriorOptions(smoothing="dirichlet", concentration=41, position=False)
    laplace = build_prior(corpus, options=PriorOptions(position=False))
    assert ask(build_prior(corpus, options=one_context), asked) == pytest.approx(ask(laplace, asked))


def test_kneser_ney_on_one_context_by_hand():
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
def test_options_survive_the_disk(tmp_path_factory, corpus, chosen):
    path = tmp_path_factory.mktemp("prior") / "prior.json"
    prior = build_prior(corpus, options=chosen)
    prior.save(path)
    assert load_prior(path) == prior
    assert json.loads(path.read_text(encoding="utf-8"))["options"] == asdict(chosen)


def test_a_file_from_before_there_were_options_is_laplace(tmp_path):
    path = tmp_path / "prior.json"
    build_prior(ONSET).save(path)
    value = json.loads(path.read_text(encoding="utf-8"))
    del value["options"]
    path.write_text(json.dumps(value), encoding="utf-8")
    assert load_prior(path) == build_prior(ONSET)
    assert load_prior(path).p_min == P_MIN


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (3, "'options' must hold smoothing, concentration, position, pooled"),
        ({"smoothing": "laplace", "colour": "red"}, "'options' must hold"),
        ({"smoothing": "dirichlet", "concentration": "many"}, "'options' must hold"),
        ({"smoothing": "good-turing"}, "smoothing 'good-turing' is none of laplace, dirichlet, kneser-ney"),
        ({"smoothing": "laplace", "concentration": 2}, "belongs to smoothing 'dirichlet'"),
        ({"smoothing": "dirichlet", "concentration": 0}, "above 0, not 0"),
        ({"smoothing": "dirichlet", "concentration": None}, "needs a concentration"),
        ({"pooled": "no"}, "position and pooled are true or false"),
    ],
)
def test_options_that_cannot_be_are_named_with_the_file(tmp_path, written, message):
    path = tmp_path / "prior.json"
    value = {"options": written, "threshold": 0.1, "p_min": 0.05, "contexts": []}
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"(?s)prior\.json.*{message}"):
        load_prior(path)


def test_nan_is_no_concentration():
    with pytest.raises(CorpusError, match="above 0, not nan"):
        PriorOptions(smoothing="dirichlet", concentration=float("nan"))


def test_options_name_themselves():
    assert str(PriorOptions()) == "laplace+position"
    named = PriorOptions(smoothing="dirichlet", concentration=2, position=False, pooled=True)
    assert str(named) == "dirichlet(2)+pooled"
