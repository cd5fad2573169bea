"""`asheard evaluate` and `asheard report`: chains against gold, and the tables and plots about them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from asheard.evaluation import Verdict


def evaluate(
    gold: Annotated[Path, typer.Option("--gold", help="Manifest or table of the test utterances.")],
    chain: Annotated[
        list[str],
        typer.Option(
            "--chain",
            metavar="NAME[@SEED]=FILE",
            help="Transcripts of one chain: JSON Lines, CSV, CTM, a TextGrid or a folder of them; again for each chain "
            "and seed.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for rows, metrics, RESULTS.md and plots.")],
    train: Annotated[
        Path | None, typer.Option("--train", help="Training utterances: what is typical of an L1.")
    ] = None,
    prior: Annotated[
        Path | None, typer.Option("--prior", help="Scoring prior for the chains named by --with-prior.")
    ] = None,
    with_prior: Annotated[
        list[str] | None,
        typer.Option("--with-prior", metavar="NAME", help="Score this chain once more, behind the prior; repeatable."),
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option("--vectors", help="Phone vectors (CSV) instead of the bundled ones.")
    ] = None,
    allow_missing: Annotated[
        bool,
        typer.Option(
            "--allow-missing", help="Score the utterances that all chains have, and count what that leaves out."
        ),
    ] = False,
) -> None:
    """Score transcripts, ours or anybody's, against gold, and write tables and plots.

    A chain scored behind the prior stands beside the plain one as NAME+l1-prior (ft-l2-faithful as faithful+l1-prior,
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
    """Write verdict.json, RESULTS.md and the plots again from rows.parquet, metrics.json and context.json."""
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


def _print(metrics: dict[str, Any], verdict: "Verdict | None", folder: Path) -> None:
    from rich.console import Console

    Console(markup=False, highlight=False).print(_table(metrics))
    for name, reason in metrics.get("aside", {}).items():
        typer.echo(f"{name} steps aside: {reason}.")
    for remark in metrics["remarks"]:
        typer.echo(remark)
    for reason, number in metrics["set_apart"].items():
        if number:
            typer.echo(f"{number:,} {reason}")
    if verdict is not None:
        typer.echo(f"faithful transcriber: {verdict.faithful}; the L1 should live: {verdict.l1}")
    typer.echo(f"wrote {folder}/RESULTS.md")


def _table(metrics: dict[str, Any]) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from asheard.evaluation.expert_scores import scheme_of
    from asheard.evaluation.metrics import look_up
    from asheard.evaluation.ranking import with_copy_canonical
    from asheard.evaluation.report.tables import COEFFICIENTS, notation

    headings = scheme_of(metrics).headings
    first, *_ = headings
    coefficients = " and ".join(heading for heading, path in headings.items() if path in COEFFICIENTS)
    in_per_cent = f"Per cent ({coefficients} as they are)" if coefficients else "Per cent"
    table = Table(
        title=f"{in_per_cent}, means over seeds; best {first} first, then what is not ranked",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("chain", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", width=max(map(len, ("100.00", *heading.split()))))
    for chain, summary in with_copy_canonical(metrics).items():
        table.add_row(chain, *(notation(path)(look_up(summary["pooled"], path)) for path in headings.values()))
    return table
