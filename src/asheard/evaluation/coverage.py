"""The utterances that are scored: each of the gold, predicted once by every chain."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from asheard.corpora.records import Prediction, Utterance
from asheard.corpora.utterance_names import Key, listed, shown
from asheard.errors import CorpusError
from asheard.evaluation.chains import COPY_CANONICAL, ChainRun

_Item = TypeVar("_Item", str, Key)


def cover(
    gold: Sequence[Utterance], runs: Sequence[ChainRun], *, allow_missing: bool = False
) -> tuple[list[Utterance], list[ChainRun], dict[str, int]]:
    """See that every run predicts each gold utterance exactly once, or keep what all of them predict.

    Args:
        gold: the test utterances.
        runs: chains and seeds.
        allow_missing: score every run on the gold utterances that all runs have, so that nobody gains by leaving hard
            ones out; ignore predictions of other utterances, and keep the first of those that come twice.
    Returns:
        the gold utterances that are scored; the runs, with one prediction for each of these in the same order; and how
        many utterances were left out or ignored, by reason and chain.
    Raises:
        CorpusError: utterances are missing, extra or double and that is not allowed, naming those of every chain; no
            gold utterance is left; the gold holds an utterance twice, a speaker with two first languages, or no
            canonical phone; two runs have one name, or one the baseline's; there is no gold or run.
    """
    if not gold or not runs:
        raise CorpusError(f"nothing to evaluate: {len(gold)} gold utterances and {len(runs)} chains were given")
    if names := _repeated(run.name for run in runs):
        raise CorpusError(f"{names[0]} is given twice; give every run its own chain name or seed")
    if any(run.chain == COPY_CANONICAL for run in runs):
        raise CorpusError(f"a chain is called {COPY_CANONICAL!r} like the baseline; give it another name")
    if keys := _repeated(utterance.key for utterance in gold):
        raise CorpusError(f"the gold: {_counted(keys)} come more than once; keep one of each")
    if not any(utterance.canonical for utterance in gold):
        raise CorpusError("the gold: no utterance has a canonical phone, so nothing can be scored; check that field")
    l1s = {(utterance.speaker, utterance.l1) for utterance in gold}
    if several := _repeated(speaker for speaker, _ in l1s):
        found = " and ".join(repr(l1) for speaker, l1 in sorted(l1s) if speaker == several[0])
        raise CorpusError(f"the gold: speaker {several[0]} has the first languages {found}; give each speaker one")
    wanted = {utterance.key for utterance in gold}
    mismatches = [(run, *mismatch) for run in runs for mismatch in _mismatches(run, wanted)]
    if mismatches and not allow_missing:
        problems = "; ".join(f"{run.name}: {_counted(keys)} {problem}" for run, keys, problem, _ in mismatches)
        raise CorpusError(
            f"utterances do not match, by SPEAKER/UTT: {problems}; every chain and seed must predict each gold "
            "utterance once (--allow-missing scores those that all of them have)"
        )
    common = wanted.intersection(*({prediction.key for prediction in run.predictions} for run in runs))
    if not common:
        raise CorpusError(
            f"no utterance of the gold ({listed([shown(key) for key in sorted(wanted)])}) is predicted by every chain; "
            "do the chains name speakers and utterances as the gold does?"
        )
    scored = [utterance for utterance in gold if utterance.key in common]
    covered = [replace(run, predictions=_predictions(run, scored)) for run in runs]
    return scored, covered, {reason.format(run.name): len(keys) for run, keys, _, reason in mismatches}


def _mismatches(run: ChainRun, wanted: Collection[Key]) -> Iterator[tuple[list[Key], str, str]]:
    """(utterances, what is wrong with them, why they are left out) for each kind of mismatch that there is."""
    found = [prediction.key for prediction in run.predictions]
    missing = sorted(set(wanted).difference(found))
    extra = sorted(set(found).difference(wanted))
    double = [key for key in _repeated(found) if key in wanted]
    if missing:
        yield missing, "of the gold have no prediction", "missing in {}: left out for every chain"
    if extra:
        yield extra, "are predicted but are not in the gold", "in {} but not in the gold: ignored"
    if double:
        yield double, "are predicted more than once", "more than once in {}: the first is kept"


def _predictions(run: ChainRun, scored: Iterable[Utterance]) -> list[Prediction]:
    """The run's first prediction of each utterance."""
    first: dict[Key, Prediction] = {}
    for prediction in run.predictions:
        first.setdefault(prediction.key, prediction)
    return [first[utterance.key] for utterance in scored]


def _counted(keys: Sequence[Key]) -> str:
    return f"{len(keys)} ({listed([shown(key) for key in keys])})"


def _repeated(items: Iterable[_Item]) -> list[_Item]:
    return sorted(item for item, count in Counter(items).items() if count > 1)
