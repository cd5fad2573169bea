"""Named models: where each comes from, and what a user must know about it."""

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from asheard import DEFAULT_MODEL
from asheard.errors import CorpusError, ModelError
from asheard.io.files import read_text
from asheard.io.table import format_value

_FOLDER: Final = Path(__file__).parent / "shipped"
EMBEDDED_BASE: Final = _FOLDER / "embedded-base"
ASHEARD_TINY: Final = _FOLDER / DEFAULT_MODEL
SHIPPED: Final = {DEFAULT_MODEL: ASHEARD_TINY, "embedded-base": EMBEDDED_BASE}  # models in the package, by name
CALIBRATION: Final = "calibration.json"  # in a model folder: the calibration of scores without a prior

KINDS: Final = {"model": "path", "hub": "id", "recogniser": "name", "command": "command"}  # kind -> field of its source
_TEXTS: Final = ("trained_on", "coverage")
_NOT_STATED: Final = "not stated"
_HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+")
_SECTION: Final = "transcribers"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """One named model.

    Attributes:
        kind: model (a model folder of ours), hub (a published CTC recogniser, by hub id or folder), recogniser (an
            installed package), command (a program), or study (a model that a study made).
        model: as `load_recogniser` takes it.
        trained_on, coverage: one sentence each.
        limitations: one sentence each, shown with every result.
        calibration: file that turns scores into probabilities; None uses the one in the model folder.
        prior: file of the scoring prior; None uses the prior for real voices.
        use_prior: whether a declared L1 may make a variant of an error.
        prior_reason: why, if a study decided it.
        broken: why the model cannot be used; None if nothing is known.
    """

    name: str
    kind: str
    model: str
    trained_on: str = _NOT_STATED
    coverage: str = _NOT_STATED
    limitations: tuple[str, ...] = ()
    calibration: Path | None = None
    prior: Path | None = None
    use_prior: bool = True
    prior_reason: str = ""
    broken: str | None = None


def built_in_models() -> list[ModelConfig]:
    """Return the models in the package, and the recognisers of the extra `recognisers`."""
    text = files("asheard.recognition").joinpath("builtin.toml").read_text(encoding="utf-8")
    return [_read_model(name, table, Path()) for name, table in tomllib.loads(text)[_SECTION].items()]


def is_hub_id(source: str | Path) -> bool:
    """Tell whether a name has the form of a hub id, OWNER/NAME; anything else is never asked for at the hub."""
    return _HUB_ID.fullmatch(str(source)) is not None


def find_model(name: str | Path) -> ModelConfig:
    """Return the configuration of a built-in model; for any other name or folder, one without statements."""
    for config in built_in_models():
        if config.name == str(name):
            return config
    return ModelConfig(name=str(name), kind="model", model=str(name))


def read_models(path: Path) -> list[ModelConfig]:
    """Read a user's TOML file; relative paths start from its folder.

    A wrong entry is returned as broken, with the reason; the other entries stay usable.

    Raises:
        ModelError: no such file, or not TOML with a table `transcribers`.
    """
    try:
        tables = tomllib.loads(read_text(path))
    except CorpusError as error:
        raise ModelError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a registry that can be read ({error})") from None
    if set(tables) != {_SECTION} or not isinstance(tables[_SECTION], dict):
        raise ModelError(f"{path}: holds {', '.join(tables) or 'nothing'}; name transcribers as [{_SECTION}.NAME]")
    models = []
    for name, table in tables[_SECTION].items():
        try:
            models.append(_read_model(name, table, path.parent))
        except ModelError as error:
            reason = f"{path}, {_SECTION}.{name}: {error}"
            models.append(ModelConfig(name=name, kind="-", model="", trained_on="", coverage="", broken=reason))
    return models


def _read_model(name: str, table: Any, folder: Path) -> ModelConfig:
    if not isinstance(table, dict):
        raise ModelError(f"must be a table with a kind ({', '.join(KINDS)})")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ModelError(f"field 'kind' is {format_value(kind)}; there are {', '.join(KINDS)}")
    source_field = KINDS[kind]
    if unknown := set(table) - {"kind", source_field, "limitations", *_TEXTS}:
        raise ModelError(f"field {min(unknown)!r} is none of kind, {source_field}, limitations, {', '.join(_TEXTS)}")
    source = _read_field(table, source_field)
    if kind == "model":
        source = str(folder / source) if (folder / source).is_dir() or "/" in source else source
    if kind == "command":
        source = f"command:{source}"
    limitations = table.get("limitations", [])
    if not isinstance(limitations, list) or not all(isinstance(one, str) and one for one in limitations):
        raise ModelError("field 'limitations' must be a list of sentences")
    trained_on, coverage = (_read_field(table, field, _NOT_STATED) for field in _TEXTS)
    return ModelConfig(
        name=name,
        kind=kind,
        model=source,
        trained_on=trained_on,
        coverage=coverage,
        limitations=tuple(limitations),
    )


def _read_field(table: dict[str, Any], field: str, default: str | None = None) -> str:
    value = table.get(field, default)
    if not isinstance(value, str) or not value.strip():
        raise ModelError(f"field {field!r} must be a text, not {format_value(value)}")
    return value
