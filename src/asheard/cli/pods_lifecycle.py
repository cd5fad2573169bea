"""`asheard pods up`, `list` and `down`: rented pods, from the order to the end."""

from enum import StrEnum
from typing import Annotated

import typer


class Cloud(StrEnum):
    """Data centres, or somebody's machine, which is cheaper."""

    SECURE = "secure"
    COMMUNITY = "community"


def up(
    name: Annotated[str, typer.Argument(help="What to call it; several are numbered. It is listed as asheard-NAME.")],
    count: Annotated[int, typer.Option("--count", min=1, help="How many pods.")] = 1,
    gpu: Annotated[str, typer.Option("--gpu", help="RunPod's id of the GPU type.")] = "NVIDIA GeForce RTX 4090",
    num_gpus: Annotated[int, typer.Option("--gpus", min=1, help="GPUs in each pod.")] = 1,
    cloud: Annotated[Cloud, typer.Option("--cloud", help="Whose machines.")] = Cloud.SECURE,
    image: Annotated[
        str | None,
        typer.Option("--image", help="An image like RunPod's own with PyTorch.", show_default="PyTorch 2.8, CUDA 12.8"),
    ] = None,
    volume_gb: Annotated[int, typer.Option("--volume", min=1, help="GB at /workspace.")] = 60,
    disk_gb: Annotated[int, typer.Option("--disk", min=1, help="GB of the container.")] = 30,
    ports: Annotated[
        list[str] | None, typer.Option("--port", metavar="PORT/PROTOCOL", help="Open beside 22, such as 6006/http.")
    ] = None,
    max_price: Annotated[
        float | None,
        typer.Option("--max-price", min=0.0, help="Most USD an hour for a pod.", show_default="as offered"),
    ] = None,
    max_hours: Annotated[float, typer.Option("--max-hours", min=0.1, help="It terminates itself after these.")] = 24.0,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=0.0, help="Most USD in all; it shortens --max-hours.")
    ] = None,
    idle_minutes: Annotated[
        float, typer.Option("--idle-minutes", min=1.0, help="It terminates itself after so long without work or login.")
    ] = 60.0,
) -> None:
    """Rent pods, and wait until they let you in; the key stands in RUNPOD_API_KEY.

    Should that fail, or be interrupted, they are terminated again.
    """
    from asheard.pods.fleet import rent
    from asheard.pods.runpod import IMAGE, Order

    order = Order(
        gpu=gpu,
        num_gpus=num_gpus,
        image=image or IMAGE,
        cloud=cloud.value.upper(),
        volume_gb=volume_gb,
        disk_gb=disk_gb,
        ports=tuple(ports or ()),
        max_price=max_price,
        max_hours=max_hours,
        idle_minutes=idle_minutes,
    )
    machines = rent(name, count, order, max_cost=max_cost)
    for pod, machine in machines.items():
        typer.echo(f"{pod} is up: {machine}")
    typer.echo(
        f"go on with: asheard pods check {next(iter(machines))} (sync, train, logs, pull), and in the end asheard pods "
        f"down {name}"
    )


def list_() -> None:
    """List the pods: state, price, cost so far, and when each terminates itself."""
    import time

    from asheard.pods.fleet import clock
    from asheard.pods.runpod import RunPod

    pods, now = RunPod().pods(), time.time()
    for pod in pods:
        money = f"${pod.price:.2f} an hour, ${pod.cost(now):.2f} so far"
        ssh = "root@{} -p {}".format(*pod.address) if pod.address else "not up yet"
        typer.echo(f"{pod.name}: {pod.state}, {pod.gpu}, {money}, ends itself by {clock(pod.ends)}, {ssh}")
    typer.echo(f"{len(pods)} pods, ${sum(pod.price for pod in pods):.2f} an hour")


def down(
    names: Annotated[list[str] | None, typer.Argument(help="Pods, or studies with all of theirs.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every pod whose name begins with asheard-.")] = False,
) -> None:
    """Terminate pods, disks included, and look until none of them is left."""
    from asheard.pods.fleet import find, take_down
    from asheard.pods.runpod import RunPod

    if bool(names) == everything:
        raise typer.BadParameter("name pods, or give --all")
    runpod = RunPod()
    wanted = runpod.pods() if everything else [pod for name in names or () for pod in find(runpod, name)]
    ids = {pod.id for pod in wanted}
    take_down(runpod, lambda pod: everything or pod.id in ids)
    typer.echo(f"terminated {len(ids)} pods; none of them is left")
