"""Merges for gold transcripts written with fewer phones than ours."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

# Pairs that label sets of the field write with one symbol: schwa and strut (ARPAbet without stress), ʃ and
# ʒ, cot and caught (Lee and Hon 1989 merge all three for TIMIT). With how often the first comes for each of the
# second in running English (CMUdict, words weighted by their frequency).
MERGEABLE: Final = (("ə", "ʌ", 3.3), ("ʃ", "ʒ", 15.3), ("ɔ", "ɑ", 0.84))

# Partners that show an absence to be no chance: 100, or as many as 100 of the absent phone would come with. At worst,
# 100 ʃ without a ʒ, that is chance once in 700 times, exp(-100/15.3).
MIN_TOKENS: Final = 100


def coarsening(gold_phones: Iterable[str]) -> dict[str, str]:
    """Find which phones a gold standard does not tell apart.

    Args:
        gold_phones: every phone token of the gold, canonical and produced, in any order.
    Returns:
        Merges to apply to both sides before they are compared, absent phone -> the partner that stands for
        it; empty where the gold is as fine as the inventory, or too small to tell.
    """
    counts = Counter(gold_phones)
    merges = {}
    for first, second, odds in MERGEABLE:
        for absent, partner, expected in ((first, second, odds), (second, first, 1 / odds)):
            if counts[absent] == 0 and counts[partner] * max(1.0, expected) >= MIN_TOKENS:
                merges[absent] = partner
    return merges
