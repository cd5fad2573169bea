"""What AsHeard raises when the input, not the code, is at fault.

Each message names the file, the utterance and the field where they are known, and what to do about it; the
command line prints it as one line and exits with `exit_code`.
"""

from importlib import import_module
from types import ModuleType


class AsHeardError(Exception):
    """Anything a user can mend."""

    exit_code = 2


class CorpusError(AsHeardError):
    """A corpus, manifest or predictions file is missing, broken or inconsistent."""


class PhoneError(AsHeardError):
    """A symbol stands for no phone of the inventory."""


class ModelError(AsHeardError):
    """A model folder or hub id cannot be used."""


class GateError(AsHeardError):
    """A pilot gate stopped a run that was not worth its price."""

    exit_code = 3


class RemoteError(AsHeardError):
    """Another machine cannot be rented, reached or used."""


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
