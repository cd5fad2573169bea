"""The records of utterances and predictions, and their JSON Lines files, checked row by row when they are read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeAlias

from asheard.errors import CorpusError
from asheard.io.files import read_jsonl, write_jsonl
from asheard.io.table import (
    LENGTH_S,
    TIME_S,
    Limits,
    check_span,
    confidences_and_times,
    format_value,
    number_field,
    numbers_field,
    optional_text_field,
    text_field,
)
from asheard.phones import ERR, PHONES

Key: TypeAlias = tuple[str, str]  # (speaker, utt)

POSITIONS: Final = ("onset", "nucleus", "coda")
SCORE: Final = Limits("an expert score from 0 to 2 (2 right, 1 with a heavy accent, 0 wrong or missing)", 0, 2)
_PHONES: Final = frozenset(PHONES)
_NUM_LISTED: Final = 10


class ErrorType(StrEnum):
    """The annotator's class of a position, in L2-ARCTIC's letters."""

    OK = "ok"
    SUBSTITUTION = "s"
    DELETION = "d"
    ADDITION = "a"


@dataclass(frozen=True, slots=True)
class Token:
    """One annotated position; phones are IPA symbols of the inventory.

    Attributes:
        canonical: the dictionary's phone; None at an addition.
        perceived: the annotator's label; None at a deletion, and if the sound is not known: the annotator could not
            name it (`err`), or experts scored the phone as wrong or missing and what was said was not labelled.
        error_type: ok, s, d or a.
        start_s, end_s: where the phone was said.
        accented: the annotator starred the label, or marked a difference that the inventory cannot express.
        score: mean expert score, 0 to 2, if the corpus has them.
        position: onset, nucleus or coda of the canonical phone's syllable, if the words are known.
    """

    canonical: str | None
    perceived: str | None
    error_type: ErrorType
    start_s: float | None = None
    end_s: float | None = None
    accented: bool = False
    score: float | None = None
    position: str | None = None

    @property
    def is_err(self) -> bool:
        """Whether the sound that was said is not known; at a canonical position, it was not the canonical phone."""
        return self.perceived is None and self.error_type in (ErrorType.SUBSTITUTION, ErrorType.ADDITION)


def paired_token(canonical: str | None, perceived: str | None) -> Token:
    """Make the token of an aligned pair; no canonical phone is an addition, no perceived phone a deletion.

    Args:
        canonical, perceived: phones; perceived may be `err`, a sound without a name.
    """
    if canonical is None:
        error_type = ErrorType.ADDITION
    elif perceived is None:
        error_type = ErrorType.DELETION
    else:
        error_type = ErrorType.OK if perceived == canonical else ErrorType.SUBSTITUTION
    return Token(canonical, None if perceived == ERR else perceived, error_type)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording without annotation; known by (speaker, utt).

    Attributes:
        speaker, l1: empty if unknown.
        wav: its path.
    """

    utt: str
    speaker: str
    l1: str
    wav: str

    @property
    def key(self) -> Key:
        """(speaker, utt)."""
        return self.speaker, self.utt


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording and its annotation; known by (speaker, utt), because utt alone repeats across speakers.

    Attributes:
        wav: relative to a wav root that is given at run time, so that a manifest works on other machines.
        text: what was to be read.
        seconds: length of the recording.
    """

    utt: str
    speaker: str
    l1: str
    wav: str | None
    text: str | None
    tokens: tuple[Token, ...]
    seconds: float | None = None

    @property
    def key(self) -> Key:
        """(speaker, utt)."""
        return self.speaker, self.utt

    @property
    def canonical(self) -> tuple[str, ...]:
        """The dictionary's phones; additions have none."""
        return tuple(token.canonical for token in self.tokens if token.canonical is not None)

    @property
    def produced(self) -> tuple[str, ...]:
        """The phones that were said: additions included, deletions and `err` left out."""
        return tuple(token.perceived for token in self.tokens if token.perceived is not None)

    @property
    def has_err(self) -> bool:
        """Whether a sound has no name, so that `produced` lacks it."""
        return any(token.is_err for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The phones that a chain recognised in one utterance.

    Attributes:
        speaker: empty if unknown.
        phones: IPA symbols of the inventory.
        confidences: a probability for each phone.
        times_s: (start, end) of each phone.
        position_scores: log-odds that the canonical phone was said, for each canonical position, if the chain has them.
    """

    utt: str
    speaker: str
    chain: str
    phones: tuple[str, ...]
    confidences: tuple[float, ...] | None = None
    times_s: tuple[tuple[float, float], ...] | None = None
    position_scores: tuple[float, ...] | None = None

    @property
    def key(self) -> Key:
        """(speaker, utt)."""
        return self.speaker, self.utt


def write_manifest(path: Path | str, utterances: Iterable[Utterance]) -> None:
    """Write utterances as JSON Lines; empty fields are left out of the tokens."""
    write_jsonl(
        path,
        (
            {
                "utt": row.utt,
                "speaker": row.speaker,
                "l1": row.l1,
                "wav": row.wav,
                "text": row.text,
                "seconds": row.seconds,
                "tokens": [_token_to_json(token) for token in row.tokens],
            }
            for row in utterances
        ),
    )


def read_manifest(path: Path | str, *, may_be_empty: bool = False) -> list[Utterance]:
    """Read a manifest.

    Raises:
        CorpusError: the file is missing, or holds no utterances although it must not be empty; a field is missing,
            wrong or out of its range, a token begins after the recording ends, or a (speaker, utt) comes twice; with
            file, line and field.
    """
    rows, places = [], []
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        tokens = row.get("tokens")
        if not isinstance(tokens, list):
            raise CorpusError(f"{where}: field 'tokens' must be a list")
        places.append(where)
        rows.append(
            Utterance(
                utt=text_field(row, "utt", where),
                speaker=text_field(row, "speaker", where),
                l1=text_field(row, "l1", where),
                wav=optional_text_field(row, "wav", where),
                text=optional_text_field(row, "text", where),
                tokens=tuple(_token_from_json(token, f"{where}, token {i}") for i, token in enumerate(tokens)),
                seconds=number_field(row, "seconds", where, LENGTH_S),
            )
        )
        if begins_after(rows[-1].tokens, rows[-1].seconds):
            raise CorpusError(
                f"{where}: a token's start_s is after the recording's end (seconds {rows[-1].seconds:g}); "
                "is it another recording?"
            )
    if not rows and not may_be_empty:
        raise CorpusError(f"{path}: holds no utterances")
    check_unique([row.key for row in rows], places)
    return rows


def write_predictions(path: Path | str, predictions: Iterable[Prediction]) -> None:
    """Write predictions as JSON Lines, each row as of `prediction_to_json`."""
    write_jsonl(path, map(prediction_to_json, predictions))


def prediction_to_json(row: Prediction) -> dict[str, Any]:
    """Return the JSON object of a prediction; probabilities and times have four decimals."""
    return {
        "utt": row.utt,
        "speaker": row.speaker,
        "chain": row.chain,
        "phones": list(row.phones),
        "confidences": _rounded(row.confidences),
        "times_s": row.times_s and [_rounded(span) for span in row.times_s],
        "position_scores": _rounded(row.position_scores),
    }


def read_predictions(path: Path | str) -> list[Prediction]:
    """Read predictions that AsHeard wrote; `asheard.corpora.transcripts.read_transcripts` reads those of others.

    Raises:
        CorpusError: the file is missing, a field is missing or wrong, a phone is not an IPA symbol of the inventory, or
            confidences or times are not one for each phone; with file, line and field.
    """
    predictions = []
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        phones = row.get("phones")
        if not isinstance(phones, list):
            raise CorpusError(f"{where}: field 'phones' must be a list")
        for index, phone in enumerate(phones):
            if not isinstance(phone, str) or phone not in _PHONES:
                raise CorpusError(f"{where}: phones {index} {format_value(phone)} is not an IPA phone of the inventory")
        confidences, times_s = confidences_and_times(row, where, len(phones))
        predictions.append(
            Prediction(
                utt=text_field(row, "utt", where),
                speaker="" if row.get("speaker") == "" else text_field(row, "speaker", where),
                chain=text_field(row, "chain", where),
                phones=tuple(phones),
                confidences=confidences,
                times_s=times_s,
                position_scores=numbers_field(row, "position_scores", where),
            )
        )
    return predictions


def begins_after(tokens: Sequence[Token], seconds: float | None) -> bool:
    """Tell whether a token begins after its recording ends. The last may end later, as tiers of real TextGrids do."""
    return seconds is not None and any(token.start_s is not None and token.start_s > seconds for token in tokens)


def check_unique(keys: Sequence[Key], places: Sequence[str]) -> None:
    """Check that no (speaker, utt) comes twice.

    Args:
        keys: to be checked.
        places: file and line of each.
    Raises:
        CorpusError: naming the first that does.
    """
    seen: dict[Key, str] = {}
    for key, where in zip(keys, places, strict=True):
        if key in seen:
            raise CorpusError(
                f"{where}: utterance {key[1]} of speaker {key[0]} comes twice, first in {seen[key]}; "
                "keep one of the rows"
            )
        seen[key] = where


def format_key(key: Key) -> str:
    """Write a key as SPEAKER/UTT, or UTT if the speaker is unknown."""
    return "/".join(key).removeprefix("/")


def format_list(names: Sequence[str]) -> str:
    """Write the first ten names, and how many more there are."""
    more = len(names) - _NUM_LISTED
    return ", ".join(names[:_NUM_LISTED]) + (f" and {more} more" if more > 0 else "")


def _rounded(values: Sequence[float] | None) -> list[float] | None:
    return None if values is None else [round(float(value), 4) for value in values]


def _token_to_json(token: Token) -> dict[str, Any]:
    row: dict[str, Any] = {
        "canonical": token.canonical,
        "perceived": token.perceived,
        "error_type": token.error_type.value,
    }
    optional = {
        "start_s": token.start_s,
        "end_s": token.end_s,
        "score": token.score,
        "position": token.position,
    }
    row |= {name: value for name, value in optional.items() if value is not None}
    return row | ({"accented": True} if token.accented else {})


def _token_from_json(row: Any, where: str) -> Token:
    if not isinstance(row, dict):
        raise CorpusError(f"{where}: expected an object")
    try:
        error_type = ErrorType(str(row.get("error_type")))
    except ValueError:
        wrong = format_value(row.get("error_type"))
        raise CorpusError(f"{where}: error_type {wrong} is none of ok, s, d, a") from None
    canonical, perceived = _phone(row, "canonical", where), _phone(row, "perceived", where)
    if (canonical is None) != (error_type is ErrorType.ADDITION):
        raise CorpusError(f"{where}: canonical must be null at an addition and only there (error_type {error_type})")
    if error_type is ErrorType.OK and perceived != canonical:
        raise CorpusError(f"{where}: perceived is {perceived!r} and canonical {canonical!r}, so error_type is not ok")
    if error_type is ErrorType.DELETION and perceived is not None:
        raise CorpusError(f"{where}: perceived must be null at a deletion (error_type d), not {perceived!r}")
    position = row.get("position")
    if position is not None and position not in POSITIONS:
        raise CorpusError(f"{where}: position {format_value(position)} is none of {', '.join(POSITIONS)}")
    start_s, end_s = number_field(row, "start_s", where, TIME_S), number_field(row, "end_s", where, TIME_S)
    if start_s is not None and end_s is not None:
        check_span(start_s, end_s, where)
    accented = row.get("accented", False)
    if not isinstance(accented, bool):
        raise CorpusError(f"{where}: field 'accented' must be true or false, not {format_value(accented)}")
    return Token(
        canonical=canonical,
        perceived=perceived,
        error_type=error_type,
        start_s=start_s,
        end_s=end_s,
        accented=accented,
        score=number_field(row, "score", where, SCORE),
        position=position,
    )


def _phone(row: dict[str, Any], name: str, where: str) -> str | None:
    phone = row.get(name)
    if phone is not None and phone not in PHONES:
        raise CorpusError(f"{where}: {name} {format_value(phone)} is not an IPA phone of the inventory")
    return phone
