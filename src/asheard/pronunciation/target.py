"""What was to be said: the words of a text and every attested pronunciation of each, or a user's own phones."""

import re
from dataclasses import dataclass
from typing import Final

from asheard.errors import PhoneError
from asheard.phones import fold_sequence
from asheard.phones.folding import Alphabet
from asheard.phones.lexicon import pronunciations
from asheard.phones.text import split_words

Phones = tuple[str, ...]

_ARPABET: Final = re.compile("[A-Z]{1,2}[012]?")
_WORD_MARK: Final = "|"


@dataclass(frozen=True, slots=True)
class Target:
    """text: as given. words: as written. pronunciations: of each word, in IPA; at least one, the commonest first."""

    text: str
    words: tuple[str, ...]
    pronunciations: tuple[tuple[Phones, ...], ...]

    @property
    def first(self) -> list[Phones]:
        """The first pronunciation of each word."""
        return [first for first, *_ in self.pronunciations]

    @property
    def num_pronunciations(self) -> int:
        """Pronunciations of all words together."""
        return sum(map(len, self.pronunciations))


def target_of_text(text: str) -> Target:
    """The pronunciations of a text's words: CMUdict's, or eSpeak NG's where CMUdict does not know a word.

    Raises:
        PhoneError: the text holds no word, or one that neither can say.
    """
    words = tuple(split_words(text))
    return Target(text, words, tuple(tuple(pronunciations(word)) for word in words))


def target_of_phones(phones: str) -> Target:
    """A user's own phones.

    Args:
        phones: IPA or ARPAbet symbols with blanks between them, words parted by `|`: `v ɛ ɹ i | ɡ ʊ d`.
    Raises:
        PhoneError: there is none, or one that is no phone of English.
    """
    words, ways = [], []
    for word in phones.split(_WORD_MARK):
        if symbols := word.split():
            alphabet: Alphabet = "arpabet" if all(map(_ARPABET.fullmatch, symbols)) else "ipa"
            words.append(" ".join(symbols))
            ways.append((tuple(fold_sequence(symbols, alphabet)),))
    if not any(way for (way,) in ways):
        raise PhoneError("no phones; write IPA or ARPAbet symbols with blanks between them, such as v ɛ ɹ i")
    return Target(phones, tuple(words), tuple(ways))
