"""Where training runs: this machine, or others."""

from asheard.pods.executor import Executor, Local, executor_at

__all__ = ["Executor", "Local", "executor_at"]
