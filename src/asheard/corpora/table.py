"""Any annotated corpus as a table, one utterance a row, in JSON Lines or CSV.

Columns: utt, speaker, l1, and one of

- `canonical` and `perceived`, aligned one to one: null in canonical is an addition, null in perceived a deletion, `err`
  in perceived a sound without a name;
- `canonical` and `produced`, two sequences that are aligned here;
- `canonical` and `scores`, one expert score a phone, with `words` if they are known.

wav, text and seconds are optional. Phones are ARPAbet, IPA or eSpeak's. In CSV a sequence is one cell of labels between
blanks, with `-` for null, and an empty cell is a field left out.
"""

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from asheard.corpora.labels import LabelFolder, check_num_phones, labels_field, phones_field
from asheard.corpora.phone_scores import scored_token, scores_field, true_stress, without_stress
from asheard.corpora.records import Token, Utterance, check_unique, format_key, paired_token, read_manifest
from asheard.errors import CorpusError
from asheard.io.files import read_jsonl
from asheard.io.table import (
    LENGTH_S,
    Fields,
    format_value,
    is_jsonl,
    number_field,
    optional_text_field,
    parsed_number,
    table_rows,
    text_field,
)
from asheard.phones import ERR, Vectors
from asheard.phones.alignment import wper_align, wper_align_batch
from asheard.phones.lexicon import syllable_positions

_Labels = list[str | None]


class _Scored(NamedTuple):
    """Labels and their scores; word_lengths: number of labels of each word, if the words are known."""

    labels: list[str]
    scores: tuple[float, ...]
    word_lengths: list[int] | None


class _Row(NamedTuple):
    """One row before its labels are folded.

    utterance: without tokens. second: the labels of the field `second_name`, which is perceived or produced; empty if
    it is scores.
    """

    where: str
    utterance: Utterance
    canonical: _Labels
    second: _Labels
    second_name: str
    scored: _Scored | None


def read_gold(path: Path | str, vectors: Vectors | None = None) -> list[Utterance]:
    """Read annotated utterances: a manifest, or a table in JSON Lines or CSV; the content decides which it is.

    Args:
        path: the file.
        vectors: as of `read_table`.
    Raises:
        CorpusError: as of `read_manifest` and `read_table`; the limit on phones holds for a manifest too.
    """
    path = Path(path)
    if is_jsonl(path):
        first = next(read_jsonl(path), None)
        if first is not None and "tokens" in first[1]:
            utterances = read_manifest(path)
            for utterance in utterances:
                _check_phones(utterance, str(path))
            return utterances
    return read_table(path, vectors)


def read_table(path: Path | str, vectors: Vectors | None = None) -> list[Utterance]:
    """Read a table of annotated utterances.

    Args:
        path: JSON Lines or CSV; the content decides which it is.
        vectors: the phones' vectors, which align canonical and produced phones; None takes the bundled ones.
    Returns:
        utterances in the file's order, phones folded to IPA. Tokens have no times, and positions only if a row of
        scores has words. A phone scored as mispronounced is an `err`: what was said is not known.
    Raises:
        CorpusError: no rows, a field missing or of the wrong kind, aligned lists that differ in length, a score outside
            0 to 2, a label that is no phone or is in another alphabet than the others, more phones than can be
            aligned, or a (speaker, utt) that comes twice; with file, line and field.
    """
    path = Path(path)
    rows = [_row(where, fields) for where, fields in table_rows(path, ("utt", "speaker", "l1", "canonical"))]
    if not rows:
        raise CorpusError(f"{path}: holds no utterances")
    folder = LabelFolder(label for row in rows for labels in (row.canonical, row.second) for label in labels)
    tokens = [_known_tokens(row, folder, vectors) for row in rows]
    unaligned = [row for row in rows if row.second_name == "produced"]
    pairs = wper_align_batch(
        [_sequence(row, "canonical", row.canonical, folder) for row in unaligned],
        [_sequence(row, "produced", row.second, folder) for row in unaligned],
        vectors,
    )
    aligned = iter(pairs)
    utterances = [
        replace(row.utterance, tokens=tuple(paired_token(*pair) for pair in next(aligned)) if known is None else known)
        for row, known in zip(rows, tokens, strict=True)
    ]
    for row, utterance in zip(rows, utterances, strict=True):
        _check_phones(utterance, row.where)
    check_unique([utterance.key for utterance in utterances], [row.where for row in rows])
    return utterances


def _row(where: str, fields: Fields) -> _Row:
    fields = {name: value for name, value in fields.items() if value not in (None, "")}
    second_names = [name for name in ("perceived", "produced", "scores") if name in fields]
    if len(second_names) != 1:
        raise CorpusError(
            f"{where}: needs one of 'perceived' (aligned with canonical), 'produced' (a sequence) and 'scores' "
            f"(one a phone), has {' and '.join(second_names) or 'none'}"
        )
    scored = _scored(fields, where) if second_names == ["scores"] else None
    canonical: _Labels = list(scored.labels) if scored else labels_field(fields, "canonical", where)
    second = [] if scored else labels_field(fields, second_names[0], where)
    if second_names == ["perceived"] and len(canonical) != len(second):
        raise CorpusError(
            f"{where}: 'canonical' has {len(canonical)} items and 'perceived' {len(second)}; aligned lists must be "
            "equally long (or give the second one as 'produced')"
        )
    utterance = Utterance(
        utt=text_field(fields, "utt", where),
        speaker=text_field(fields, "speaker", where),
        l1=text_field(fields, "l1", where),
        wav=optional_text_field(fields, "wav", where),
        text=optional_text_field(fields, "text", where),
        tokens=(),
        seconds=number_field({"seconds": parsed_number(fields.get("seconds"))}, "seconds", where, LENGTH_S),
    )
    return _Row(where, utterance, canonical, second, second_names[0], scored)


def _scored(fields: Fields, where: str) -> _Scored:
    """Read the scores of a row, and its words if it has them.

    Raises:
        CorpusError: an item of canonical that is no phone, not one score for each phone, a score off the scale, or
            words whose phones are not those of canonical, stress aside; with the field.
    """
    labels = phones_field(fields, "canonical", where)
    scores = scores_field(fields, "scores", where, len(labels))
    words = fields.get("words")
    if words is None:
        return _Scored(labels, scores, None)
    if not isinstance(words, list):
        raise CorpusError(
            f"{where}: field 'words' must be a list of objects with text and phones, not {format_value(words)}"
        )
    words = [_word_labels(word, f"{where}, words {index}") for index, word in enumerate(words)]
    spelt = list(chain.from_iterable(words))
    if list(map(without_stress, spelt)) != list(map(without_stress, labels)):
        raise CorpusError(f"{where}: the phones of 'words' are not those of 'canonical'; correct one, or omit 'words'")
    return _Scored(spelt, scores, list(map(len, words)))


def _word_labels(word: Any, where: str) -> list[str]:
    if not isinstance(word, dict):
        raise CorpusError(f"{where}: expected an object with text and phones, not {format_value(word)}")
    return true_stress(text_field(word, "text", where), phones_field(word, "phones", where))


def _known_tokens(row: _Row, folder: LabelFolder, vectors: Vectors | None) -> tuple[Token, ...] | None:
    """Make the tokens of a row; None if an alignment must make them."""
    if row.scored is not None:
        return _scored_tokens(row.scored, folder, row.where)
    return _aligned_tokens(row, folder, vectors) if row.second_name == "perceived" else None


def _scored_tokens(scored: _Scored, folder: LabelFolder, where: str) -> tuple[Token, ...]:
    """Make the tokens of a row of scores; all phones of one label have its score."""
    folded = [folder.fold(label, f"{where}, canonical {index}") for index, label in enumerate(scored.labels)]
    if (ERR,) in folded:
        raise CorpusError(f"{where}: 'err' is a perceived label, never a canonical one")
    positions: list[str | None] = [None] * sum(map(len, folded))
    if scored.word_lengths is not None:
        rest = iter(folded)
        words = [[phone for _ in range(length) for phone in next(rest)] for length in scored.word_lengths]
        positions = [position for word in words for position in syllable_positions(word)]
    remaining = iter(positions)
    return tuple(
        scored_token(phone, score, next(remaining))
        for phones, score in zip(folded, scored.scores, strict=True)
        for phone in phones
    )


def _aligned_tokens(row: _Row, folder: LabelFolder, vectors: Vectors | None) -> tuple[Token, ...]:
    tokens: list[Token] = []
    for index, (canonical_label, perceived_label) in enumerate(zip(row.canonical, row.second, strict=True)):
        canonical = folder.fold(canonical_label, f"{row.where}, canonical {index}") if canonical_label else ()
        perceived = folder.fold(perceived_label, f"{row.where}, perceived {index}") if perceived_label else ()
        if ERR in canonical:
            raise CorpusError(f"{row.where}, canonical {index}: 'err' is a perceived label, never a canonical one")
        if len(canonical) <= 1 and len(perceived) <= 1:
            pairs = [((*canonical, None)[0], (*perceived, None)[0])] if canonical or perceived else []
        else:  # one label for several phones, such as aɪə
            pairs = wper_align(canonical, perceived, vectors)
        tokens += [paired_token(*pair) for pair in pairs]
    return tuple(tokens)


def _sequence(row: _Row, name: str, labels: _Labels, folder: LabelFolder) -> list[str]:
    phones = [
        phone
        for index, label in enumerate(labels)
        if label is not None
        for phone in folder.fold(label, f"{row.where}, {name} {index}")
    ]
    if name == "canonical" and ERR in phones:
        raise CorpusError(f"{row.where}: 'err' is a perceived label, never a canonical one")
    check_num_phones(phones, name, f"{row.where}, utterance {format_key(row.utterance.key)}")
    return phones


def _check_phones(utterance: Utterance, where: str) -> None:
    where = f"{where}, utterance {format_key(utterance.key)}"
    check_num_phones(utterance.canonical, "canonical", where)
    check_num_phones(utterance.produced, "produced", where)
