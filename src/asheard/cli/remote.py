"""`asheard remote`: training on other machines, over ssh.

`asheard remote up`, `list` and `down`: rented pods, from the order to the end.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard.cli.train import (
    Seeds,
    TrainingFiles,
    TrainingParameters,
    read_seeds,
    require_training_packages,
    with_options,
)

if TYPE_CHECKING:
    from asheard.remote.jobs import JobStatus
    from asheard.remote.machine import Machine
    from asheard.remote.run import RemoteRun

app = typer.Typer(help="Train on other machines, over ssh; rent pods, and terminate them.", no_args_is_help=True)

Place = Annotated[
    str,
    typer.Argument(
        metavar="PLACE", help="ssh://USER@HOST:PORT/FOLDER, or less of it; ssh+cpu://... without a GPU; a pod's name."
    ),
]
Places = Annotated[str, typer.Argument(metavar="PLACES", help="Machines as above, joined by commas.")]
Run = Annotated[str | None, typer.Argument(metavar="RUN", help="Beginning of a run's name.", show_default="all")]
Kinds = Annotated[str, typer.Option("--kinds", help="faithful, l1-aware, or both, joined by commas.")]
Out = Annotated[Path, typer.Option("--out", help="Folder that each run has a folder in.")]


@app.command()
@with_options
def sync(place: Place, files: TrainingFiles) -> None:
    """Mirror code, manifests, the base and the recordings that the manifests name; again, it copies what is missing."""
    from asheard.io.progress import StatusDisplay
    from asheard.remote.machine import machine_at
    from asheard.remote.transfer import sync as mirror

    machine = machine_at(place)
    run = _input_alone(files)
    with StatusDisplay() as display:
        mirror(machine, [run], lambda what, share: display.update(str(machine), f"copying {what}", share))
    typer.echo(f"{machine}: {len(run.wavs)} recordings and all that goes with them are there")


@app.command()
@with_options
def check(place: Place, files: TrainingFiles) -> None:
    """See whether PyTorch sees a GPU there, and whether all rows and recordings are."""
    from asheard.remote.jobs import check as inspect
    from asheard.remote.machine import machine_at

    machine = machine_at(place)
    typer.echo(f"{machine}: {inspect(machine, [_input_alone(files)])}")


@app.command()
@with_options
def train(
    places: Places,
    parameters: TrainingParameters,
    out: Out,
    kinds: Kinds = "faithful,l1-aware",
    seeds: Seeds = "1",
) -> None:
    """Sync, check, and queue each kind with each seed; training goes on there when this command has ended."""
    from asheard.io.progress import StatusDisplay
    from asheard.remote.jobs import check as inspect
    from asheard.remote.jobs import start
    from asheard.remote.machine import machines_at
    from asheard.remote.transfer import sync as mirror

    for kind in kinds.split(","):
        if kind not in ("faithful", "l1-aware"):
            raise typer.BadParameter(f"{kind!r} is not one of faithful, l1-aware", param_hint="--kinds")
    runs = [
        _remote_run(parameters, kind, out / f"{kind}-seed{seed}", seed)
        for seed in read_seeds(seeds)
        for kind in kinds.split(",")
    ]
    machines = machines_at(places)
    for number, machine in enumerate(machines):
        share = runs[number :: len(machines)]
        with StatusDisplay() as display:
            mirror(machine, share, lambda what, part: display.update(str(machine), f"copying {what}", part))  # noqa: B023
        report = inspect(machine, share)
        typer.echo(f"{machine}: {report}")
        for run in share:
            start(machine, run, len(report.gpus))
            typer.echo(f"{run.name}: queued; asheard remote logs {machine} {run.name} -f shows how it does")


@app.command()
def logs(
    place: Place,
    run: Run = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the run ends.")] = False,
) -> None:
    """Show how all runs do, or all that one has logged."""
    from asheard.remote.machine import machine_at

    machine = machine_at(place)
    if run is not None:
        name = _one(_found(machine, run), run).name
        for line in machine.lines("log", name, *(["until it ends"] if follow else [])):
            typer.echo(_in_words(line))
    for status in _found(machine, run or ""):
        typer.echo(f"{status.name}: {status}")


@app.command()
def pull(place: Place, out: Out, run: Run = None) -> None:
    """Bring finished models and their logs, compared by SHA-256; each is there whole, or not at all."""
    from asheard.io.progress import StatusDisplay
    from asheard.remote.machine import machine_at
    from asheard.remote.transfer import pull as bring

    machine = machine_at(place)
    found = _found(machine, run or "")
    for status in found:
        into = out / status.name.rpartition("-")[0]
        same = [other.name for other in found if other.name.rpartition("-")[0] == into.name]
        if status.state != "done":
            typer.echo(f"{status.name}: {status}")
        elif len(same) > 1:
            typer.echo(f"{status.name}: done; to pull it, say which one of {', '.join(same)}")
        else:
            with StatusDisplay() as display:
                final = bring(machine, status.name, into, lambda what, share: display.update(what, "", share))
            typer.echo(f"{status.name}: here as {final}")


def _input_alone(files: TrainingFiles) -> "RemoteRun":
    """A run of these files, of whatever kind."""
    return _remote_run(files, "faithful", Path("run"), seed=1)


def _remote_run(files: TrainingFiles, kind: str, checkpoint_dir: Path, seed: int) -> "RemoteRun":
    require_training_packages()
    from asheard.remote.run import remote_run

    return remote_run(files.training_options(kind, checkpoint_dir, seed=seed, audio_cache=Path("audio-16khz")))


def _found(machine: "Machine", beginning: str) -> "list[JobStatus]":
    """The runs there whose names begin so."""
    from asheard.errors import PodError
    from asheard.remote.jobs import statuses

    found = statuses(machine)
    chosen = [status for name, status in found.items() if name.startswith(beginning)]
    if not chosen:
        raise PodError(f"{machine}: no run {beginning or 'at all'} there; there are {', '.join(found) or 'none'}")
    return chosen


def _one(found: "list[JobStatus]", beginning: str) -> "JobStatus":
    from asheard.errors import PodError

    if len(found) > 1:
        names = ", ".join(status.name for status in found)
        raise PodError(f"{beginning}: several runs are called so ({names}); write more of the name")
    return found[0]


def _in_words(line: str) -> str:
    """A row of log.jsonl as one reads it; any other line as it is."""
    try:
        row = json.loads(line)
        event, epoch, step = row.pop("event"), row.pop("epoch"), row.pop("step")
    except (json.JSONDecodeError, TypeError, KeyError, AttributeError):
        return line
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in row.items() if isinstance(value, int | float))
    return f"{event}: epoch {epoch}, step {step}, {numbers}"


class Cloud(StrEnum):
    """Data centres, or somebody's machine, which is cheaper."""

    SECURE = "secure"
    COMMUNITY = "community"


@app.command()
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
    from asheard.remote.runpod.client import IMAGE, PodSpec
    from asheard.remote.runpod.pods import rent

    order = PodSpec(
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
        f"go on with: asheard remote check {next(iter(machines))} (sync, train, logs, pull), and in the end "
        f"asheard remote down {name}"
    )


@app.command("list")
def list_() -> None:
    """List the pods: state, price, cost so far, and when each terminates itself."""
    import time

    from asheard.remote.runpod.client import RunPod
    from asheard.remote.runpod.pods import format_time

    pods, now = RunPod().pods(), time.time()
    for pod in pods:
        money = f"${pod.price:.2f} an hour, ${pod.cost(now):.2f} so far"
        ssh = "root@{} -p {}".format(*pod.address) if pod.address else "not up yet"
        typer.echo(f"{pod.name}: {pod.state}, {pod.gpu}, {money}, ends itself by {format_time(pod.ends)}, {ssh}")
    typer.echo(f"{len(pods)} pods, ${sum(pod.price for pod in pods):.2f} an hour")


@app.command()
def down(
    names: Annotated[list[str] | None, typer.Argument(help="Pods, or studies with all of theirs.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every pod whose name begins with asheard-.")] = False,
) -> None:
    """Terminate pods, disks included, and look until none of them is left."""
    from asheard.remote.runpod.client import RunPod
    from asheard.remote.runpod.pods import find, terminate_pods

    if bool(names) == everything:
        raise typer.BadParameter("name pods, or give --all")
    runpod = RunPod()
    wanted = runpod.pods() if everything else [pod for name in names or () for pod in find(runpod, name)]
    ids = {pod.id for pod in wanted}
    terminate_pods(runpod, lambda pod: everything or pod.id in ids)
    typer.echo(f"terminated {len(ids)} pods; none of them is left")
