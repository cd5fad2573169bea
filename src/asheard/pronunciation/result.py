"""The result of scoring: a recording compared with its target, phone by phone.

`Pronunciation` is the one schema. `asheard score --format json` prints it, `asheard score --out` writes it,
`POST /score` answers it, the page reads it and Python returns it. Its JSON Schema is `docs/pronunciation.schema.json`,
made by `python -m asheard.pronunciation.result > docs/pronunciation.schema.json`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from math import fsum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Self, Union, get_args, get_origin, get_type_hints

from asheard.recognition.protocol import Transcript

PhoneClass = Literal["ok", "variant", "error"]
Reason = Literal["distance", "l1-prior"]

NUM_DECIMALS: Final = 4  # of numbers in JSON
_KEYWORD: Final = "class_"  # the one field whose JSON name is a keyword of Python
_Number = Annotated[float, ("minimum", 0)]
_Share = Annotated[float, ("minimum", 0), ("maximum", 1)]
_Index = Annotated[int, ("minimum", 0)]


@dataclass(frozen=True, slots=True)
class ScoredPhone:
    """One phone of the target."""

    canonical: Annotated[str, "IPA phone that the target calls for"]
    class_: Annotated[PhoneClass, "ok: this phone was heard; variant: an acceptable one; error: another one, or none"]
    reason: Annotated[Reason | None, "why it is a variant: the distance is small, or the L1's speakers often say it"]
    class_without_prior: Annotated[PhoneClass, "the class if no L1 were declared"]
    probability: Annotated[_Share | None, "that the phone was said; null from a recogniser without posteriors"]
    heard: Annotated[str | None, "IPA phone in its place in the transcript; null if there is none"]
    heard_index: Annotated[_Index | None, "index of that phone in the transcript"]
    cos_dist: Annotated[_Share | None, "articulatory distance of the two phones; null if nothing was heard"]
    l1_frequency: Annotated[_Share, "how often speakers of the L1 say here what was heard; 0 if unknown"]
    start_s: Annotated[_Number | None, "start of the frames that decided it, in seconds; null if not known"]
    end_s: Annotated[_Number | None, "end of these frames; they are shorter than the phone"]
    feedback: Annotated[str | None, "a sentence for the learner; null if the class is ok"]

    @property
    def credit(self) -> float:
        """The probability; without one, 0 for an error and 1 for anything else."""
        return float(self.class_ != "error") if self.probability is None else self.probability


@dataclass(frozen=True, slots=True)
class AddedPhone:
    """A phone that was heard where the target has none."""

    phone: Annotated[str, "IPA phone"]
    before: Annotated[_Index, "index, over all words, of the target's phone that follows; their number at the end"]
    heard_index: Annotated[_Index, "index of the phone in the transcript"]
    start_s: Annotated[_Number | None, "start of the frames that decided it, in seconds; null if not known"]
    end_s: Annotated[_Number | None, "end of these frames"]
    feedback: Annotated[str, "a sentence for the learner"]


@dataclass(frozen=True, slots=True)
class ScoredWord:
    """One word of the target, in the pronunciation that fits the recording best."""

    word: Annotated[str, "as written"]
    phones: tuple[ScoredPhone, ...]

    @property
    def score(self) -> Annotated[_Share, "mean of the phones' probabilities; without them, the share that is no error"]:
        """Mean credit of the phones."""
        return fsum(phone.credit for phone in self.phones) / len(self.phones)


@dataclass(frozen=True, slots=True)
class PriorUse:
    """Whether the declared first language could turn an error into a variant."""

    used: bool
    source: Annotated[str | None, "what the prior was fitted on; null if it was not used"]
    reason: Annotated[str, "why it was used, or why not"]


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """A recording compared with its target."""

    model: Annotated[str, "name of the recogniser"]
    text: Annotated[str, "the target as given"]
    l1: Annotated[str | None, "the declared first language"]
    seconds: Annotated[_Number, "length of the recording"]
    calibrated: Annotated[bool, "whether the probabilities were fitted to annotations"]
    prior: PriorUse
    transcript: Transcript
    words: tuple[ScoredWord, ...]
    added: tuple[AddedPhone, ...]
    warnings: Annotated[tuple[str, ...], "what may make the result wrong, such as a minute without speech"]
    num_pronunciations: Annotated[_Index, "attested pronunciations of all words together"]
    coverage: Annotated[str, "which speech the model is for"]
    limitations: Annotated[tuple[str, ...], "what the model cannot do"]

    @property
    def phones(self) -> list[ScoredPhone]:
        """The phones of all words, in order."""
        return [phone for word in self.words for phone in word.phones]

    @property
    def score(self) -> Annotated[_Share, "expected share of the target's phones that were said"]:
        """Mean credit of all phones, 0 to 1."""
        return fsum(phone.credit for phone in self.phones) / len(self.phones)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave. Other fields, such as utt and speaker, are ignored.

        Raises:
            KeyError: a field is missing.
        """
        pronunciation: Self = _read(cls, row)
        return pronunciation

    def to_json(self) -> dict[str, Any]:
        """Return one JSON object. Numbers have four decimals; `score` of the whole and of each word is included."""
        written: dict[str, Any] = _write(self)
        return written


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `Pronunciation.to_json`."""
    definitions: dict[str, Any] = {}
    schema = _schema(Pronunciation, definitions)
    del definitions[Pronunciation.__name__]
    top = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": Pronunciation.__name__}
    return top | schema | {"$defs": definitions}


def _members(kind: type) -> Iterator[tuple[str, str, Any]]:
    """Yield (JSON name, Python name, type) of each field; the property `score` comes before its parts."""
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in fields(kind)]
    if "score" in vars(kind):
        names.insert(names.index("calibrated" if "calibrated" in names else "phones"), "score")
        hints["score"] = get_type_hints(vars(kind)["score"].fget, include_extras=True)["return"]
    return (("class" if name == _KEYWORD else name, name, hints[name]) for name in names)


def _write(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _write(getattr(value, name)) for key, name, _ in _members(type(value))}
    if isinstance(value, tuple):
        return [_write(part) for part in value]
    return round(value, NUM_DECIMALS) if isinstance(value, float) else value


def _read(kind: Any, value: Any) -> Any:
    if get_origin(kind) is Annotated:
        return _read(kind.__origin__, value)
    if is_dataclass(kind) and isinstance(kind, type):
        read = {name: _read(hint, value[key]) for key, name, hint in _members(kind) if name != "score"}
        return kind(**read)
    if get_origin(kind) in (UnionType, Union):
        return None if value is None else _read(get_args(kind)[0], value)
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], part) for part in value)
    return value


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type; those of its dataclasses are added to `definitions`."""
    if get_origin(kind) is Annotated:
        schema = _schema(kind.__origin__, definitions)
        for note in kind.__metadata__:
            key, value = note if isinstance(note, tuple) else ("description", note)
            schema = schema | {key: value}
        return schema
    if is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            properties = {key: _referred(hint, definitions) for key, _, hint in _members(kind)}
            definitions[kind.__name__] = {
                "description": kind.__doc__,
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": kind is Pronunciation,
            }
        return dict(definitions[kind.__name__])
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return {"enum": list(arguments)}
    if get_origin(kind) in (UnionType, Union):
        return {"anyOf": [_referred(argument, definitions) for argument in arguments]}
    if get_origin(kind) is tuple:
        if arguments[-1] is ...:
            return {"type": "array", "items": _referred(arguments[0], definitions)}
        items = [_referred(argument, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return {"type": {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}[kind]}


def _referred(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type, a reference if it is a dataclass."""
    schema = _schema(kind, definitions)
    return {"$ref": f"#/$defs/{kind.__name__}"} if is_dataclass(kind) and isinstance(kind, type) else schema


if __name__ == "__main__":
    print(json.dumps(json_schema(), ensure_ascii=False, indent=2))
