"""Statistics of a corpus by L1 and by speaker: amount of speech, error rates and substitutions; and a figure."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest
from asheard.corpora.splits import SPLITS
from asheard.corpora.table import read_gold
from asheard.errors import CorpusError, optional_package
from asheard.io.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NUM_SUBSTITUTIONS: Final = 12  # bars of each L1 in the figure

_COLUMNS: Final = 3
_BAR, _TEXT, _FAINT = "#2f6f8f", "#222222", "#777777"


@dataclass(frozen=True, slots=True)
class Substitution:
    """One canonical phone said as another; share is of all tokens of that canonical phone."""

    canonical: str
    perceived: str
    number: int
    share: float


@dataclass(frozen=True, slots=True)
class GroupStats:
    """Counts of a group of utterances.

    Attributes:
        name: an L1 or a speaker.
        num_tokens: canonical phones.
        correct, substituted, deleted, added: rates, of num_tokens; None if that is 0. The first three sum to 1, added
            phones come on top.
        num_err: sounds without a name (`err`), also counted as substituted or added.
        substitutions: most frequent first.
    """

    name: str
    l1: str
    num_speakers: int
    num_utterances: int
    minutes: float
    num_tokens: int
    correct: float | None
    substituted: float | None
    deleted: float | None
    added: float | None
    num_err: int
    substitutions: tuple[Substitution, ...]


@dataclass(frozen=True, slots=True)
class CorpusStats:
    """Groups in alphabetical order of L1, speakers within their L1."""

    by_l1: tuple[GroupStats, ...]
    by_speaker: tuple[GroupStats, ...]


def read_utterances(path: Path | str) -> list[Utterance]:
    """Read the utterances of a folder of manifests (train, val and test together), of one manifest, or of a table.

    Raises:
        CorpusError: there is no manifest, or one cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        return read_gold(path)
    manifests = [path / f"{split}.jsonl" for split in SPLITS]
    utterances = [
        row for manifest in manifests if manifest.is_file() for row in read_manifest(manifest, may_be_empty=True)
    ]
    if not utterances:
        raise CorpusError(f"{path}: holds no manifests; give the --out folder of `asheard corpus build`")
    return utterances


def corpus_stats(utterances: Iterable[Utterance]) -> CorpusStats:
    """Count a corpus by L1 and by speaker."""
    utterances = list(utterances)
    return CorpusStats(
        by_l1=_grouped(utterances, lambda row: (row.l1, row.l1)),
        by_speaker=_grouped(utterances, lambda row: (row.l1, row.speaker)),
    )


def _grouped(utterances: Sequence[Utterance], group: Callable[[Utterance], tuple[str, str]]) -> tuple[GroupStats, ...]:
    rows = defaultdict(list)
    for utterance in utterances:
        rows[group(utterance)].append(utterance)
    return tuple(_count(name, l1, rows[l1, name]) for l1, name in sorted(rows))


def _count(name: str, l1: str, utterances: Sequence[Utterance]) -> GroupStats:
    tokens = [token for utterance in utterances for token in utterance.tokens]
    kinds = Counter(token.error_type for token in tokens)
    num_tokens = len(tokens) - kinds[ErrorType.ADDITION]

    def rate(kind: ErrorType) -> float | None:
        return kinds[kind] / num_tokens if num_tokens else None

    return GroupStats(
        name=name,
        l1=l1,
        num_speakers=len({utterance.speaker for utterance in utterances}),
        num_utterances=len(utterances),
        minutes=sum(utterance.seconds or 0.0 for utterance in utterances) / 60,
        num_tokens=num_tokens,
        correct=rate(ErrorType.OK),
        substituted=rate(ErrorType.SUBSTITUTION),
        deleted=rate(ErrorType.DELETION),
        added=rate(ErrorType.ADDITION),
        num_err=sum(token.is_err for token in tokens),
        substitutions=_substitutions(tokens),
    )


def _substitutions(tokens: Sequence[Token]) -> tuple[Substitution, ...]:
    """Rank substitutions, ties by phone; a starred label that names the canonical phone is not counted."""
    canonicals = Counter(token.canonical for token in tokens if token.canonical is not None)
    pairs = Counter(
        (token.canonical, token.perceived)
        for token in tokens
        if token.error_type is ErrorType.SUBSTITUTION
        and token.canonical is not None
        and token.perceived is not None
        and token.perceived != token.canonical
    )
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Substitution(c, p, number, number / canonicals[c]) for (c, p), number in ranked)


def draw_stats(stats: CorpusStats, path: Path | str, title: str) -> None:
    """Draw the most frequent substitutions of each L1 into a PNG, with the share of the canonical phone's tokens.

    Raises:
        ModelError: matplotlib is not installed.
    """
    figures = optional_package("matplotlib.figure", "evaluate")
    rows = math.ceil(len(stats.by_l1) / _COLUMNS)
    columns = min(_COLUMNS, len(stats.by_l1))
    figure = figures.Figure(figsize=(3.9 * columns + 0.4, 3.7 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True)
    for panel, group in zip(panels.flat, stats.by_l1, strict=False):
        _draw_group(panel, group)
    for panel in panels.flat[len(stats.by_l1) :]:
        panel.axis("off")
    figure.suptitle(title, fontsize=13, color=_TEXT)
    figure.supxlabel(
        "occurrences in 1,000 canonical phones\n(percentage: of the tokens of that canonical phone)",
        fontsize=10,
    )
    with whole_file(path) as part:
        figure.savefig(part, format="png", dpi=150)


def _draw_group(panel: "Axes", group: GroupStats) -> None:
    panel.set_title(group.name, fontsize=11, color=_TEXT, loc="left")
    rates = f"{group.substituted or 0:.1%} substituted, {group.deleted or 0:.1%} deleted"
    panel.set_title(rates, fontsize=8, color=_FAINT, loc="right")
    top = group.substitutions[:NUM_SUBSTITUTIONS]
    if not top:
        panel.axis("off")
        panel.text(0.5, 0.5, "no sound is known", transform=panel.transAxes, ha="center", fontsize=10, color=_FAINT)
        return
    rows = range(len(top))
    bars = panel.barh(rows, [1000 * item.number / group.num_tokens for item in top], color=_BAR, height=0.72)
    panel.bar_label(bars, [f"{item.share:.0%}" for item in top], padding=3, fontsize=8, color=_FAINT)
    panel.set_yticks(rows, [f"{item.canonical} → {item.perceived}" for item in top], fontsize=10, color=_TEXT)
    panel.set_ylim(NUM_SUBSTITUTIONS - 0.4, -0.6)
    panel.margins(x=0.12)
    panel.tick_params(axis="y", length=0)
    panel.tick_params(axis="x", labelsize=8, colors=_FAINT, labelbottom=True)
    panel.spines[["top", "right", "left"]].set_visible(False)
