"""Packages that only some installations have: the optional extras of pyproject.toml."""

from importlib import import_module
from types import ModuleType

from asheard.errors import ModelError


def optional_package(name: str, extra: str) -> ModuleType:
    """Import a package of an extra.

    Raises:
        ModelError: it is not installed; naming the extra to install.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModelError(f"the package {name} is not installed; pip install 'asheard[{extra}]'") from None
