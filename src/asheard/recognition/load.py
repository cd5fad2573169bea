"""Load a recogniser by the name that `--model` takes."""

import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, cast

import numpy as np
import soxr

from asheard.errors import ModelError, optional_package
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.files import whole_folder
from asheard.recognition.external import ExternalRecogniser
from asheard.recognition.external.command import Command
from asheard.recognition.external.hama import Hama
from asheard.recognition.external.pocketsphinx import PocketSphinx
from asheard.recognition.protocol import Recogniser
from asheard.recognition.registry import SHIPPED, ModelConfig, is_hub_id
from asheard.recognition.runtime import OnnxRecogniser, has_graph

_PACKAGES: Final[dict[str, Callable[[], ExternalRecogniser]]] = {Hama.kind: Hama, PocketSphinx.kind: PocketSphinx}
_COMMAND: Final = "command:"
_WORDS: Final = "s'i: D@ m'u:n"  # see the moon, in eSpeak NG's mnemonics


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
    _check_source(folder)
    if has_graph(folder):
        return OnnxRecogniser(Path(folder), threads=threads)
    optional_package("torch", "train")
    # By name, so that nothing here depends on torch.
    return cast(Recogniser, import_module("asheard.models.folder").load_transcriber(folder, threads=threads))


def _check_source(source: str | Path) -> None:
    """Check that a model is a folder, or has the form of a hub id, before anything is imported or fetched for it.

    Raises:
        ModelError: it is neither; naming the models that there are.
    """
    if not str(source) or not (Path(source).is_dir() or is_hub_id(source)):
        known = ", ".join((*SHIPPED, *_PACKAGES))
        raise ModelError(
            f"no model {str(source)!r}; give {known}, '{_COMMAND}PROGRAM ARGUMENTS', a model folder, or a hub id "
            "(OWNER/NAME)"
        )


def smoke_test(recogniser: Recogniser) -> tuple[str, ...]:
    """Recognise a few words of eSpeak NG, and return the phones.

    Raises:
        ModelError: the recogniser fails, or recognises nothing.
    """
    from asheard.phones.espeak import Voice, render_phonemes

    speech = render_phonemes(_WORDS, Voice("en-us"), seed=1)
    samples = soxr.resample(speech.samples.astype(np.float32) / 2**15, speech.sample_rate_hz, SAMPLE_RATE_HZ)
    (recognition,) = recogniser.recognise([samples], [None])
    if not recognition.transcript.phones:
        raise ModelError("the model loads, but recognises no phone in speech")
    return recognition.transcript.phones


def copy_model(config: ModelConfig, out: Path) -> None:
    """Load a model and copy its folder, to move it or to fine-tune it.

    Raises:
        ModelError: the model has no folder, cannot be loaded, or `out` exists.
    """
    folder = Path(model_folder(config.model))
    if is_external(config.model) or not folder.is_dir():
        raise ModelError(f"model {config.name!r} is not a folder; only models of ours can be copied")
    if out.exists():
        raise ModelError(f"{out} exists; name a folder that does not")
    load_recogniser(config.model)
    with whole_folder(out) as part:
        shutil.copytree(folder, part, dirs_exist_ok=True)


def is_external(name: str | Path) -> bool:
    """Tell whether the name is that of an external recogniser, not of a model folder or hub id."""
    return str(name) in _PACKAGES or str(name).startswith(_COMMAND)


def model_folder(name: str | Path) -> str | Path:
    """Return the folder of a model that ships with the package, by its name; any other folder or hub id unchanged."""
    return SHIPPED.get(str(name), name)
