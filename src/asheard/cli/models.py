"""`asheard models`: list, check and export named models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard.cli.entry import Commands
from asheard.cli.output import Table, echo, print_error, print_tables

if TYPE_CHECKING:
    from asheard.recognition.registry import ModelConfig

app = Commands(help="List, check and export named models.")

_Registry = Annotated[Path | None, typer.Option("--registry", help="Your own models (TOML).")]
_Studies = Annotated[list[Path] | None, typer.Option("--study", metavar="DIR", help="Folder of a finished study.")]


@app.command("list")
def list_models(registry: _Registry = None, studies: _Studies = None) -> None:
    """List models: name, kind, and what each was trained on, or why it cannot be used."""
    headings = ("name", "kind", "trained on")
    table = Table(headings, left=headings, wrapped=True)
    for config in _configs(registry, studies).values():
        text = f"broken: {config.broken}" if config.broken else config.trained_on
        table.add(config.name, config.kind, text, style="red" if config.broken else None)
    print_tables([table])


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]", help="By default all.")] = None,
    registry: _Registry = None,
    studies: _Studies = None,
) -> None:
    """Load models and let each transcribe a few words; exit code 2 if one fails."""
    from asheard.errors import AsHeardError
    from asheard.recognition.load import load_recogniser, smoke_test

    configs = _configs(registry, studies)
    failed = False
    for name in names or list(configs):
        try:
            recogniser = load_recogniser(_find(configs, name).model)
            engine = f" by {recogniser.engine}" if recogniser.engine else ""
            echo(f"{name}: ok{engine}, recognised {' '.join(smoke_test(recogniser))}")
        except AsHeardError as error:
            failed = True
            print_error(f"{name}: {error}")
    if failed:
        raise typer.Exit(2)


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write, or a file that ends in .onnx; must not exist.")],
    registry: _Registry = None,
    studies: _Studies = None,
) -> None:
    """Copy a model folder, to move it or to fine-tune it; or write its forward pass as one ONNX file (needs torch)."""
    from asheard.errors import ModelError, optional_package
    from asheard.recognition.load import copy_model, is_external, model_folder

    config = _find(_configs(registry, studies), name)
    if out.suffix != ".onnx":
        copy_model(config, out)
    elif is_external(config.model):
        raise ModelError("only models can be written as ONNX graphs, not external recognisers")
    else:
        optional_package("torch", "train")
        from asheard.models import load_transcriber
        from asheard.models.onnx_export import export_onnx

        export_onnx(load_transcriber(model_folder(config.model), "cpu"), out)
    echo(f"wrote {out}")


def _configs(registry: Path | None, studies: list[Path] | None) -> "dict[str, ModelConfig]":
    """Built-in models, those of a user's file, and those of finished studies; a later one replaces an earlier."""
    from asheard.recognition.registry import built_in_models, read_models
    from asheard.server.studies import read_study, study_models

    configs = built_in_models() + (read_models(registry) if registry else [])
    configs += [config for study in studies or [] for config in study_models(read_study(study))]
    return {config.name: config for config in configs}


def _find(configs: "dict[str, ModelConfig]", name: str) -> "ModelConfig":
    from asheard.errors import ModelError

    if name not in configs:
        raise ModelError(f"no model {name!r}; there are {', '.join(configs)}")
    if configs[name].broken:
        raise ModelError(str(configs[name].broken))
    return configs[name]
