"""Posteriors of a recording and its canonical phones to a score for each: the `gop` chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from asheard.corpora.records import Utterance
from asheard.errors import CorpusError
from asheard.models.calibration import Calibration, load_calibration
from asheard.models.gop import alternatives, goodness
from asheard.phones import BLANK_ID, LABELS, PHONES, id_to_phone, phone_to_id
from asheard.prior import Prior, load_prior
from asheard.transcript import Transcript

_NEVER: Final = -200.0  # log posterior of a label that is not told from another; sums of it do not underflow


@dataclass(frozen=True, slots=True)
class PositionScores:
    """What is made of each canonical phone.

    scores: log-odds that it was said. heard: the phone itself, or where its score is below 0 the best alternative; None
    for a deletion.
    """

    scores: tuple[float, ...]
    heard: tuple[str | None, ...]

    @property
    def transcript(self) -> Transcript:
        """What is heard, deletions left out; no times.

        A confidence is the probability that deciding for the canonical phone, or against it, was right.
        """
        written = [pair for pair in zip(self.heard, self.scores, strict=True) if pair[0] is not None]
        return Transcript(
            phones=tuple(phone for phone, _ in written if phone is not None),
            confidences=tuple(float(expit(abs(score))) for _, score in written),
            times_s=None,
            position_scores=self.scores,
        )


class GopScorer:
    """Scores the canonical phones of utterances; it can be pickled.

    Args:
        calibration: from ratios to log-odds; the default takes the ratios as they are.
        prior: says what speakers of an L1 are known to say; None: all alternatives are equally probable beforehand.
        merges: phones that the annotation does not tell from others, and never writes (`coarsening`): what posteriors
            they have count as the others'.
    """

    def __init__(
        self,
        calibration: Calibration | None = None,
        prior: Prior | None = None,
        merges: Mapping[str, str] | None = None,
    ) -> None:
        self.calibration, self.prior = calibration or Calibration(), prior
        self._given = (calibration, prior, merges)
        self._merges = {phone_to_id(phone): phone_to_id(other) for phone, other in (merges or {}).items()}
        self._log_outcomes = cache(self._outcomes)

    @classmethod
    def load(cls, calibration: Path | None, prior: Path | None, merges: Mapping[str, str] | None = None) -> Self:
        """With the files of `asheard gop calibrate` and `asheard prior fit`.

        Raises:
            ModelError, CorpusError: one of them cannot be read.
        """
        return cls(
            None if calibration is None else load_calibration(calibration),
            None if prior is None else load_prior(prior),
            merges,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given

    def check(self, utterance: Utterance) -> None:
        """See whether an utterance can be scored.

        Raises:
            CorpusError: it has no canonical phones, or the prior does not know its L1.
        """
        if not utterance.canonical:
            raise CorpusError("has no canonical phones to score; build the manifest with them, or leave --gop out")
        known = self.prior.num_rows if self.prior else ()
        if self.prior and not self.prior.options.pooled and utterance.l1 not in known:
            raise CorpusError(
                f"has the L1 {utterance.l1!r}, and the prior knows {', '.join(known)}; fit one on speakers of it or, "
                "for any L1, with --pooled (asheard prior fit), or leave --prior out"
            )

    def score(self, log_probs: NDArray[np.floating], utterance: Utterance) -> PositionScores:
        """Score the canonical phones of an utterance that has passed `check`.

        Args:
            log_probs: (T, 42) natural-log posteriors of its recording.
        """
        label_ids = np.array([phone_to_id(phone) for phone in utterance.canonical])
        log_probs = log_probs.copy()
        for merged, other in self._merges.items():
            log_probs[:, other] = np.logaddexp(log_probs[:, other], log_probs[:, merged])
            log_probs[:, merged] = _NEVER
        found = goodness(alternatives(log_probs, label_ids), label_ids, self._log_prior(utterance))
        scores = self.calibration.log_odds(found.ratios)
        heard = np.where(scores < 0, found.best, label_ids).tolist()
        phones = (None if label_id == BLANK_ID else id_to_phone(label_id) for label_id in heard)
        return PositionScores(tuple(scores.tolist()), tuple(phones))

    def _log_prior(self, utterance: Utterance) -> NDArray[np.float64] | None:
        """(L, 42) log P(produced | canonical, L1, position) of its canonical positions."""
        if self.prior is None:
            return None
        tokens = (token for token in utterance.tokens if token.canonical is not None)
        return np.array([self._log_outcomes(token.canonical, token.position, utterance.l1) for token in tokens])

    def _outcomes(self, canonical: str, position: str | None, l1: str) -> NDArray[np.float64]:
        assert self.prior is not None
        outcomes: Sequence[str | None] = (None, *PHONES)
        probabilities = [self.prior.probability(canonical, outcome, position, l1) for outcome in outcomes]
        row = np.full(len(LABELS), -np.inf)
        row[BLANK_ID:] = np.log(probabilities)
        return row
