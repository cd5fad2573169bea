"""The designs of an L1 prior in the literature, each chosen and measured on training speakers only."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import log2
from typing import Final

from asheard.corpora.records import Utterance
from asheard.phones import Vectors
from asheard.prior import (
    NUM_OUTCOMES,
    LeftOut,
    PMinPoint,
    Prior,
    PriorOptions,
    PriorRow,
    leave_one_out,
    p_min_curve,
    rows_of,
    select_p_min,
)

CONCENTRATION_GRID: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # tokens

MakePrior = Callable[[Mapping[PriorRow, int]], Prior]


@dataclass(frozen=True)
class DirichletPrior(Prior):
    """A prior smoothed by the mean under a Dirichlet prior centred on the next wider context, the widest on 1/41.

    P = (n + a P_wider) / (N + a): the more tokens a context has, the more it counts. With one context and a = 41 it is
    Laplace's rule. What is observed counts over all positions, as with the smoothing named in the options.

    concentration: a, in tokens.
    Source: MacKay and Peto 1995.
    """

    concentration: float = 1.0

    def probability(self, canonical: str, produced: str | None, position: str | None, l1: str) -> float:
        """Args and Raises: see `Prior.probability`."""
        super().probability(canonical, produced, position, l1)  # for its checks
        probability = 1 / NUM_OUTCOMES
        for seen in reversed(self.contexts.nested(canonical, position, l1)):
            probability = (seen[produced] + self.concentration * probability) / (seen.total() + self.concentration)
        return probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One design. dirichlet: smooth by `DirichletPrior`. undirected: a produced as b also counts as b produced as a."""

    name: str
    options: PriorOptions
    dirichlet: bool = False
    undirected: bool = False


_LAPLACE = PriorOptions(smoothing="laplace")
_KNESER_NEY = PriorOptions(smoothing="kneser-ney")
VARIANTS = (
    Variant(name="Laplace, by position", options=_LAPLACE),
    Variant(name="Laplace", options=replace(_LAPLACE, position=False)),
    Variant(name="Dirichlet, by position", options=_KNESER_NEY, dirichlet=True),
    Variant(name="Dirichlet", options=replace(_KNESER_NEY, position=False), dirichlet=True),
    Variant(name="Kneser-Ney, by position", options=_KNESER_NEY),
    Variant(name="Kneser-Ney", options=replace(_KNESER_NEY, position=False)),
    Variant(name="..., undirected", options=_KNESER_NEY, undirected=True),
    Variant(name="..., L1s pooled", options=replace(_KNESER_NEY, pooled=True)),
)


@dataclass(frozen=True, slots=True)
class HeldOutBits:
    """How well priors predict speakers that they were not fitted on: mean -log2 P, lower is better.

    token: over all rows. substitution: over those in which another phone was said; None if there are none.
    """

    token: float
    substitution: float | None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A variant fitted on all training speakers, and its measures with one of them left out at a time.

    chosen: the measures at its p_min. without: those without a prior.
    """

    name: str
    prior: Prior
    bits: HeldOutBits
    chosen: PMinPoint
    without: PMinPoint


def fit_variants(training: Sequence[Utterance], vectors: Vectors) -> list[Fitted]:
    """Fit every variant on the training speakers. Concentration and p_min are chosen with one speaker left out."""
    folds, _ = leave_one_out(training)
    rows = Counter(rows_of(training))
    return [_fit(variant, folds, rows, vectors) for variant in VARIANTS]


def held_out_bits(folds: Sequence[LeftOut], make_prior: MakePrior) -> HeldOutBits:
    """Measure how well priors of the other speakers predict the speakers left out.

    Args:
        folds: from `leave_one_out`.
        make_prior: makes a prior of counts.
    """
    bits = {True: 0.0, False: 0.0}  # a substitution or not
    tokens = {True: 0, False: 0}
    for fold in folds:
        prior = make_prior(fold.others)
        for row, count in fold.held_out.items():
            substituted = row.produced not in (None, row.canonical)
            bits[substituted] -= count * log2(prior.probability(row.canonical, row.produced, row.position, row.l1))
            tokens[substituted] += count
    return HeldOutBits(sum(bits.values()) / sum(tokens.values()), bits[True] / tokens[True] if tokens[True] else None)


def choose_concentration(folds: Sequence[LeftOut], options: PriorOptions) -> float:
    """Return the concentration of the grid that predicts the speakers left out best."""

    def bits(concentration: float) -> float:
        return held_out_bits(folds, partial(DirichletPrior, options=options, concentration=concentration)).token

    return min(CONCENTRATION_GRID, key=bits)


def _fit(variant: Variant, folds: Sequence[LeftOut], rows: Counter[PriorRow], vectors: Vectors) -> Fitted:
    if variant.undirected:
        folds, rows = [replace(fold, others=_undirected(fold.others)) for fold in folds], _undirected(rows)
    make_prior: Callable[..., Prior] = partial(Prior, options=variant.options)
    if variant.dirichlet:
        concentration = choose_concentration(folds, variant.options)
        make_prior = partial(DirichletPrior, options=variant.options, concentration=concentration)
    curve = p_min_curve(folds, vectors, make_prior)
    chosen = select_p_min(curve)
    prior = make_prior(rows, threshold=vectors.threshold, p_min=chosen.p_min)
    return Fitted(variant.name, prior, held_out_bits(folds, make_prior), chosen, curve[-1])


def _undirected(rows: Counter[PriorRow]) -> Counter[PriorRow]:
    mirrored = {
        row._replace(canonical=row.produced, produced=row.canonical): count
        for row, count in rows.items()
        if row.produced not in (None, row.canonical)
    }
    return rows + Counter(mirrored)
