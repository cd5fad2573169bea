"""The command line: parse, call, print. Each verb is one function of the package."""

import sys

import typer

from asheard import __version__
from asheard.cli import calibrate, corpus, evaluate, models, prior, remote, score, serve, study, train, transcribe
from asheard.cli.output import print_error
from asheard.errors import AsHeardError

app = typer.Typer(
    name="asheard",
    help="Write down the phones a learner of English actually said, and find out whether knowing the first "
    "language helps.\n\nOne road, a file at every step: corpus → train → transcribe → evaluate → report; "
    "[bold]asheard study[/bold] walks all of it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
app.add_typer(corpus.app, name="corpus")
app.add_typer(train.app, name="train")
app.add_typer(remote.app, name="remote")
app.add_typer(prior.app, name="prior")
app.add_typer(calibrate.app, name="gop")
app.add_typer(models.app, name="models")
app.command()(transcribe.transcribe)
app.command()(score.score)
app.command()(evaluate.evaluate)
app.command()(evaluate.report)
app.command()(study.study)
app.command()(serve.serve)


@app.callback(invoke_without_command=True)
def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        typer.echo(f"asheard {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; what the user can mend becomes one line on stderr and an exit code."""
    try:
        app()
    except (AsHeardError, OSError) as error:
        print_error(error)
        sys.exit(getattr(error, "exit_code", AsHeardError.exit_code))
