"""Rows of a table that hold `canonical` and `scores`, one a phone, and `words` where known, but no transcript."""

from itertools import chain
from typing import Any, NamedTuple

from asheard.corpora.fields import text_field
from asheard.corpora.label_fields import LabelFolder, phones_field
from asheard.corpora.records import Token
from asheard.corpora.scored import check_scores, scored_token, true_stress, without_stress
from asheard.corpora.table_rows import Fields, numbers_field
from asheard.errors import CorpusError
from asheard.lexicon import syllable_positions
from asheard.phones import ERR


class ScoredRow(NamedTuple):
    """Labels and their scores; word_lengths: how many labels each word has, where the words are known."""

    labels: list[str]
    scores: tuple[float, ...]
    word_lengths: list[int] | None


def scored_row(fields: Fields, where: str) -> ScoredRow:
    """Check and take the scores of one row.

    Raises:
        CorpusError: an item of canonical that is no phone, not one score a phone, a score off the scale, or words whose
            phones are not those of canonical, stress aside; with the field.
    """
    labels = phones_field(fields, "canonical", where)
    scores = numbers_field(fields, "scores", where) or ()
    check_scores(scores, len(labels), "scores", where)
    if fields.get("words") is None:
        return ScoredRow(labels, scores, None)
    words = [_word_labels(word, f"{where}, words {index}") for index, word in enumerate(_words(fields, where))]
    spelt = list(chain.from_iterable(words))
    if list(map(without_stress, spelt)) != list(map(without_stress, labels)):
        raise CorpusError(f"{where}: the phones of 'words' are not those of 'canonical'; correct one, or omit 'words'")
    return ScoredRow(spelt, scores, list(map(len, words)))


def scored_row_tokens(row: ScoredRow, folder: LabelFolder, where: str) -> tuple[Token, ...]:
    """The tokens of one row; each phone of a label that stands for several has its score.

    Raises:
        CorpusError: a label stands for no phone; with its index.
    """
    folded = [folder.fold(label, f"{where}, canonical {index}") for index, label in enumerate(row.labels)]
    if (ERR,) in folded:
        raise CorpusError(f"{where}: 'err' is a perceived label, never a canonical one")
    positions: list[str | None] = [None] * sum(map(len, folded))
    if row.word_lengths is not None:
        rest = iter(folded)
        words = [[phone for _ in range(length) for phone in next(rest)] for length in row.word_lengths]
        positions = [position for word in words for position in syllable_positions(word)]
    place = iter(positions)
    return tuple(
        scored_token(phone, score, next(place))
        for phones, score in zip(folded, row.scores, strict=True)
        for phone in phones
    )


def _words(fields: Fields, where: str) -> list[Any]:
    words = fields["words"]
    if not isinstance(words, list):
        raise CorpusError(f"{where}: field 'words' must be a list of objects with text and phones, not {words!r}")
    return words


def _word_labels(word: Any, where: str) -> list[str]:
    if not isinstance(word, dict):
        raise CorpusError(f"{where}: expected an object with text and phones, not {word!r}")
    return true_stress(text_field(word, "text", where), phones_field(word, "phones", where))
