"""Whatever transcribes, by the name that `--model` takes: ours, published checkpoints, other people's recognisers.

Recognisers by the names that `--model` takes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from asheard import DEFAULT_MODEL
from asheard.errors import optional_package
from asheard.io.digests import content_digest
from asheard.recognition.external.base import ExternalRecogniser
from asheard.recognition.external.command import Command
from asheard.recognition.external.hama import Hama
from asheard.recognition.external.pocketsphinx import PocketSphinx
from asheard.recognition.protocol import Recogniser


def load_by_name(model: str | Path) -> tuple[Recogniser, str]:
    """Load what transcribes, onto the GPU where there is one.

    Recognisers need no torch, so it is imported with models only.

    Args:
        model: `asheard-tiny`; a model folder; folder or hub id of a published recogniser; a name that `load_recogniser`
            knows.
    Returns:
        The transcriber, and a text that changes with what its transcripts depend on besides the recordings.
    Raises:
        ModelError: it cannot be loaded, or a package that it needs is not installed.
    """
    if is_recogniser(str(model)):
        recogniser = load_recogniser(str(model))
        return recogniser, recogniser.version
    torch = optional_package("torch", "train")
    from asheard.models import load_transcriber

    folder = model_folder(model)
    return load_transcriber(folder, "cuda" if torch.cuda.is_available() else "cpu"), content_digest(folder)


def model_folder(model: str | Path) -> str | Path:
    """The folder of the model that ships with the package, by its name; any other folder or hub id as it is."""
    from asheard.models import ASHEARD_TINY

    return ASHEARD_TINY if str(model) == DEFAULT_MODEL else model


_PACKAGES: Final[dict[str, Callable[[], ExternalRecogniser]]] = {Hama.kind: Hama, PocketSphinx.kind: PocketSphinx}
_COMMAND: Final = "command:"


def is_recogniser(name: str) -> bool:
    """Whether `load_recogniser` knows the name; other names are models. A folder called hama is `./hama`."""
    return name in _PACKAGES or name.startswith(_COMMAND)


def load_recogniser(name: str) -> ExternalRecogniser:
    """Load a recogniser that is none of our models.

    Args:
        name: `hama`, `pocketsphinx`, or `command:` and a command line.
    Raises:
        ModelError: its package is not installed, or there is no such program.
    """
    if name.startswith(_COMMAND):
        return Command(name.removeprefix(_COMMAND))
    return _PACKAGES[name]()
