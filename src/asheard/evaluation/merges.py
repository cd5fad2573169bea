"""A gold set coarser than the inventory: what it does not tell apart is not held against a chain."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from asheard.corpora.records import Utterance
from asheard.evaluation.chains import ChainRun
from asheard.phones import coarsening
from asheard.prior import Prior, PriorRow


def merges_of(utterances: Iterable[Utterance]) -> dict[str, str]:
    """Phones the annotation never writes though it often writes their neighbour, with that neighbour."""
    return coarsening(
        phone
        for utterance in utterances
        for token in utterance.tokens
        for phone in (token.canonical, token.perceived)
        if phone is not None
    )


def coarse_utterances(utterances: Sequence[Utterance], merges: Mapping[str, str]) -> list[Utterance]:
    """The utterances with merged phones on both sides of every token."""
    return [
        replace(
            utterance,
            tokens=tuple(
                replace(
                    token,
                    canonical=_merged(token.canonical, merges),
                    perceived=_merged(token.perceived, merges),
                )
                for token in utterance.tokens
            ),
        )
        for utterance in utterances
    ]


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
        counts[row._replace(canonical=canonical, produced=_merged(row.produced, merges))] += count
    return replace(prior, counts=counts)


def _merged(phone: str | None, merges: Mapping[str, str]) -> str | None:
    return None if phone is None else merges.get(phone, phone)
