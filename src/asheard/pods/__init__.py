"""Where training runs: this machine, or others."""

from asheard.pods.executor import Executor, Local, executor_at
from asheard.pods.ssh import Ssh

__all__ = ["Executor", "Local", "Ssh", "executor_at"]
