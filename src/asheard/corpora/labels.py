"""Phone labels of any alphabet, as other people's files hold them.

What a transcriber wrote, as its file has it, before any label is folded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, Final

from asheard.errors import CorpusError, PhoneError
from asheard.phones import ERR, detect_alphabet, fold_sequence, spoken_label
from asheard.phones.alignment import MAX_CELLS
from asheard.phones.folding import Alphabet

MAX_PHONES: Final = isqrt(MAX_CELLS)  # of one utterance, so that any two can be aligned: 27 minutes of speech

_NAMES: Final[dict[Alphabet, str]] = {"arpabet": "ARPAbet", "ipa": "IPA", "espeak": "eSpeak's IPA"}


def labels_field(row: Mapping[str, Any], name: str, where: str) -> list[str | None]:
    """Phone labels: a list of strings and nulls, or one string of labels between blanks.

    Returns:
        the labels, each as `spoken_label` has it.
    Raises:
        CorpusError: the field is missing, or holds something else.
    """
    value = row.get(name)
    labels = value.split() if isinstance(value, str) else value
    if not isinstance(labels, list):
        raise CorpusError(f"{where}: field {name!r} must be a list of phone labels, not {value!r}")
    for index, label in enumerate(labels):
        if label is not None and not isinstance(label, str):
            raise CorpusError(f"{where}: field {name!r}, item {index} must be a phone label or null, not {label!r}")
    return [spoken_label(label) for label in labels]


def phones_field(row: Mapping[str, Any], name: str, where: str) -> list[str]:
    """As `labels_field`, where every label must be a phone.

    Raises:
        CorpusError: also where a label is null or a silence.
    """
    labels = labels_field(row, name, where)
    phones = [label for label in labels if label is not None]
    if len(phones) < len(labels):
        raise CorpusError(f"{where}: {name} {labels.index(None)} is no phone, and only phones have scores")
    return phones


def check_num_phones(phones: Sequence[str], name: str, where: str) -> None:
    """Refuse what no alignment could take.

    Args:
        phones: the phones of one utterance.
        name: what they are, such as "canonical".
        where: the file and the utterance.
    Raises:
        CorpusError: there are more than `MAX_PHONES`.
    """
    if len(phones) > MAX_PHONES:
        raise CorpusError(
            f"{where}: {len(phones):,} phones in {name!r} are too many for one utterance (at most {MAX_PHONES:,}); "
            "cut the recording into utterances"
        )


class LabelFolder:
    """Folds labels to the 40 phones; all labels of a file together tell its alphabet."""

    def __init__(self, labels: Iterable[str | None]) -> None:
        """Tell the alphabet of `labels`; a few strange ones do not change what the others say."""
        self.alphabet = detect_alphabet(label for label in labels if label is not None and label.lower() != ERR)

    def fold(self, label: str, where: str) -> tuple[str, ...]:
        """IPA phones of one label, or (ERR,).

        Raises:
            CorpusError: the label stands for no phone, or for one in another alphabet only; `where` names file, line,
                field and index.
        """
        if label.lower() == ERR:
            return (ERR,)
        try:
            return tuple(fold_sequence([label], self.alphabet))
        except PhoneError as error:
            others = [_NAMES[other] for other in _NAMES if _knows(other, label)]
            if label.isascii() and others == [_NAMES["espeak"]]:  # which forgives much: `qq`, even
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The labels of one utterance.

    where: file, and line where there is one. labels: as written, None where silence stands. places: where each label
    stands. confidences, times_s: one a label, silences included, or None. chain, position_scores: as in `Prediction`.
    """

    where: str
    speaker: str
    utt: str
    labels: Sequence[str | None]
    places: Sequence[str]
    confidences: Sequence[float] | None = None
    times_s: Sequence[tuple[float, float]] | None = None
    chain: str | None = None
    position_scores: tuple[float, ...] | None = None
