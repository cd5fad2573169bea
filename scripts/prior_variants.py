"""The designs of an L1 prior in the literature, each chosen and measured on training speakers alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from asheard.corpora.records import Utterance
from asheard.phones import Vectors
from asheard.prior import (
    HeldOutBits,
    LeftOut,
    PMinPoint,
    Prior,
    PriorOptions,
    PriorRow,
    choose_concentration,
    held_out_bits,
    leave_one_out,
    p_min_curve,
    rows_of,
    select_p_min,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One design. undirected: a produced as b also counts as b produced as a."""

    name: str
    options: PriorOptions
    undirected: bool = False


VARIANTS = (
    Variant(name="Laplace, by position", options=PriorOptions(smoothing="laplace")),
    Variant(name="Laplace", options=PriorOptions(smoothing="laplace", position=False)),
    Variant(name="Dirichlet, by position", options=PriorOptions(smoothing="dirichlet")),
    Variant(name="Dirichlet", options=PriorOptions(smoothing="dirichlet", position=False)),
    Variant(name="Kneser-Ney, by position", options=PriorOptions(smoothing="kneser-ney")),
    Variant(name="Kneser-Ney", options=PriorOptions(smoothing="kneser-ney", position=False)),
    Variant(name="..., undirected", options=PriorOptions(smoothing="kneser-ney"), undirected=True),
    Variant(name="..., L1s pooled", options=PriorOptions(smoothing="kneser-ney", pooled=True)),
)


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


def _fit(variant: Variant, folds: Sequence[LeftOut], rows: Counter[PriorRow], vectors: Vectors) -> Fitted:
    if variant.undirected:
        folds, rows = [replace(fold, others=_undirected(fold.others)) for fold in folds], _undirected(rows)
    options = choose_concentration(folds, variant.options)
    curve = p_min_curve(folds, vectors, options)
    chosen = select_p_min(curve)
    prior = Prior(rows, vectors.threshold, chosen.p_min, options)
    return Fitted(variant.name, prior, held_out_bits(folds, options), chosen, curve[-1])


def _undirected(rows: Counter[PriorRow]) -> Counter[PriorRow]:
    mirrored = {
        row._replace(canonical=row.produced, produced=row.canonical): count
        for row, count in rows.items()
        if row.produced not in (None, row.canonical)
    }
    return rows + Counter(mirrored)
