"""Training on pods that are rented for it. However training ends, the pods are terminated."""

from collections.abc import Sequence
from pathlib import Path

from asheard.errors import RemoteError
from asheard.io.progress import log
from asheard.remote.interrupts import exit_on_signal
from asheard.remote.machine import Machine
from asheard.remote.runpod.budget import Budget, affordable_hours
from asheard.remote.runpod.client import Pod, PodSpec, RunPod
from asheard.remote.runpod.pods import BOOT_PATIENCE_S, format_time, ssh_key, terminate_pods, wait_for_ssh
from asheard.remote.ssh import POLL_S, SshExecutor
from asheard.training import TrainingOptions


class PodExecutor:
    """Trains runs on rented pods: on one until all pilots have passed, then on all. At the end no pod is left.

    The study's folder keeps the names of its pods. So the same command finds the pods that a killed command left, uses
    them, and terminates them at the end.
    """

    def __init__(
        self,
        num_pods: int,
        study: Path,
        spec: PodSpec,
        *,
        max_cost: float | None = None,
        cpu: bool = False,
        patience_s: float = BOOT_PATIENCE_S,
        pause_s: float = 3.0,
    ) -> None:
        """Set the plan. Nothing is ordered yet.

        Args:
            num_pods: number of pods that train at the same time.
            study: the study's folder, which keeps the account of its pods (`Budget`).
            spec: what to order.
            max_cost: limit in USD for all pods of the study, in this command and earlier ones.
            cpu: train without a GPU.
            patience_s: seconds to wait until a pod is up, or reachable again.
            pause_s: seconds between two requests to RunPod, and at most between two visits to a pod.
        """
        self._num_pods, self._study, self._spec, self._max_cost = num_pods, study, spec, max_cost
        self._cpu, self._patience_s, self._pause_s = cpu, patience_s, pause_s

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """Train the runs; as `Executor.train`.

        Raises:
            GateError: a pilot did not pass; one pod was paid for.
            RemoteError: no pod can be had, no pod is left, or training fails there. If RunPod cannot be asked to
                terminate the pods, their watchdogs do it.
        """
        budget = Budget(self._study)
        if not runs and not budget.open_entries:
            return
        runpod = RunPod(pause_s=self._pause_s)
        with exit_on_signal():
            try:
                if runs:
                    self._train(runpod, budget, runs)
            finally:
                until = max((entry.ends for entry in budget.open_entries), default=0.0)
                self._terminate(runpod, budget, until=until)
                budget.mark_gone(running=set())
                log(f"no pod of this study is left; all of them have cost ${budget.spent():.2f}")

    def _train(self, runpod: RunPod, budget: Budget, runs: Sequence[TrainingOptions]) -> None:
        key, public_key = ssh_key()
        names = self._running(runpod, budget) or [self._order(runpod, budget, self._num_pods, public_key)]

        def join() -> list[Machine]:
            """Order the other pods after the pilots; go on without those that cannot be had."""
            more: list[str] = []
            try:
                while (missing := self._num_pods - len(names) - len(more)) > 0:
                    more.append(self._order(runpod, budget, missing, public_key))
                return self._wait(runpod, more, key)
            except RemoteError as error:
                log(f"{error}. Going on with {len(names)} of {self._num_pods} pods")
                self._terminate(runpod, budget, keep=names)
                return []

        SshExecutor(
            self._wait(runpod, names, key),
            join=join,
            patience_s=self._patience_s,
            poll_s=min(POLL_S, self._pause_s),
        ).train(runs)

    def _running(self, runpod: RunPod, budget: Budget) -> list[str]:
        """Return the names of the study's pods that an earlier command left running; terminate stopped ones."""
        pods = [pod for pod in runpod.pods() if _is_of(budget, pod)]
        names = [pod.name for pod in pods if pod.state != "EXITED"]
        if len(names) < len(pods):
            self._terminate(runpod, budget, keep=names)
        budget.mark_gone(running=set(names))
        for name in names:
            log(f"{name}: still running from an earlier command")
        return names

    def _order(self, runpod: RunPod, budget: Budget, num_missing: int, public_key: str) -> str:
        """Order one of the missing pods; return its name."""
        price = runpod.price(self._spec)
        money = budget.money_left(self._max_cost)
        hours = affordable_hours(money, num_missing, price, self._spec.max_hours)
        name = budget.add(price, hours)
        pod = runpod.create(name, self._spec, price=price, hours=hours, public_key=public_key)
        log(
            f"{name}: ordered at ${pod.price:.2f} an hour; terminates itself by {format_time(pod.ends)}. Pods of this "
            f"study have cost ${budget.spent():.2f} so far; the limits allow up to ${budget.committed():.2f}"
        )
        return name

    def _wait(self, runpod: RunPod, names: Sequence[str], key: Path) -> list[Machine]:
        return wait_for_ssh(runpod, names, key, cpu=self._cpu, patience_s=self._patience_s) if names else []

    def _terminate(self, runpod: RunPod, budget: Budget, *, keep: Sequence[str] = (), until: float = 0.0) -> None:
        terminate_pods(
            runpod,
            lambda pod: _is_of(budget, pod) and pod.name not in keep,
            until=until,
            pause_s=self._pause_s,
        )


def _is_of(budget: Budget, pod: Pod) -> bool:
    return pod.name.rpartition("-")[0] == budget.study
