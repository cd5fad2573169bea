"""Rent pods, wait until ssh answers, and terminate them."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from asheard.errors import RemoteError
from asheard.io.names import safe_name
from asheard.io.progress import log
from asheard.remote.interrupts import defer_interrupt, exit_on_signal
from asheard.remote.machine import Machine, UnreachableError, known_hosts_file
from asheard.remote.runpod.budget import affordable_hours
from asheard.remote.runpod.client import POD_PREFIX, Pod, PodSpec, RunPod, UnclearError

BOOT_PATIENCE_S: Final = 900.0  # the pod first downloads its image, about 10 GB
_MAX_PAUSE_S: Final = 60.0


def ssh_key() -> tuple[Path, str]:
    """Return the user's ssh key: the file of the private part, and the public part as one line without its comment.

    Raises:
        RemoteError: there is no key.
    """
    folder = Path.home() / ".ssh"
    for name in ("id_ed25519", "id_ecdsa", "id_rsa"):
        public = folder / f"{name}.pub"
        if public.is_file():
            return folder / name, " ".join(public.read_text(encoding="utf-8").split()[:2])
    raise RemoteError(f"no ssh key in {folder}; make one with ssh-keygen -t ed25519")


def machine_of_pod(pod: Pod, key: Path, *, cpu: bool = False) -> Machine:
    """Return a pod as a machine. Its host keys have a file of their own, because pods reuse addresses.

    Raises:
        UnreachableError: the pod has no address yet.
    """
    if pod.address is None:
        raise UnreachableError(f"{pod.name} is not up yet")
    host, port = pod.address
    root = f"{pod.root}/asheard"
    return Machine(user="root", host=host, port=port, key=key, known_hosts=_host_keys(pod), root=root, cpu=cpu)


def find_pod_machine(name: str) -> Machine:
    """Return the pod of a name as a machine.

    Raises:
        UnreachableError: the pod has no address yet.
        RemoteError: no pod has the name, or it is the name of a study with several pods.
    """
    pods = find_pods(RunPod(), name)
    if len(pods) > 1:
        raise RemoteError(f"{name}: several pods have this name; choose one of {', '.join(pod.name for pod in pods)}")
    return machine_of_pod(pods[0], ssh_key()[0])


def find_pods(runpod: RunPod, name: str) -> list[Pod]:
    """Return the pod of a name, or all pods of a study, whose names continue with a number.

    Args:
        runpod: the account.
        name: with or without `POD_PREFIX`.
    Raises:
        RemoteError: no pod has the name, or RunPod does not answer.
    """
    full = POD_PREFIX + name.removeprefix(POD_PREFIX)
    pods = runpod.pods()
    found = [pod for pod in pods if full in (pod.name, pod.name.rpartition("-")[0])]
    if not found:
        raise RemoteError(f"no pod {full}; there are {', '.join(pod.name for pod in pods) or 'none'}")
    return found


def rent_pods(name: str, count: int, spec: PodSpec, *, max_cost: float | None = None) -> dict[str, Machine]:
    """Order pods and wait until ssh answers. If that fails or is interrupted, the pods are terminated.

    Args:
        name: the pod's name; several pods are numbered.
        count: number of pods.
        spec: what to order.
        max_cost: limit in USD for all of them.
    Returns:
        The machine of each pod, by the pod's full name.
    Raises:
        RemoteError: a name is taken, the money is too short, a pod cannot be had, or it does not come up.
    """
    runpod, (key, public_key) = RunPod(), ssh_key()
    full = POD_PREFIX + name.removeprefix(POD_PREFIX)
    names = [full] if count == 1 else [f"{full}-{number}" for number in range(1, count + 1)]
    if taken := {pod.name for pod in runpod.pods()} & set(names):
        raise RemoteError(f"{', '.join(sorted(taken))} exists already; `asheard remote down` terminates it")
    price = runpod.price(spec)
    hours = affordable_hours(max_cost, count, price, spec.max_hours)
    until = time.time() + 3600 * hours
    log(f"{count} pods at ${price:.2f} an hour, for {hours:.3g} hours at most: up to ${count * price * hours:.2f}")
    with exit_on_signal():
        try:
            for each in names:
                pod = runpod.create(each, spec, price=price, hours=hours, public_key=public_key)
                log(f"{each}: ordered at ${pod.price:.2f} an hour; terminates itself by {format_time(pod.ends)}")
            return dict(zip(names, wait_for_ssh(runpod, names, key), strict=True))
        except BaseException:
            terminate_pods(runpod, lambda pod: pod.name in names, until=until)
            raise


def wait_for_ssh(
    runpod: RunPod, names: Sequence[str], key: Path, *, cpu: bool = False, patience_s: float = BOOT_PATIENCE_S
) -> list[Machine]:
    """Wait until each pod accepts an ssh login.

    Args:
        runpod: the account.
        names: full names of the pods.
        key: file of our private ssh key.
        cpu: the machines shall train without a GPU.
        patience_s: seconds to wait for all of them.
    Raises:
        RemoteError: a pod ended, or does not answer in time.
    """
    deadline, pause_s = time.monotonic() + patience_s, min(2.0, patience_s / 50)
    machines: dict[str, Machine] = {}

    def try_logins() -> str:
        """Return why a pod cannot be used yet; an empty text if all accept a login."""
        try:
            pods = {pod.name: pod for pod in runpod.pods()}
        except UnclearError as error:
            return str(error)
        reason = ""
        for name in (name for name in names if name not in machines):
            if name not in pods or pods[name].state == "EXITED":
                raise RemoteError(f"{name} ended before it was up; read its log at console.runpod.io/pods")
            try:
                machine = machine_of_pod(pods[name], key, cpu=cpu)
                machine.run("true")
                machines[name] = machine
            except RemoteError as error:  # also a refused login: sshd may start before it has our key
                reason = str(error)
        return reason

    log(f"waiting until ssh answers on {', '.join(names)}; the pods first download their image, which takes minutes")
    while reason := try_logins():
        if time.monotonic() > deadline:
            raise RemoteError(
                f"no ssh login after {patience_s / 60:.0f} minutes: {reason}; try again, or try another --cloud"
            )
        time.sleep(pause_s)
    return [machines[name] for name in names]


def terminate_pods(runpod: RunPod, ours: Callable[[Pod], bool], *, until: float = 0.0, pause_s: float = 3.0) -> None:
    """Terminate pods, and repeat that until RunPod lists none of them, even if RunPod does not answer for hours.

    The first Ctrl-C prints what is still running; the second ends the call.

    Args:
        runpod: the account.
        ours: selects the pods.
        until: latest time at which a watchdog terminates a pod that we know of, in seconds since 1970. The call gives
            up at this time, or at the latest such time of the pods that are listed.
        pause_s: seconds between the last two listings, and before the first repetition. Pauses then double, up to a
            minute.
    Raises:
        RemoteError: RunPod did not answer until then.
    """
    left: list[Pod] = []
    empty_listings, longer_s = 0, pause_s

    def still_running() -> str:
        names = ", ".join(pod.name for pod in left) or "pods that were ordered"
        return f"{names}: not terminated yet; the watchdog terminates them by {format_time(until)}"

    with defer_interrupt(lambda: log(f"{still_running()}. A second Ctrl-C leaves them to it")):
        while True:
            failure = None
            try:
                left = [pod for pod in runpod.pods() if ours(pod)]
            except RemoteError as error:
                failure = error
            else:
                until = max([until, *(pod.ends for pod in left)])
                empty_listings = 0 if left else empty_listings + 1
                if empty_listings == 2:  # an interrupted order may arrive after the first listing
                    return
            for pod in left:
                try:
                    runpod.terminate(pod)
                except RemoteError as error:
                    failure = error
                else:
                    log(f"terminating {pod.name}, which has cost ${pod.cost(time.time()):.2f}")
                    _host_keys(pod).unlink(missing_ok=True)
            if failure is None:
                time.sleep(pause_s / 3 if left else pause_s)
                continue
            if time.time() >= until:
                raise failure
            log(f"{failure}. {still_running()}. Trying again in {longer_s:.0f} s")
            time.sleep(longer_s)
            longer_s = min(2 * longer_s, _MAX_PAUSE_S)


def format_time(moment: float) -> str:
    """Format a time in seconds since 1970 as local date and time; inf as never."""
    return "never" if moment == float("inf") else datetime.fromtimestamp(moment).strftime("%b %d %H:%M")


def _host_keys(pod: Pod) -> Path:
    return known_hosts_file().with_name(f"known_hosts.{safe_name(pod.id, 'pod')}")
