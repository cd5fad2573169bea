"""Check a set of manifests: find problems that would invalidate a study, and count what it holds."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from asheard.corpora.manifests import read_build_report
from asheard.corpora.records import ErrorType, Token, Utterance, read_manifest
from asheard.corpora.splits import SPLITS, prompt
from asheard.errors import CorpusError
from asheard.io.audio import audio_seconds

LENGTH_TOLERANCE_S: Final = 0.05  # two headers of one recording differ by less; another recording by more
MAX_PHONES_PER_S: Final = 25.0  # fast native speech reaches about 20
_NUM_LISTED: Final = 5  # problems in an error message


@dataclass(frozen=True, slots=True)
class SplitCheck:
    """Counts of one manifest; num_same_phone: substitutions that name the canonical phone, (starred, not starred)."""

    num_utterances: int
    num_speakers: int
    seconds: float
    num_without_seconds: int
    num_with_err: int
    num_substitutions: int
    num_same_phone: tuple[int, int]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of `asheard corpus check`.

    Attributes:
        problems: what must be fixed, each a sentence.
        splits: split -> counts.
        shared_prompts: prompts read both in train and in test.
        num_sharing: training utterances of these prompts.
        excluded: reason -> number of items that the build left out.
        missing: speaker -> number of utterances that a complete copy of the corpus has more.
    """

    problems: tuple[str, ...]
    splits: dict[str, SplitCheck]
    shared_prompts: tuple[str, ...]
    num_sharing: int
    excluded: dict[str, int]
    missing: dict[str, int]


def check_corpus(folder: Path | str, *, wav_root: Path | str | None = None) -> CheckReport:
    """Check the manifests that `asheard corpus build` wrote.

    Args:
        folder: holds train.jsonl, val.jsonl, test.jsonl and corpus.json.
        wav_root: also compare with the recordings under this folder; None does not read recordings.
    Raises:
        CorpusError: a manifest cannot be read.
    """
    build = read_build_report(folder)
    manifests = {split: read_manifest(Path(folder) / f"{split}.jsonl", may_be_empty=True) for split in SPLITS}
    problems = [*_split_problems(manifests), *_label_problems(manifests)]
    for split, utterances in manifests.items():
        for utterance in utterances:
            fault = _length_fault(utterance) or (wav_root and _recording_fault(utterance, Path(wav_root)))
            if fault:
                problems.append(f"{split}: {utterance.speaker}/{utterance.utt}: {fault}")
    test_prompts = {prompt(utterance) for utterance in manifests["test"]}
    sharing = [prompt(utterance) for utterance in manifests["train"] if prompt(utterance) in test_prompts]
    return CheckReport(
        problems=tuple(problems),
        splits={split: _count(utterances) for split, utterances in manifests.items()},
        shared_prompts=tuple(sorted(set(sharing))),
        num_sharing=len(sharing),
        excluded={reason: len(items) for reason, items in build.excluded.items()},
        missing=build.missing,
    )


def refuse_problems(report: CheckReport) -> None:
    """Refuse manifests in which a check found problems.

    Raises:
        CorpusError: with the first problems.
    """
    if report.problems:
        first = "; ".join(report.problems[:_NUM_LISTED])
        num_more = len(report.problems) - _NUM_LISTED
        more = f"; and {num_more} more" if num_more > 0 else ""
        raise CorpusError(f"{len(report.problems)} problems: {first}{more}")


def _split_problems(manifests: Mapping[str, Sequence[Utterance]]) -> Iterator[str]:
    speakers = {split: {utterance.speaker for utterance in rows} for split, rows in manifests.items()}
    for split in ("train", "val"):
        for speaker in sorted(speakers[split] & speakers["test"]):
            yield f"speaker {speaker} is in {split} and in test"
    keys = Counter(utterance.key for rows in manifests.values() for utterance in rows)
    for (speaker, utt), number in keys.items():
        if number > 1:
            yield f"{speaker}/{utt} is in {number} manifests"
    for split, rows in manifests.items():
        if not rows:
            yield f"{split} holds no utterances"
    unseen = {row.l1 for row in manifests["test"]} - {row.l1 for row in manifests["train"]}
    for l1 in sorted(unseen):
        yield f"test has speakers of {l1} and train has none"


def _label_problems(manifests: Mapping[str, Sequence[Utterance]]) -> Iterator[str]:
    """Find speakers whose perceived phones are copies of the canonical ones, so that nothing can be learned."""
    # speaker -> whether each substitution names the canonical phone
    same_phone: defaultdict[str, list[bool]] = defaultdict(list)
    for row in chain.from_iterable(manifests.values()):
        named = [token for token in _named_substitutions(row) if not token.accented]
        same_phone[row.speaker] += [token.perceived == token.canonical for token in named]
    for speaker, same in sorted(same_phone.items()):
        if 2 * sum(same) > len(same):
            yield (
                f"speaker {speaker}: {sum(same)} of {len(same)} substitutions name the canonical phone; "
                "was perceived copied from canonical?"
            )


def _named_substitutions(utterance: Utterance) -> Iterator[Token]:
    for token in utterance.tokens:
        if token.error_type is ErrorType.SUBSTITUTION and not token.is_err:
            yield token


def _length_fault(utterance: Utterance) -> str | None:
    if utterance.seconds is None:
        return None
    if len(utterance.produced) > MAX_PHONES_PER_S * utterance.seconds:
        return f"{len(utterance.produced)} phones in {utterance.seconds:.2f} s; is it another recording?"
    return None


def _recording_fault(utterance: Utterance, wav_root: Path) -> str | None:
    if utterance.wav is None:
        return "names no recording"
    try:
        seconds = audio_seconds(wav_root / utterance.wav)
    except CorpusError as error:
        return str(error)
    if utterance.seconds is not None and abs(seconds - utterance.seconds) > LENGTH_TOLERANCE_S:
        return f"lasts {seconds:.2f} s, the manifest says {utterance.seconds:.2f} s"
    return None


def _count(utterances: Sequence[Utterance]) -> SplitCheck:
    named = [token for utterance in utterances for token in _named_substitutions(utterance)]
    same = Counter(token.accented for token in named if token.perceived == token.canonical)
    return SplitCheck(
        num_utterances=len(utterances),
        num_speakers=len({utterance.speaker for utterance in utterances}),
        seconds=sum(utterance.seconds or 0.0 for utterance in utterances),
        num_without_seconds=sum(utterance.seconds is None for utterance in utterances),
        num_with_err=sum(utterance.has_err for utterance in utterances),
        num_substitutions=len(named),
        num_same_phone=(same[True], same[False]),
    )
