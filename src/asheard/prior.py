"""The scoring prior: what speakers of a first language (L1) are known to say for an English phone, and where.

A substitution the prior knows is a variant, an accent and not an error. The prior is fitted on hand-labelled training
speakers, never shared across L1s, and carries the two thresholds it classifies with.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from asheard.corpora.fields import finite, optional_text_field, text_field
from asheard.corpora.records import POSITIONS, Utterance
from asheard.errors import AsHeardError, CorpusError
from asheard.files import read_json, write_json
from asheard.phones import PHONES, T_PHON126, Vectors, load_vectors, phone_to_id

# 0.05 is the share from which a substitution is L1-typical, and more than one observation can reach (at most
# 2 / 42). On the hand labels of L2-ARCTIC's 18 training speakers, one left out at a time, it lowers the share
# of ok and L1-typical tokens called error from 3.2% to 0.1% and lets no further L1-atypical error through
# (docs/prior.md).
P_MIN: Final = 0.05
P_MIN_GRID: Final = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
GUARD_TOLERANCE: Final = 0.01  # share of L1-atypical errors a prior may let through beyond those lost anyway

MIN_TYPICAL_SHARE: Final = 0.05  # of the canonical's tokens in the L1
MIN_TYPICAL_TOKENS: Final = 5

NUM_OUTCOMES: Final = len(PHONES) + 1  # a phone, or nothing (a deletion)

PositionClass = Literal["variant", "error"]


class PriorRow(NamedTuple):
    """What a speaker made of one canonical phone; produced is None at a deletion, position where unknown."""

    l1: str
    canonical: str
    produced: str | None
    position: str | None


@dataclass(frozen=True)
class Prior:
    """P(produced | canonical, L1, position) as counts, and the thresholds of `classify_with_prior`.

    counts: how often each row was seen. threshold: cos_dist (0..1) below which a substitution is a variant whatever the
    L1. p_min: probability above which a substitution is a variant in an L1 that has shown it there.
    """

    counts: Mapping[PriorRow, int]
    threshold: float = T_PHON126
    p_min: float = P_MIN

    def __post_init__(self) -> None:
        if not 0 < finite(self.threshold, "the prior's threshold") <= 1:
            raise CorpusError(f"the prior's threshold must lie above 0 and not above 1, not at {self.threshold}")
        if not 0 <= finite(self.p_min, "the prior's p_min") <= 1:
            raise CorpusError(f"the prior's p_min must lie in 0..1, not at {self.p_min}")
        for (l1, canonical, produced, position), count in self.counts.items():
            _check(canonical, produced, position)
            if not l1 or type(count) is not int or count < 1:
                raise CorpusError(f"the prior's count of {canonical} -> {produced} in L1 {l1!r} is {count!r}")

    def probability(self, canonical: str, produced: str | None, position: str | None, l1: str) -> float:
        """Laplace-smoothed P(produced | canonical, L1, position).

        (count + 1) / (tokens + 41) over the tokens of this canonical, L1 and position; over those of all positions
        where the position is None or unseen; 1 / 41 where the L1 has no token of the canonical.

        Args:
            canonical: IPA phone.
            produced: IPA phone, None for a deletion.
            position: "onset", "nucleus", "coda" or None.
            l1: first language; one the prior has not seen has shown nothing.
        Returns:
            A probability; the 41 outcomes sum to 1.
        Raises:
            PhoneError: a phone outside the inventory.
            CorpusError: an unknown position.
        """
        _check(canonical, produced, position)
        seen = self._seen(canonical, position, l1)
        return (seen[produced] + 1) / (seen.total() + NUM_OUTCOMES)

    def has_shown(self, canonical: str, produced: str | None, position: str | None, l1: str) -> bool:
        """Whether `produced` is among the tokens that `probability` is counted over."""
        return produced in self._seen(canonical, position, l1)

    def strongest_substitutions(self, l1: str) -> list[tuple[str, str, float]]:
        """What this L1 has shown, most probable first: (canonical, produced, probability at any position)."""
        shown = [
            (canonical, produced, self.probability(canonical, produced, None, l1))
            for (row_l1, canonical, position), context in self._contexts.items()
            if row_l1 == l1 and position is None
            for produced in context
            if produced is not None and produced != canonical
        ]
        return sorted(shown, key=lambda row: (-row[2], row[0], row[1]))

    @cached_property
    def num_rows(self) -> dict[str, int]:
        """L1 -> training tokens behind it, by alphabet."""
        rows: Counter[str] = Counter()
        for row, count in self.counts.items():
            rows[row.l1] += count
        return dict(sorted(rows.items()))

    def save(self, path: Path | str) -> None:
        """Write the prior as JSON; the same rows in any order give the same bytes."""
        contexts = []
        for (l1, canonical, position), rows in groupby(sorted(self.counts, key=_sort_key), key=_context):
            outcomes = {row.produced: self.counts[row] for row in rows}
            deleted = outcomes.pop(None, 0)
            contexts.append(
                {
                    "l1": l1,
                    "canonical": canonical,
                    "position": position,
                    "deleted": deleted,
                    "produced": outcomes,
                }
            )
        write_json(path, {"threshold": self.threshold, "p_min": self.p_min, "contexts": contexts})

    def _seen(self, canonical: str, position: str | None, l1: str) -> Counter[str | None]:
        """Outcomes of this canonical in this L1 at this position; at all positions where it is None or unseen."""
        return self._contexts.get((l1, canonical, position)) or self._contexts.get((l1, canonical, None)) or Counter()

    @cached_property
    def _contexts(self) -> dict[tuple[str, str, str | None], Counter[str | None]]:
        """(L1, canonical, position) -> outcomes; under position None all of them, whatever the position."""
        contexts: defaultdict[tuple[str, str, str | None], Counter[str | None]] = defaultdict(Counter)
        for (l1, canonical, produced, position), count in self.counts.items():
            for place in {position, None}:
                contexts[l1, canonical, place][produced] += count
        return dict(contexts)


def rows_of(utterances: Iterable[Utterance]) -> list[PriorRow]:
    """What was made of each canonical position: ok, substituted or deleted; an unnamed sound is no row."""
    return [
        PriorRow(utterance.l1, token.canonical, token.perceived, token.position)
        for utterance in utterances
        for token in utterance.tokens
        if token.canonical is not None and not token.is_err
    ]


def build_prior(
    rows: Iterable[PriorRow | tuple[str, str, str | None, str | None] | Mapping[str, str | None]],
    *,
    threshold: float = T_PHON126,
    p_min: float = P_MIN,
) -> Prior:
    """Fit a prior on rows of l1, canonical, produced and position: tuples in this order, or mappings by these names.

    Args:
        rows: one a token; produced None for a deletion, position None where unknown.
        threshold: cos_dist below which a substitution is a variant whatever the L1.
        p_min: probability above which a substitution is a variant in an L1 that has shown it there.
    Returns:
        The prior.
    Raises:
        PhoneError: a phone outside the inventory.
        CorpusError: a row of other fields, an unknown position, or a threshold or p_min outside 0..1.
    """
    return Prior(Counter(map(_prior_row, rows)), threshold, p_min)


def load_prior(path: Path | str) -> Prior:
    """Read a prior that `Prior.save` wrote.

    Raises:
        CorpusError: naming the file and what in it a prior cannot hold.
    """
    value = read_json(path)
    contexts = value.get("contexts") if isinstance(value, dict) else None
    if not isinstance(contexts, list):
        raise CorpusError(f"{path}: field 'contexts' must be a list; fit the prior again (asheard prior fit)")
    counts: dict[PriorRow, int] = {}
    for index, context in enumerate(contexts):
        where = f"{path}, context {index}"
        produced = context.get("produced") if isinstance(context, dict) else None
        if not isinstance(produced, dict):
            raise CorpusError(f"{where}: field 'produced' must be an object")
        l1, canonical = text_field(context, "l1", where), text_field(context, "canonical", where)
        position = optional_text_field(context, "position", where)
        deleted = {None: context["deleted"]} if context.get("deleted") else {}
        for outcome, count in (produced | deleted).items():
            row = PriorRow(l1, canonical, outcome, position)
            if row in counts:
                raise CorpusError(f"{where}: {canonical} of L1 {l1} at position {position} comes twice; keep one")
            counts[row] = count
    try:
        return Prior(counts, value.get("threshold"), value.get("p_min"))
    except AsHeardError as error:
        raise CorpusError(f"{path}: {error}") from None


def classify_with_prior(
    canonical: str, produced: str | None, position: str | None, l1: str, cos_dist: float, prior: Prior
) -> PositionClass:
    """Call one canonical position a variant or an error.

    A variant is close to its target (`cos_dist` below the prior's threshold), or is what training speakers of this very
    L1 have shown for it at this position (at any, where the position is None or unseen), with a probability above the
    prior's p_min. All else is an error: a deletion, and what this L1 has not shown there, however low p_min is and
    however common it is in another L1.

    Args:
        canonical: IPA phone the dictionary calls for.
        produced: IPA phone that was said or predicted, None for a deletion.
        position: "onset", "nucleus", "coda" or None.
        l1: the speaker's first language.
        cos_dist: distance of the two phones, in 0..1.
        prior: from `build_prior` or `load_prior`.
    Returns:
        "variant" (a phone said right is one, at distance 0) or "error".
    Raises:
        PhoneError: a phone outside the inventory.
        CorpusError: an unknown position.
    """
    probability = prior.probability(canonical, produced, position, l1)
    if produced is None:
        return "error"
    if cos_dist < prior.threshold:
        return "variant"
    known = prior.has_shown(canonical, produced, position, l1) and probability > prior.p_min
    return "variant" if known else "error"


def typical_substitutions(rows: Iterable[PriorRow]) -> frozenset[tuple[str, str, str]]:
    """The (l1, canonical, produced) that make up at least 5% and 5 tokens of that canonical in that L1."""
    outcomes = Counter((row.l1, row.canonical, row.produced) for row in rows)
    tokens: Counter[tuple[str, str]] = Counter()
    for (l1, canonical, _), count in outcomes.items():
        tokens[l1, canonical] += count
    return frozenset(
        (l1, canonical, produced)
        for (l1, canonical, produced), count in outcomes.items()
        if produced is not None
        and produced != canonical
        and count >= MIN_TYPICAL_TOKENS
        and count / tokens[l1, canonical] >= MIN_TYPICAL_SHARE
    )


@dataclass(frozen=True, slots=True)
class PMinPoint:
    """What one p_min does to speakers the prior was not fitted on.

    frr_class: share of ok and L1-typical tokens called error. guard: share of L1-atypical errors (other substitutions,
    and deletions) called error; None where there are none.
    """

    p_min: float
    frr_class: float
    guard: float | None


@dataclass(frozen=True, slots=True)
class PMinChoice:
    """The p_min chosen and the curve it was chosen from.

    curve: by rising p_min; no probability passes the last, 1.0, which so tells of no prior at all. num_acceptable,
    num_errors: tokens behind frr_class and guard. left_out: speakers alone in their L1.
    """

    p_min: float
    curve: tuple[PMinPoint, ...]
    num_acceptable: int
    num_errors: int
    left_out: tuple[str, ...]


def choose_p_min(utterances: Iterable[Utterance], vectors: Vectors | None = None) -> PMinChoice:
    """Choose p_min on training speakers, leaving one out at a time.

    The prior and the L1-typical substitutions come from the other speakers of the same L1; classified is what the
    annotators heard from the one left out. Among the p_min that catch at most `GUARD_TOLERANCE` fewer atypical errors
    than no prior does, the one with the lowest false rejection rate is taken, the larger of equals.

    Args:
        utterances: training speakers only, at least two of some L1.
        vectors: distances and threshold; None takes the bundled ones.
    Returns:
        The choice, with the whole curve.
    Raises:
        CorpusError: no L1 has two speakers, or nobody left out said anything ok or typical.
    """
    vectors = vectors or load_vectors()
    by_l1: defaultdict[str, defaultdict[str, list[PriorRow]]] = defaultdict(lambda: defaultdict(list))
    for utterance in utterances:
        by_l1[utterance.l1][utterance.speaker].extend(rows_of([utterance]))

    tokens: Counter[bool] = Counter()  # acceptable or not -> tokens
    rejected: Counter[tuple[bool, float]] = Counter()  # (acceptable or not, p_min) -> tokens called error
    left_out = []
    for speakers in by_l1.values():
        for speaker, held_out in speakers.items():
            others = [row for other, rows in speakers.items() if other != speaker for row in rows]
            if not others:
                left_out.append(speaker)
                continue
            typical = typical_substitutions(others)
            fitted = build_prior(others, threshold=vectors.threshold)
            priors = [replace(fitted, p_min=p_min) for p_min in P_MIN_GRID]
            for row, count in Counter(held_out).items():
                l1, canonical, produced, position = row
                acceptable = produced == canonical or (l1, canonical, produced) in typical
                distance = 1.0 if produced is None else vectors.cos_dist(canonical, produced)
                tokens[acceptable] += count
                for prior in priors:
                    called = classify_with_prior(canonical, produced, position, l1, distance, prior)
                    rejected[acceptable, prior.p_min] += count * (called == "error")
    if not tokens[True]:
        raise CorpusError("p_min is chosen by leaving one speaker out: give two training speakers of some L1")

    curve = tuple(
        PMinPoint(
            p_min,
            frr_class=rejected[True, p_min] / tokens[True],
            guard=rejected[False, p_min] / tokens[False] if tokens[False] else None,
        )
        for p_min in P_MIN_GRID
    )
    least_guard = (curve[-1].guard or 0.0) - GUARD_TOLERANCE
    safe = [point for point in curve if point.guard is None or point.guard >= least_guard]
    chosen = min(safe, key=lambda point: (point.frr_class, -point.p_min))
    return PMinChoice(chosen.p_min, curve, tokens[True], tokens[False], tuple(sorted(left_out)))


def fit_prior(utterances: Sequence[Utterance], vectors: Vectors | None = None) -> tuple[Prior, PMinChoice]:
    """Fit the prior on training speakers, with the p_min that `choose_p_min` takes for them.

    Args and Raises: see `choose_p_min`.
    """
    vectors = vectors or load_vectors()
    choice = choose_p_min(utterances, vectors)
    return build_prior(rows_of(utterances), threshold=vectors.threshold, p_min=choice.p_min), choice


def _prior_row(row: Any) -> PriorRow:
    try:
        return PriorRow(**row) if isinstance(row, Mapping) else PriorRow(*row)
    except TypeError:
        raise CorpusError(f"a row of a prior holds {', '.join(PriorRow._fields)}, not {row!r}") from None


def _check(canonical: str, produced: str | None, position: str | None) -> None:
    phone_to_id(canonical)
    if produced is not None:
        phone_to_id(produced)
    if position is not None and position not in POSITIONS:
        raise CorpusError(f"position {position!r} is none of {', '.join(POSITIONS)}")


def _context(row: PriorRow) -> tuple[str, str, str | None]:
    return row.l1, row.canonical, row.position


def _sort_key(row: PriorRow) -> tuple[str, int, str, int]:
    produced = 0 if row.produced is None else phone_to_id(row.produced)
    return row.l1, phone_to_id(row.canonical), row.position or "", produced
