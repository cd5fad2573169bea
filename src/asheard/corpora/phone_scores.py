"""Experts' scores of phones, for corpora in which some or all sounds are not labelled.

A score is the mean of several experts' on one scale: 2 right, 1 right with a heavy accent, 0 wrong or missing. Below
`MISPRONOUNCED_BELOW` the experts agree that the canonical phone was not said, and the sound that was is unknown: such a
token is an `err` with its score, never a guess. The score does not say whether the phone was substituted or left out.

Source: Zhang et al. 2021, "speechocean762: An Open-Source Non-native English Speech Corpus For Pronunciation
Assessment", whose own labels name what was said if the mean is below 0.5.
"""

from collections.abc import Sequence
from typing import Final

from asheard.corpora.records import SCORE, ErrorType, Token
from asheard.errors import CorpusError
from asheard.io.table import Fields, numbers_field
from asheard.phones.lexicon import cmudict_entries

MISPRONOUNCED_BELOW: Final = 0.5

_STRESS: Final = "012"


def scored_token(canonical: str, score: float, position: str | None = None) -> Token:
    """Make the token of a scored phone: ok, or `err` if the score is below `MISPRONOUNCED_BELOW`."""
    if score < MISPRONOUNCED_BELOW:
        return Token(canonical, None, ErrorType.SUBSTITUTION, score=score, position=position)
    return Token(canonical, canonical, ErrorType.OK, score=score, position=position)


def scores_field(row: Fields, name: str, where: str, num_phones: int) -> tuple[float, ...]:
    """Read one score for each of `num_phones` phones.

    Raises:
        CorpusError: there are more or fewer, or one is outside 0 to 2; with field and index.
    """
    scores = numbers_field(row, name, where, SCORE) or ()
    if len(scores) != num_phones:
        raise CorpusError(f"{where}: {len(scores)} {name!r} for {num_phones} phones; give one score a phone")
    return scores


def without_stress(label: str) -> str:
    """Write an ARPAbet label in upper case, without its stress digit."""
    return label.upper().rstrip(_STRESS)


def true_stress(word: str, labels: Sequence[str]) -> list[str]:
    """Correct the stress of a word of one syllable: write `AH1` for an `AH0` that is not schwa.

    speechocean762 writes stress 0 in every word of one syllable, so that `AH0` is the vowel of `bus` as well as that of
    `the`. Here it stays schwa if CMUdict has this very pronunciation of the word (DH AH0), and is ʌ otherwise.
    """
    vowels = [index for index, label in enumerate(labels) if label[-1] in _STRESS]
    upper = [label.upper() for label in labels]
    if [upper[index] for index in vowels] != ["AH0"] or upper in cmudict_entries().get(word.lower(), []):
        return list(labels)
    return [*labels[: vowels[0]], "AH1", *labels[vowels[0] + 1 :]]
