"""Checkpoints: everything a run needs to go on after `kill -9`, in one file that is whole or absent.

No generator state is kept: the order of the data and the randomness of every step are functions of (seed, step).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from asheard.errors import ModelError
from asheard.files import whole_file

_METADATA: Final = "asheard"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    step: optimizer steps done. fingerprint: its options. data_order: digest of all its batches.
    """

    step: int
    fingerprint: dict[str, Any]
    data_order: str


def save_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer, progress: Progress) -> None:
    """Write weights, optimizer and progress as one safetensors file with JSON metadata."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with whole_file(path) as part:
        save_file(tensors, part, metadata={_METADATA: json.dumps(asdict(progress))})


def read_progress(path: Path) -> Progress:
    """Where the checkpoint's run stands, without reading its weights.

    Raises:
        ModelError: the file is no checkpoint of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return Progress(**json.loads(file.metadata()[_METADATA]))
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: not a training checkpoint ({error}); remove it to start again") from None


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
