"""`asheard evaluate` and `asheard report`: chains against gold, and the tables and plots about them."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from asheard.evaluation import Verdict

_CHAIN = re.compile(r"(?P<chain>[^=|]+?)(?:@(?P<seed>\d+))?=(?P<file>.+)")


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
    from asheard.corpora.manifests import is_synthetic
    from asheard.corpora.table import read_gold
    from asheard.corpora.transcripts import read_predictions
    from asheard.evaluation import ChainRun, Context, write_report
    from asheard.evaluation import evaluate as score
    from asheard.evaluation.context import SYNTHETIC_NOTE
    from asheard.evaluation.systems import behind_prior
    from asheard.phones import load_vectors
    from asheard.prior import load_prior

    named = [_chain(text) for text in chain]
    _check_prior({name for name, _, _ in named}, prior, with_prior or [])
    distances = load_vectors(vectors)
    utterances = read_gold(gold, distances)
    keys = [utterance.key for utterance in utterances]
    runs = [
        ChainRun(chain=name, seed=seed, predictions=read_predictions(path, name, keys)) for name, seed, path in named
    ]
    if prior and with_prior:
        scorer, plain = load_prior(prior), [run for run in runs if run.chain in with_prior]
        runs += [replace(run, chain=behind_prior(run.chain), prior=scorer) for run in plain]
    evaluation = score(
        utterances,
        runs,
        out=out,
        context=Context(
            corpus=gold.stem,
            split=f"{len({row.speaker for row in utterances})}speakers",
            notes=(SYNTHETIC_NOTE,) if is_synthetic(gold) else (),
        ),
        training=read_gold(train, distances) if train else (),
        vectors=distances,
        allow_missing=allow_missing,
    )
    _print(evaluation.metrics, write_report(out), out)


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of `asheard evaluate`.")],
) -> None:
    """Write verdict.json, RESULTS.md and the plots again from rows.parquet, metrics.json and context.json."""
    from asheard.evaluation import read_metrics, write_report

    verdict = write_report(folder)
    _print(read_metrics(folder), verdict, folder)


def _chain(text: str) -> tuple[str, int, Path]:
    match = _CHAIN.fullmatch(text)
    if match is None or not match["chain"].isprintable() or not match["chain"].strip():
        message = f"{text!r} is not NAME=FILE or NAME@SEED=FILE; a name has no '=' or '|'"
        raise typer.BadParameter(message, param_hint="--chain")
    return match["chain"], int(match["seed"] or 0), Path(match["file"])


def _check_prior(chains: set[str], prior: Path | None, with_prior: list[str]) -> None:
    if (prior is None) != (not with_prior):
        raise typer.BadParameter("--prior and --with-prior go together")
    for name in with_prior:
        if name not in chains:
            raise typer.BadParameter(f"{name!r} is the name of no --chain", param_hint="--with-prior")


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
