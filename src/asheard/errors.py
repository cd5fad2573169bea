"""The errors that a user can fix, and their exit codes.

A message names the file, the utterance and the field if they are known, what is wrong, the limit, and the remedy. The
command line prints it as one line on stderr and exits with `exit_code`.
"""

from importlib import import_module
from types import ModuleType


class AsHeardError(Exception):
    """The root of all errors that a user can fix."""

    exit_code = 2


class CorpusError(AsHeardError):
    """A recording, corpus, manifest, predictions file or other input is missing, broken or inconsistent."""


class NoSpeechError(CorpusError):
    """A recording can be read and holds no speech."""


class NotARecordingError(CorpusError):
    """A file or an upload is not a recording of a format that is read."""


class DamagedRecordingError(CorpusError):
    """A recording is empty, cut short or damaged."""


class LongRecordingError(CorpusError):
    """A recording is longer than the limit."""


class PhoneError(AsHeardError):
    """A symbol is no phone of the inventory, or a text cannot be pronounced."""


class ModelError(AsHeardError):
    """A model, recogniser or hub id cannot be used, or an optional package is missing."""


class OutputError(AsHeardError):
    """A file or folder cannot be written, or another command is writing it."""


class GateError(AsHeardError):
    """A pilot run did not pass its checks, so training was not started."""

    exit_code = 3


class RemoteError(AsHeardError):
    """Another machine cannot be rented, reached or used."""


def optional_package(name: str, extra: str) -> ModuleType:
    """Import a package of an extra, or a module of it.

    Raises:
        ModelError: it is not installed; the message has the pip command.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package:
            raise
        raise ModelError(missing_package(package, extra)) from None


def missing_package(name: str, extra: str) -> str:
    """Return the message for a package that is not installed."""
    return f"the package {name} is not installed; pip install 'asheard[{extra}]'"


def check_type(name: str, value: object, *types: type) -> None:
    """Check an argument of a public function.

    Raises:
        TypeError: the value has none of the types.
    """
    if not isinstance(value, types):
        *others, last = (one.__name__.replace("NoneType", "None") for one in types)
        expected = f"{', '.join(others)} or {last}" if others else last
        raise TypeError(f"{name} must be {expected}, not {type(value).__name__}")
