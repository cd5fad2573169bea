"""Checkpoints: everything a run needs to go on after `kill -9`, each in one file that is whole or absent.

Two are kept, for a disk may damage what was written whole: the last, and the one before. Each holds a digest of all
that it holds. No generator state is kept: the order of the data and the randomness of every step are functions of
(seed, step).
"""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from asheard.errors import ModelError
from asheard.io.digests import bytes_digest
from asheard.io.files import whole_file
from asheard.models import needs_room

LAST: Final = "checkpoint.safetensors"
PREVIOUS: Final = "checkpoint.previous.safetensors"
_PROGRESS: Final = "asheard"
_DIGEST: Final = "digest"
_LOGGER: Final = logging.getLogger("asheard")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    step: optimizer steps done. fingerprint: its options. data_order: digest of all its batches.
    """

    step: int
    fingerprint: dict[str, Any]
    data_order: str


def save_checkpoint(folder: Path, model: nn.Module, optimizer: Optimizer, progress: Progress) -> None:
    """Write weights, optimizer and progress as one safetensors file with JSON metadata; the last becomes the previous.

    That makes place first, so that a disk never holds more than two.

    Raises:
        ModelError: the disk is full, or the folder cannot be written into.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    described = json.dumps(asdict(progress))
    metadata = {_PROGRESS: described, _DIGEST: _digest(described, sorted(tensors.items()))}
    last = folder / LAST
    with needs_room(last):
        if last.is_file():
            last.replace(folder / PREVIOUS)
        with whole_file(last) as part:
            save_file(tensors, part, metadata=metadata)


def find_checkpoint(folder: Path) -> tuple[Path, Progress] | None:
    """The newest checkpoint that is as it was written, and where its run stands; None where there is none.

    A damaged one is removed where the one before is whole, which it would else take the place of.

    Raises:
        ModelError: there are checkpoints, and all are damaged.
    """
    damaged: dict[Path, str] = {}
    for path in (folder / LAST, folder / PREVIOUS):
        if not path.is_file():
            continue
        try:
            progress = _read_whole(path)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            damaged[path] = f"{path}: damaged, or not a training checkpoint ({error})"
            continue
        for other, message in damaged.items():
            _LOGGER.warning("%s; going on from the one before it, of step %d", message, progress.step)
            other.unlink(missing_ok=True)
        return path, progress
    if damaged:
        raise ModelError(f"{'; '.join(damaged.values())}; remove it to start again")
    return None


def load_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer) -> None:
    """Put a checkpoint's weights and optimizer state into `model` and `optimizer`.

    Raises:
        ModelError: the checkpoint's tensors are not this model's.
    """
    weights: dict[str, Tensor] = {}
    state: dict[int, dict[str, Tensor]] = {}
    with safe_open(path, framework="pt") as file:
        for key in file.keys():  # noqa: SIM118 - a safetensors file is not a mapping
            owner, name = key.split(".", 1)
            if owner == "model":
                weights[name] = file.get_tensor(key)
            else:
                index, field = name.split(".", 1)
                state.setdefault(int(index), {})[field] = file.get_tensor(key)
    try:
        model.load_state_dict(weights)
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: belongs to another model ({error}); remove it to start again") from None


def discard_checkpoints(folder: Path) -> None:
    """Remove them: the run is finished."""
    for name in (LAST, PREVIOUS):
        (folder / name).unlink(missing_ok=True)


def _read_whole(path: Path) -> Progress:
    """Where the checkpoint's run stands, after all of the file was read; a ValueError where it was changed."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = ((name, file.get_tensor(name)) for name in sorted(file.keys()))
        if _digest(metadata[_PROGRESS], tensors) != metadata[_DIGEST]:
            raise ValueError("its digest does not fit what it holds")
        return Progress(**json.loads(metadata[_PROGRESS]))


def _digest(described: str, tensors: Iterable[tuple[str, Tensor]]) -> str:
    """SHA-256 (hex) of the progress and of every tensor's name, type, shape and bytes."""

    def chunks() -> Iterator[bytes | memoryview]:
        yield described.encode()
        for name, tensor in tensors:
            yield f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode()
            yield tensor.reshape(-1).view(torch.uint8).numpy().data

    return bytes_digest(chunks())
