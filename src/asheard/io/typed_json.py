"""JSON values checked against the types of Python records, for files that hold one record."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from asheard.errors import CorpusError
from asheard.io.table import NUMBER, format_value

_WORDS: Final = {
    Path: "a path",
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
}


def record_from_json(kind: Any, value: Any, where: str) -> Any:
    """Make a record of a JSON object that has its fields; those with a default may be missing.

    Args:
        kind: a dataclass. Its fields may be texts, whole and finite numbers, true or false, paths, literals, records,
            tuples, lists and mappings of these, and unions of them.
        value: the JSON value.
        where: the file, for messages.
    Raises:
        CorpusError: a field is missing, unknown or of another type; with its name.
    """
    if not isinstance(value, dict):
        _refuse(kind, value, where)
    hints = get_type_hints(kind)
    required = {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}
    for problem, names in (("no such", value.keys() - hints.keys()), ("missing", required - value.keys())):
        if names:
            raise CorpusError(f"{where}: {problem} field: {', '.join(map(format_value, sorted(names)))}")
    return kind(
        **{name: value_from_json(hints[name], part, f"{where}: field {name!r}") for name, part in value.items()}
    )


def value_from_json(hint: Any, value: Any, where: str) -> Any:
    """Check a JSON value against a type, and give it in that type. Arguments and errors as for `record_from_json`."""
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return record_from_json(kind, value, where)
    if kind in (UnionType, Union):
        matching = [part for part in arguments if _is_like(part, value)]
        return value_from_json(matching[0], value, where) if matching else _refuse(hint, value, where)
    if not _is_like(hint, value):
        _refuse(hint, value, where)
    if kind is Path:
        return Path(value)
    if kind in (tuple, list, frozenset):
        hints = arguments if kind is tuple and arguments[-1] is not ... else arguments[:1] * len(value)
        if len(hints) != len(value):
            raise CorpusError(f"{where} must be a list of {len(hints)} values, not {format_value(value)}")
        return kind(
            value_from_json(part, item, f"{where}, item {index}")
            for index, (part, item) in enumerate(zip(hints, value, strict=True))
        )
    if kind in (dict, Mapping):
        return {
            key: value_from_json(arguments[1], part, f"{where}, {format_value(key)}") for key, part in value.items()
        }
    return value


def _is_like(hint: Any, value: Any) -> bool:
    """Tell whether a value is of a type, its items aside."""
    kind = get_origin(hint) or hint
    if kind is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if kind in (tuple, list, frozenset):
        return isinstance(value, list)
    if kind in (dict, Mapping) or is_dataclass(kind):
        return isinstance(value, dict)
    if kind is float:
        return NUMBER.holds(value)
    return type(value) is {Path: str}.get(kind, kind)


def _refuse(hint: Any, value: Any, where: str) -> Any:
    raise CorpusError(f"{where} must be {_describe(hint)}, not {format_value(value)}")


def _describe(hint: Any) -> str:
    kind = get_origin(hint) or hint
    if kind in (UnionType, Union):
        return " or ".join(map(_describe, get_args(hint)))
    if kind is Literal:
        return " or ".join(get_args(hint))
    return _WORDS.get(kind, "a list" if kind in (tuple, list, frozenset) else "an object")
