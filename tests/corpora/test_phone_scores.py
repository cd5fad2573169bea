"""What a score says about a phone, and whether AH0 is schwa."""

import pytest

from asheard.corpora.phone_scores import scored_token, scores_field, true_stress
from asheard.corpora.records import ErrorType, Token
from asheard.errors import CorpusError
from asheard.phones import fold_arpabet


@pytest.mark.parametrize("score", [0.0, 0.2, 0.49])
def test_scored_token_below_a_half_is_err(score):
    token = scored_token("θ", score, "onset")
    assert token == Token("θ", None, ErrorType.SUBSTITUTION, score=score, position="onset")
    assert token.is_err


@pytest.mark.parametrize("score", [0.5, 1.0, 1.8, 2.0])
def test_scored_token_from_a_half_on_is_ok(score):
    assert scored_token("θ", score) == Token("θ", "θ", ErrorType.OK, score=score)


@pytest.mark.parametrize(
    ("word", "labels", "vowel"),
    [
        ("THE", "DH AH0", "ə"),
        ("a", "AH0", "ə"),
        ("AND", "AH0 N D", "ə"),
        ("BUS", "B AH0 S", "ʌ"),
        ("was", "w ah0 z", "ə"),
        ("OF", "AH0 V", "ʌ"),
        ("ONE", "W AH0 N", "ʌ"),
        ("UNHEARD-OF-WORD", "D AH0 N", "ʌ"),
    ],
)
def test_true_stress_of_words_with_one_vowel(word, labels, vowel):
    assert [fold_arpabet(label) for label in true_stress(word, labels.split()) if label[-1] in "012"] == [vowel]


def test_true_stress_keeps_words_of_several_syllables():
    for word, labels in (("ABOUT", "AH0 B AW1 T"), ("TOMATO", "T AH0 M EY1 T OW0"), ("BUS", "B AH1 S"), ("SHH", "SH")):
        assert true_stress(word, labels.split()) == labels.split()


def test_scores_field_names_the_place():
    with pytest.raises(CorpusError, match=r"here: 1 'scores' for 2 phones"):
        scores_field({"scores": [2.0]}, "scores", "here", 2)
    for score in (-0.1, 2.1, 85.0):
        with pytest.raises(CorpusError, match=r"here: scores 1 must be an expert score from 0 to 2"):
            scores_field({"scores": [1.0, score]}, "scores", "here", 2)
