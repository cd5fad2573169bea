"""Sentences for the learner."""

import pytest

from asheard.prior import real_voices_prior
from asheard.pronunciation.compare import added_feedback, phone_feedback


@pytest.mark.parametrize(
    ("heard", "class_", "reason", "l1", "l1_frequency", "expected"),
    [
        ("b", "error", None, None, 0.0, 'the v of "very" was heard as b'),
        ("b", "error", None, "Spanish", 0.2, 'the v of "very" was heard as b, common for Spanish speakers'),
        ("b", "error", None, "Spanish", 0.01, 'the v of "very" was heard as b, known for Spanish speakers'),
        ("b", "variant", "distance", None, 0.0, 'the v of "very" was heard as b, which is near enough'),
        (None, "error", None, "Spanish", 0.0, 'the v of "very" was not heard'),
        ("v", "ok", None, "Spanish", 0.0, None),
    ],
)
def test_phone_feedback(heard, class_, reason, l1, l1_frequency, expected):
    assert phone_feedback("very", "v", heard, class_, reason, l1, l1_frequency) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (0, 'an extra ə was heard before "see"'),
        (1, 'an extra ə was heard in "see"'),
        (2, 'an extra ə was heard before "it"'),
        (4, 'an extra ə was heard after "it"'),
    ],
)
def test_added_feedback(before, expected):
    assert added_feedback("ə", before, [("see", 2), ("it", 2)]) == expected


def test_real_voices_prior_tells_how_common_a_substitution_is():
    prior = real_voices_prior()
    vietnamese = prior.known_probability("θ", "s", "onset", "Vietnamese")
    assert vietnamese < prior.known_probability("θ", "t", "onset", "Hindi")
