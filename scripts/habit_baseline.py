"""A baseline that uses no recording: for each phone, it writes what speakers of the L1 usually make of it.

It shows how far habits alone carry a metric. Its one number is the probability above which an error is written. Like
p_min, it is chosen for the best F1 on training speakers, with one left out at a time.
"""

from collections.abc import Sequence
from functools import cache

from asheard.corpora.records import Prediction, Utterance
from asheard.evaluation import ChainRun
from asheard.evaluation.counts import PUBLISHED_COUNTS, produced_symbols, published_counts
from asheard.phones import PHONES
from asheard.phones.alignment import unit_align_batch
from asheard.prior import FITTED, Prior, build_prior, rows_of

NAME = "no ears"
THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


def write_habits(training: Sequence[Utterance], test: Sequence[Utterance]) -> ChainRun:
    """Predict each test utterance from the habits of the training speakers of its L1."""
    prior = build_prior(rows_of(training), options=FITTED)
    predicted = _habits(prior, test, _choose_threshold(training))
    predictions = [Prediction(row.utt, row.speaker, NAME, phones) for row, phones in zip(test, predicted, strict=True)]
    return ChainRun(chain=NAME, predictions=predictions)


def _choose_threshold(training: Sequence[Utterance]) -> float:
    found = dict.fromkeys(THRESHOLDS, (0, 0))  # threshold -> (TR, FR + FA)
    for speaker in sorted({row.speaker for row in training}):
        prior = build_prior(rows_of(row for row in training if row.speaker != speaker), options=FITTED)
        left_out = [row for row in training if row.speaker == speaker]
        for threshold in THRESHOLDS:
            count = _count(left_out, _habits(prior, left_out, threshold))
            rejected, wrong = found[threshold]
            found[threshold] = (
                rejected + count["num_cd"] + count["num_de"],
                wrong + count["num_fr"] + count["num_fa"],
            )
    return max(
        THRESHOLDS, key=lambda threshold: 2 * found[threshold][0] / (2 * found[threshold][0] + found[threshold][1])
    )


def _habits(prior: Prior, utterances: Sequence[Utterance], threshold: float) -> list[tuple[str, ...]]:
    @cache
    def habit(canonical: str, position: str | None, l1: str) -> str | None:
        if 1 - prior.probability(canonical, canonical, position, l1) < threshold:
            return canonical
        others = [phone for phone in (*PHONES, None) if phone != canonical]
        return max(others, key=lambda phone: prior.probability(canonical, phone, position, l1))

    written = []
    for row in utterances:
        phones = (habit(token.canonical, token.position, row.l1) for token in row.tokens if token.canonical)
        written.append(tuple(phone for phone in phones if phone))
    return written


def _count(gold: Sequence[Utterance], predicted: Sequence[tuple[str, ...]]) -> dict[str, int]:
    alignments = unit_align_batch([produced_symbols(row) for row in gold], predicted)
    return dict(
        zip(PUBLISHED_COUNTS, map(sum, zip(*published_counts(gold, predicted, alignments), strict=True)), strict=True)
    )
