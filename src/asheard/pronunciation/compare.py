"""What was heard against what was called for: each phone ok, a variant or an error, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from asheard.phones import cos_dist, load_vectors
from asheard.phones.alignment import INDEL_COST, wper_align, wper_align_batch
from asheard.phones.lexicon import syllable_positions
from asheard.prior import Prior, classify_with_prior
from asheard.pronunciation.result import AddedPhone, Reason, Verdict
from asheard.pronunciation.target import Phones, Target


@dataclass(frozen=True, slots=True)
class Judged:
    """One canonical phone; fields as in `ScoredPhone`."""

    canonical: str
    heard: str | None
    heard_index: int | None
    cos_dist: float | None
    verdict: Verdict
    reason: Reason | None
    without_prior: Verdict
    typical: float


def judge(
    words: Sequence[Phones], heard: Sequence[str], l1: str | None = None, prior: Prior | None = None
) -> tuple[list[Judged], list[AddedPhone]]:
    """Align a transcript with the canonical phones and class each of these.

    Args:
        words: canonical IPA phones, word by word.
        heard: the transcript's IPA phones.
        l1: the speaker's first language; of use with a prior only.
        prior: what speakers of an L1 are known to say, and the threshold below which a phone is near; None takes the
            threshold of the bundled vectors.
    Returns:
        One verdict a canonical phone; and what was heard between them.
    """
    positions = [place for phones in words for place in syllable_positions(phones)]
    judged: list[Judged] = []
    added: list[AddedPhone] = []
    heard_index = 0
    for canonical, phone in wper_align([phone for phones in words for phone in phones], heard):
        index = None if phone is None else heard_index
        heard_index += phone is not None
        if canonical is not None:
            judged.append(_judge(canonical, phone, index, positions[len(judged)], l1, prior))
        elif phone is not None and index is not None:
            added.append(AddedPhone(phone, len(judged), index))
    return judged, added


def nearest_pronunciations(target: Target, heard: Sequence[str]) -> list[Phones]:
    """Of each word the pronunciation that the whole transcript lies nearest to, words in their turn.

    For what gives no posteriors; with them `asheard.pronunciation.ctc_alignment` chooses by likelihood.
    """
    chosen = target.first
    for index, ways in enumerate(target.pronunciations):
        if len(ways) > 1:
            texts = [[*chosen[:index], phones, *chosen[index + 1 :]] for phones in ways]
            references = [[phone for phones in words for phone in phones] for words in texts]
            costs = [_cost(pairs) for pairs in wper_align_batch(references, [heard] * len(ways))]
            chosen[index] = ways[costs.index(min(costs))]
    return chosen


def _judge(
    canonical: str, heard: str | None, index: int | None, position: str | None, l1: str | None, prior: Prior | None
) -> Judged:
    if heard is None:
        return Judged(canonical, None, None, None, "error", None, "error", 0.0)
    distance = cos_dist(canonical, heard)
    if heard == canonical:
        return Judged(canonical, heard, index, distance, "ok", None, "ok", 0.0)
    near = distance < (prior.threshold if prior else load_vectors().threshold)
    without_prior: Verdict = "variant" if near else "error"
    if prior is None or l1 is None:
        return Judged(
            canonical, heard, index, distance, without_prior, "distance" if near else None, without_prior, 0.0
        )
    verdict = classify_with_prior(canonical, heard, position, l1, distance, prior)
    reason: Reason | None = None if verdict == "error" else "distance" if near else "l1-prior"
    typical = prior.known_probability(canonical, heard, position, l1)
    return Judged(canonical, heard, index, distance, verdict, reason, without_prior, typical)


def _cost(pairs: Sequence[tuple[str | None, str | None]]) -> float:
    return sum(INDEL_COST if a is None or b is None else cos_dist(a, b) for a, b in pairs)
