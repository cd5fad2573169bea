"""Pods from the order to the end: ordered, waited for, taken down and seen to be gone."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from asheard.errors import PodError
from asheard.io.progress import log
from asheard.remote.interrupts import defer_interrupt, exit_on_signal
from asheard.remote.machine import Machine, UnreachableError, known_hosts_file
from asheard.remote.runpod.budget import affordable_hours
from asheard.remote.runpod.client import POD_PREFIX, Pod, PodSpec, RunPod, UnclearError

PATIENCE_S: Final = 900.0  # the image, about 10 GB, must come first
_LONGEST_PAUSE_S: Final = 60.0


def ssh_key() -> tuple[Path, str]:
    """The user's own key: the file of the private part, and the public part as one line.

    Raises:
        PodError: there is none.
    """
    folder = Path.home() / ".ssh"
    for name in ("id_ed25519", "id_ecdsa", "id_rsa"):
        public = folder / f"{name}.pub"
        if public.is_file():
            return folder / name, " ".join(public.read_text(encoding="utf-8").split()[:2])
    raise PodError(f"no ssh key in {folder}; make one with ssh-keygen -t ed25519")


def machine_of_pod(pod: Pod, key: Path, *, cpu: bool = False) -> Machine:
    """The machine that a pod is; its host keys are pinned apart, for addresses go from pod to pod.

    Raises:
        UnreachableError: it has no address yet.
    """
    if pod.address is None:
        raise UnreachableError(f"{pod.name} is not up yet")
    host, port = pod.address
    root = f"{pod.root}/asheard"
    return Machine(user="root", host=host, port=port, key=key, known_hosts=_host_keys(pod), root=root, cpu=cpu)


def pod_at(name: str) -> Machine:
    """The machine that the pod of that name is.

    Raises:
        UnreachableError: it has no address yet.
        PodError: there is none, or several.
    """
    pods = find(RunPod(), name)
    if len(pods) > 1:
        raise PodError(f"{name}: one of {', '.join(pod.name for pod in pods)}?")
    return machine_of_pod(pods[0], ssh_key()[0])


def find(runpod: RunPod, name: str) -> list[Pod]:
    """The pod of that name, or all of a study: those whose names go on with a number; the prefix may be left out.

    Raises:
        PodError: there is none, or RunPod cannot be asked.
    """
    full = POD_PREFIX + name.removeprefix(POD_PREFIX)
    pods = runpod.pods()
    found = [pod for pod in pods if full in (pod.name, pod.name.rpartition("-")[0])]
    if not found:
        raise PodError(f"no pod {full}; there are {', '.join(pod.name for pod in pods) or 'none'}")
    return found


def rent(name: str, count: int, order: PodSpec, *, max_cost: float | None = None) -> dict[str, Machine]:
    """Order pods and wait until they let us in; should that fail, or be stopped, they are terminated again.

    Args:
        name: what to call the pod; several are numbered.
        count: how many.
        order: what each shall be.
        max_cost: most USD for all of them.
    Returns:
        The machine that each pod is, by the pod's full name.
    Raises:
        PodError: a name is taken, the money is too short, or a pod cannot be had or does not come up.
    """
    runpod, (key, public_key) = RunPod(), ssh_key()
    full = POD_PREFIX + name.removeprefix(POD_PREFIX)
    names = [full] if count == 1 else [f"{full}-{number}" for number in range(1, count + 1)]
    if taken := {pod.name for pod in runpod.pods()} & set(names):
        raise PodError(f"{', '.join(sorted(taken))}: there already; `asheard remote down` ends it")
    price = runpod.price(order)
    hours = affordable_hours(max_cost, count, price, order.max_hours)
    until = time.time() + 3600 * hours
    log(f"{count} pods at ${price:.2f} an hour, for {hours:.3g} hours at most: up to ${count * price * hours:.2f}")
    with exit_on_signal():
        try:
            for each in names:
                pod = runpod.create(each, order, price=price, hours=hours, public_key=public_key)
                log(f"{each}: ordered at ${pod.price:.2f} an hour; ends itself by {format_time(pod.ends)}")
            return dict(zip(names, wait_for_ssh(runpod, names, key), strict=True))
        except BaseException:
            terminate_pods(runpod, lambda pod: pod.name in names, until=until)
            raise


def wait_for_ssh(
    runpod: RunPod, names: Sequence[str], key: Path, *, cpu: bool = False, patience_s: float = PATIENCE_S
) -> list[Machine]:
    """Wait until each of the pods lets us in.

    Raises:
        PodError: one is gone, is stopped, or does not answer in time.
    """
    deadline, pause_s = time.monotonic() + patience_s, min(2.0, patience_s / 50)
    machines: dict[str, Machine] = {}

    def look() -> str:
        """What keeps us out; nothing when all pods let us in."""
        try:
            pods = {pod.name: pod for pod in runpod.pods()}
        except UnclearError as error:
            return str(error)
        reason = ""
        for name in (name for name in names if name not in machines):
            if name not in pods or pods[name].state == "EXITED":
                raise PodError(f"{name} went down before it was up; read its log at console.runpod.io/pods")
            try:
                machine = machine_of_pod(pods[name], key, cpu=cpu)
                machine.run("true")
                machines[name] = machine
            except PodError as error:  # not only `UnreachableError`: sshd may start before it knows our key
                reason = str(error)
        return reason

    log(f"waiting for {', '.join(names)} to let us in; the image comes first, which takes minutes")
    while reason := look():
        if time.monotonic() > deadline:
            raise PodError(f"waited {patience_s / 60:.0f} minutes in vain: {reason}; try again, or another --cloud")
        time.sleep(pause_s)
    return [machines[name] for name in names]


def terminate_pods(runpod: RunPod, ours: Callable[[Pod], bool], *, until: float = 0.0, pause_s: float = 3.0) -> None:
    """Terminate pods until none is listed any more, however long the provider cannot be asked.

    The first Ctrl-C is answered with what is still running, the second ends the waiting.

    Args:
        ours: which pods.
        until: when the last watchdog that is known of ends them, in seconds since 1970; it goes on trying until then,
            or until the end of the watchdogs that it sees.
        pause_s: between the last two looks, and before a second try; then it grows, up to a minute.
    Raises:
        PodError: RunPod could not be asked by then.
    """
    left: list[Pod] = []
    looks_at_none, longer_s = 0, pause_s

    def running() -> str:
        names = ", ".join(pod.name for pod in left) or "pods that were ordered"
        return f"{names}: still to be terminated; the watchdog ends them by {format_time(until)}"

    with defer_interrupt(lambda: log(f"{running()}. Once more Ctrl-C leaves them to it")):
        while True:
            failure = None
            try:
                left = [pod for pod in runpod.pods() if ours(pod)]
            except PodError as error:
                failure = error
            else:
                until = max([until, *(pod.ends for pod in left)])
                looks_at_none = 0 if left else looks_at_none + 1
                if looks_at_none == 2:  # an order that was cut short may arrive after the first look
                    return
            for pod in left:
                try:
                    runpod.terminate(pod)
                except PodError as error:
                    failure = error
                else:
                    log(f"terminating {pod.name}, which has cost ${pod.cost(time.time()):.2f}")
                    _host_keys(pod).unlink(missing_ok=True)
            if failure is None:
                time.sleep(pause_s / 3 if left else pause_s)
                continue
            if time.time() >= until:
                raise failure
            log(f"{failure}. {running()}. Trying again in {longer_s:.0f} s")
            time.sleep(longer_s)
            longer_s = min(2 * longer_s, _LONGEST_PAUSE_S)


def format_time(moment: float) -> str:
    """A moment, in seconds since 1970, as users read it: local time."""
    return "never" if moment == float("inf") else datetime.fromtimestamp(moment).strftime("%b %d %H:%M")


def _host_keys(pod: Pod) -> Path:
    return known_hosts_file().with_name(f"known_hosts.{pod.id}")
