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
from asheard.recognition.runtime import OnnxRecogniser, has_graph

_PACKAGES: Final[dict[str, Callable[[], ExternalRecogniser]]] = {Hama.kind: Hama, PocketSphinx.kind: PocketSphinx}
_COMMAND: Final = "command:"


def load_recogniser(name: str | Path, *, threads: int = 1) -> Recogniser:
    """Load a recogniser.

    A model folder with model.onnx runs by ONNX Runtime on the CPU. Any other model needs torch, and uses a GPU if there
    is one.

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
    folder = model_folder(name)
    if has_graph(folder):
        return OnnxRecogniser(Path(folder), threads=threads)
    optional_package("torch", "train")
    # By name, so that nothing here depends on torch.
    return cast(Recogniser, import_module("asheard.models.folder").load_transcriber(folder, threads=threads))


def is_external(name: str | Path) -> bool:
    """Whether the name stands for an external recogniser, which is no model folder or hub id."""
    return str(name) in _PACKAGES or str(name).startswith(_COMMAND)


def model_folder(name: str | Path) -> str | Path:
    """The folder of a model that ships with the package, by its name; any other folder or hub id unchanged."""
    return SHIPPED.get(str(name), name)
