"""Training on pods that are rented for it, and terminated when it has ended, however it ends."""

from collections.abc import Sequence
from pathlib import Path

from asheard.errors import PodError
from asheard.io.progress import log
from asheard.remote.interrupts import exit_on_signal
from asheard.remote.machine import Machine
from asheard.remote.runpod.budget import Budget, affordable_hours
from asheard.remote.runpod.client import Pod, PodSpec, RunPod
from asheard.remote.runpod.pods import PATIENCE_S, format_time, ssh_key, terminate_pods, wait_for_ssh
from asheard.remote.ssh import SshExecutor
from asheard.training import TrainingOptions


class PodExecutor:
    """Rented pods: one until all pilots have passed, then all; in the end none.

    The names of a study's pods are kept in its folder. So those that a killed command left are found again, are trained
    on, and are terminated in the end.
    """

    def __init__(
        self,
        num_pods: int,
        study: Path,
        order: PodSpec,
        *,
        max_cost: float | None = None,
        cpu: bool = False,
        patience_s: float = PATIENCE_S,
        pause_s: float = 3.0,
    ) -> None:
        """Plan; nothing is ordered yet.

        Args:
            num_pods: that train at a time.
            study: its folder, which keeps the account of its pods (`Budget`).
            order: what each shall be.
            max_cost: most USD for all pods of the study, in this run and in those before.
            cpu: training without a GPU is wanted.
            patience_s: for a pod to come up, or to come back.
            pause_s: between two questions to the provider.
        """
        self._num_pods, self._study, self._order, self._max_cost = num_pods, study, order, max_cost
        self._cpu, self._patience_s, self._pause_s = cpu, patience_s, pause_s

    def train(self, runs: Sequence[TrainingOptions]) -> None:
        """As of `Executor.train`.

        Raises:
            GateError: a pilot did not pass; one pod was paid for.
            PodError: no pod can be had, none is left, or training fails there. Pods that RunPod could not be asked to
                terminate are ended by their watchdog.
        """
        budget = Budget(self._study)
        if not runs and not budget.open:
            return
        runpod = RunPod(pause_s=self._pause_s)
        with exit_on_signal():
            try:
                if runs:
                    self._train(runpod, budget, runs)
            finally:
                until = max((entry.ends for entry in budget.open), default=0.0)
                self._take_down(runpod, budget, until=until)
                budget.mark_gone(set())
                log(f"no pod of this study is left; all of them have cost ${budget.spent():.2f}")

    def _train(self, runpod: RunPod, budget: Budget, runs: Sequence[TrainingOptions]) -> None:
        key, public_key = ssh_key()
        names = self._found(runpod, budget) or [self._hire(runpod, budget, self._num_pods, public_key)]

        def others() -> list[Machine]:
            """Those to come after the pilots; fewer where fewer can be had, for the first can do it all."""
            more: list[str] = []
            try:
                while (missing := self._num_pods - len(names) - len(more)) > 0:
                    more.append(self._hire(runpod, budget, missing, public_key))
                return self._await(runpod, more, key)
            except PodError as error:
                log(f"{error}. Going on with {len(names)} of {self._num_pods} pods")
                self._take_down(runpod, budget, but=names)
                return []

        SshExecutor(self._await(runpod, names, key), join=others, patience_s=self._patience_s).train(runs)

    def _found(self, runpod: RunPod, budget: Budget) -> list[str]:
        """Pods of this study that an earlier command left; those that are stopped are terminated."""
        pods = [pod for pod in runpod.pods() if _is_of(budget, pod)]
        names = [pod.name for pod in pods if pod.state != "EXITED"]
        if len(names) < len(pods):
            self._take_down(runpod, budget, but=names)
        budget.mark_gone(set(names))
        for name in names:
            log(f"{name}: still there from an earlier command")
        return names

    def _hire(self, runpod: RunPod, budget: Budget, num_missing: int, public_key: str) -> str:
        """Order one of the pods that are missing, and give its name."""
        price = runpod.price(self._order)
        money = budget.money_left(self._max_cost)
        hours = affordable_hours(money, num_missing, price, self._order.max_hours)
        name = budget.order(price, hours)
        pod = runpod.create(name, self._order, price=price, hours=hours, public_key=public_key)
        log(
            f"{name}: ordered at ${pod.price:.2f} an hour; it ends itself by {format_time(pod.ends)}. This study's "
            f"pods have cost ${budget.spent():.2f} so far, and will have cost ${budget.bound():.2f} at most"
        )
        return name

    def _await(self, runpod: RunPod, names: Sequence[str], key: Path) -> list[Machine]:
        return wait_for_ssh(runpod, names, key, cpu=self._cpu, patience_s=self._patience_s) if names else []

    def _take_down(self, runpod: RunPod, budget: Budget, *, but: Sequence[str] = (), until: float = 0.0) -> None:
        terminate_pods(
            runpod, lambda pod: _is_of(budget, pod) and pod.name not in but, until=until, pause_s=self._pause_s
        )


def _is_of(budget: Budget, pod: Pod) -> bool:
    return pod.name.rpartition("-")[0] == budget.study
