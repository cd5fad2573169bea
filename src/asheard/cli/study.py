"""`asheard study`: every step of a study, from a corpus to RESULTS.md."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from asheard.cli.options import Seeds, VectorsFile, read_seeds
from asheard.cli.output import echo


class StudyPresetChoice(StrEnum):
    """quick: minutes on two cores. embedded: a quarter of an hour on two cores. full: a GPU."""

    QUICK = "quick"
    EMBEDDED = "embedded"
    FULL = "full"


def study(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that the study makes.")],
    corpus: Annotated[
        Path | None,
        typer.Option(
            "--corpus", help="L2-ARCTIC, or a corpus with the same layout.", show_default="the embedded corpus"
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="PATH_OR_ID",
            help="Recogniser to start from.",
            show_default="the embedded base; a large wav2vec2 with --corpus",
        ),
    ] = None,
    seeds: Seeds = "1,2",
    folds: Annotated[
        int, typer.Option("--folds", min=1, help="Number of trainings, each with another speaker of each L1 held out.")
    ] = 1,
    preset: Annotated[
        StudyPresetChoice | None,
        typer.Option("--preset", help="Size of the study.", show_default="embedded; full with --corpus"),
    ] = None,
    vectors: VectorsFile = None,
    executor: Annotated[
        str,
        typer.Option(
            "--executor",
            metavar="PLACE",
            help="Where the models are trained: local, ssh://USER@MACHINE,..., pods:N[:GPU] or ray://HOST:PORT.",
        ),
    ] = "local",
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=0.0, help="Most USD for pods in all, earlier costs included.")
    ] = None,
    max_hours: Annotated[
        float | None,
        typer.Option("--max-hours", min=0.1, help="Each pod terminates itself after so many hours.", show_default="24"),
    ] = None,
) -> None:
    """Build, train, transcribe, evaluate and report. The same command resumes a killed study."""
    from rich.text import Text

    from asheard.errors import optional_package
    from asheard.io.terminal import stderr_console

    optional_package("torch", "train")
    from asheard.pipeline import study as run
    from asheard.remote.executors import executor_at

    console = stderr_console()

    def announce(stage: str, skipped: bool) -> None:
        console.print(Text(f"{stage}: already done", "dim") if skipped else Text(stage, "bold"))

    verdict = run(
        out,
        corpus=corpus,
        base=base,
        seeds=read_seeds(seeds),
        folds=folds,
        preset=preset and preset.value,
        vectors_file=vectors,
        executor=executor_at(executor, out, max_cost=max_cost, max_hours=max_hours),
        announce=announce,
    )
    if verdict is not None:
        echo(f"faithful transcriber: {verdict.faithful}; the L1 should live: {verdict.l1}")
    echo(f"wrote {out}/RESULTS.md")
