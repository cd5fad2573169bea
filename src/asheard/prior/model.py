"""The prior: counts of what speakers of each first language said, and the probabilities that follow from them."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal

from asheard.corpora.records import POSITIONS, Utterance
from asheard.errors import AsHeardError, CorpusError
from asheard.io.files import read_json, write_json
from asheard.io.table import COUNT, PROBABILITY, checked_number, format_value, optional_text_field, text_field
from asheard.io.typed_json import value_from_json
from asheard.phones import DISTANCE, T_PHON126, phone_to_id
from asheard.prior.smoothing import FITTED, Contexts, PriorOptions, PriorRow, kneser_ney, laplace

# 0.05 is the share from which a substitution is L1-typical, and more than one observation can reach by Laplace's rule
# (at most 2 / 42). On the hand labels of L2-ARCTIC's 18 training speakers, one left out at a time, it lowers the share
# of ok and L1-typical tokens called error from 3.2% to 0.1% and lets no further L1-atypical error through
# (docs/prior.md).
P_MIN: Final = 0.05

REAL_VOICES_SOURCE: Final = (
    "counts of the hand annotation of L2-ARCTIC v5, 18 training speakers of six first languages (Zhao et al. 2018)"
)
REAL_VOICES_NOTE: Final = (
    "On six other speakers it called fewer right phones an error (by 2.5 points [0.8, 4.3]) and let more true errors "
    "through (1.2 points [0.3, 2.0])."
)

PositionClass = Literal["variant", "error"]


@dataclass(frozen=True)
class Prior:
    """P(produced | canonical, L1, position) as counts, and the thresholds of `classify_with_prior`.

    counts: number of tokens of each row. threshold: cos_dist (0..1) below which a substitution is a variant in any L1.
    p_min: probability above which a substitution is a variant in an L1 in which it was observed. options: how counts
    become probabilities. speakers: the training speakers, if known.
    """

    counts: Mapping[PriorRow, int]
    threshold: float = T_PHON126
    p_min: float = P_MIN
    options: PriorOptions = field(default_factory=PriorOptions)
    speakers: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        checked_number(self.threshold, "the prior's threshold", DISTANCE)
        checked_number(self.p_min, "the prior's p_min", PROBABILITY)
        for (l1, canonical, produced, position), count in self.counts.items():
            _check(canonical, produced, position)
            if not l1 or type(count) is not int or not COUNT.holds(count):
                raise CorpusError(
                    f"the prior's count of {canonical} -> {produced} in L1 {l1!r} must be {COUNT.text}, not "
                    f"{format_value(count)}"
                )

    def probability(self, canonical: str, produced: str | None, position: str | None, l1: str) -> float:
        """Return the smoothed P(produced | canonical, L1, position).

        By default Laplace's rule: (count + 1) / (tokens + 41) over the tokens of this canonical, L1 and position; over
        those of all positions if the position is None or has no tokens; 1/41 if the L1 has no token of the canonical.
        `asheard.prior.smoothing` has the other rule.

        Args:
            canonical: IPA phone.
            produced: IPA phone, None for a deletion.
            position: "onset", "nucleus", "coda" or None.
            l1: first language; it may be one without tokens.
        Returns:
            A probability; the 41 outcomes sum to 1.
        Raises:
            PhoneError: a phone outside the inventory.
            CorpusError: an unknown position.
        """
        _check(canonical, produced, position)
        if self.options.smoothing == "kneser-ney":
            return kneser_ney(self.contexts.discounted(canonical, position, l1), produced)
        return laplace(self.contexts.nested(canonical, position, l1), produced)

    def observed(self, canonical: str, produced: str | None, position: str | None, l1: str) -> bool:
        """Tell whether `produced` is among the tokens that `probability` is counted over."""
        contexts = self.contexts.nested(canonical, position, l1)
        counted = contexts[:1] if self.options.smoothing == "laplace" else contexts
        return any(produced in seen for seen in counted)

    def known_probability(self, canonical: str, produced: str | None, position: str | None, l1: str) -> float:
        """Return the probability of a substitution that was observed here in this L1; 0 for any other and a deletion.

        Args and Raises: see `probability`.
        """
        probability = self.probability(canonical, produced, position, l1)
        return probability if produced is not None and self.observed(canonical, produced, position, l1) else 0.0

    def accepts(self, canonical: str, produced: str | None, position: str | None, l1: str) -> bool:
        """Tell whether `produced` is what speakers of this L1 say here: observed, with a probability above p_min.

        A deletion is never accepted. The distance of the two phones does not matter.

        Args and Raises: see `probability`.
        """
        return self.known_probability(canonical, produced, position, l1) > self.p_min

    def strongest_substitutions(self, l1: str) -> list[tuple[str, str, float]]:
        """Return the substitutions observed in an L1, most probable first.

        Returns:
            (canonical, produced, probability over all positions) each.
        """
        observed = {
            (row.canonical, row.produced)
            for row in self.counts
            if row.l1 == l1 and row.produced is not None and row.produced != row.canonical
        }
        ranked = [(*pair, self.probability(*pair, None, l1)) for pair in observed]
        return sorted(ranked, key=lambda row: (-row[2], row[0], row[1]))

    @cached_property
    def tokens_per_l1(self) -> dict[str, int]:
        """Number of training tokens of each L1, by alphabet."""
        tokens: Counter[str] = Counter()
        for row, count in self.counts.items():
            tokens[row.l1] += count
        return dict(sorted(tokens.items()))

    def knows(self, l1: str) -> bool:
        """Tell whether the prior has tokens of this L1, or counts all L1s as one."""
        return self.options.pooled or l1 in self.tokens_per_l1

    @cached_property
    def contexts(self) -> Contexts:
        """The counts by context."""
        return Contexts(self.counts, position=self.options.position, pooled=self.options.pooled)

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
        value = {
            "options": asdict(self.options),
            "threshold": self.threshold,
            "p_min": self.p_min,
            "speakers": sorted(self.speakers),
            "contexts": contexts,
        }
        write_json(path, value)


def rows_of(utterances: Iterable[Utterance]) -> list[PriorRow]:
    """Return what was made of each canonical position: ok, substituted or deleted. An unnamed sound is no row."""
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
    options: PriorOptions | None = None,
) -> Prior:
    """Fit a prior on rows of l1, canonical, produced and position: tuples in this order, or mappings by these names.

    Args:
        rows: one a token; produced None for a deletion, position None if unknown.
        threshold: cos_dist below which a substitution is a variant in any L1.
        p_min: probability above which a substitution is a variant in an L1 in which it was observed.
        options: how counts become probabilities; None takes Laplace's rule, by L1 and position.
    Raises:
        PhoneError: a phone outside the inventory.
        CorpusError: a row of other fields, an unknown position, or a threshold or p_min outside 0..1.
    """
    return Prior(Counter(map(_prior_row, rows)), threshold, p_min, options or PriorOptions())


def load_prior(path: Path | str) -> Prior:
    """Read a prior that `Prior.save` wrote.

    Raises:
        CorpusError: the file holds no prior; the message names it, and what is wrong in it.
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
                raise CorpusError(f"{where}: {canonical} of L1 {l1} at position {position} occurs twice; keep one")
            counts[row] = count
    try:
        options = value_from_json(PriorOptions, value.get("options"), "field 'options'")
        speakers = value_from_json(frozenset[str], value.get("speakers", []), "field 'speakers'")
        return Prior(counts, value.get("threshold"), value.get("p_min"), options, speakers)
    except AsHeardError as error:
        raise CorpusError(f"{path}: {error}") from None


@cache
def real_voices_prior() -> Prior:
    """Return P(produced | canonical, L1, position) from the table of counts that ships with the package.

    The embedded corpus draws its learners' errors from the same counts. They are smoothed as `fit_prior` does.
    """
    table = files("asheard.corpora").joinpath("synthetic", "rates.csv")
    with table.open(encoding="utf-8") as lines:
        counts = {
            PriorRow(row["l1"], row["canonical"], row["produced"] or None, row["position"] or None): int(row["count"])
            for row in csv.DictReader(lines)
        }
    return Prior(counts, options=FITTED)


def classify_with_prior(
    canonical: str, produced: str | None, position: str | None, l1: str, cos_dist: float, prior: Prior
) -> PositionClass:
    """Classify one canonical position as a variant or an error.

    A variant is close to its target (`cos_dist` below the prior's threshold), or was observed for it in training
    speakers of the same L1 at this position, with a probability above the prior's p_min. If the position is None or has
    no tokens, all positions count. Anything else is an error: a deletion, and what was not observed in this L1, however
    low p_min is and however common it is in another L1. The prior's options say which tokens count (docs/prior.md).

    Args:
        canonical: IPA phone of the dictionary.
        produced: IPA phone that was said or predicted, None for a deletion.
        position: "onset", "nucleus", "coda" or None.
        l1: the speaker's first language.
        cos_dist: distance of the two phones, in 0..1.
        prior: from `build_prior` or `load_prior`.
    Returns:
        "variant" (a correct phone is one, at distance 0) or "error".
    Raises:
        PhoneError: a phone outside the inventory.
        CorpusError: an unknown position.
    """
    accepted = prior.accepts(canonical, produced, position, l1)
    near = produced is not None and cos_dist < prior.threshold
    return "variant" if near or accepted else "error"


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
