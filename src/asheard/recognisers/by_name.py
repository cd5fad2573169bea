"""Recognisers by the names that `--model` takes."""

from collections.abc import Callable
from typing import Final

from asheard.recognisers.command import Command
from asheard.recognisers.hama import Hama
from asheard.recognisers.pocketsphinx import PocketSphinx
from asheard.recognisers.recogniser import Recogniser

_PACKAGES: Final[dict[str, Callable[[], Recogniser]]] = {Hama.kind: Hama, PocketSphinx.kind: PocketSphinx}
_COMMAND: Final = "command:"


def is_recogniser(name: str) -> bool:
    """Whether `load_recogniser` knows the name; other names are models. A folder called hama is `./hama`."""
    return name in _PACKAGES or name.startswith(_COMMAND)


def load_recogniser(name: str) -> Recogniser:
    """Load a recogniser that is none of our models.

    Args:
        name: `hama`, `pocketsphinx`, or `command:` and a command line.
    Raises:
        ModelError: its package is not installed, or there is no such program.
    """
    if name.startswith(_COMMAND):
        return Command(name.removeprefix(_COMMAND))
    return _PACKAGES[name]()
