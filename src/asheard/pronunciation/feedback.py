"""Sentences about a learner's phones."""

from collections.abc import Sequence
from typing import Final

from asheard.pronunciation.result import PhoneClass, Reason

_COMMON: Final = 0.05  # share of the L1's tokens above which a substitution is called common; equal to P_MIN


def phone_feedback(
    word: str,
    canonical: str,
    heard: str | None,
    class_: PhoneClass,
    reason: Reason | None,
    l1: str | None,
    l1_frequency: float,
) -> str | None:
    """Say what was heard in place of one phone; None if it was said correctly. Arguments as in `ScoredPhone`."""
    if class_ == "ok":
        return None
    place = f'the {canonical} of "{word}"'
    if heard is None:
        return f"{place} was not heard"
    sentence = f"{place} was heard as {heard}"
    if class_ == "variant" and reason == "distance":
        sentence += ", which is near enough"
    if l1 is not None and l1_frequency:
        sentence += f", {'common' if l1_frequency >= _COMMON else 'known'} for {l1} speakers"
    return sentence


def added_feedback(phone: str, before: int, words: Sequence[tuple[str, int]]) -> str:
    """Say where a phone was heard that the target does not have.

    Args:
        phone: the added phone.
        before: index, over all words, of the target's phone that follows.
        words: each word of the target and the number of its phones.
    """
    start = 0
    for word, num_phones in words:
        if before == start:
            return f'an extra {phone} was heard before "{word}"'
        if before < start + num_phones:
            return f'an extra {phone} was heard in "{word}"'
        start += num_phones
    return f'an extra {phone} was heard after "{words[-1][0]}"'
