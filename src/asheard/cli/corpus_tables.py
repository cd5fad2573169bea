"""Reports about corpora as Rich tables for the terminal."""

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Column, Table

from asheard.corpora.build import BuildReport
from asheard.corpora.checks import CheckReport
from asheard.corpora.stats import CorpusStats, GroupStats

NUM_EXAMPLES = 3  # of what was left out, and of shared prompts
NUM_SUBSTITUTIONS = 5

Renderable = Table | str


def build_tables(report: BuildReport) -> Iterator[Renderable]:
    """What was read, what a complete copy has more, what each manifest holds, and what was left out."""
    utterances = _sum_of(report.num_read, report.num_expected)
    speakers = _sum_of(report.num_speakers, report.num_speakers_expected)
    yield f"{report.corpus}: read {utterances} utterances of {speakers} speakers (training + test)"
    yield from _missing(report.missing)
    table = Table("manifest", _right("utterances"))
    for split, number in report.num_utterances.items():
        table.add_row(split, f"{number:,}")
    yield table
    yield from _excluded({reason: len(items) for reason, items in report.excluded.items()}, report.excluded)


def check_tables(report: CheckReport) -> Iterator[Renderable]:
    """Counts of each manifest, shared prompts, and what was left out by reason."""
    columns = (
        "speakers", "utterances", "minutes", "without length", "with err", "substitutions",
        "same phone, starred", "same phone, not starred",
    )  # fmt: skip
    table = Table("manifest", *map(_right, columns))
    for split, counts in report.splits.items():
        numbers = (
            counts.num_speakers, counts.num_utterances, round(counts.seconds / 60),
            counts.num_without_seconds, counts.num_with_err, counts.num_substitutions, *counts.num_same_phone,
        )  # fmt: skip
        table.add_row(split, *(f"{number:,}" for number in numbers))
    yield table
    if report.shared_prompts:
        examples = "; ".join(repr(text) for text in report.shared_prompts[:NUM_EXAMPLES])
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


def stats_tables(stats: CorpusStats) -> Iterator[Renderable]:
    """By L1 with the most frequent substitutions, then by speaker."""
    counts = ("utterances", "minutes", "phones", "correct", "subst.", "deleted", "added", "err")
    by_l1 = Table("L1", _right("speakers"), *map(_right, counts), "most frequent substitutions")
    for group in stats.by_l1:
        top = ", ".join(
            f"{item.canonical}→{item.perceived} {item.share:.0%}" for item in group.substitutions[:NUM_SUBSTITUTIONS]
        )
        by_l1.add_row(group.name, str(group.num_speakers), *_counts(group), top)
    yield by_l1
    by_speaker = Table("L1", "speaker", *map(_right, counts))
    for group in stats.by_speaker:
        by_speaker.add_row(group.l1, group.name, *_counts(group))
    yield by_speaker


def _sum_of(found: tuple[int, int] | None, expected: tuple[int, int] | None) -> str:
    """`2 + 1`, or `2 + 1 of 18 + 6`."""
    return " of ".join(" + ".join(f"{number:,}" for number in pair) for pair in (found, expected) if pair)


def _counts(group: GroupStats) -> list[str]:
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


def _excluded(counts: Mapping[str, int], items: Mapping[str, Sequence[str]]) -> Iterator[Renderable]:
    if not counts:
        yield "nothing was left out"
        return
    table = Table("left out because of", _right("items"), *(["such as"] if items else []))
    for reason, number in counts.items():
        examples = [", ".join(items[reason][:NUM_EXAMPLES])] if items else []
        table.add_row(reason, f"{number:,}", *examples)
    yield table


def _right(title: str) -> Column:
    return Column(title, justify="right")
