"""Runs of chains, folds, and the checks before anything is scored."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from asheard.corpora.chains import COPY_CANONICAL, FAITHFUL, L1_PRIOR
from asheard.corpora.coarsening import coarsen_phone
from asheard.corpora.records import Key, Prediction, Utterance, format_key, format_list
from asheard.errors import CorpusError
from asheard.phones import Vectors
from asheard.prior import Prior, PriorRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRun:
    """The predictions of one chain with one seed for the whole test set.

    chain: one of CHAINS, or any other name for an outside transcriber. seed: 0 if the transcriber has none. prior: the
    scorer behind the transcriber; None classifies by the distance threshold alone.
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
        """The predicted phones of each utterance."""
        phones = {prediction.key: prediction.phones for prediction in self.predictions}
        return [phones[utterance.key] for utterance in gold]

    @property
    def scores_positions(self) -> bool:
        """Whether the chain scores the canonical phones itself."""
        return any(prediction.position_scores is not None for prediction in self.predictions)

    def position_scores_for(self, gold: Sequence[Utterance]) -> list[float | None]:
        """The position scores of all utterances, one after the other; None for each if the chain has none.

        Raises:
            CorpusError: an utterance has more or fewer scores than canonical phones.
        """
        if not self.scores_positions:
            return [None for utterance in gold for _ in utterance.canonical]
        given = {prediction.key: prediction.position_scores or () for prediction in self.predictions}
        for utterance in gold:
            if len(given[utterance.key]) != len(utterance.canonical):
                raise CorpusError(
                    f"{self.name}: {len(given[utterance.key])} position_scores for the {len(utterance.canonical)} "
                    f"canonical phones of {format_key(utterance.key)}; give a score for every canonical phone, or "
                    "leave the field out"
                )
        return [score for utterance in gold for score in given[utterance.key]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Test speakers, and the runs of models that were trained without them.

    gold: their utterances. runs: chains and seeds; each predicts exactly the gold utterances. training: utterances of
    the training speakers; they say which substitutions are L1-typical. Without them no substitution is.
    """

    gold: Sequence[Utterance]
    runs: Sequence[ChainRun]
    training: Sequence[Utterance] = ()


def check_folds(folds: Sequence[Fold]) -> None:
    """Check that folds share chains, seeds and priors but no utterance, and that seeds agree in scoring positions.

    Raises:
        CorpusError: they do not.
    """
    if not folds:
        raise CorpusError("nothing to evaluate: no folds were given")
    names = [[(run.name, run.prior is None) for run in fold.runs] for fold in folds]
    for number, of_fold in enumerate(names[1:], start=2):
        if sorted(of_fold) != sorted(names[0]):
            odd = sorted(name for name, _ in set(of_fold) ^ set(names[0]))
            raise CorpusError(f"folds 1 and {number} differ in {odd[0]}: run the same chains, seeds and priors in each")
    tested = Counter(utterance.key for fold in folds for utterance in {row.key: row for row in fold.gold}.values())
    twice = [f"{speaker}/{utt}" for (speaker, utt), number in tested.items() if number > 1]
    if twice:
        raise CorpusError(f"{len(twice)} utterances are tested in two folds, {twice[0]} first; test each once")
    scores = {(run.chain, run.scores_positions) for fold in folds for run in fold.runs}
    if mixed := sorted(chain for chain, scores_positions in scores if scores_positions and (chain, False) in scores):
        raise CorpusError(
            f"chain {mixed[0]}: some of its seeds or folds have position_scores and others have none; give all or none"
        )


def check_priors(runs: Sequence[ChainRun], vectors: Vectors) -> None:
    """Check that a chain named after its prior has one, and that priors were fitted with the threshold in use.

    Raises:
        CorpusError: one does not; the message names the run.
    """
    for run in runs:
        if run.prior is None and run.chain == L1_PRIOR:
            raise CorpusError(
                f"{run.name}: no prior was given; give one (`asheard evaluate --chain "
                f"{FAITHFUL}=FILE --prior FILE --with-prior {FAITHFUL}` adds this chain)"
            )
        if run.prior is not None and run.prior.threshold != vectors.threshold:
            raise CorpusError(
                f"{run.name}: its prior was fitted with threshold {run.prior.threshold:g}, the vectors say "
                f"{vectors.threshold:g}; fit it again with the same vectors, or chains cannot be compared"
            )


def copy_canonical(gold: Sequence[Utterance]) -> ChainRun:
    """The run that writes the canonical phones, whatever was said."""
    predictions = [Prediction(row.utt, row.speaker, COPY_CANONICAL, row.canonical) for row in gold]
    return ChainRun(chain=COPY_CANONICAL, predictions=predictions)


_Item = TypeVar("_Item", str, Key)


def match_predictions(
    gold: Sequence[Utterance], runs: Sequence[ChainRun], *, allow_missing: bool = False
) -> tuple[list[Utterance], list[ChainRun], dict[str, int]]:
    """Check that every run predicts each gold utterance exactly once, or keep the utterances that all of them predict.

    Args:
        gold: the test utterances.
        runs: chains and seeds.
        allow_missing: score every run on the gold utterances that all runs have, so that no chain gains by leaving out
            hard ones. Ignore predictions of other utterances. Of repeated predictions keep the first.
    Returns:
        The gold utterances that are scored; the runs, with one prediction for each of these in the same order; and how
        many utterances were left out or ignored, by reason and chain.
    Raises:
        CorpusError: utterances are missing, extra or repeated and that is not allowed (the message names those of every
            chain); no gold utterance is left; the gold holds an utterance twice, a speaker with two first languages, or
            no canonical phone; two runs have one name, or one has the baseline's; there is no gold or no run.
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
    """The first prediction of each utterance."""
    first: dict[Key, Prediction] = {}
    for prediction in run.predictions:
        first.setdefault(prediction.key, prediction)
    return [first[utterance.key] for utterance in scored]


def _counted(keys: Sequence[Key]) -> str:
    return f"{len(keys)} ({format_list([format_key(key) for key in keys])})"


def _repeated(items: Iterable[_Item]) -> list[_Item]:
    return sorted(item for item, count in Counter(items).items() if count > 1)


def coarse_run(run: ChainRun, coarsening: Mapping[str, str]) -> ChainRun:
    """Replace the phones that the gold does not distinguish, in the predictions and in the counts of the prior."""
    predictions = [
        replace(prediction, phones=tuple(coarsening.get(phone, phone) for phone in prediction.phones))
        for prediction in run.predictions
    ]
    return replace(run, predictions=predictions, prior=run.prior and _coarse_prior(run.prior, coarsening))


def _coarse_prior(prior: Prior, coarsening: Mapping[str, str]) -> Prior:
    counts: Counter[PriorRow] = Counter()
    for row, count in prior.counts.items():
        canonical = coarsening.get(row.canonical, row.canonical)
        counts[row._replace(canonical=canonical, produced=coarsen_phone(row.produced, coarsening))] += count
    return replace(prior, counts=counts)
