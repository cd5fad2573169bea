"""Where training and transcription run: this machine, or others."""

from asheard.pods.executor import Executor, Local, executor_at, spread_at

__all__ = ["Executor", "Local", "executor_at", "spread_at"]
