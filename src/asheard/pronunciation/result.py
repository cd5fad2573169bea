"""A recording against its target, phone by phone: what an app shows a learner."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np

Verdict = Literal["ok", "variant", "error"]
Reason = Literal["distance", "l1-prior"]


@dataclass(frozen=True, slots=True)
class ScoredPhone:
    """One phone that the target calls for.

    canonical: in IPA. probability: that it was said, by `gop`, 0 to 1; None from a model without posteriors. heard:
    what the transcript has in its place, None where nothing. heard_index: where that stands in the transcript.
    cos_dist: articulatory distance of the two, 0 to 1; None where nothing was heard. verdict: ok (the phone itself),
    variant (near it, or what speakers of this L1 are known to say) or error. reason: what made it a variant.
    without_prior: the verdict if no L1 were known. typical: how often speakers of the declared L1 say what was heard
    here, 0 to 1; 0 where none was known to. start_s, end_s: where it was decided, which is shorter than its extent;
    None where not known.
    """

    canonical: str
    probability: float | None
    heard: str | None
    heard_index: int | None
    cos_dist: float | None
    verdict: Verdict
    reason: Reason | None
    without_prior: Verdict
    typical: float
    start_s: float | None
    end_s: float | None

    @property
    def credit(self) -> float:
        """The probability, or where there is none 1 for what is no error and 0 for what is one."""
        return float(self.verdict != "error") if self.probability is None else self.probability


@dataclass(frozen=True, slots=True)
class AddedPhone:
    """A phone heard where the target has none.

    before: index of the target's phone that it stands before, or their number. heard_index: where in the transcript.
    """

    phone: str
    before: int
    heard_index: int


@dataclass(frozen=True, slots=True)
class ScoredWord:
    """One word of the target and its phones, in the pronunciation that was meant."""

    word: str
    phones: tuple[ScoredPhone, ...]

    @property
    def score(self) -> float:
        """Mean credit of its phones."""
        return float(np.mean([phone.credit for phone in self.phones]))


@dataclass(frozen=True, slots=True)
class Scored:
    """A recording against its target.

    model: its name. l1: the first language that was declared. calibrated: whether probabilities were fitted to people's
    labels, or are the model's own. prior_used: whether the L1 could make a variant of an error. seconds: length of the
    recording.
    """

    text: str
    model: str
    l1: str | None
    calibrated: bool
    prior_used: bool
    seconds: float
    words: tuple[ScoredWord, ...]
    added: tuple[AddedPhone, ...]

    @property
    def phones(self) -> list[ScoredPhone]:
        """Of all words, in order."""
        return [phone for word in self.words for phone in word.phones]

    @property
    def score(self) -> float:
        """The share of the target's phones that were said, as far as can be expected: their mean credit, 0 to 1."""
        return float(np.mean([phone.credit for phone in self.phones]))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """What `to_json` gave; other fields are passed over."""
        return cls(
            **{name: fields[name] for name in ("text", "model", "l1", "calibrated", "prior_used", "seconds")},
            words=tuple(
                ScoredWord(word["word"], tuple(ScoredPhone(**phone) for phone in word["phones"]))
                for word in fields["words"]
            ),
            added=tuple(AddedPhone(**added) for added in fields["added"]),
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as one object of JSON, with the `score` of the whole and of each word; four decimals."""
        fields = asdict(self) | {"score": self.score}
        for word, scored in zip(fields["words"], self.words, strict=True):
            word["score"] = scored.score
        rounded: dict[str, Any] = _rounded(fields)
        return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value
