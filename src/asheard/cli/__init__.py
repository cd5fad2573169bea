"""The command line: parse arguments, call one function of the package, print its result.

Modules here import only light packages at their top, so that help is fast; a command imports what it needs.
"""

import sys
from typing import Final

import typer

from asheard import __version__
from asheard.cli import corpus, evaluate, models, prior, remote, score, serve, study, train, transcribe
from asheard.cli.entry import DEBUG, Commands, run
from asheard.cli.output import echo

_USE: Final = "Use a model"
_STUDY: Final = "Train and evaluate models: corpus → train → transcribe → evaluate → report"
_SCORING: Final = "Fit what scoring uses"

app = Commands(
    name="asheard",
    help="Write down the phones that a learner of English actually said, and score a reading phone by phone.\n\n"
    "Every step reads files and writes files. `asheard study` runs all steps of a study in order.",
    rich_markup_mode="rich",
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
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
    debug: bool = typer.Option(False, DEBUG, help="Print the traceback of an error. May stand anywhere."),
) -> None:
    if version:
        echo(f"asheard {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    sys.exit(run(app, sys.argv[1:]))
