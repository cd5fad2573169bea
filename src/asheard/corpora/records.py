"""The three records that travel between AsHeard's rooms, and their checked JSONL form.

What experts' scores say about phones where nobody, or not everybody, wrote down what was said instead.

A score is the mean of several experts' on one scale: 2 right, 1 right with a heavy accent, 0 wrong or missing. Below
`MISPRONOUNCED_BELOW` the experts agree that the canonical phone was not said, and the sound that was is unknown: such a
token is an `err` with its score, never a guess. Whether it was substituted or left out the score does not say.

Source: Zhang et al. 2021, "speechocean762: An Open-Source Non-native English Speech Corpus For Pronunciation
Assessment", whose own labels name what was said where the mean is below 0.5.

Which utterances are meant where a file has one name for speaker and utterance, and how messages list them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeAlias

from asheard.errors import CorpusError
from asheard.io.files import read_jsonl, write_jsonl
from asheard.io.table import number_field, optional_text_field, text_field
from asheard.phones import ERR, PHONES
from asheard.phones.lexicon import cmudict_entries

POSITIONS = ("onset", "nucleus", "coda")


class ErrorType(StrEnum):
    """What the annotator says happened at a canonical position, in L2-ARCTIC's letters."""

    OK = "ok"
    SUBSTITUTION = "s"
    DELETION = "d"
    ADDITION = "a"


@dataclass(frozen=True, slots=True)
class Token:
    """One annotated position.

    canonical is None at an addition; perceived is None at a deletion, and at a substitution or addition whose sound the
    annotator could not name (`err`), or nobody named: experts scored it as wrong or missing. Phones are IPA symbols of
    the inventory. accented: the annotator starred the label, or heard a difference that the inventory cannot write.
    score: mean expert score, 0 to 2, where a corpus has them. position: onset, nucleus or coda of the syllable the
    canonical phone stands in, where the words are known.
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
        """What was said here is not known; at a canonical position, only that it was not the canonical phone."""
        return self.perceived is None and self.error_type in (ErrorType.SUBSTITUTION, ErrorType.ADDITION)


def paired_token(canonical: str | None, perceived: str | None) -> Token:
    """The token of an aligned pair: None at the canonical's place is an addition, at the other's a deletion.

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

    speaker, l1: empty if unknown. wav: its path.
    """

    utt: str
    speaker: str
    l1: str
    wav: str

    @property
    def key(self) -> tuple[str, str]:
        """(speaker, utt)."""
        return self.speaker, self.utt


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording and its annotation; known by (speaker, utt), for utt alone repeats across speakers.

    wav is relative to a wav root given at run time, so that a manifest moves between machines.
    """

    utt: str
    speaker: str
    l1: str
    wav: str | None
    text: str | None
    tokens: tuple[Token, ...]
    seconds: float | None = None

    @property
    def key(self) -> tuple[str, str]:
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
        """Some sound has no name, so `produced` is not all that was said."""
        return any(token.is_err for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a transcriber wrote for one utterance.

    phones: IPA symbols of the inventory. confidences: one probability a phone. times_s: (start, end) of each phone.
    position_scores: log-odds that the canonical phone was said, one a canonical position, for chains that score these.
    """

    utt: str
    speaker: str
    chain: str
    phones: tuple[str, ...]
    confidences: tuple[float, ...] | None = None
    times_s: tuple[tuple[float, float], ...] | None = None
    position_scores: tuple[float, ...] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """(speaker, utt)."""
        return self.speaker, self.utt


def write_manifest(path: Path | str, utterances: Iterable[Utterance]) -> None:
    """Write utterances as JSONL; fields that hold nothing are left out of the tokens."""
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


def read_manifest(path: Path | str) -> list[Utterance]:
    """Read a manifest and check it row by row.

    Raises:
        CorpusError: with file, line and field, for anything a manifest cannot hold, a repeated (speaker, utt) too.
    """
    rows = []
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        tokens = row.get("tokens")
        if not isinstance(tokens, list):
            raise CorpusError(f"{where}: field 'tokens' must be a list")
        rows.append(
            Utterance(
                utt=text_field(row, "utt", where),
                speaker=text_field(row, "speaker", where),
                l1=text_field(row, "l1", where),
                wav=optional_text_field(row, "wav", where),
                text=optional_text_field(row, "text", where),
                tokens=tuple(_token_from_json(token, f"{where}, token {i}") for i, token in enumerate(tokens)),
                seconds=number_field(row, "seconds", where),
            )
        )
    check_unique([row.key for row in rows], path)
    return rows


def write_predictions(path: Path | str, predictions: Iterable[Prediction]) -> None:
    """Write predictions as JSONL, each as `prediction_to_json` has it."""
    write_jsonl(path, map(prediction_to_json, predictions))


def prediction_to_json(row: Prediction) -> dict[str, Any]:
    """The object that stands for a prediction in JSONL; probabilities and times to four decimals."""
    return {
        "utt": row.utt,
        "speaker": row.speaker,
        "chain": row.chain,
        "phones": list(row.phones),
        "confidences": _rounded(row.confidences),
        "times_s": row.times_s and [_rounded(span) for span in row.times_s],
        "position_scores": _rounded(row.position_scores),
    }


def check_unique(keys: Sequence[tuple[str, str]], path: Path | str) -> None:
    """Raise `CorpusError` naming the first (speaker, utt) that comes twice."""
    seen: set[tuple[str, str]] = set()
    for key in keys:
        if key in seen:
            raise CorpusError(f"{path}: utterance {key[1]} of speaker {key[0]} comes twice; keep one of the rows")
        seen.add(key)


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
        raise CorpusError(f"{where}: error_type {row.get('error_type')!r} is none of ok, s, d, a") from None
    canonical, perceived = _phone(row, "canonical", where), _phone(row, "perceived", where)
    if (canonical is None) != (error_type is ErrorType.ADDITION):
        raise CorpusError(f"{where}: canonical is null exactly at an addition (error_type {error_type.value})")
    position = row.get("position")
    if position is not None and position not in POSITIONS:
        raise CorpusError(f"{where}: position {position!r} is none of {', '.join(POSITIONS)}")
    return Token(
        canonical=canonical,
        perceived=perceived,
        error_type=error_type,
        start_s=number_field(row, "start_s", where),
        end_s=number_field(row, "end_s", where),
        accented=bool(row.get("accented", False)),
        score=number_field(row, "score", where),
        position=position,
    )


def _phone(row: dict[str, Any], name: str, where: str) -> str | None:
    phone = row.get(name)
    if phone is not None and phone not in PHONES:
        raise CorpusError(f"{where}: {name} {phone!r} is not an IPA phone of the inventory")
    return phone


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


Key: TypeAlias = tuple[str, str]  # (speaker, utt)

_SEPARATORS: Final = "/_-."  # between speaker and utterance
_NUM_LISTED: Final = 10


def resolve_names(names: Iterable[str], keys: Collection[Key] | None, path: Path) -> dict[str, Key]:
    """Tell which utterance each name means.

    Args:
        names: SPEAKER/UTT, SPEAKER_UTT, SPEAKER-UTT, SPEAKER.UTT, or UTT alone.
        keys: the utterances there are; None where they are not known.
        path: the file the names stand in, for messages.
    Returns:
        name -> (speaker, utt); ("", name) for a name that means none of `keys`.
    Raises:
        CorpusError: names that may mean several utterances, or `keys` is None.
    """
    if keys is None:
        raise CorpusError(f"{path}: has no field for the speaker; give the gold's (speaker, utt) to tell them by")
    meant: defaultdict[str, set[Key]] = defaultdict(set)
    for speaker, utt in keys:
        for name in (utt, *(f"{speaker}{separator}{utt}" for separator in _SEPARATORS)):
            meant[name].add((speaker, utt))
    found = {name: sorted(meant.get(name, {("", name)})) for name in names}
    ambiguous = [
        f"{name} ({' or '.join(map(format_key, candidates[:2]))}{', ...' if len(candidates) > 2 else ''})"
        for name, candidates in found.items()
        if len(candidates) > 1
    ]
    if ambiguous:
        raise CorpusError(
            f"{path}: utterances of several speakers have these names: {format_list(ambiguous)}; call them SPEAKER_UTT"
        )
    return {name: candidates[0] for name, candidates in found.items()}


def format_key(key: Key) -> str:
    """SPEAKER/UTT; the name alone where it names no known speaker."""
    return "/".join(key).removeprefix("/")


def format_list(names: Sequence[str]) -> str:
    """The first ten, and how many more there are."""
    more = len(names) - _NUM_LISTED
    return ", ".join(names[:_NUM_LISTED]) + (f" and {more} more" if more > 0 else "")
