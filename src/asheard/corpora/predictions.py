"""Reading what transcribers wrote: ours, or anybody's, in any alphabet."""

from itertools import chain as chained
from itertools import pairwise
from pathlib import Path
from typing import Any

from asheard.corpora.fields import finite, optional_text_field, text_field
from asheard.corpora.label_fields import LabelFolder, labels_field
from asheard.corpora.records import Prediction, check_unique
from asheard.errors import CorpusError
from asheard.files import read_jsonl


def read_predictions(path: Path | str, chain: str | None = None) -> list[Prediction]:
    """Read a predictions file.

    Args:
        path: JSON Lines of utt, speaker and phones (a list, or one string of labels between blanks; ARPAbet or IPA),
            and where known chain, confidences, times_s and position_scores. Silence labels are left out.
        chain: name to give the predictions, whatever the rows say; None keeps the rows' own, and names rows that have
            none after the file.
    Returns:
        predictions in the file's order, phones folded to IPA. Where one label stands for two phones each gets its
        confidence and an equal part of its time.
    Raises:
        CorpusError: no rows, a missing field, a label that stands for no phone, confidences or times that do not match
            the phones or are not finite, or a (speaker, utt) that comes twice; with file, line and field.
    """
    path = Path(path)
    rows = []
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        rows.append((where, row, labels_field(row, "phones", where)))
    if not rows:
        raise CorpusError(f"{path}: holds no predictions")
    folder = LabelFolder(label for _, _, labels in rows for label in labels)
    predictions = [
        _prediction(row, labels, folder, chain or optional_text_field(row, "chain", where) or path.stem, where)
        for where, row, labels in rows
    ]
    check_unique([prediction.key for prediction in predictions], path)
    return predictions


def _prediction(
    row: dict[str, Any], labels: list[str | None], folder: LabelFolder, chain: str, where: str
) -> Prediction:
    folded = [folder.fold(label, f"{where}, phones {i}") if label else () for i, label in enumerate(labels)]
    confidences = _numbers(row, "confidences", where)
    times = _times(row, where)
    for name, values in (("confidences", confidences), ("times_s", times)):
        if values is not None and len(values) != len(labels):
            raise CorpusError(f"{where}: {len(values)} {name!r} for {len(labels)} 'phones'")
    if confidences is not None:
        confidences = tuple(value for value, phones in zip(confidences, folded, strict=True) for _ in phones)
    if times is not None:
        times = tuple(part for span, phones in zip(times, folded, strict=True) for part in _parts(span, len(phones)))
    return Prediction(
        utt=text_field(row, "utt", where),
        speaker=text_field(row, "speaker", where),
        chain=chain,
        phones=tuple(chained.from_iterable(folded)),
        confidences=confidences,
        times_s=times,
        position_scores=_numbers(row, "position_scores", where),
    )


def _numbers(row: dict[str, Any], name: str, where: str) -> tuple[float, ...] | None:
    values = row.get(name)
    if values is None:
        return None
    if not isinstance(values, list):
        raise CorpusError(f"{where}: field {name!r} must be a list of numbers, not {values!r}")
    return tuple(finite(value, f"{where}: {name} {index}") for index, value in enumerate(values))


def _times(row: dict[str, Any], where: str) -> tuple[tuple[float, float], ...] | None:
    spans = row.get("times_s")
    if spans is None:
        return None
    if not isinstance(spans, list) or any(not isinstance(span, list) or len(span) != 2 for span in spans):
        raise CorpusError(f"{where}: field 'times_s' must be a list of [start, end] pairs")
    return tuple(
        (finite(start, f"{where}: times_s {index}"), finite(end, f"{where}: times_s {index}"))
        for index, (start, end) in enumerate(spans)
    )


def _parts(span: tuple[float, float], number: int) -> list[tuple[float, float]]:
    start, end = span
    edges = [start + (end - start) * i / number for i in range(number)] + [end]
    return list(pairwise(edges))
