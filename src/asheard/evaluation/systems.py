"""The chains that are ranked, and one run of a chain.

The utterances that are scored: each of the gold, predicted once by every chain.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from asheard.corpora.coarsening import coarsen_phone
from asheard.corpora.records import Key, Prediction, Utterance, format_key, format_list
from asheard.errors import CorpusError
from asheard.prior import Prior, PriorRow

OFF_THE_SHELF: Final = "off-the-shelf"
FAITHFUL: Final = "ft-l2-faithful"
L1_ENCODER: Final = "ft-l2-l1-encoder"
L1_PRIOR: Final = "faithful+l1-prior"
CHAINS: Final = (OFF_THE_SHELF, FAITHFUL, L1_ENCODER, L1_PRIOR)  # the verdict rests on these

# Posteriors of the faithful transcriber instead of its transcript; ranked, and no part of the verdict.
GOP: Final = "gop"
GOP_PRIOR: Final = "gop+l1-prior"  # the prior inside the ratio of likelihoods, not behind a transcript

# Shown beside the others, not ranked.
L1_ENCODER_UNKNOWN: Final = "ft-l2-l1-encoder-unknown"  # the encoder chain, L1 not declared
COPY_CANONICAL: Final = "copy the canonical"  # what hears no error at all gets these numbers


_NAME: Final = re.compile(r"(?P<chain>[^|]+?)(?:@(?P<seed>\d+))?")
_BEHIND_PRIOR: Final = {FAITHFUL: L1_PRIOR, GOP: "gop-behind-l1-prior"}


def behind_prior(chain: str) -> str:
    """The name of `chain` with the prior scoring behind it."""
    return _BEHIND_PRIOR.get(chain, f"{chain}+l1-prior")


def split_seed(name: str) -> tuple[str, int]:
    """Split NAME or NAME@SEED into chain and seed; the seed is 0 if it is not given.

    Raises:
        CorpusError: the name is empty, or has a "|" or an unprintable character.
    """
    match = _NAME.fullmatch(name)
    if match is None or not name.isprintable() or not match["chain"].strip():
        raise CorpusError(f"{name!r} is no name of a chain; use NAME or NAME@SEED, without '|'")
    return match["chain"], int(match["seed"] or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRun:
    """What one chain wrote for the whole test set with one seed.

    chain: one of CHAINS, or any other name for an outside transcriber. seed: 0 for a transcriber that has none. prior:
    the scorer behind the transcriber; None classes by the distance threshold alone.
    """

    chain: str
    predictions: Sequence[Prediction]
    seed: int = 0
    prior: Prior | None = None

    @property
    def name(self) -> str:
        """Chain and seed, for messages."""
        return f"chain {self.chain}, seed {self.seed}"

    def phones_for(self, gold: Sequence[Utterance]) -> list[tuple[str, ...]]:
        """The run's phones for each of the utterances."""
        phones = {prediction.key: prediction.phones for prediction in self.predictions}
        return [phones[utterance.key] for utterance in gold]

    @property
    def scores_positions(self) -> bool:
        """Whether it scores the canonical phones itself."""
        return any(prediction.position_scores is not None for prediction in self.predictions)

    def position_scores_for(self, gold: Sequence[Utterance]) -> list[float | None]:
        """The run's scores of all canonical positions of the utterances, one after the other; None where it has none.

        Raises:
            CorpusError: there are not as many as canonical phones; naming the utterance.
        """
        if not self.scores_positions:
            return [None for utterance in gold for _ in utterance.canonical]
        given = {prediction.key: prediction.position_scores or () for prediction in self.predictions}
        for utterance in gold:
            if len(given[utterance.key]) != len(utterance.canonical):
                raise CorpusError(
                    f"{self.name}: {len(given[utterance.key])} position_scores for the {len(utterance.canonical)} "
                    f"canonical phones of {format_key(utterance.key)}; score all of every utterance, or leave the "
                    "field out"
                )
        return [score for utterance in gold for score in given[utterance.key]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Speakers kept for testing, and what was made without them.

    gold: their utterances. runs: chains and seeds; each predicts exactly the gold utterances. training: utterances of
    the other speakers, for what is L1-typical; without them nothing is.
    """

    gold: Sequence[Utterance]
    runs: Sequence[ChainRun]
    training: Sequence[Utterance] = ()


def copy_canonical(gold: Sequence[Utterance]) -> ChainRun:
    """The run that writes what the dictionary calls for, whatever was said."""
    predictions = [Prediction(row.utt, row.speaker, COPY_CANONICAL, row.canonical) for row in gold]
    return ChainRun(chain=COPY_CANONICAL, predictions=predictions)


_Item = TypeVar("_Item", str, Key)


def match_predictions(
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
            f"no utterance of the gold ({format_list([format_key(key) for key in sorted(wanted)])}) is predicted by "
            "every chain; do the chains name speakers and utterances as the gold does?"
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
    return f"{len(keys)} ({format_list([format_key(key) for key in keys])})"


def _repeated(items: Iterable[_Item]) -> list[_Item]:
    return sorted(item for item, count in Counter(items).items() if count > 1)


def coarse_run(run: ChainRun, merges: Mapping[str, str]) -> ChainRun:
    """The run with merged phones in its predictions and in the counts of its prior."""
    predictions = [
        replace(prediction, phones=tuple(merges.get(phone, phone) for phone in prediction.phones))
        for prediction in run.predictions
    ]
    return replace(run, predictions=predictions, prior=run.prior and _coarse_prior(run.prior, merges))


def _coarse_prior(prior: Prior, merges: Mapping[str, str]) -> Prior:
    counts: Counter[PriorRow] = Counter()
    for row, count in prior.counts.items():
        canonical = merges.get(row.canonical, row.canonical)
        counts[row._replace(canonical=canonical, produced=coarsen_phone(row.produced, merges))] += count
    return replace(prior, counts=counts)
