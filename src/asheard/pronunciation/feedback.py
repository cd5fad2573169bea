"""Verdicts in plain words, for the learner."""

from collections.abc import Iterator
from typing import Final

from asheard.pronunciation.result import AddedPhone, Scored, ScoredPhone

_COMMON: Final = 0.05  # share of an L1's speakers' phones from which a substitution is called common (P_MIN)


def sentence(phone: ScoredPhone, word: str, l1: str | None) -> str | None:
    """What to tell a learner about one phone; None where it was said right."""
    if phone.verdict == "ok":
        return None
    where = f'the {phone.canonical} of "{word}"'
    if phone.heard is None:
        return f"{where} was not heard"
    told = f"{where} was heard as {phone.heard}"
    if phone.verdict == "variant" and phone.reason == "distance":
        told += ", which is near enough"
    if l1 is not None and phone.typical:
        told += f", {'common' if phone.typical >= _COMMON else 'known'} for {l1} speakers"
    return told


def added_sentence(added: AddedPhone, scored: Scored) -> str:
    """What to tell a learner about a phone that the target does not have."""
    starts = list(_word_starts(scored))
    if added.before == len(scored.phones):
        return f'an extra {added.phone} was heard after "{scored.words[-1].word}"'
    inside = max(index for index, start in enumerate(starts) if start <= added.before)
    place = "before" if starts[inside] == added.before else "in"
    return f'an extra {added.phone} was heard {place} "{scored.words[inside].word}"'


def _word_starts(scored: Scored) -> Iterator[int]:
    start = 0
    for word in scored.words:
        yield start
        start += len(word.phones)
