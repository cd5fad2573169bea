"""Phone labels of any alphabet, as the files of others hold them."""

from collections.abc import Iterable, Mapping, Sequence
from math import isqrt
from typing import Any, Final

from asheard.errors import CorpusError, PhoneError
from asheard.io.table import format_value
from asheard.phones import ERR, detect_alphabet, fold_sequence, spoken_label
from asheard.phones.folding import Alphabet
from asheard.phones.levenshtein import MAX_CELLS

MAX_PHONES: Final = isqrt(MAX_CELLS)  # of one utterance, so that any two can be aligned: 27 minutes of speech

_NAMES: Final[dict[Alphabet, str]] = {"arpabet": "ARPAbet", "ipa": "IPA", "espeak": "eSpeak's IPA"}


def labels_field(row: Mapping[str, Any], name: str, where: str) -> list[str | None]:
    """Read phone labels: a list of strings and nulls, or one string of labels between blanks.

    Returns:
        the labels, each as of `spoken_label`.
    Raises:
        CorpusError: the field is missing, or holds something else.
    """
    value = row.get(name)
    labels = value.split() if isinstance(value, str) else value
    if not isinstance(labels, list):
        raise CorpusError(f"{where}: field {name!r} must be a list of phone labels, not {format_value(value)}")
    for index, label in enumerate(labels):
        if label is not None and not isinstance(label, str):
            raise CorpusError(
                f"{where}: field {name!r}, item {index} must be a phone label or null, not {format_value(label)}"
            )
    return [spoken_label(label) for label in labels]


def phones_field(row: Mapping[str, Any], name: str, where: str) -> list[str]:
    """Read phone labels as `labels_field` does; every label must be a phone.

    Raises:
        CorpusError: as of `labels_field`, or a label is null or a silence.
    """
    labels = labels_field(row, name, where)
    phones = [label for label in labels if label is not None]
    if len(phones) < len(labels):
        raise CorpusError(f"{where}: {name} {labels.index(None)} is no phone, and only phones have scores")
    return phones


def check_num_phones(phones: Sequence[str], name: str, where: str) -> None:
    """Check that an utterance is short enough to be aligned.

    Args:
        phones: the phones of one utterance.
        name: the field, such as "canonical".
        where: the file and the utterance.
    Raises:
        CorpusError: there are more than `MAX_PHONES`.
    """
    if len(phones) > MAX_PHONES:
        raise CorpusError(
            f"{where}: {len(phones):,} phones in {name!r}; the limit is {MAX_PHONES:,}. Cut the recording into "
            "utterances"
        )


class LabelFolder:
    """Folds labels to the 40 phones; all labels of a file together determine its alphabet."""

    def __init__(self, labels: Iterable[str | None]) -> None:
        """Determine the alphabet of `labels`; a few unknown ones do not change the result."""
        self.alphabet = detect_alphabet(label for label in labels if label is not None and label.lower() != ERR)

    def fold(self, label: str, where: str) -> tuple[str, ...]:
        """Fold one label to IPA phones, or to (ERR,).

        Raises:
            CorpusError: the label is no phone, or one of another alphabet only; `where` names file, line,
                field and index.
        """
        if label.lower() == ERR:
            return (ERR,)
        try:
            return tuple(fold_sequence([label], self.alphabet))
        except PhoneError as error:
            others = [_NAMES[other] for other in _NAMES if _knows(other, label)]
            if label.isascii() and others == [_NAMES["espeak"]]:  # eSpeak's folding accepts even `qq`
                others = []
            if not others:
                raise CorpusError(f"{where}: {error}; correct it, or leave the utterance out") from None
            raise CorpusError(
                f"{where}: {label!r} is {others[0]}, but most labels of the file are {_NAMES[self.alphabet]}; "
                "write the whole file in one alphabet"
            ) from None


def _knows(alphabet: Alphabet, label: str) -> bool:
    try:
        fold_sequence([label], alphabet)
    except PhoneError:
        return False
    return True
