"""Targets: the words that were to be said, with every attested pronunciation of each, or given phones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asheard.errors import PhoneError
from asheard.phones.folding import Phones, read_phones
from asheard.phones.lexicon import phrase_pronunciations
from asheard.phones.text import Word, read_words


@dataclass(frozen=True, slots=True)
class Target:
    """What a recording is compared with.

    text: as given. words: as written. pronunciations: of each word at least one, in IPA, the commonest first. merges:
    phones that the target's annotation never tells from others, with these; a transcript is folded accordingly.
    """

    text: str
    words: tuple[str, ...]
    pronunciations: tuple[tuple[Phones, ...], ...]
    merges: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> list[Phones]:
        """The first pronunciation of each word."""
        return [first for first, *_ in self.pronunciations]

    @property
    def num_pronunciations(self) -> int:
        """Pronunciations of all words together."""
        return sum(map(len, self.pronunciations))


def target_of_text(text: str) -> Target:
    """Return the pronunciations of a text's words: CMUdict's, or eSpeak NG's if CMUdict does not know a word.

    Raises:
        PhoneError: the text holds no word, or one that neither can pronounce.
    """
    words = read_words(text)
    return Target(text, tuple(word.written for word in words), tuple(map(_pronunciations, words)))


def _pronunciations(word: Word) -> tuple[Phones, ...]:
    """Return the pronunciations of all readings of a word: of 1984 as a year, as a number and digit by digit."""
    found = dict.fromkeys(phones for reading in word.readings for phones in phrase_pronunciations(reading))
    return tuple(found)


def target_of_phones(phones: str) -> Target:
    """Return a target of given phones.

    Args:
        phones: IPA, or ARPAbet in either case, as `read_phones` reads it: `v ɛ ɹ i | ɡ ʊ d`.
    Raises:
        PhoneError: there is no phone, or a symbol is no phone of English.
    """
    words = read_phones(phones)
    return Target(phones, tuple(written for written, _ in words), tuple((variant,) for _, variant in words))


def target_of_canonical(canonical: Sequence[str], text: str | None, merges: Mapping[str, str]) -> Target:
    """Return the canonical phones of an annotation as a target, one pronunciation a word.

    The phones are divided into the words of the text if some of the words' pronunciations make them up. If not, they
    are one word.

    Args:
        canonical: IPA phones of the annotation, at least one.
        text: what was read; None if not known.
        merges: phones that the annotation never tells from others, with these.
    """
    phones = tuple(canonical)
    if text is not None:
        try:
            target = target_of_text(text)
        except PhoneError:
            target = None
        if target and (parts := _divide(phones, target.pronunciations, merges)):
            return Target(text, target.words, tuple((part,) for part in parts), merges)
    text = text or " ".join(phones)
    return Target(text, (text,), ((phones,),), merges)


def _divide(phones: Phones, words: Sequence[Sequence[Phones]], merges: Mapping[str, str]) -> list[Phones] | None:
    """Divide phones into one pronunciation a word; None if none of these divisions is possible."""
    begins: list[dict[int, int]] = [{0: 0}]  # for each word, its possible ends, each with its begin
    for variants in words:
        reached: dict[int, int] = {}
        for begin in begins[-1]:
            for variant in variants:
                end = begin + len(variant)
                if phones[begin:end] == tuple(merges.get(phone, phone) for phone in variant):
                    reached.setdefault(end, begin)
        begins.append(reached)
    end = len(phones)
    parts: list[Phones] = []
    for reached in reversed(begins[1:]):
        if end not in reached:
            return None
        parts.insert(0, phones[reached[end] : end])
        end = reached[end]
    return parts
