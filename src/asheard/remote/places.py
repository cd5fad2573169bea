"""Machines by name: an ssh address, or the name of a rented pod."""

from asheard.errors import RemoteError
from asheard.remote.machine import Machine, parse_address
from asheard.remote.runpod.client import POD_PREFIX
from asheard.remote.runpod.pods import find_pod_machine


def machine_at(name: str) -> Machine:
    """Return the machine of a name.

    Args:
        name: an address as in `parse_address`, or asheard-NAME, a rented pod.
    Raises:
        RemoteError: the name is not an address, no pod has it, or several have.
        UnreachableError: the pod is not up yet.
    """
    return find_pod_machine(name) if name.startswith(POD_PREFIX) else parse_address(name)


def machines_at(names: str) -> tuple[Machine, ...]:
    """Return the machines of names separated by commas; as `machine_at`.

    Raises:
        RemoteError: a machine is named twice.
    """
    machines = tuple(map(machine_at, names.split(",")))
    if len(set(machines)) < len(machines):
        raise RemoteError(f"{names}: a machine is named twice; name each once")
    return machines
