"""What experts' scores say about phones where nobody, or not everybody, wrote down what was said instead.

A score is the mean of several experts' on one scale: 2 right, 1 right with a heavy accent, 0 wrong or missing. Below
`MISPRONOUNCED_BELOW` the experts agree that the canonical phone was not said, and the sound that was is unknown: such a
token is an `err` with its score, never a guess. Whether it was substituted or left out the score does not say.

Source: Zhang et al. 2021, "speechocean762: An Open-Source Non-native English Speech Corpus For Pronunciation
Assessment", whose own labels name what was said where the mean is below 0.5.
"""

from collections.abc import Sequence
from typing import Final

from asheard.corpora.records import ErrorType, Token
from asheard.errors import CorpusError
from asheard.lexicon import cmudict_entries

MISPRONOUNCED_BELOW: Final = 0.5
MAX_SCORE: Final = 2.0

_STRESS: Final = "012"


def scored_token(canonical: str, score: float, position: str | None = None) -> Token:
    """The token of one scored phone: ok, or `err` where the score is below `MISPRONOUNCED_BELOW`."""
    if score < MISPRONOUNCED_BELOW:
        return Token(canonical, None, ErrorType.SUBSTITUTION, score=score, position=position)
    return Token(canonical, canonical, ErrorType.OK, score=score, position=position)


def check_scores(scores: Sequence[float], num_phones: int, name: str, where: str) -> None:
    """Refuse scores that are not one a phone, or not on the scale.

    Args:
        name: the field that holds them.
        where: the file and the utterance.
    Raises:
        CorpusError: with field and index.
    """
    if len(scores) != num_phones:
        raise CorpusError(f"{where}: {len(scores)} {name!r} for {num_phones} phones; give one score a phone")
    for index, score in enumerate(scores):
        if not 0 <= score <= MAX_SCORE:
            raise CorpusError(
                f"{where}: {name} {index} is {score:g}, outside 0 to 2; rescale the scores (2 right, 1 with a heavy "
                "accent, 0 wrong or missing)"
            )


def without_stress(label: str) -> str:
    """An ARPAbet label in upper case, its stress digit taken off."""
    return label.upper().rstrip(_STRESS)


def true_stress(word: str, labels: Sequence[str]) -> list[str]:
    """The labels of a word, `AH0` written `AH1` where it is not schwa.

    speechocean762 writes stress 0 in every word of one syllable, so that `AH0` is the vowel of `bus` as well as that of
    `the`. Here it stays schwa where CMUdict attests the very pronunciation (DH AH0), and is ʌ elsewhere.
    """
    vowels = [index for index, label in enumerate(labels) if label[-1] in _STRESS]
    upper = [label.upper() for label in labels]
    if [upper[index] for index in vowels] != ["AH0"] or upper in cmudict_entries().get(word.lower(), []):
        return list(labels)
    return [*labels[: vowels[0]], "AH1", *labels[vowels[0] + 1 :]]
