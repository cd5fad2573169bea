"""Where training and transcription run: this machine, or others; and pods that are rented for it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asheard.remote.executors import Executor, LocalExecutor, executor_at, map_shards_at
    from asheard.remote.runpod.executor import PodExecutor
    from asheard.remote.ssh import SshExecutor

__all__ = ["Executor", "LocalExecutor", "PodExecutor", "SshExecutor", "executor_at", "map_shards_at"]


def __getattr__(name: str) -> Any:
    """Import an executor when it is asked for: they need PyTorch, and renting and terminating pods does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module("asheard.remote.executors"), name)
