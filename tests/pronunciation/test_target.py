"""What was to be said: texts, and the user's own phones."""

import pytest

from asheard.errors import PhoneError
from asheard.pronunciation.target import target_of_phones, target_of_text


def test_every_pronunciation_of_every_word():
    target = target_of_text("The cat's tomato!")
    assert target.words == ("The", "cat's", "tomato")
    assert len(target.pronunciations[0]) == 3
    assert len(target.pronunciations[2]) == 2
    assert target.first == [ways[0] for ways in target.pronunciations]
    assert target.num_pronunciations == sum(len(ways) for ways in target.pronunciations)
    assert target.text == "The cat's tomato!"


@pytest.mark.parametrize("phones", ["v ɛ ɹ i | ɡ ʊ d", "V EH1 R IY0 | G UH D", " v ɛ ɹ i|ɡ ʊ d | "])
def test_the_users_own_phones(phones):
    target = target_of_phones(phones)
    assert target.first == [("v", "ɛ", "ɹ", "i"), ("ɡ", "ʊ", "d")]
    assert len(target.words) == 2


@pytest.mark.parametrize("phones", ["", " | ", "7", "v ɛ 7"])
def test_phones_that_are_none(phones):
    with pytest.raises(PhoneError):
        target_of_phones(phones)
