"""Warnings about phones, training rows and priors, and counts of what some numbers leave out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from asheard.corpora.chains import COPY_CANONICAL
from asheard.corpora.coarsening import coarsen_utterances, coarsening_of
from asheard.corpora.phone_scores import MISPRONOUNCED_BELOW
from asheard.corpora.records import Utterance
from asheard.evaluation.runs import Fold
from asheard.evaluation.tokens import RIGHT_FROM, folds_together

MIN_OFTEN: Final = 100  # a chain that never writes a phone with as many tokens gets a warning


def label_warnings(folds: Sequence[Fold], coarsening: Mapping[str, str]) -> list[str]:
    """Say what a reader must know before any number.

    Args:
        folds: what is scored.
        coarsening: phones counted as others because the gold does not distinguish them.
    """
    return [
        *_coarser(coarsening),
        *_training(folds, coarsening),
        *_seen_speakers(folds),
        *_unused_scores(folds),
        *_unknown_l1s(folds),
        *_never_written(folds, coarsening),
    ]


def score_warnings(folds: Sequence[Fold], coarsening: Mapping[str, str]) -> list[str]:
    """The same for gold of expert scores alone."""
    return [*_coarser(coarsening), *_never_written(folds, coarsening)]


def label_exclusions(gold: Sequence[Utterance]) -> dict[str, int]:
    """Count what some numbers leave out, by reason."""
    tokens = [token for utterance in gold for token in utterance.tokens]
    return {
        "utterances without a canonical phone: in PER and the published metrics only": sum(
            not utterance.canonical for utterance in gold
        ),
        "sounds the annotator could not name: in PER, the guard and the published metrics, not in collapse and D1-D3": (
            sum(token.is_err and token.canonical is not None for token in tokens)
        ),
        "additions: in PER and the published metrics only": sum(token.canonical is None for token in tokens),
        "substitutions whose two sides are one broad phone: counted as ok": sum(map(folds_together, tokens)),
    }


def score_exclusions(gold: Sequence[Utterance]) -> dict[str, int]:
    """The same for gold of expert scores alone."""
    scores = [token.score for utterance in gold for token in utterance.tokens]
    return {
        "utterances without a canonical phone: in PER against canonical only": sum(
            not utterance.canonical for utterance in gold
        ),
        "phones without a score: in PER against canonical only": scores.count(None),
        f"phones scored from {MISPRONOUNCED_BELOW:g} to below {RIGHT_FROM:g}, neither right nor wrong: in PCC, "
        "precision and F1, not in collapse, FRR and AUC": sum(
            score is not None and MISPRONOUNCED_BELOW <= score < RIGHT_FROM for score in scores
        ),
    }


def _coarser(coarsening: Mapping[str, str]) -> Iterator[str]:
    if coarsening:
        yield f"The gold does not distinguish all phones; counted on both sides: {_as(coarsening)}."


def _training(folds: Sequence[Fold], coarsening: Mapping[str, str]) -> Iterator[str]:
    training = [utterance for fold in folds for utterance in fold.training]
    if not training:
        yield "No training rows were given: nothing is L1-typical, and FRR by class is FRR at threshold."
    coarser = coarsening_of(coarsen_utterances(training, coarsening)).items()
    if missing := {phone: other for phone, other in coarser if phone not in coarsening}:
        yield (
            f"The training rows do not distinguish all phones of the gold ({_as(missing)}), so no substitution that "
            "depends on the difference is L1-typical."
        )


def _seen_speakers(folds: Sequence[Fold]) -> Iterator[str]:
    if shared := _tested_and(folds, _trained_on):
        yield f"Training and gold share speakers ({_join(shared)}): L1-typical substitutions were counted on them too."
    if fitted_on := _tested_and(folds, _fitted_on):
        yield f"A prior was fitted on speakers it is tested on ({_join(fitted_on)}): it has seen the answers."


def _unused_scores(folds: Sequence[Fold]) -> Iterator[str]:
    if scores := sum(token.score is not None for fold in folds for row in fold.gold for token in row.tokens):
        yield f"The gold says which phones were said, so its {scores:,} expert scores are not used."


def _tested_and(folds: Sequence[Fold], seen: Callable[[Fold], set[str]]) -> set[str]:
    """Speakers that a fold tests and has seen."""
    return {speaker for fold in folds for speaker in {row.speaker for row in fold.gold} & seen(fold)}


def _trained_on(fold: Fold) -> set[str]:
    return {row.speaker for row in fold.training}


def _fitted_on(fold: Fold) -> set[str]:
    return {speaker for run in fold.runs if run.prior for speaker in run.prior.speakers}


def _unknown_l1s(folds: Sequence[Fold]) -> Iterator[str]:
    """First languages of the gold that training rows or a prior do not have."""
    known: defaultdict[str, set[str]] = defaultdict(set)
    for fold in folds:
        known["the training rows"].update(row.l1 for row in fold.training)
        for run in fold.runs:
            if run.prior is not None:
                known[f"the prior of {run.chain}"].update(run.prior.tokens_per_l1)
    tested = {row.l1 for fold in folds for row in fold.gold}
    for source, l1s in known.items():
        if l1s and tested - l1s:
            yield f"Unknown to {source}: {_join(tested - l1s)}. Known first languages: {_join(l1s)}."


def _never_written(folds: Sequence[Fold], coarsening: Mapping[str, str]) -> Iterator[str]:
    """Phones that are frequent in the gold and that a chain never writes: perhaps it has another set of phones."""
    said = Counter(coarsening.get(phone, phone) for fold in folds for row in fold.gold for phone in row.produced)
    written: defaultdict[str, set[str]] = defaultdict(set)
    for fold in folds:
        for run in fold.runs:
            written[run.chain].update(coarsening.get(phone, phone) for row in run.predictions for phone in row.phones)
    often = [phone for phone, count in said.most_common() if count >= MIN_OFTEN]
    for chain, phones in written.items():
        never = [f"{phone} ({said[phone]})" for phone in often if phone not in phones]
        if never and chain != COPY_CANONICAL:
            yield f"{chain} never writes these frequent phones: {', '.join(never)}. Has it another set of phones?"


def _as(coarsening: Mapping[str, str]) -> str:
    return ", ".join(f"{phone} as {neighbour}" for phone, neighbour in coarsening.items())


def _join(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
