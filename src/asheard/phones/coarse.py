"""Merges for gold transcripts written with fewer phones than ours."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

# Pairs that label sets of the field write with one symbol: schwa and strut (ARPAbet without stress), ʃ and
# ʒ, cot and caught (Lee and Hon 1989 merge all three for TIMIT).
MERGEABLE: Final = (("ə", "ʌ"), ("ʃ", "ʒ"), ("ɔ", "ɑ"))

# The rarest of the six, ʒ, comes about once for every 12 ʃ of running English: that 100 ʃ stand and no ʒ
# happens by chance once in 4,000 times, exp(-100/12). The other pairs are more even.
MIN_PARTNER_TOKENS: Final = 100


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
    for pair in MERGEABLE:
        for absent, partner in (pair, pair[::-1]):
            if counts[absent] == 0 and counts[partner] >= MIN_PARTNER_TOKENS:
                merges[absent] = partner
    return merges
