"""Texts to words."""

import pytest

from asheard.errors import PhoneError
from asheard.phones.text import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", ["Hello", "world"]),
        ("well-known rock—word yes/no", ["well", "known", "rock", "word", "yes", "no"]),
        ("‘Tis the “best” of 'them'", ["'Tis", "the", "best", "of", "them"]),
        ("we’ll o'clock the dogs' 'em", ["we'll", "o'clock", "the", "dogs'", "'em"]),
        ("$3.50 & 50% (R2D2).", ["$3.50", "&", "50%", "R2D2"]),
        ("cafe\u0301 naïve", ["café", "naïve"]),
        ("wait ... what?!", ["wait", "what"]),
    ],
)
def test_split_words(text, words):
    assert split_words(text) == words


@pytest.mark.parametrize("text", ["", " \n", "... — !"])
def test_split_words_refuses_a_text_without_words(text):
    with pytest.raises(PhoneError, match="no word"):
        split_words(text)
