"""`asheard corpus`: from a corpus on disk to manifests, checked and counted."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asheard.corpora import BuildReport

app = typer.Typer(help="Build, check and count corpora.", no_args_is_help=True)
build_app = typer.Typer(help="Write train.jsonl, val.jsonl, test.jsonl and corpus.json.", no_args_is_help=True)
app.add_typer(build_app, name="build")

Out = Annotated[Path, typer.Option("--out", help="Folder for the manifests.")]
TextDisjoint = Annotated[
    bool, typer.Option("--text-disjoint", help="Leave out training utterances of prompts read in test.")
]


@app.command()
def synth(
    out: Annotated[Path, typer.Option("--out", help="Folder for the speakers' folders.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed draws other errors.")] = 1,
    num_per_speaker: Annotated[
        int, typer.Option("--num-per-speaker", min=1, help="Sentences each of the 24 speakers reads.")
    ] = 60,
) -> None:
    """Render the embedded corpus: synthetic learners of six first languages, in L2-ARCTIC's format."""
    from asheard.corpora.synthetic import embedded_plan, synthesise

    plan = embedded_plan(seed, num_per_speaker)
    synthesise(out, plan)
    typer.echo(f"{out}: {len(plan.speakers)} speakers, {num_per_speaker} sentences each; synthetic, not people")


@build_app.command()
def l2arctic(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="L2-ARCTIC, or a corpus in its folders.")],
    out: Out,
    text_disjoint: TextDisjoint = False,
) -> None:
    """Build the manifests of L2-ARCTIC, or of a corpus in its folders with a speakers.csv."""
    from asheard.corpora import build_l2arctic

    _print_build(build_l2arctic(root, out, text_disjoint=text_disjoint), out)


@build_app.command()
def speechocean762(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="speechocean762 as published (OpenSLR 101).")],
    out: Out,
    text_disjoint: TextDisjoint = False,
) -> None:
    """Build the manifests of speechocean762, Mandarin speakers whose phones experts scored, with its own split."""
    from asheard.corpora import build_speechocean

    _print_build(build_speechocean(root, out, text_disjoint=text_disjoint), out)


@build_app.command()
def epadb(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="EpaDB as published.")],
    out: Out,
    text_disjoint: TextDisjoint = False,
) -> None:
    """Build the manifests of EpaDB, speakers of Argentine Spanish annotated phone by phone."""
    from asheard.corpora import build_epadb

    _print_build(build_epadb(root, out, text_disjoint=text_disjoint), out)


@build_app.command()
def table(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines or CSV, one utterance a row.")],
    out: Out,
    wav_root: Annotated[
        Path | None, typer.Option("--wav-root", help="Folder the wav paths start from; gives the lengths.")
    ] = None,
    text_disjoint: TextDisjoint = False,
) -> None:
    """Build the manifests of your own corpus: utt, speaker, l1, wav, canonical, and perceived, produced or scores."""
    from asheard.corpora import build_table

    _print_build(build_table(path, out, wav_root=wav_root, text_disjoint=text_disjoint), out)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of `asheard corpus build`.")],
    wav_root: Annotated[
        Path | None, typer.Option("--wav-root", help="Also compare with the recordings under this folder.")
    ] = None,
) -> None:
    """Look for what would spoil a study; exit code 2 where something does."""
    from rich.console import Console

    from asheard.cli.corpus_tables import check_tables
    from asheard.corpora.checks import check_corpus, refuse_problems

    report = check_corpus(folder, wav_root=wav_root)
    Console(markup=False, highlight=False).print(*check_tables(report), sep="\n")
    refuse_problems(report)


@app.command()
def stats(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder of manifests, a manifest, or a table.")],
    out: Annotated[Path | None, typer.Option("--out", help="Also draw the picture into this PNG.")] = None,
) -> None:
    """Count utterances, phones and errors by L1 and by speaker."""
    from rich.console import Console

    from asheard.cli.corpus_tables import stats_tables
    from asheard.corpora.stats import corpus_stats, read_utterances
    from asheard.corpora.stats_picture import draw_stats

    counted = corpus_stats(read_utterances(path))
    Console(markup=False, highlight=False).print(*stats_tables(counted), sep="\n")
    if out is not None:
        draw_stats(counted, out, f"What learners say instead: {path.stem}")
        typer.echo(f"wrote {out}")


def _print_build(report: "BuildReport", out: Path) -> None:
    from rich.console import Console

    from asheard.cli.corpus_tables import build_tables

    Console(markup=False, highlight=False).print(*build_tables(report), sep="\n")
    typer.echo(f"wrote {out}/train.jsonl, val.jsonl, test.jsonl and corpus.json")
