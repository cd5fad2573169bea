"""Fit a prior on training speakers: choose p_min by leaving one of them out at a time."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from asheard.corpora.records import Utterance
from asheard.errors import CorpusError
from asheard.phones import Vectors, load_vectors
from asheard.prior.model import Prior, rows_of
from asheard.prior.smoothing import FITTED, PriorOptions, PriorRow

P_MIN_GRID: Final = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
GUARD_TOLERANCE: Final = 0.01  # share of L1-atypical errors a prior may let through beyond those lost anyway

MIN_TYPICAL_SHARE: Final = 0.05  # of the canonical's tokens in the L1
MIN_TYPICAL_TOKENS: Final = 5


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One training speaker left out.

    others: counts of what all other speakers made of their phones. held_out: counts of what this one made of them.
    typical: the substitutions (l1, canonical, produced) that are L1-typical in the other speakers.
    """

    others: Counter[PriorRow]
    held_out: Counter[PriorRow]
    typical: frozenset[tuple[str, str, str]]

    def accepts(self, row: PriorRow) -> bool:
        """Tell whether the row is ok or L1-typical, so that calling it an error is a false rejection."""
        return row.produced == row.canonical or (row.l1, row.canonical, row.produced) in self.typical


@dataclass(frozen=True, slots=True)
class PMinPoint:
    """The effect of one p_min on speakers that the prior was not fitted on.

    frr_class: share of ok and L1-typical tokens called error. guard: share of L1-atypical errors (other substitutions,
    and deletions) called error; None if there are none.
    """

    p_min: float
    frr_class: float
    guard: float | None


@dataclass(frozen=True, slots=True)
class PMinChoice:
    """The p_min chosen and the curve it was chosen from.

    curve: by rising p_min. No probability is above the last, 1.0, so it is the same as no prior. num_acceptable,
    num_errors: tokens behind frr_class and guard. left_out: speakers alone in their L1, who were not tried.
    """

    p_min: float
    curve: tuple[PMinPoint, ...]
    num_acceptable: int
    num_errors: int
    left_out: tuple[str, ...]


def typical_substitutions(rows: Iterable[PriorRow]) -> frozenset[tuple[str, str, str]]:
    """Return the (l1, canonical, produced) with at least 5% and 5 tokens of that canonical in that L1."""
    return _typical(Counter(rows))


def leave_one_out(utterances: Iterable[Utterance]) -> tuple[list[LeftOut], tuple[str, ...]]:
    """Return a fold for every training speaker who is not alone in an L1, and the speakers who are.

    Raises:
        CorpusError: no L1 has two speakers, or they have no tokens.
    """
    by_speaker: defaultdict[tuple[str, str], Counter[PriorRow]] = defaultdict(Counter)
    for utterance in utterances:
        by_speaker[utterance.l1, utterance.speaker].update(rows_of([utterance]))
    num_speakers = Counter(l1 for l1, _ in by_speaker)
    everybody: Counter[PriorRow] = Counter()
    for rows in by_speaker.values():
        everybody.update(rows)
    folds = []
    for (l1, _), rows in by_speaker.items():
        if num_speakers[l1] > 1:
            others = everybody - rows
            folds.append(LeftOut(others, rows, _typical({row: n for row, n in others.items() if row.l1 == l1})))
    if not any(fold.held_out for fold in folds):
        raise CorpusError("a prior is chosen by leaving one speaker out: give two training speakers of some L1")
    return folds, tuple(sorted(speaker for l1, speaker in by_speaker if num_speakers[l1] == 1))


def p_min_curve(
    folds: Sequence[LeftOut], vectors: Vectors, make_prior: Callable[[Mapping[PriorRow, int]], Prior]
) -> tuple[PMinPoint, ...]:
    """Classify the annotated phones of the speakers left out, with every p_min of the grid.

    Args:
        folds: from `leave_one_out`.
        vectors: distances and threshold.
        make_prior: makes a prior of the other speakers' counts.
    Raises:
        CorpusError: the speakers left out have no token that is ok or L1-typical.
    """
    tokens: Counter[bool] = Counter()  # acceptable or not
    rejected: Counter[tuple[bool, float]] = Counter()  # acceptable or not, p_min
    for fold in folds:
        prior = make_prior(fold.others)
        for row, count in fold.held_out.items():
            acceptable = fold.accepts(row)
            tokens[acceptable] += count
            if row.produced is not None and vectors.cos_dist(row.canonical, row.produced) < vectors.threshold:
                continue
            known = prior.known_probability(row.canonical, row.produced, row.position, row.l1)
            for p_min in P_MIN_GRID:
                rejected[acceptable, p_min] += count * (known <= p_min)
    if not tokens[True]:
        raise CorpusError("p_min is chosen on tokens that are ok or L1-typical, and no training speaker has any")
    return tuple(
        PMinPoint(
            p_min,
            frr_class=rejected[True, p_min] / tokens[True],
            guard=rejected[False, p_min] / tokens[False] if tokens[False] else None,
        )
        for p_min in P_MIN_GRID
    )


def select_p_min(curve: Sequence[PMinPoint]) -> PMinPoint:
    """Return the point of lowest frr_class whose guard is within `GUARD_TOLERANCE` of that without a prior.

    Of equals the one with the larger p_min is taken.
    """
    least_guard = (curve[-1].guard or 0.0) - GUARD_TOLERANCE
    safe = [point for point in curve if point.guard is None or point.guard >= least_guard]
    return min(safe, key=lambda point: (point.frr_class, -point.p_min))


def choose_p_min(
    utterances: Iterable[Utterance], vectors: Vectors | None = None, options: PriorOptions | None = None
) -> PMinChoice:
    """Choose p_min on training speakers, leaving one out at a time.

    The prior and the L1-typical substitutions come from the other speakers of the same L1. The annotated
    phones of the one left out are classified. Some p_min catch at most `GUARD_TOLERANCE` fewer atypical errors than no
    prior does. Of these the one with the lowest false rejection rate is taken, the larger of equals.

    Args:
        utterances: training speakers only, at least two of some L1.
        vectors: distances and threshold; None takes the bundled ones.
        options: how counts become probabilities; None takes those of `build_prior`.
    Returns:
        The choice, with the whole curve.
    Raises:
        CorpusError: no L1 has two speakers, or those left out have no token that is ok or typical.
    """
    folds, left_out = leave_one_out(utterances)
    return _choice(folds, left_out, vectors or load_vectors(), options or PriorOptions())


def fit_prior(
    utterances: Iterable[Utterance], vectors: Vectors | None = None, options: PriorOptions = FITTED
) -> tuple[Prior, PMinChoice]:
    """Fit the prior on training speakers, with the p_min that suits them when they are left out one by one.

    Args:
        utterances: training speakers only, at least two of some L1.
        vectors: distances and threshold; None takes the bundled ones.
        options: how counts become probabilities.
    Returns:
        The prior, and how its p_min was chosen.
    Raises:
        CorpusError: see `choose_p_min`.
    """
    utterances, vectors = list(utterances), vectors or load_vectors()
    folds, left_out = leave_one_out(utterances)
    choice = _choice(folds, left_out, vectors, options)
    speakers = frozenset(utterance.speaker for utterance in utterances)
    return Prior(Counter(rows_of(utterances)), vectors.threshold, choice.p_min, options, speakers), choice


def _choice(folds: Sequence[LeftOut], left_out: tuple[str, ...], vectors: Vectors, options: PriorOptions) -> PMinChoice:
    curve = p_min_curve(folds, vectors, partial(Prior, options=options))
    tokens = Counter[bool]()
    for fold in folds:
        for row, count in fold.held_out.items():
            tokens[fold.accepts(row)] += count
    return PMinChoice(select_p_min(curve).p_min, curve, tokens[True], tokens[False], left_out)


def _typical(rows: Mapping[PriorRow, int]) -> frozenset[tuple[str, str, str]]:
    outcomes: Counter[tuple[str, str, str | None]] = Counter()
    tokens: Counter[tuple[str, str]] = Counter()
    for (l1, canonical, produced, _), count in rows.items():
        outcomes[l1, canonical, produced] += count
        tokens[l1, canonical] += count
    return frozenset(
        (l1, canonical, produced)
        for (l1, canonical, produced), count in outcomes.items()
        if produced is not None
        and produced != canonical
        and count >= MIN_TYPICAL_TOKENS
        and count / tokens[l1, canonical] >= MIN_TYPICAL_SHARE
    )
