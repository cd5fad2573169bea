"""What is refused before anything is scored: folds, priors and position scores that do not fit each other."""

from collections import Counter
from collections.abc import Sequence

from asheard.errors import CorpusError
from asheard.evaluation.chains import FAITHFUL, L1_PRIOR, ChainRun, Fold
from asheard.phones import Vectors


def check_folds(folds: Sequence[Fold]) -> None:
    """See that folds share chains, seeds and priors, but no utterance, and that seeds agree in scoring positions.

    Raises:
        CorpusError: naming what does not.
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
    """See that priors are there where a chain is named after one, and fitted with the threshold in use.

    Raises:
        CorpusError: naming the run.
    """
    for run in runs:
        if run.prior is None and run.chain == L1_PRIOR:
            raise CorpusError(
                f"{run.name}: no prior stands behind it; give the run its prior (`asheard evaluate --chain "
                f"{FAITHFUL}=FILE --prior FILE --with-prior {FAITHFUL}` adds this chain)"
            )
        if run.prior is not None and run.prior.threshold != vectors.threshold:
            raise CorpusError(
                f"{run.name}: its prior was fitted with threshold {run.prior.threshold:g}, the vectors say "
                f"{vectors.threshold:g}; fit it again with the same vectors, or chains cannot be compared"
            )
