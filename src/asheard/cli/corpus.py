"""`asheard corpus`: build, check and count corpora."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from asheard.cli.entry import Commands
from asheard.cli.output import Table, echo, print_tables

if TYPE_CHECKING:
    from asheard.corpora.manifests import BuildReport
    from asheard.corpora.stats import CorpusStats, GroupStats
    from asheard.corpora.validation import CheckReport

_NUM_EXAMPLES: Final = 3  # of what was left out, and of shared prompts
_NUM_SUBSTITUTIONS: Final = 5

app = Commands(help="Build, check and count corpora.")
build_app = Commands(help="Write the manifests of a corpus: train.jsonl, val.jsonl, test.jsonl and corpus.json.")
app.add_typer(build_app, name="build")

_Out = Annotated[Path, typer.Option("--out", help="Folder for the manifests.")]
_TextDisjoint = Annotated[
    bool, typer.Option("--text-disjoint", help="Leave out training utterances of prompts that test speakers read.")
]


@app.command()
def synth(
    out: Annotated[Path, typer.Option("--out", help="Folder for the speakers' folders.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed draws other errors.")] = 1,
    num_per_speaker: Annotated[
        int, typer.Option("--num-per-speaker", min=1, help="Sentences that each of the 24 speakers reads.")
    ] = 60,
) -> None:
    """Render the embedded corpus: synthetic learners of six first languages, in L2-ARCTIC's format. Resumable."""
    from asheard.corpora.synthetic import embedded_plan, synthesise

    plan = embedded_plan(seed, num_per_speaker)
    synthesise(out, plan)
    echo(f"{out}: {len(plan.speakers)} speakers, {num_per_speaker} sentences each; synthetic, not people")


def _add_build(name: str, builder: str, folder: str, summary: str) -> None:
    @build_app.command(name, help=summary)
    def build(
        root: Annotated[Path, typer.Argument(metavar="DIR", help=folder)],
        out: _Out,
        text_disjoint: _TextDisjoint = False,
    ) -> None:
        from asheard import corpora

        _print_build(getattr(corpora, builder)(root, out, text_disjoint=text_disjoint), out)


_add_build(
    "l2arctic",
    "build_l2arctic",
    "L2-ARCTIC, or a corpus in its folders.",
    "Build the manifests of L2-ARCTIC, or of a corpus in its folders with a speakers.csv.",
)
_add_build(
    "speechocean762",
    "build_speechocean",
    "speechocean762 as published (OpenSLR 101).",
    "Build the manifests of speechocean762: Mandarin speakers, phones scored by experts, the corpus's own split.",
)
_add_build(
    "epadb",
    "build_epadb",
    "EpaDB as published.",
    "Build the manifests of EpaDB: speakers of Argentine Spanish, annotated phone by phone.",
)


@build_app.command()
def table(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines or CSV, one utterance a row.")],
    out: _Out,
    wav_root: Annotated[
        Path | None,
        typer.Option("--wav-root", help="Folder that the wav paths start from; lengths are read from the recordings."),
    ] = None,
    text_disjoint: _TextDisjoint = False,
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
    """Find problems that would invalidate a study; exit code 2 if there are any."""
    from asheard.corpora.validation import check_corpus, refuse_problems

    report = check_corpus(folder, wav_root=wav_root)
    print_tables(check_tables(report))
    refuse_problems(report)


@app.command()
def stats(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder of manifests, a manifest, or a table.")],
    out: Annotated[Path | None, typer.Option("--out", help="Also draw a figure into this PNG.")] = None,
) -> None:
    """Count utterances, phones and errors by L1 and by speaker."""
    from asheard.corpora.stats import corpus_stats, draw_stats, read_utterances

    counted = corpus_stats(read_utterances(path))
    print_tables(stats_tables(counted))
    if out is not None:
        draw_stats(counted, out, f"What learners say instead: {path.stem}")
        echo(f"wrote {out}")


def build_tables(report: "BuildReport") -> Iterator[Table | str]:
    """Report what was read, what a complete copy has more, the size of each manifest, and what was left out."""
    utterances = _sum_of(report.num_read, report.num_expected)
    speakers = _sum_of(report.num_speakers, report.num_speakers_expected)
    yield f"{report.corpus}: read {utterances} utterances of {speakers} speakers (training + test)"
    yield from _missing(report.missing)
    table = Table(("manifest", "utterances"), left=("manifest",))
    for split, number in report.num_utterances.items():
        table.add(split, f"{number:,}")
    yield table
    yield from _excluded({reason: len(items) for reason, items in report.excluded.items()}, report.excluded)


def check_tables(report: "CheckReport") -> Iterator[Table | str]:
    """Report the counts of each manifest, shared prompts, and what was left out by reason."""
    headings = (
        "manifest", "speakers", "utterances", "minutes", "without length", "with err", "substitutions",
        "same phone, starred", "same phone, not starred",
    )  # fmt: skip
    table = Table(headings, left=("manifest",))
    for split, counts in report.splits.items():
        numbers = (
            counts.num_speakers, counts.num_utterances, round(counts.seconds / 60),
            counts.num_without_seconds, counts.num_with_err, counts.num_substitutions, *counts.num_same_phone,
        )  # fmt: skip
        table.add(split, *(f"{number:,}" for number in numbers))
    yield table
    if report.shared_prompts:
        examples = "; ".join(repr(text) for text in report.shared_prompts[:_NUM_EXAMPLES])
        yield (
            f"prompts read both in train and in test: {len(report.shared_prompts):,} "
            f"({report.num_sharing:,} training utterances; `asheard corpus build --text-disjoint` leaves "
            f"them out): {examples}"
        )
    else:
        yield "prompts read both in train and in test: 0"
    yield from _missing(report.missing)
    yield from _excluded(report.excluded, {})
    yield f"problems: {len(report.problems):,}"


def stats_tables(stats: "CorpusStats") -> Iterator[Table | str]:
    """Report the counts by L1 with the most frequent substitutions, then by speaker."""
    counts = ("utterances", "minutes", "phones", "correct", "subst.", "deleted", "added", "err")
    frequent = "most frequent substitutions"
    by_l1 = Table(("L1", "speakers", *counts, frequent), left=("L1", frequent), wrapped=True)
    for group in stats.by_l1:
        top = ", ".join(
            f"{item.canonical}→{item.perceived} {item.share:.0%}" for item in group.substitutions[:_NUM_SUBSTITUTIONS]
        )
        by_l1.add(group.name, str(group.num_speakers), *_counts(group), top)
    yield by_l1
    by_speaker = Table(("L1", "speaker", *counts), left=("L1", "speaker"))
    for group in stats.by_speaker:
        by_speaker.add(group.l1, group.name, *_counts(group))
    yield by_speaker


def _sum_of(found: tuple[int, int] | None, expected: tuple[int, int] | None) -> str:
    """Write `2 + 1`, or `2 + 1 of 18 + 6`."""
    return " of ".join(" + ".join(f"{number:,}" for number in pair) for pair in (found, expected) if pair)


def _counts(group: "GroupStats") -> list[str]:
    rates = (group.correct, group.substituted, group.deleted, group.added)
    return [
        f"{group.num_utterances:,}",
        f"{group.minutes:.1f}" if group.minutes else "–",
        f"{group.num_tokens:,}",
        *("–" if rate is None else f"{rate:.1%}" for rate in rates),
        f"{group.num_err:,}",
    ]


def _missing(missing: Mapping[str, int]) -> Iterator[str]:
    if missing:
        yield "missing: " + ", ".join(f"{speaker} {number}" for speaker, number in sorted(missing.items()))


def _excluded(counts: Mapping[str, int], items: Mapping[str, Sequence[str]]) -> Iterator[Table | str]:
    if not counts:
        yield "nothing was left out"
        return
    headings = ("left out because of", "items", *(["such as"] if items else []))
    table = Table(headings, left=(headings[0], "such as"), wrapped=bool(items))
    for reason, number in counts.items():
        examples = [", ".join(items[reason][:_NUM_EXAMPLES])] if items else []
        table.add(reason, f"{number:,}", *examples)
    yield table


def _print_build(report: "BuildReport", out: Path) -> None:
    print_tables(build_tables(report))
    echo(f"wrote {out}/train.jsonl, val.jsonl, test.jsonl and corpus.json")
