"""Entries of the registry: what a transcriber is called, where it comes from, and what must be known of it."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from asheard.errors import ModelError

KINDS: Final = {"model": "path", "hub": "id", "recogniser": "name", "command": "command"}  # kind -> where it is said
_TEXTS: Final = ("trained_on", "coverage")
_SECTION: Final = "transcribers"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """One named transcriber.

    kind: model (a folder of a model of ours), hub (a published CTC recogniser, hub id or folder), recogniser (one
    behind an adapter) or command (a program); study for one that a study made. model: as `load_by_name` takes it.
    trained_on, coverage: one sentence each. limitations: one sentence each, shown with every result. calibration:
    file that makes probabilities of its posteriors; None takes the one in its folder. prior: file of what the
    speakers of an L1 are known to say; None takes the one for real voices. l1_excuses: whether the L1 may make a
    variant of an error, and why. broken: what makes the entry unusable, None where nothing is known to.
    """

    name: str
    kind: str
    model: str
    trained_on: str
    coverage: str
    limitations: tuple[str, ...]
    calibration: Path | None = None
    prior: Path | None = None
    l1_excuses: bool = True
    l1_reason: str = ""
    broken: str | None = None


def built_in_models() -> list[ModelConfig]:
    """What comes with the package, and the recognisers of the extra `voices`."""
    text = files("asheard.recognition").joinpath("builtin.toml").read_text(encoding="utf-8")
    return [_entry(name, table, Path()) for name, table in tomllib.loads(text)[_SECTION].items()]


def read_models(path: Path) -> list[ModelConfig]:
    """Entries of a user's TOML file; relative paths start from its folder.

    An entry that is wrong comes back broken, with the reason, and stops no other.

    Raises:
        ModelError: there is no such file, or it is no TOML with a table `transcribers`.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path}: not a registry that can be read ({error})") from None
    if set(tables) != {_SECTION} or not isinstance(tables[_SECTION], dict):
        raise ModelError(f"{path}: holds {', '.join(tables) or 'nothing'}; name transcribers as [{_SECTION}.NAME]")
    entries = []
    for name, table in tables[_SECTION].items():
        try:
            entries.append(_entry(name, table, path.parent))
        except ModelError as error:
            reason = f"{path}, {_SECTION}.{name}: {error}"
            entries.append(
                ModelConfig(name=name, kind="-", model="", trained_on="", coverage="", limitations=(), broken=reason)
            )
    return entries


def _entry(name: str, table: Any, folder: Path) -> ModelConfig:
    if not isinstance(table, dict):
        raise ModelError(f"must be a table with a kind ({', '.join(KINDS)})")
    kind = table.get("kind")
    if kind not in KINDS:
        raise ModelError(f"field 'kind' is {kind!r}; there are {', '.join(KINDS)}")
    where = KINDS[kind]
    if unknown := set(table) - {"kind", where, "limitations", *_TEXTS}:
        raise ModelError(f"field {min(unknown)!r} is none of kind, {where}, limitations, {', '.join(_TEXTS)}")
    source = _text(table, where)
    if kind == "model":
        source = str(folder / source) if (folder / source).is_dir() or "/" in source else source
    if kind == "command":
        source = f"command:{source}"
    limitations = table.get("limitations", [])
    if not isinstance(limitations, list) or not all(isinstance(one, str) and one for one in limitations):
        raise ModelError("field 'limitations' must be a list of sentences")
    trained_on, coverage = (_text(table, field, "not stated") for field in _TEXTS)
    return ModelConfig(
        name=name,
        kind=kind,
        model=source,
        trained_on=trained_on,
        coverage=coverage,
        limitations=tuple(limitations),
    )


def _text(table: dict[str, Any], field: str, default: str | None = None) -> str:
    value = table.get(field, default)
    if not isinstance(value, str) or not value.strip():
        raise ModelError(f"field {field!r} must be a text, not {value!r}")
    return value
