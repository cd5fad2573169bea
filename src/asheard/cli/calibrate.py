"""`asheard gop`: what the scores of canonical phones need beside a model."""

from pathlib import Path
from typing import Annotated

import typer

from asheard.cli.transcribe import L1Mode

app = typer.Typer(help="Goodness of pronunciation: calibrate its scores.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `calibrate` a command of its own although it is the only one."""


@app.command()
def calibrate(
    model: Annotated[Path, typer.Option("--model", help="Model folder.")],
    manifest: Annotated[
        Path, typer.Option("--manifest", help="Annotated utterances of people who are not tested (JSONL).")
    ],
    wav_root: Annotated[Path, typer.Option("--wav-root", help="Folder the manifest's wav paths start from.")],
    out: Annotated[Path, typer.Option("--out", help="The calibration (JSON).")],
    prior: Annotated[
        Path | None, typer.Option("--prior", help="The prior that the scores are made with, if any (JSON).")
    ] = None,
    l1: Annotated[
        L1Mode, typer.Option("--l1", help="Tell an L1-aware model the speaker's L1, or let it listen.")
    ] = L1Mode.DECLARED,
) -> None:
    """Learn how surely a model's scores tell right from wrong; killed, the same command goes on."""
    from asheard import transcription as calibration

    fitted = calibration.calibrate(
        model, manifest, wav_root, out, prior=prior, l1=l1.value, audio_cache=out.parent / "audio-16khz"
    )
    typer.echo(
        f"wrote {out}: log-odds {fitted.slope:.3g} x ratio {fitted.intercept:+.3g}, so even odds at a ratio of "
        f"{-fitted.intercept / fitted.slope:.2f} nats; the ratios are in {calibration.ratios_path(out)}"
    )
