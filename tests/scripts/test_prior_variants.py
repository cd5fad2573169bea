"""Dirichlet smoothing, and how variants of a prior are chosen."""

from collections import Counter
from functools import partial
from math import log2

import pytest
from hypothesis import given

from asheard.phones import PHONES, load_vectors
from asheard.prior import Prior, PriorOptions, PriorRow, build_prior, leave_one_out, rows_of
from prior_variants import (
    CONCENTRATION_GRID,
    VARIANTS,
    DirichletPrior,
    choose_concentration,
    fit_variants,
    held_out_bits,
)
from support.hand_labelled import corpora, rows, three_speakers

KNESER_NEY = PriorOptions(smoothing="kneser-ney")
ONSET = [PriorRow("Spanish", "v", "b", "onset")] * 20
CODA = [PriorRow("Spanish", "v", "f", "coda")] * 9


def ask(prior, row):
    return prior.probability(row.canonical, row.produced, row.position, row.l1)


def test_dirichlet_leans_on_the_wider_context_by_its_concentration():
    prior = DirichletPrior(Counter(ONSET + CODA), options=KNESER_NEY, concentration=2)
    anywhere = (20 + 2 / 41) / (29 + 2)
    assert prior.probability("v", "b", None, "Spanish") == pytest.approx(anywhere)
    assert prior.probability("v", "b", "onset", "Spanish") == pytest.approx((20 + 2 * anywhere) / (20 + 2))
    assert prior.probability("v", "b", "coda", "Spanish") == pytest.approx(2 * anywhere / (9 + 2))
    assert prior.probability("v", "b", "nucleus", "Spanish") == pytest.approx(anywhere)
    assert prior.probability("v", "b", "onset", "Korean") == pytest.approx(1 / 41)


@given(corpora, rows)
def test_dirichlet_with_one_context_and_a_concentration_of_41_is_laplace(corpus, asked):
    options = PriorOptions(smoothing="kneser-ney", position=False)
    dirichlet = DirichletPrior(Counter(corpus), options=options, concentration=41)
    laplace = build_prior(corpus, options=PriorOptions(position=False))
    assert ask(dirichlet, asked) == pytest.approx(ask(laplace, asked))


@given(corpora, rows)
def test_dirichlet_gives_41_probabilities_that_sum_to_one(corpus, asked):
    prior = DirichletPrior(Counter(corpus), options=KNESER_NEY, concentration=8.0)
    probabilities = [ask(prior, asked._replace(produced=outcome)) for outcome in (*PHONES, None)]
    assert all(0 < probability < 1 for probability in probabilities)
    assert sum(probabilities) == pytest.approx(1)


@pytest.mark.parametrize(
    "make_prior",
    [
        partial(Prior, options=PriorOptions(position=False)),
        partial(Prior, options=KNESER_NEY),
        partial(DirichletPrior, options=KNESER_NEY, concentration=2.0),
    ],
    ids=["laplace", "kneser-ney", "dirichlet"],
)
def test_held_out_bits_are_those_of_a_prior_of_all_others(make_prior):
    speakers = three_speakers()
    bits, substituted = [], []
    for held_out in speakers:
        others = make_prior(Counter(rows_of(other for other in speakers if other is not held_out)))
        for row in rows_of([held_out]):
            bits.append(-log2(ask(others, row)))
            substituted.append(row.produced not in (None, row.canonical))
    found = held_out_bits(leave_one_out(speakers)[0], make_prior)
    assert found.token == pytest.approx(sum(bits) / len(bits))
    chosen = [value for value, of_a_substitution in zip(bits, substituted, strict=True) if of_a_substitution]
    assert found.substitution == pytest.approx(sum(chosen) / len(chosen))


def test_choose_concentration_predicts_best():
    folds, _ = leave_one_out(three_speakers())
    bits = {
        concentration: held_out_bits(
            folds, partial(DirichletPrior, options=KNESER_NEY, concentration=concentration)
        ).token
        for concentration in CONCENTRATION_GRID
    }
    assert choose_concentration(folds, KNESER_NEY) == min(bits, key=bits.get)
    assert len(set(bits.values())) == len(CONCENTRATION_GRID)


def test_fit_variants_fits_each_design():
    fitted = fit_variants(three_speakers(), load_vectors())
    assert [one.name for one in fitted] == [variant.name for variant in VARIANTS]
    assert [isinstance(one.prior, DirichletPrior) for one in fitted] == [variant.dirichlet for variant in VARIANTS]
    assert all(one.prior.p_min == one.chosen.p_min for one in fitted)
