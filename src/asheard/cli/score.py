"""`asheard score`: a recording against the text that was read."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard import DEFAULT_MODEL

if TYPE_CHECKING:
    from asheard.score import Scored


def score(
    recording: Annotated[Path, typer.Argument(metavar="FILE", help="The recording.")],
    text: Annotated[str, typer.Option("--text", help="What was to be read.")],
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="asheard-tiny, or the folder of a model of ours.")
    ] = DEFAULT_MODEL,
    l1: Annotated[
        str | None, typer.Option("--l1", help="The speaker's first language, for --prior or an L1-aware model.")
    ] = None,
    prior: Annotated[
        Path | None, typer.Option("--prior", help="What each L1 is known to say: a file of `asheard prior fit`.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            help="From `asheard gop calibrate`; by default the model's own, which is for scores without --prior.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Say how surely each phone of a text was said, and what was heard instead."""
    from asheard.score import score as score_recording

    scored = score_recording(recording, text, model, l1=l1, prior=prior, calibration=calibration)
    if as_json:
        typer.echo(json.dumps(scored.to_json(), ensure_ascii=False))
    else:
        _print(scored)


def _print(scored: "Scored") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("word", "phone", box=None, padding=(0, 0, 0, 2))
    table.add_column("said", justify="right")
    table.add_column("heard")
    table.add_column("start s", justify="right")
    table.add_column("end s", justify="right")
    for word in scored.words:
        for index, phone in enumerate(word.phones):
            wrong = phone.heard != phone.canonical
            table.add_row(
                word.word if index == 0 else "",
                phone.canonical,
                f"{phone.probability:.0%}",
                (phone.heard or "nothing") if wrong else "",
                f"{phone.start_s:.2f}",
                f"{phone.end_s:.2f}",
                style="red" if wrong else None,
            )
    Console(highlight=False, markup=False).print(table)
    typer.echo(f"overall: {scored.score:.0%} of the phones said, as far as {scored.model} can tell")
    if not scored.calibrated:
        typer.echo("not calibrated: these are the model's own probabilities (asheard gop calibrate)")
