"""Phone labels of any alphabet, as rows of other people's files hold them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from asheard.corpora.label_grammar import is_silence
from asheard.errors import CorpusError, PhoneError
from asheard.phones import ERR, detect_alphabet, fold_sequence

NULLS = frozenset({"-", "null", "<eps>"})  # what stands for "no phone here" where a label must be a word


def labels_field(row: Mapping[str, Any], name: str, where: str) -> list[str | None]:
    """Phone labels: a list of strings and nulls, or one string of labels between blanks.

    Returns:
        the labels as written; None where there is no phone (null, "-", "<eps>", or a silence).
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
    return [None if label is None or label in NULLS or is_silence(label) else label for label in labels]


class LabelFolder:
    """Folds labels to the 40 phones; all labels of a file together tell its alphabet, ARPAbet or IPA."""

    def __init__(self, labels: Iterable[str | None]) -> None:
        """Tell the alphabet of `labels`; one strange symbol does not change what the others say."""
        symbols = {label for label in labels if label is not None and label.lower() != ERR}
        self.alphabet: Literal["arpabet", "ipa"] = detect_alphabet(symbols)
        if self.alphabet == "ipa" and self._num_unknown(symbols, "arpabet") < self._num_unknown(symbols, "ipa"):
            self.alphabet = "arpabet"

    @staticmethod
    def _num_unknown(symbols: Iterable[str], alphabet: Literal["arpabet", "ipa"]) -> int:
        unknown: Counter[str] = Counter()
        fold_sequence(symbols, alphabet, unknown)
        return len(unknown)

    def fold(self, label: str, where: str) -> tuple[str, ...]:
        """IPA phones of one label, or (ERR,).

        Raises:
            CorpusError: the label stands for no phone; `where` names file, line, field and index.
        """
        if label.lower() == ERR:
            return (ERR,)
        try:
            return tuple(fold_sequence([label], self.alphabet))
        except PhoneError as error:
            raise CorpusError(f"{where}: {error}") from None
