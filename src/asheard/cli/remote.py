"""`asheard remote`: train on other machines over ssh; rent GPU pods, list them, and terminate them."""

import json
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard.cli.entry import Commands
from asheard.cli.options import Seeds, read_seeds
from asheard.cli.output import echo
from asheard.cli.train import TrainingFiles, TrainingParameters, with_options

if TYPE_CHECKING:
    from asheard.remote.jobs import JobStatus
    from asheard.remote.machine import Machine
    from asheard.remote.run import RemoteRun

app = Commands(help="Train on other machines over ssh. Rent GPU pods, list them, and terminate them.")

_MachineName = Annotated[
    str,
    typer.Argument(
        metavar="MACHINE",
        help="ssh://USER@HOST:PORT/FOLDER (only HOST is required), ssh+cpu://... without a GPU, or a pod's name.",
    ),
]
_MachineNames = Annotated[str, typer.Argument(metavar="MACHINES", help="Machines as above, separated by commas.")]
_RunName = Annotated[
    str | None, typer.Argument(metavar="RUN", help="A run's name, or its beginning.", show_default="all runs")
]
_Out = Annotated[Path, typer.Option("--out", help="Folder with one folder for each run.")]


class Cloud(StrEnum):
    """RunPod's data centres, or private machines, which are cheaper."""

    SECURE = "secure"
    COMMUNITY = "community"


@app.command()
def up(
    name: Annotated[
        str, typer.Argument(help="Name of the pod; several pods are numbered. RunPod lists it as asheard-NAME.")
    ],
    count: Annotated[int, typer.Option("--count", min=1, help="Number of pods.")] = 1,
    gpu: Annotated[str, typer.Option("--gpu", help="RunPod's id of the GPU type.")] = "NVIDIA GeForce RTX 4090",
    num_gpus: Annotated[int, typer.Option("--gpus", min=1, help="GPUs in each pod.")] = 1,
    cloud: Annotated[Cloud, typer.Option("--cloud", help="Data centres, or private machines.")] = Cloud.SECURE,
    image: Annotated[
        str | None,
        typer.Option("--image", help="Image with Python, PyTorch and sshd.", show_default="PyTorch 2.8, CUDA 12.8"),
    ] = None,
    volume_gb: Annotated[int, typer.Option("--volume", min=1, help="GB at /workspace.")] = 60,
    disk_gb: Annotated[int, typer.Option("--disk", min=1, help="GB of the container.")] = 30,
    ports: Annotated[
        list[str] | None,
        typer.Option("--port", metavar="PORT/PROTOCOL", help="Port to open besides 22, such as 6006/http."),
    ] = None,
    max_price: Annotated[
        float | None,
        typer.Option("--max-price", min=0.0, help="Limit in USD an hour for a pod.", show_default="as offered"),
    ] = None,
    max_hours: Annotated[
        float, typer.Option("--max-hours", min=0.1, help="The pod terminates itself after so many hours.")
    ] = 24.0,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=0.0, help="Limit in USD for all pods; it shortens --max-hours.")
    ] = None,
    idle_minutes: Annotated[
        float,
        typer.Option("--idle-minutes", min=1.0, help="It also terminates itself after so long without work or login."),
    ] = 60.0,
) -> None:
    """Rent pods and wait until ssh answers. The account's key is read from RUNPOD_API_KEY.

    If that fails or is interrupted, the pods are terminated.
    """
    from asheard.remote.runpod.client import IMAGE, PodSpec
    from asheard.remote.runpod.pods import rent_pods

    spec = PodSpec(
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
    machines = rent_pods(name, count, spec, max_cost=max_cost)
    for pod, machine in machines.items():
        echo(f"{pod} is up: {machine}")
    echo(
        f"next: asheard remote train {next(iter(machines))} ... (or sync, check, logs, pull); "
        f"at the end: asheard remote down {name}"
    )


@app.command("list")
def list_() -> None:
    """List pods: state, price, cost so far, and when each terminates itself."""
    import time

    from asheard.remote.runpod.client import RunPod
    from asheard.remote.runpod.pods import format_time

    pods, now = RunPod().pods(), time.time()
    for pod in pods:
        money = f"${pod.price:.2f} an hour, ${pod.cost(now):.2f} so far"
        ssh = "root@{} -p {}".format(*pod.address) if pod.address else "not up yet"
        echo(f"{pod.name}: {pod.state}, {pod.gpu}, {money}, terminates itself by {format_time(pod.ends)}, {ssh}")
    echo(f"{len(pods)} pods, ${sum(pod.price for pod in pods):.2f} an hour")


@app.command()
def down(
    names: Annotated[list[str] | None, typer.Argument(help="Names of pods, or of studies with all their pods.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All pods whose names begin with asheard-.")] = False,
) -> None:
    """Terminate pods with their disks, and wait until RunPod lists none of them."""
    from asheard.remote.runpod.client import RunPod
    from asheard.remote.runpod.pods import find_pods, terminate_pods

    if bool(names) == everything:
        raise typer.BadParameter("name pods, or give --all")
    runpod = RunPod()
    chosen = runpod.pods() if everything else [pod for name in names or () for pod in find_pods(runpod, name)]
    ids = {pod.id for pod in chosen}
    terminate_pods(runpod, lambda pod: everything or pod.id in ids)
    echo(f"terminated {len(ids)} pods; none of them is left")


@app.command()
@with_options
def sync(machine_name: _MachineName, files: TrainingFiles) -> None:
    """Copy code, manifests, base and recordings to a machine. A repeated call copies what is missing."""
    run = _any_run(files)
    from asheard.remote.executors import machine_at

    machine = machine_at(machine_name)
    _sync(machine, [run])
    echo(f"{machine}: has the code, the manifests, the base and {len(run.wavs)} recordings")


@app.command()
@with_options
def check(machine_name: _MachineName, files: TrainingFiles) -> None:
    """Check that PyTorch finds a GPU on a machine, and that all rows and recordings are there."""
    run = _any_run(files)
    from asheard.remote.executors import machine_at
    from asheard.remote.jobs import check_machine

    machine = machine_at(machine_name)
    echo(f"{machine}: {check_machine(machine, [run])}")


@app.command()
@with_options
def train(
    machine_names: _MachineNames,
    parameters: TrainingParameters,
    out: _Out,
    kinds: Annotated[
        str, typer.Option("--kinds", help="faithful, l1-aware, or both, separated by commas.")
    ] = "faithful,l1-aware",
    seeds: Seeds = "1",
) -> None:
    """Sync and check machines, and queue a run for each kind and seed. Training continues there after this command."""
    for kind in kinds.split(","):
        if kind not in ("faithful", "l1-aware"):
            raise typer.BadParameter(f"{kind!r} is not one of faithful, l1-aware", param_hint="--kinds")
    runs = [
        _remote_run(parameters, kind, out / f"{kind}-seed{seed}", seed)
        for seed in read_seeds(seeds)
        for kind in kinds.split(",")
    ]
    from asheard.remote.executors import machines_at
    from asheard.remote.jobs import check_machine, start_job

    machines = machines_at(machine_names)
    for number, machine in enumerate(machines):
        share = runs[number :: len(machines)]
        _sync(machine, share)
        report = check_machine(machine, share)
        echo(f"{machine}: {report}")
        for run in share:
            start_job(machine, run, len(report.gpus))
            echo(f"{run.name}: queued; asheard remote logs {machine} {run.name} -f shows its progress")


@app.command()
def logs(
    machine_name: _MachineName,
    run: _RunName = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the run ends.")] = False,
) -> None:
    """Print the status of all runs on a machine, or the log and the status of one."""
    from asheard.errors import RemoteError
    from asheard.remote.executors import machine_at

    machine = machine_at(machine_name)
    if run is not None:
        found = [status.name for status in _find_runs(machine, run)]
        if len(found) > 1:
            raise RemoteError(f"{run}: several runs have this name ({', '.join(found)}); write more of it")
        for line in machine.stream_agent("log", found[0], *(["until it ends"] if follow else [])):
            echo(_format_row(line))
    for status in _find_runs(machine, run or ""):
        echo(f"{status.name}: {status}")


@app.command()
def pull(machine_name: _MachineName, out: _Out, run: _RunName = None) -> None:
    """Fetch finished models and their logs, and verify them by SHA-256. Each model is complete or absent."""
    from asheard.io.names import safe_name
    from asheard.io.progress import StatusDisplay
    from asheard.remote.executors import machine_at
    from asheard.remote.transfer import pull_model

    machine = machine_at(machine_name)
    found = _find_runs(machine, run or "")
    for status in found:
        into = out / safe_name(status.name.rpartition("-")[0], f"{machine}: run")
        same = [other.name for other in found if other.name.rpartition("-")[0] == into.name]
        if status.state != "done":
            echo(f"{status.name}: {status}")
        elif len(same) > 1:
            echo(f"{status.name}: done; to pull it, name one of {', '.join(same)}")
        else:
            with StatusDisplay() as display:
                final = pull_model(machine, status.name, into, partial(display.update, status.name, "pulling"))
            echo(f"{status.name}: its model is {final}")


def _any_run(files: TrainingFiles) -> "RemoteRun":
    """Return a run that reads these files."""
    return _remote_run(files, "faithful", Path("run"), seed=1)


def _remote_run(files: TrainingFiles, kind: str, checkpoint_dir: Path, seed: int) -> "RemoteRun":
    from asheard.remote.run import remote_run

    return remote_run(files.training_options(kind, checkpoint_dir, seed=seed, audio_cache=Path("audio-16khz")))


def _sync(machine: "Machine", runs: "list[RemoteRun]") -> None:
    from asheard.io.progress import StatusDisplay
    from asheard.remote.transfer import sync

    with StatusDisplay() as display:
        sync(machine, runs, lambda what, share: display.update(str(machine), f"copying {what}", share))


def _find_runs(machine: "Machine", beginning: str) -> "list[JobStatus]":
    """Return the runs on a machine whose names begin with a text.

    Raises:
        RemoteError: there is none.
    """
    from asheard.errors import RemoteError
    from asheard.remote.jobs import job_statuses

    found = job_statuses(machine)
    chosen = [status for name, status in found.items() if name.startswith(beginning)]
    if not chosen:
        names = ", ".join(found) or "none"
        raise RemoteError(
            f"{machine}: no run there has the name {beginning}; there are {names}"
            if beginning
            else f"{machine}: no runs there"
        )
    return chosen


def _format_row(line: str) -> str:
    """Format a row of log.jsonl as text; return any other line unchanged."""
    try:
        row = json.loads(line)
        event, epoch, step = row.pop("event"), row.pop("epoch"), row.pop("step")
    except (json.JSONDecodeError, TypeError, KeyError, AttributeError):
        return line
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in row.items() if isinstance(value, int | float))
    return f"{event}: epoch {epoch}, step {step}, {numbers}"
