"""Normalisation of an English text to the words that are read aloud."""

import re
import unicodedata
from typing import Final

from asheard.errors import PhoneError
from asheard.phones.lexicon import attested_pronunciations

_CURLY_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'"})
_READ_ALOUD: Final = frozenset("&%@#")  # punctuation in Unicode, words when read aloud
_LETTERS: Final = re.compile(r"'?[^\W\d_]+(?:'[^\W\d_]+)*'?")


def split_words(text: str) -> list[str]:
    """Split a text into words; punctuation is dropped.

    An apostrophe belongs to its word (`we'll`); a hyphen separates words. A stretch with digits or signs ($5, 3.50,
    R2D2) is one word.

    Args:
        text: English in Latin letters.
    Raises:
        PhoneError: the text holds no word.
    """
    plain = unicodedata.normalize("NFC", text).translate(_CURLY_APOSTROPHES)
    words = [word for chunk in plain.split() for word in _words_of(chunk)]
    if not words:
        raise PhoneError(f"the text {text[:60]!r} holds no word")
    return words


def _words_of(chunk: str) -> list[str]:
    """Split a stretch without blanks."""
    if all(character.isalpha() or _is_silent(character) for character in chunk):
        return [_without_quotes(word) for word in _LETTERS.findall(chunk)]
    first = next(index for index, character in enumerate(chunk) if not _is_silent(character) or character == "'")
    last = max(index for index, character in enumerate(chunk) if not _is_silent(character))
    return [chunk[first : last + 1]]


def _without_quotes(word: str) -> str:
    """Drop quotation marks around a word, unless CMUdict has them as apostrophes ('em, o')."""
    forms = (word, word.rstrip("'"), word.lstrip("'"), word.strip("'"))
    return next((form for form in forms if attested_pronunciations(form)), forms[-1])


def _is_silent(character: str) -> bool:
    return unicodedata.category(character)[0] == "P" and character not in _READ_ALOUD
