"""Load a recogniser by the name that `--model` takes."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from asheard.errors import optional_package
from asheard.recognition.external.base import ExternalRecogniser
from asheard.recognition.external.command import Command
from asheard.recognition.external.hama import Hama
from asheard.recognition.external.pocketsphinx import PocketSphinx
from asheard.recognition.protocol import Recogniser
from asheard.recognition.registry import SHIPPED

_PACKAGES: Final[dict[str, Callable[[], ExternalRecogniser]]] = {Hama.kind: Hama, PocketSphinx.kind: PocketSphinx}
_COMMAND: Final = "command:"


def load_recogniser(name: str | Path, *, threads: int = 1) -> Recogniser:
    """Load a recogniser.

    Args:
        name: `asheard-tiny` or `embedded-base`; a model folder; the folder or hub id of a published CTC recogniser;
            `hama`, `pocketsphinx` or `command:PROGRAM ARGUMENTS`. A folder called hama is `./hama`.
        threads: recordings that are recognised in parallel, a thread each.
    Raises:
        ModelError: it cannot be loaded, or a package that it needs is not installed.
    """
    if is_external(name):
        text = str(name)
        return Command(text.removeprefix(_COMMAND)) if text.startswith(_COMMAND) else _PACKAGES[text]()
    optional_package("torch", "train")
    # By name, so that nothing here depends on torch.
    folder = import_module("asheard.models.folder")
    return cast(Recogniser, folder.load_transcriber(model_folder(name), threads=threads))


def is_external(name: str | Path) -> bool:
    """Whether the name stands for an external recogniser, which is no model folder or hub id."""
    return str(name) in _PACKAGES or str(name).startswith(_COMMAND)


def model_folder(name: str | Path) -> str | Path:
    """The folder of a model that ships with the package, by its name; any other folder or hub id unchanged."""
    return SHIPPED.get(str(name), name)
