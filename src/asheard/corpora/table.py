"""Any corpus as a table, one utterance a row, in JSON Lines or CSV.

Columns: utt, speaker, l1, and either `canonical` with `perceived`, aligned one to one (null in canonical is an
addition, null in perceived a deletion, `err` in perceived a sound nobody could name), or `canonical` with `produced`,
two sequences that are aligned here. wav, text and seconds are optional. Phones are ARPAbet or IPA. In CSV a sequence is
one cell of labels between blanks, with `-` for null.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from asheard.alignment import wper_align, wper_align_batch
from asheard.corpora.fields import number_field, optional_text_field, text_field
from asheard.corpora.label_fields import LabelFolder, labels_field
from asheard.corpora.records import ErrorType, Token, Utterance, check_unique, read_manifest
from asheard.errors import CorpusError
from asheard.files import read_jsonl
from asheard.phones import ERR, Vectors

Labels = list[str | None]


class _Row(NamedTuple):
    where: str
    fields: dict[str, Any]
    canonical: Labels
    heard: Labels
    heard_name: str  # "perceived" (aligned) or "produced" (a sequence of its own)


def read_gold(path: Path | str, vectors: Vectors | None = None) -> list[Utterance]:
    """Read annotated utterances from whatever the file holds: a manifest, or a table in JSON Lines or CSV.

    Args:
        path: the file.
        vectors: as in `read_table`.
    Raises:
        CorpusError: see `read_manifest` and `read_table`.
    """
    path = Path(path)
    if _is_jsonl(path):
        first = next(read_jsonl(path), None)
        if first is not None and "tokens" in first[1]:
            return read_manifest(path)
    return read_table(path, vectors)


def read_table(path: Path | str, vectors: Vectors | None = None) -> list[Utterance]:
    """Read a table of annotated utterances.

    Args:
        path: JSON Lines or CSV; which, the content tells.
        vectors: the phones' vectors, to align what comes unaligned; None takes the bundled ones.
    Returns:
        utterances in the file's order, phones folded to IPA; tokens have neither times nor positions.
    Raises:
        CorpusError: no rows, a field missing or of the wrong kind, aligned lists that differ in length, a label that
            stands for no phone, or a (speaker, utt) that comes twice; with file, line and field.
    """
    path = Path(path)
    rows = [_row(where, fields) for where, fields in (_jsonl_rows(path) if _is_jsonl(path) else _csv_rows(path))]
    if not rows:
        raise CorpusError(f"{path}: holds no utterances")
    folder = LabelFolder(label for row in rows for labels in (row.canonical, row.heard) for label in labels)
    tokens = [_aligned_tokens(row, folder, vectors) if row.heard_name == "perceived" else None for row in rows]
    unaligned = [row for row in rows if row.heard_name == "produced"]
    pairs = wper_align_batch(
        [_sequence(row, "canonical", row.canonical, folder) for row in unaligned],
        [_sequence(row, "produced", row.heard, folder) for row in unaligned],
        vectors,
    )
    aligned = iter(pairs)
    utterances = [
        Utterance(
            utt=text_field(row.fields, "utt", row.where),
            speaker=text_field(row.fields, "speaker", row.where),
            l1=text_field(row.fields, "l1", row.where),
            wav=optional_text_field(row.fields, "wav", row.where),
            text=optional_text_field(row.fields, "text", row.where),
            tokens=tuple(map(_token, *zip(*next(aligned), strict=True)) if known is None else known),
            seconds=number_field(row.fields, "seconds", row.where),
        )
        for row, known in zip(rows, tokens, strict=True)
    ]
    check_unique([utterance.key for utterance in utterances], path)
    return utterances


def _row(where: str, fields: dict[str, Any]) -> _Row:
    heard_names = [name for name in ("perceived", "produced") if fields.get(name) is not None]
    if len(heard_names) != 1:
        raise CorpusError(
            f"{where}: needs one of 'perceived' (aligned with canonical) and 'produced' (a sequence), "
            f"has {' and '.join(heard_names) or 'neither'}"
        )
    canonical, heard = labels_field(fields, "canonical", where), labels_field(fields, heard_names[0], where)
    if heard_names[0] == "perceived" and len(canonical) != len(heard):
        raise CorpusError(
            f"{where}: 'canonical' has {len(canonical)} items and 'perceived' {len(heard)}; aligned "
            "lists must be equally long (or give the second one as 'produced')"
        )
    return _Row(where, fields, canonical, heard, heard_names[0])


def _aligned_tokens(row: _Row, folder: LabelFolder, vectors: Vectors | None) -> list[Token]:
    tokens = []
    for index, (canonical, perceived) in enumerate(zip(row.canonical, row.heard, strict=True)):
        references = folder.fold(canonical, f"{row.where}, canonical {index}") if canonical else ()
        heard = folder.fold(perceived, f"{row.where}, perceived {index}") if perceived else ()
        if ERR in references:
            raise CorpusError(f"{row.where}, canonical {index}: 'err' is a perceived label, never a canonical one")
        if len(references) <= 1 and len(heard) <= 1:
            pairs = [((*references, None)[0], (*heard, None)[0])] if references or heard else []
        else:  # one label for several phones, such as aɪə
            pairs = wper_align(references, heard, vectors)
        tokens += [_token(*pair) for pair in pairs]
    return tokens


def _sequence(row: _Row, name: str, labels: Labels, folder: LabelFolder) -> list[str]:
    phones = [
        phone
        for index, label in enumerate(labels)
        if label is not None
        for phone in folder.fold(label, f"{row.where}, {name} {index}")
    ]
    if name == "canonical" and ERR in phones:
        raise CorpusError(f"{row.where}: 'err' is a perceived label, never a canonical one")
    return phones


def _token(canonical: str | None, perceived: str | None) -> Token:
    if canonical is None:
        error_type = ErrorType.ADDITION
    elif perceived is None:
        error_type = ErrorType.DELETION
    else:
        error_type = ErrorType.OK if perceived == canonical else ErrorType.SUBSTITUTION
    return Token(canonical, None if perceived == ERR else perceived, error_type)


def _is_jsonl(path: Path) -> bool:
    """Whether the first character that is no blank is a brace."""
    try:
        with path.open("rb") as file:
            return file.read(256).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from None


def _jsonl_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((f"{path}, line {number}", row) for number, row in read_jsonl(path))


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    reader = csv.DictReader(lines, strict=True)
    try:
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row or None in row.values():
                raise CorpusError(f"{where}: not as many cells as the header names; is the file cut off?")
            cells: dict[str, Any] = {name: cell or None for name, cell in row.items()}
            if cells.get("seconds") is not None:
                cells["seconds"] = _parsed_number(cells["seconds"], where)
            yield where, cells
    except csv.Error as error:
        raise CorpusError(f"{path}, line {reader.line_num}: not CSV ({error})") from None


def _parsed_number(cell: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise CorpusError(f"{where}: field 'seconds' must be a number, not {cell!r}") from None
