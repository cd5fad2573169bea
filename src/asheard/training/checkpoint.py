"""Checkpoints: what a run needs to resume after `kill -9`, in one file that is whole or absent.

Two are kept, the last one and the one before, because a disk may damage a file that was written whole. Each holds a
digest of its content. No state of random generators is kept: the order of the data and the randomness of each step are
functions of (seed, step).
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
_STATE: Final = "asheard"
_DIGEST: Final = "digest"
_LOGGER: Final = logging.getLogger("asheard")


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is.

    step: number of optimizer steps done. fingerprint: of its options. data_order: digest of the plan of its batches.
    """

    step: int
    fingerprint: dict[str, Any]
    data_order: str


def save_checkpoint(folder: Path, model: nn.Module, optimizer: Optimizer, state: RunState) -> None:
    """Write weights, optimizer and state as one safetensors file with JSON metadata.

    The last checkpoint is renamed to the previous one first, so that the disk never holds more than two.

    Raises:
        OutputError: the disk is full, or the folder cannot be written to.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    described = json.dumps(asdict(state))
    metadata = {_STATE: described, _DIGEST: _digest(described, sorted(tensors.items()))}
    last = folder / LAST
    with needs_room(last):
        if last.is_file():
            last.replace(folder / PREVIOUS)
        with whole_file(last) as part:
            save_file(tensors, part, metadata=metadata)


def find_checkpoint(folder: Path) -> tuple[Path, RunState] | None:
    """Find the newest checkpoint that is not damaged.

    If the last checkpoint is damaged and the previous one is not, the last one is removed. Otherwise the next save
    would replace the previous one by the damaged one.

    Returns:
        Its path and the state of its run; None if there is no checkpoint.
    Raises:
        ModelError: there are checkpoints, and all are damaged.
    """
    damaged: dict[Path, str] = {}
    for path in (folder / LAST, folder / PREVIOUS):
        if not path.is_file():
            continue
        try:
            state = _read_checked(path)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            damaged[path] = f"{path}: damaged, or not a training checkpoint ({error})"
            continue
        for other, message in damaged.items():
            _LOGGER.warning("%s; resuming from the previous one, of step %d", message, state.step)
            other.unlink(missing_ok=True)
        return path, state
    if damaged:
        raise ModelError(f"{'; '.join(damaged.values())}. Remove it to start again")
    return None


def load_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer) -> None:
    """Load the weights and the optimizer state of a checkpoint into `model` and `optimizer`.

    Raises:
        ModelError: the tensors belong to another model.
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
        raise ModelError(f"{path}: belongs to another model ({error}). Remove it to start again") from None


def discard_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a finished run."""
    for name in (LAST, PREVIOUS):
        (folder / name).unlink(missing_ok=True)


def _read_checked(path: Path) -> RunState:
    """The state of the checkpoint's run. Reads the whole file; a ValueError if its digest does not match."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = ((name, file.get_tensor(name)) for name in sorted(file.keys()))
        if _digest(metadata[_STATE], tensors) != metadata[_DIGEST]:
            raise ValueError("its digest does not match its content")
        return RunState(**json.loads(metadata[_STATE]))


def _digest(described: str, tensors: Iterable[tuple[str, Tensor]]) -> str:
    """SHA-256 (hex) of the state and of every tensor's name, type, shape and bytes."""

    def chunks() -> Iterator[bytes | memoryview]:
        yield described.encode()
        for name, tensor in tensors:
            yield f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode()
            yield tensor.reshape(-1).view(torch.uint8).numpy().data

    return bytes_digest(chunks())
