"""Find the words behind phone labels without words: the likeliest division into words of CMUdict.

The model is a unigram model (wordfreq) over 36 phones (ʃ is written zh, ʌ ax, ɔ aa). It gives the syllable position of
each phone, and the dictionary's phone of each merged label. A phone outside of any word has no position.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from wordfreq import zipf_frequency

from asheard.corpora.records import Utterance
from asheard.phones import fold_arpabet
from asheard.phones.lexicon import Position, cmudict_entries, syllable_positions

MERGED = {"ʃ": "ʒ", "ʌ": "ə", "ɔ": "ɑ"}  # fine phone -> phone of the 36-phone files
FINE = {"ʒ": "ʃ", "ə": "ʌ", "ɑ": "ɑ"}  # reading of a merged label outside of any word
UNKNOWN_PHONE_COST = 25.0  # nats; a word of zipf 1 costs 18, less than a phone outside of words
LONGEST_WORD = 16

Phones = tuple[str, ...]


def merged(phones: Iterable[str]) -> Phones:
    """The phones as the 36-phone files write them."""
    return tuple(MERGED.get(phone, phone) for phone in phones)


@cache
def word_costs() -> Mapping[Phones, tuple[float, Phones]]:
    """{merged phones of a word: (negative log probability, fine phones)}, the likeliest word of each sound."""
    costs: dict[Phones, tuple[float, Phones]] = {}
    for word, pronunciations in cmudict_entries().items():
        zipf = zipf_frequency(word, "en")
        if zipf < 1.5 or (len(word) == 1 and word not in "ai"):
            continue
        cost = (9 - zipf) * math.log(10)
        for pronunciation in pronunciations:
            fine = tuple(fold_arpabet(symbol) for symbol in pronunciation)
            key = merged(fine)
            if len(key) <= LONGEST_WORD and cost < costs.get(key, (math.inf,))[0]:
                costs[key] = (cost, fine)
    return costs


def divide_into_words(phones: Sequence[str]) -> list[tuple[str, Position | None]]:
    """Divide merged canonical phones into words.

    Args:
        phones: IPA phones of one utterance, in the merged set.
    Returns:
        (fine phone, position or None) for each, in order.
    """
    phones, costs = tuple(phones), word_costs()
    best = [0.0] + [math.inf] * len(phones)
    back = [0] * (len(phones) + 1)
    for end in range(1, len(phones) + 1):
        best[end], back[end] = best[end - 1] + UNKNOWN_PHONE_COST, end - 1
        for start in range(max(0, end - LONGEST_WORD), end):
            cost = costs.get(phones[start:end], (math.inf,))[0]
            if best[start] + cost < best[end]:
                best[end], back[end] = best[start] + cost, start
    out: list[tuple[str, Position | None]] = []
    end = len(phones)
    while end:
        start = back[end]
        if phones[start:end] in costs:
            fine = costs[phones[start:end]][1]
            out[:0] = zip(fine, syllable_positions(fine), strict=True)
        else:
            out[:0] = [(FINE.get(phones[start], phones[start]), None)]
        end = start
    return out


def with_positions(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Add the syllable position of each canonical phone that belongs to a word."""
    placed = []
    for utterance in utterances:
        positions = iter(position for _, position in divide_into_words(utterance.canonical))
        tokens = [
            token if token.canonical is None else replace(token, position=next(positions)) for token in utterance.tokens
        ]
        placed.append(replace(utterance, tokens=tuple(tokens)))
    return placed
