"""What a learner is told."""

import pytest

from asheard.prior import real_voices_prior
from asheard.pronunciation.feedback import added_sentence, sentence
from asheard.pronunciation.result import AddedPhone, Scored, ScoredPhone, ScoredWord


def phone(canonical="v", heard="b", verdict="error", reason=None, typical=0.0):
    return ScoredPhone(canonical, 0.5, heard, 0, 0.3, verdict, reason, "error", typical, 0.1, 0.2)


@pytest.mark.parametrize(
    ("said", "l1", "told"),
    [
        (phone(), None, 'the v of "very" was heard as b'),
        (phone(typical=0.2), "Spanish", 'the v of "very" was heard as b, common for Spanish speakers'),
        (phone(typical=0.01), "Spanish", 'the v of "very" was heard as b, known for Spanish speakers'),
        (phone(verdict="variant", reason="distance"), None, 'the v of "very" was heard as b, which is near enough'),
        (phone(heard=None), "Spanish", 'the v of "very" was not heard'),
        (phone(heard="v", verdict="ok"), "Spanish", None),
    ],
)
def test_about_one_phone(said, l1, told):
    assert sentence(said, "very", l1) == told


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (0, 'an extra ə was heard before "see"'),
        (1, 'an extra ə was heard in "see"'),
        (2, 'an extra ə was heard before "it"'),
        (4, 'an extra ə was heard after "it"'),
    ],
)
def test_about_a_phone_that_was_added(before, told):
    words = tuple(ScoredWord(word, (phone(), phone())) for word in ("see", "it"))
    scored = Scored("see it", "m", None, True, False, 1.0, words, ())
    assert added_sentence(AddedPhone("ə", before, 0), scored) == told


def test_the_prior_knows_how_common_a_substitution_is():
    prior = real_voices_prior()
    assert prior.known_probability("θ", "s", "onset", "Vietnamese") < prior.known_probability(
        "θ", "t", "onset", "Hindi"
    )
