"""Trying a model on a word, and taking one out of the registry."""

import shutil
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from asheard.errors import ModelError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.io.files import whole_folder
from asheard.phones.espeak import Voice, render_phonemes
from asheard.pronunciation.scorer import Model
from asheard.recognition.load import is_external, model_folder
from asheard.recognition.protocol import Recogniser
from asheard.server.runtime import ModelPool

_WORD: Final = "s'i: D@ m'u:n"  # see the moon, in eSpeak NG's mnemonics


def smoke_test(transcriber: Recogniser) -> tuple[str, ...]:
    """The phones that a transcriber hears in a few words of eSpeak NG.

    Raises:
        ModelError: it fails, or hears nothing.
    """
    speech = render_phonemes(_WORD, Voice("en-us"), seed=1)
    samples = soxr.resample(speech.samples.astype(np.float32) / 2**15, speech.sample_rate_hz, SAMPLE_RATE_HZ)
    (recognition,) = transcriber.recognise([samples], [None])
    if not recognition.transcript.phones:
        raise ModelError("it loads, and hears nothing in speech")
    return recognition.transcript.phones


def export_model(registry: ModelPool, name: str, out: Path) -> Path:
    """Copy a model's folder, once it has been loaded whole; or write its forward pass, where `out` ends in .onnx.

    Raises:
        ModelError: no such name, not a folder of ours, it cannot be loaded, `out` exists, or there is no such graph.
    """
    if name not in registry.configs:
        raise ModelError(f"no model {name!r}; there are {', '.join(registry.configs)}")
    entry = registry.configs[name]
    if out.suffix == ".onnx":
        from asheard.models import load_transcriber
        from asheard.models.onnx_export import export_onnx

        if is_external(entry.model):
            raise ModelError("only models can be written as ONNX graphs, not recognisers of other people")
        export_onnx(load_transcriber(model_folder(entry.model), "cpu"), out)
        return out
    folder = Path(model_folder(entry.model))
    if entry.kind not in ("model", "study") or not folder.is_dir():
        raise ModelError(f"model {name!r} is no folder that could be written; only models of ours are")
    if out.exists():
        raise ModelError(f"{out} exists; name a folder that does not")
    Model.load(entry)
    with whole_folder(out) as part:
        shutil.copytree(folder, part, dirs_exist_ok=True)
    return out
