"""A gold standard that is coarser than the inventory: it writes two phones with one symbol.

Both sides are merged before they are compared, so a chain loses nothing by what such a gold does not distinguish.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from asheard.corpora.records import Utterance

# Pairs that known label sets write with one symbol: schwa and strut (ARPAbet without stress), ʃ and ʒ, cot and caught
# (Lee and Hon 1989 merge all three for TIMIT). The number is how often the first occurs for each of the second in
# running English (CMUdict, words weighted by their frequency).
MERGEABLE: Final = (("ə", "ʌ", 3.3), ("ʃ", "ʒ", 15.3), ("ɔ", "ɑ", 0.84))

# Number of partners that make an absence significant: 100, or as many as 100 of the absent phone would come with. At
# worst, 100 ʃ without a ʒ, it happens by chance once in 700 cases, exp(-100/15.3).
MIN_TOKENS: Final = 100


def coarsening(gold_phones: Iterable[str]) -> dict[str, str]:
    """Find the phones that a gold standard does not distinguish.

    Args:
        gold_phones: every phone token of the gold, canonical and produced, in any order.
    Returns:
        Merges to apply to both sides before they are compared: absent phone -> its partner. Empty if
        the gold is as fine as the inventory, or too small to tell.
    """
    counts = Counter(gold_phones)
    merges = {}
    for first, second, odds in MERGEABLE:
        for absent, partner, expected in ((first, second, odds), (second, first, 1 / odds)):
            if counts[absent] == 0 and counts[partner] * max(1.0, expected) >= MIN_TOKENS:
                merges[absent] = partner
    return merges


def coarsening_of(utterances: Iterable[Utterance]) -> dict[str, str]:
    """Find the coarsening of annotated utterances, as of `coarsening`."""
    return coarsening(
        phone
        for utterance in utterances
        for token in utterance.tokens
        for phone in (token.canonical, token.perceived)
        if phone is not None
    )


def coarsen_utterances(utterances: Sequence[Utterance], merges: Mapping[str, str]) -> list[Utterance]:
    """Merge phones on both sides of every token."""
    return [
        replace(
            utterance,
            tokens=tuple(
                replace(
                    token,
                    canonical=coarsen_phone(token.canonical, merges),
                    perceived=coarsen_phone(token.perceived, merges),
                )
                for token in utterance.tokens
            ),
        )
        for utterance in utterances
    ]


def coarsen_phone(phone: str | None, merges: Mapping[str, str]) -> str | None:
    """Replace a phone by its partner, if it has one."""
    return None if phone is None else merges.get(phone, phone)
