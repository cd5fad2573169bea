"""Training options as a JSON file, so that a run can be told on another machine."""

from dataclasses import MISSING, asdict, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from asheard.errors import ModelError
from asheard.files import read_json
from asheard.training.options import TrainingOptions


def options_to_json(options: TrainingOptions) -> dict[str, Any]:
    """All options by name; paths as they are, so relative ones start from the folder that the run is begun in."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(options).items()}


def read_options(path: Path) -> TrainingOptions:
    """The options of a file that holds what `options_to_json` gives; options that have a default may be left out.

    Raises:
        ModelError: an option is unknown, missing, or not of its kind; naming file and option.
        CorpusError: the file is missing or is not JSON.
    """
    values = read_json(path)
    if not isinstance(values, dict):
        raise ModelError(f"{path}: expected one JSON object, training options by name")
    hints = get_type_hints(TrainingOptions)
    required = {field.name for field in fields(TrainingOptions) if field.default is MISSING}
    for problem, names in (("no such", values.keys() - hints.keys()), ("missing", required - values.keys())):
        if names:
            raise ModelError(f"{path}: {problem} training option: {', '.join(sorted(names))}")
    for name, value in values.items():
        if not _admits(hints[name], value):
            raise ModelError(f"{path}: training option {name} is {value!r}; it must be {_told(hints[name])}")
    of_paths = {name for name, hint in hints.items() if Path in (hint, *get_args(hint))}
    options: dict[str, Any] = {
        name: Path(value) if name in of_paths and value is not None else value for name, value in values.items()
    }
    return TrainingOptions(**options)


def _admits(hint: Any, value: object) -> bool:
    if isinstance(hint, UnionType):
        return any(_admits(part, value) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    return type(value) in {Path: (str,), float: (int, float)}.get(hint, (hint,))


def _told(hint: Any) -> str:
    if isinstance(hint, UnionType):
        return " or ".join(map(_told, get_args(hint)))
    if get_origin(hint) is Literal:
        return ", ".join(get_args(hint))
    words = {Path: "a path", str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(hint, "null")
