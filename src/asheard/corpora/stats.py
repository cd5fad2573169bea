"""What a corpus holds, by L1 and by speaker: how much speech, how many errors, and which."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest
from asheard.corpora.splits import SPLITS
from asheard.corpora.table import read_gold
from asheard.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Substitution:
    """One canonical phone heard as another; share is over all tokens of that canonical phone."""

    canonical: str
    perceived: str
    number: int
    share: float


@dataclass(frozen=True, slots=True)
class GroupStats:
    """One group of utterances.

    num_tokens: canonical phones. Rates are over num_tokens, None where that is 0: correct + substituted + deleted is 1,
    added phones come on top. num_err: sounds nobody could name, also counted as substituted or added.
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
    """Utterances of a folder of manifests (train, val and test together), of one manifest, or of a table.

    Raises:
        CorpusError: none is there, or one cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        return read_gold(path)
    manifests = [path / f"{split}.jsonl" for split in SPLITS]
    utterances = [row for manifest in manifests if manifest.is_file() for row in read_manifest(manifest)]
    if not utterances:
        raise CorpusError(f"{path}: holds no manifests; give the --out folder of `asheard corpus build`")
    return utterances


def corpus_stats(utterances: Iterable[Utterance]) -> CorpusStats:
    """Count a corpus."""
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
    """Most frequent first, ties by phone; a starred label that names the canonical phone is no confusion."""
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
