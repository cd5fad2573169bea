"""`asheard calibrate`: probabilities from a model's scores."""

from pathlib import Path
from typing import Annotated

import typer


def calibrate(
    model: Annotated[Path, typer.Option("--model", help="Model folder.")],
    manifest: Annotated[
        Path, typer.Option("--manifest", help="Annotated utterances of speakers who are not tested (JSONL).")
    ],
    wav_root: Annotated[Path, typer.Option("--wav-root", help="Folder that the manifest's wav paths start from.")],
    out: Annotated[Path, typer.Option("--out", help="The calibration (JSON).")],
    prior: Annotated[
        Path | None, typer.Option("--prior", help="The prior that scores are made with, if any (JSON).")
    ] = None,
    l1_given: Annotated[
        bool, typer.Option("--l1-given/--l1-withheld", help="Give an L1-aware model the manifest's first languages.")
    ] = True,
) -> None:
    """Calibrate a model's scores on annotated recordings. A killed command resumes."""
    from asheard.pronunciation import batch

    fitted = batch.calibrate(
        model, manifest, wav_root, out, prior=prior, l1_given=l1_given, audio_cache=out.parent / "audio-16khz"
    )
    typer.echo(
        f"wrote {out}: log-odds {fitted.slope:.3g} x ratio {fitted.intercept:+.3g}, so even odds at a ratio of "
        f"{-fitted.intercept / fitted.slope:.2f} nats; the ratios are in {batch.ratios_path(out)}"
    )
