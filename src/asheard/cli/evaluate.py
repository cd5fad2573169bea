"""`asheard evaluate` and `asheard report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asheard.cli.options import VectorsFile
from asheard.cli.output import Table, echo, print_tables

if TYPE_CHECKING:
    from asheard.evaluation import Verdict
    from asheard.evaluation.metrics import Metrics


def evaluate(
    gold: Annotated[Path, typer.Option("--gold", help="Manifest or table of the test utterances.")],
    chain: Annotated[
        list[str],
        typer.Option(
            "--chain",
            metavar="NAME[@SEED]=FILE",
            help="Transcripts of one chain: JSON Lines, CSV, CTM, a TextGrid or a folder of TextGrids. Repeat for each "
            "chain and seed.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for rows, metrics, RESULTS.md and plots.")],
    train: Annotated[
        Path | None, typer.Option("--train", help="Training utterances; they say which errors are typical of an L1.")
    ] = None,
    prior: Annotated[Path | None, typer.Option("--prior", help="Scoring prior for the chains in --with-prior.")] = None,
    with_prior: Annotated[
        list[str] | None,
        typer.Option("--with-prior", metavar="NAME", help="Score this chain again with the prior; repeatable."),
    ] = None,
    vectors: VectorsFile = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="Score the utterances that all chains predict, and count the others."),
    ] = False,
) -> None:
    """Compare transcripts with gold; write metrics, RESULTS.md and plots.

    A chain scored with the prior is added beside the plain one as NAME+l1-prior (ft-l2-faithful as faithful+l1-prior,
    gop as gop-behind-l1-prior).
    """
    from asheard.evaluation import evaluate as evaluate_files

    evaluation = evaluate_files(
        gold,
        _chains(chain),
        out,
        train=train,
        prior=prior,
        with_prior=with_prior or (),
        vectors=vectors,
        allow_missing=allow_missing,
    )
    _print(evaluation.metrics, evaluation.verdict, out)


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of `asheard evaluate`.")],
) -> None:
    """Write verdict.json, RESULTS.md and the plots again from the files of `asheard evaluate`."""
    from asheard.evaluation import read_metrics, write_report

    verdict = write_report(folder)
    _print(read_metrics(folder), verdict, folder)


def _chains(options: list[str]) -> dict[str, Path]:
    """Split each NAME[@SEED]=FILE."""
    chains: dict[str, Path] = {}
    for option in options:
        name, equals, file = option.partition("=")
        if not name or not equals or not file:
            raise typer.BadParameter(f"{option!r} is not NAME=FILE or NAME@SEED=FILE", param_hint="--chain")
        if name in chains:
            raise typer.BadParameter(f"{name} is given twice; give each its own name or seed", param_hint="--chain")
        chains[name] = Path(file)
    return chains


def _print(metrics: "Metrics[Any]", verdict: "Verdict | None", folder: Path) -> None:
    print_tables([_table(metrics)])
    for chain, reason in metrics.not_ranked.items():
        echo(f"{chain} is not ranked: {reason}.")
    for warning in metrics.warnings:
        echo(warning)
    for reason, number in metrics.excluded.items():
        if number:
            echo(f"{number:,} {reason}")
    if verdict is not None:
        echo(f"faithful transcriber: {verdict.faithful}; the L1 should live: {verdict.l1}")
    echo(f"wrote {folder}/RESULTS.md")


def _table(metrics: "Metrics[Any]") -> Table:
    from asheard.evaluation.report.tables import number, percent

    shown = metrics.scheme.table_metrics
    coefficients = " and ".join(metric.name for metric in shown if not metric.percent)
    units = f"Per cent ({coefficients} as they are)" if coefficients else "Per cent"
    table = Table(
        ("chain", *(metric.name for metric in shown)),
        left=("chain",),
        title=f"{units}, means over seeds; best {shown[0].name} first, then chains that are not ranked:",
    )
    for chain, summary in metrics.with_copy_canonical().items():
        cells = ((percent if metric.percent else number)(metric.of(summary.pooled)) for metric in shown)
        table.add(chain, *cells)
    return table
