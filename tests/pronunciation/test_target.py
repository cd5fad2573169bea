"""Targets of texts, of phones, and of annotations."""

import pytest

from asheard.errors import PhoneError
from asheard.pronunciation.target import target_of_canonical, target_of_phones, target_of_text


def test_target_of_text_has_every_pronunciation():
    target = target_of_text("The cat's tomato!")
    assert target.words == ("The", "cat's", "tomato")
    assert len(target.pronunciations[0]) == 3
    assert len(target.pronunciations[2]) == 2
    assert target.first == [variants[0] for variants in target.pronunciations]
    assert target.num_pronunciations == sum(len(variants) for variants in target.pronunciations)
    assert target.text == "The cat's tomato!"


@pytest.mark.parametrize("phones", ["v ɛ ɹ i | ɡ ʊ d", "V EH1 R IY0 | G UH D", " v ɛ ɹ i|ɡ ʊ d | "])
def test_target_of_phones_divides_words(phones):
    target = target_of_phones(phones)
    assert target.first == [("v", "ɛ", "ɹ", "i"), ("ɡ", "ʊ", "d")]
    assert len(target.words) == 2


@pytest.mark.parametrize("phones", ["", " | ", "7", "v ɛ 7", "//", "ˈ", "T UW ɛ"])
def test_target_of_phones_refuses_what_is_no_phone(phones):
    with pytest.raises(PhoneError):
        target_of_phones(phones)


@pytest.mark.parametrize(
    ("canonical", "text", "words"),
    [
        ("ð i æ p ə l", "the apple", ["ð i", "æ p ə l"]),
        ("ð ə æ p ə l", "The apple!", ["ð ə", "æ p ə l"]),
        ("ð ə k æ p ə l", "the apple", ["ð ə k æ p ə l"]),  # no pronunciation of the words
        ("ð ə", "the 东西", ["ð ə"]),
        ("ð ə", None, ["ð ə"]),
    ],
)
def test_target_of_canonical_divides_phones_into_words(canonical, text, words):
    target = target_of_canonical(canonical.split(), text, {})
    assert [" ".join(phones) for phones in target.first] == words
    assert target.num_pronunciations == len(words) == len(target.words)
    assert target.text == (text or canonical)


def test_target_of_canonical_with_merged_phones():
    """Gold that writes ʌ for ə still divides into the words of its text."""
    target = target_of_canonical(["ð", "ʌ", "æ", "p", "ʌ", "l"], "the apple", {"ə": "ʌ"})
    assert target.first == [("ð", "ʌ"), ("æ", "p", "ʌ", "l")]
    assert target.merges == {"ə": "ʌ"}
