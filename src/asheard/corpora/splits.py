"""The speakers of a corpus, and its split into training, validation and test: one rule for every corpus."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from asheard.corpora.exclusions import Exclusions
from asheard.corpora.records import Utterance
from asheard.errors import CorpusError
from asheard.io.digests import text_digest

SPLITS: Final = ("train", "val", "test")
VAL_SHARE: Final = 0.1  # of the training speakers' prompts


@dataclass(frozen=True, slots=True)
class Speakers:
    """The speakers of a corpus.

    Attributes:
        l1s: speaker -> L1.
        test_speakers: kept for testing.
        num_annotated: speaker -> utterances in a complete copy, if known.
        synthetic: no people speak.
    """

    l1s: Mapping[str, str]
    test_speakers: frozenset[str]
    num_annotated: Mapping[str, int] | None = None
    synthetic: bool = False

    def missing(self, utterances: Iterable[Utterance]) -> dict[str, int]:
        """Count the utterances of each speaker that a complete copy has and `utterances` lack; empty if unknown."""
        found = Counter(utterance.speaker for utterance in utterances)
        lacking = {spk: number - found[spk] for spk, number in (self.num_annotated or {}).items()}
        return {spk: number for spk, number in lacking.items() if number > 0}


def last_speakers(l1s: Mapping[str, str]) -> frozenset[str]:
    """Choose the last speaker of each L1 by alphabet, of {speaker: L1}; of an L1 with one speaker, none."""
    by_l1 = defaultdict(list)
    for speaker, l1 in l1s.items():
        by_l1[l1].append(speaker)
    return frozenset(max(speakers) for speakers in by_l1.values() if len(speakers) > 1)


def rotate(l1s: Mapping[str, str], test_speakers: Collection[str], num_folds: int) -> list[frozenset[str]]:
    """Hold out the speakers of each L1 in turn; no speaker is tested twice.

    Args:
        l1s: speaker -> L1.
        test_speakers: those of the first fold. Each next fold takes as many of each L1, back through the alphabet.
        num_folds: how many folds.
    Returns:
        The test speakers of each fold.
    Raises:
        CorpusError: `num_folds` is below 1, or an L1 has too few speakers for it.
    """
    if num_folds < 1:
        raise CorpusError(f"{num_folds} folds; the minimum is 1")
    folds: list[set[str]] = [set() for _ in range(num_folds)]
    for l1 in sorted({l1s[speaker] for speaker in test_speakers}):
        of_l1 = sorted((speaker for speaker in l1s if l1s[speaker] == l1), reverse=True)
        order = sorted(of_l1, key=lambda speaker: speaker not in test_speakers)  # a stable sort
        number = sum(speaker in test_speakers for speaker in of_l1)
        if number * num_folds > len(order):
            raise CorpusError(
                f"{num_folds} folds need {number * num_folds} speakers of {l1}, which has {len(order)}; use fewer folds"
            )
        for index, fold in enumerate(folds):
            fold.update(order[index * number : (index + 1) * number])
    return list(map(frozenset, folds))


def prompt(utterance: Utterance) -> str:
    """Give the text that was read, without case and punctuation; the utterance's name if the text is unknown."""
    return " ".join(re.findall(r"[\w']+", (utterance.text or utterance.utt).lower()))


def split_corpus(
    utterances: Iterable[Utterance],
    test_speakers: Collection[str],
    exclusions: Exclusions,
    *,
    text_disjoint: bool = False,
) -> dict[str, list[Utterance]]:
    """Split by speaker, then hold out prompts of the training speakers for validation.

    Training and validation leave out utterances with a sound without a name (`err`), because their produced phones are
    not all that was said; the test split keeps them. If the sound is known to be wrong by its score, the utterance
    stays everywhere: a corpus of scores names few sounds or none, and without such utterances it would have no errors.

    Args:
        utterances: the whole corpus.
        test_speakers: speakers of the test split alone.
        exclusions: what is left out is added here.
        text_disjoint: also leave out training speakers' utterances of prompts that test speakers read.
    Returns:
        {"train", "val", "test"} -> utterances in the order given. Validation prompts are the tenth of the training
        prompts (at least one, of two or more) whose SHA-256 comes first; no utterance of train has one of them.
    """
    utterances = list(utterances)
    test = [utterance for utterance in utterances if utterance.speaker in test_speakers]
    test_prompts = {prompt(utterance) for utterance in test} if text_disjoint else set()
    kept = []
    for utterance in utterances:
        name = f"{utterance.speaker}/{utterance.utt}"
        if utterance.speaker in test_speakers:
            continue
        if any(token.is_err and token.score is None for token in utterance.tokens):
            exclusions.add("err in a training utterance", name)
        elif not utterance.produced:
            exclusions.add("nothing produced in a training utterance", name)
        elif prompt(utterance) in test_prompts:
            exclusions.add("training prompt also read in test (--text-disjoint)", name)
        else:
            kept.append(utterance)
    held_out = _held_out_prompts([prompt(utterance) for utterance in kept])
    return {
        "train": [utterance for utterance in kept if prompt(utterance) not in held_out],
        "val": [utterance for utterance in kept if prompt(utterance) in held_out],
        "test": test,
    }


def _held_out_prompts(prompts: Sequence[str]) -> set[str]:
    ranked = sorted(set(prompts), key=text_digest)
    return set(ranked[: math.ceil(VAL_SHARE * len(ranked))]) if len(ranked) > 1 else set()
