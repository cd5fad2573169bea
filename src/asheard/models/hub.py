"""Read checkpoints in the Hugging Face layout safely, by hub id or folder; refuse others in one sentence."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import huggingface_hub
import torch
import transformers
from torch import Tensor
from transformers.utils import (
    SAFE_WEIGHTS_INDEX_NAME,
    SAFE_WEIGHTS_NAME,
    WEIGHTS_INDEX_NAME,
    WEIGHTS_NAME,
    cached_file,
)

from asheard.errors import ModelError
from asheard.io.audio import SAMPLE_RATE_HZ
from asheard.recognition.registry import is_hub_id

_TIMEOUT_S: Final = 10.0
_PREPROCESSORS: Final = ("preprocessor_config.json", "processor_config.json")

# Otherwise transformers asks the hub to convert pickled weights, in a thread that continues after loading.
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")


def read_config(source: str | Path, **overrides: Any) -> Any:
    """Read the checkpoint's configuration, with the values of `overrides`.

    Raises:
        ModelError: it cannot be read, or requires its own code.
    """
    if Path(source).is_dir() and not (Path(source) / "config.json").is_file():
        raise ModelError(f"{source}: config.json missing; copy the whole folder of a model")
    with explained(source):
        _find_on_hub(source)
        return transformers.AutoConfig.from_pretrained(source, trust_remote_code=False, **overrides)


def read_model(architecture: Any, source: str | Path, **settings: Any) -> tuple[Any, list[str]]:
    """Load a checkpoint's weights, as float32.

    Args:
        architecture: the class of transformers to load it as.
        source: hub id or folder.
        settings: further arguments of its `from_pretrained`.
    Returns:
        The model, and the names of tensors that are missing from the weights and therefore random, except the mask
        vector of SpecAugment, which may be trained anew.
    Raises:
        ModelError: it cannot be loaded, or its weights are pickled and hold anything but tensors.
    """
    with explained(source):
        _refuse_unsafe_pickles(source)
        model, found = architecture.from_pretrained(
            source,
            dtype=torch.float32,
            weights_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **settings,
        )
        for name, there, wanted in sorted(found["mismatched_keys"]):
            raise ModelError(
                f"{source}: {name} is {tuple(there)} in its weights and {tuple(wanted)} by config.json; "
                "they belong to two models: take both from one"
            )
    return model, sorted(name for name in found["missing_keys"] if not name.endswith("masked_spec_embed"))


def refuse_incomplete(source: str | Path, missing: Sequence[str]) -> None:
    """Check that no weights are missing.

    Raises:
        ModelError: naming how many tensors are missing, and the first.
    """
    if missing:
        raise ModelError(
            f"{source}: its weights lack {len(missing)} tensors of the configuration ({missing[0]}, ...); "
            "the folder is incomplete or its config.json belongs to another model"
        )


def read_extractor(family: Any, source: str | Path) -> Any:
    """Read how the checkpoint takes waveforms, from preprocessor_config.json or a whole processor's file.

    Args:
        family: the class of transformers; a local folder with neither file, such as a bare model saved by
            `save_pretrained`, gets its defaults.
        source: hub id or folder.
    Raises:
        ModelError: a hub id without them, a file that cannot be read, or audio at another rate than 16 kHz.
    """
    folder = Path(source)
    bare = folder.is_dir() and not any((folder / name).exists() for name in _PREPROCESSORS)
    with explained(source):
        extractor = family() if bare else family.from_pretrained(source)
    if extractor.sampling_rate != SAMPLE_RATE_HZ:
        raise ModelError(
            f"{source}: preprocessor_config.json asks for {extractor.sampling_rate} Hz audio; "
            f"AsHeard works at {SAMPLE_RATE_HZ} Hz: take a checkpoint trained at that rate"
        )
    return extractor


def read_labels(source: str | Path, num_labels: int) -> dict[int, str]:
    """Read the labels by id from vocab.json; the published tokenizer class would need a phonemizer for that.

    Sentence marks may be in added_tokens.json; the head may have no row for them.

    Raises:
        ModelError: no vocab.json, or not one label for each of the ids.
    """
    with explained(source):
        vocabulary = json.loads(Path(cached_file(str(source), "vocab.json")).read_text(encoding="utf-8"))
        added = _find(source, "added_tokens.json")
        if added:
            marks = json.loads(added.read_text(encoding="utf-8"))
            vocabulary |= {label: label_id for label, label_id in marks.items() if label_id < num_labels}
        labels = {label_id: label for label, label_id in vocabulary.items()}
        if sorted(labels) != list(range(num_labels)):
            raise ModelError(
                f"{source}: vocab.json names {len(labels)} labels, but the model has the {num_labels} ids "
                f"0..{num_labels - 1}; each needs one label, and its id as a number: take the vocab.json published "
                "with these weights"
            )
    return labels


@contextmanager
def explained(source: str | Path) -> Iterator[None]:
    """Turn any error of transformers about a checkpoint into a `ModelError`, and silence its messages."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f"{source}: cannot be loaded as a speech encoder ({reason}); give a folder with config.json, weights and "
            "preprocessor_config.json (and vocab.json, to transcribe as it is), or a hub id while online"
        ) from error
    finally:
        transformers.logging.set_verbosity(verbosity)
        transformers.utils.logging.enable_progress_bar()


def _find_on_hub(source: str | Path) -> None:
    """Ask the hub once for a checkpoint that is neither a folder nor fetched already; loading it would ask six times.

    Raises:
        ModelError: it has not the form of a hub id.
        Exception: of huggingface_hub; there is no such checkpoint, or the hub cannot be reached.
    """
    name = str(source)
    if Path(name).is_dir() or isinstance(huggingface_hub.try_to_load_from_cache(name, "config.json"), str):
        return
    if not is_hub_id(name):
        raise ModelError(f"{name}: no such folder, and not a hub id (OWNER/NAME); check the name")
    huggingface_hub.model_info(name, timeout=_TIMEOUT_S)


def _refuse_unsafe_pickles(source: str | Path) -> None:
    """Refuse pickled weights that hold more than named tensors; safetensors are read instead if there are any."""
    if _find(source, SAFE_WEIGHTS_NAME) or _find(source, SAFE_WEIGHTS_INDEX_NAME):
        return
    names = [WEIGHTS_NAME]
    index = _find(source, WEIGHTS_INDEX_NAME)
    if index:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    for path in filter(None, (_find(source, name) for name in names)):
        try:
            weights = torch.load(path, map_location="meta", weights_only=True)
            safe = isinstance(weights, dict) and all(isinstance(value, Tensor) for value in weights.values())
        except Exception:
            safe = False
        if not safe:
            raise ModelError(
                f"{path}: refused, because it is damaged or holds more than tensors, and reading such a file could run "
                "code; fetch it again, or use a checkpoint with model.safetensors"
            )


def _find(source: str | Path, name: str) -> Path | None:
    """Find a file of the checkpoint, and fetch it if it is on the hub; None if there is none of that name."""
    found = cached_file(str(source), name, _raise_exceptions_for_missing_entries=False)
    return Path(found) if found else None
