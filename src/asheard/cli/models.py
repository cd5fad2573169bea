"""`asheard models`: the registry of named transcribers."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Named transcribers: list them, try them, take one out.")

Registry = Annotated[Path | None, typer.Option("--registry", help="Your own transcribers (TOML).")]
Studies = Annotated[list[Path] | None, typer.Option("--study", metavar="DIR", help="Folder of a finished study.")]


@app.command("list")
def list_models(registry: Registry = None, studies: Studies = None) -> None:
    """Say what there is: name, kind, what it was trained on, and what breaks it."""
    from rich.console import Console
    from rich.table import Table

    from asheard.server.runtime import build_model_pool

    found = build_model_pool(registry, studies or [])
    table = Table("name", "kind", "trained on", box=None, padding=(0, 2, 0, 0))
    for entry in found.configs.values():
        broken = f"broken: {entry.broken}" if entry.broken else entry.trained_on
        table.add_row(entry.name, entry.kind, broken, style="red" if entry.broken else None)
    Console(highlight=False, markup=False).print(table)


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]", help="By default all.")] = None,
    registry: Registry = None,
    studies: Studies = None,
) -> None:
    """Load models and let each hear a word; exit code 2 where one fails."""
    from asheard.errors import AsHeardError
    from asheard.pronunciation.scorer import Model
    from asheard.server.runtime import build_model_pool
    from asheard.server.smoke_test import smoke_test

    found = build_model_pool(registry, studies or [])
    failed = False
    for name in names or list(found.configs):
        try:
            if name not in found.configs:
                raise AsHeardError(f"no such model; there are {', '.join(found.configs)}")
            if found.broken.get(name):
                raise AsHeardError(found.broken[name])
            transcriber = Model.load(found.configs[name]).recogniser
            typer.echo(f"{name}: ok, heard {' '.join(smoke_test(transcriber))}")
        except AsHeardError as error:
            failed = True
            typer.echo(f"{name}: {' '.join(str(error).split())}", err=True)
    if failed:
        raise typer.Exit(2)


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write, or a file that ends in .onnx; must not exist.")],
    registry: Registry = None,
    studies: Studies = None,
) -> None:
    """Write a model as a folder, to move or to fine-tune it, or its forward pass as ONNX, for other runtimes."""
    from asheard.server.runtime import build_model_pool
    from asheard.server.smoke_test import export_model

    found = build_model_pool(registry, studies or [])
    typer.echo(f"wrote {export_model(found, name, out)}")
