"""Goodness of pronunciation (GOP) from CTC posteriors, without cutting the recording into phones.

Every way of laying the canonical phones over the frames counts, as in training. At one position at a time the canonical
phone is replaced by every other, or left out, and the likelihoods are compared: no best path, and no segment borders.

Source: Cao, Fan, Svendsen and Salvi 2024, "A Framework for Phoneme-Level Pronunciation Assessment Using CTC"
(alignment-free GOP over substitutions and deletions).

Posteriors of a recording and its canonical phones to a score for each: the `gop` chain.

The chain `gop`: what it is made with, and how it takes a transcriber's place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import expit

from asheard.corpora.records import Utterance
from asheard.errors import CorpusError, ModelError
from asheard.io.digests import content_digest
from asheard.phones import BLANK_ID, LABELS, PAD_ID, PHONES, id_to_phone, phone_to_id
from asheard.prior import Prior, load_prior
from asheard.pronunciation.calibration import Calibration, load_calibration
from asheard.recognition.protocol import Recogniser, Transcript

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Passes = tuple[Floats, Floats, Floats]  # (T + 1, L + 1) each, as of `_prefixes`

MAX_RATIO: Final = 100.0  # nats; a ratio of likelihoods that are 0 ends here, and beyond any that speech has given
_LEAST_SUM: Final = 1e-280  # of terms up to 1, each off by at most 5e-324: far above what underflow can change


@dataclass(frozen=True, slots=True)
class Goodness:
    """How the canonical phones compare.

    ratios: (L,) log-likelihood of the canonical phone minus that of the best other alternative, in nats, cut at
    +-`MAX_RATIO`; without frames enough for the canonical phones all are -MAX_RATIO. best: (L,) which alternative
    that was, a phone's id or BLANK_ID for a deletion.
    """

    ratios: Floats
    best: Ids


def alternatives(log_probs: NDArray[np.floating], label_ids: NDArray[np.integer]) -> Floats:
    """Likelihood of a phone sequence with one position altered, for every position and phone.

    Exactly what the CTC forward pass gives for each altered sequence, at the price of one forward and one backward pass
    and T x L x 42 multiplications.

    Args:
        log_probs: (T, 42) natural-log posteriors of one recording's frames.
        label_ids: (L,) canonical phones, ids 2..41.
    Returns:
        (L, 42) natural-log likelihoods: row i has position i replaced by each phone (by itself: the canonical
        sequence), and in column BLANK_ID left out; column PAD_ID is -inf, as is what the frames cannot hold.
    Raises:
        ValueError: posteriors of other labels than ours, or an id that is no phone.
    Source: Graves et al. 2006 for the passes.
    """
    posteriors, ids = _checked(log_probs, label_ids)
    before = _prefixes(posteriors, ids)
    # What stands after is what stands before, with frames and phones reversed.
    reversed_after = _prefixes(np.ascontiguousarray(posteriors[::-1]), np.ascontiguousarray(ids[::-1]))
    blank, phone, either = (np.ascontiguousarray(part[::-1, ::-1]) for part in reversed_after)
    after = blank, phone, either
    table = np.full((ids.size, len(LABELS)), -np.inf)
    _substitute(posteriors, ids, before, after, table)
    table[:, BLANK_ID] = _deletions(ids, before, after)
    return table


def log_likelihood(log_probs: NDArray[np.floating], label_ids: NDArray[np.integer]) -> float:
    """Natural-log likelihood of a phone sequence, by the CTC forward pass; arguments and errors as of `alternatives`.

    Source: Graves et al. 2006.
    """
    _, _, either = _prefixes(*_checked(log_probs, label_ids))
    return float(either[-1, -1])


def goodness(alternatives: Floats, label_ids: NDArray[np.integer], log_prior: Floats | None = None) -> Goodness:
    """Compare the canonical phone of each position with the best of the others.

    Args:
        alternatives: (L, 42) from `alternatives`.
        label_ids: (L,) canonical phones.
        log_prior: (L, 42) natural log of P(produced | canonical, L1, position), in column BLANK_ID of a deletion; added
            to the likelihoods. None: every outcome is as probable as any other.
    """
    joint = alternatives if log_prior is None else alternatives + log_prior
    positions = np.arange(len(label_ids))
    canonical = joint[positions, label_ids]
    others = joint.copy()
    others[:, PAD_ID] = others[positions, label_ids] = -np.inf
    best = BLANK_ID + others[:, BLANK_ID:].argmax(1)
    rivals = others[positions, best]
    ratios = np.full(len(label_ids), -MAX_RATIO)
    np.subtract(canonical, rivals, out=ratios, where=np.isfinite(canonical))
    return Goodness(ratios.clip(-MAX_RATIO, MAX_RATIO), best)


def _checked(log_probs: NDArray[np.floating], label_ids: NDArray[np.integer]) -> tuple[Floats, Ids]:
    posteriors, ids = np.ascontiguousarray(log_probs, np.float64), np.ascontiguousarray(label_ids, np.int64)
    if posteriors.ndim != 2 or posteriors.shape[1] != len(LABELS):
        raise ValueError(f"posteriors of shape {posteriors.shape}, not (frames, {len(LABELS)})")
    if ids.ndim != 1 or not ((ids > BLANK_ID) & (ids < len(LABELS))).all():
        raise ValueError(f"label ids must be phones ({BLANK_ID + 1}..{len(LABELS) - 1}), one a position")
    return posteriors, ids


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high if low == -np.inf else high + np.log1p(np.exp(low - high))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _prefixes(log_probs: Floats, ids: Ids) -> Passes:
    """The CTC forward pass.

    Returns:
        Three arrays (T + 1, L + 1) of log-likelihoods that the first t frames wrote the first j phones: ending in a
        blank (or where nothing has begun), ending in phone j - 1, and either.
    """
    shape = (log_probs.shape[0] + 1, ids.size + 1)
    blank, phone, either = np.full(shape, -np.inf), np.full(shape, -np.inf), np.full(shape, -np.inf)
    blank[0, 0] = either[0, 0] = 0.0
    for t in range(1, shape[0]):
        for j in range(min(t + 1, shape[1])):
            blank[t, j] = log_probs[t - 1, BLANK_ID] + either[t - 1, j]
            if j > 0:
                repeated = j > 1 and ids[j - 1] == ids[j - 2]
                entered = blank[t - 1, j - 1] if repeated else either[t - 1, j - 1]
                phone[t, j] = log_probs[t - 1, ids[j - 1]] + _add(phone[t - 1, j], entered)
            either[t, j] = _add(blank[t, j], phone[t, j])
    return blank, phone, either


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _substitute(log_probs: Floats, ids: Ids, before: Passes, after: Passes, table: Floats) -> None:
    """Fill the phones' columns of `table`; each of `after` at [t, j] is of the frames from t writing the phones from j.

    A phone that stays from frame s to frame t adds before[s] + its log posteriors + after[t + 1]. That sum runs
    over all phones at once and without logarithms, relative to a scale that no phone can exceed. What drowns below that
    scale, and a phone equal to a neighbour, which needs a blank between, is summed again in logarithms.
    """
    (before_blank, _, before_either), (after_blank, _, after_either) = before, after
    num_frames, num_labels = log_probs.shape
    first = BLANK_ID + 1
    highest, relative = np.zeros(num_frames), np.empty((num_frames, num_labels))
    for t in range(num_frames):
        best = log_probs[t, first:].max()
        highest[t] = best if best > -np.inf else 0.0
        relative[t] = np.exp(log_probs[t] - highest[t])
    scale, base = np.empty(num_frames), np.empty(num_frames)
    mass, total = np.empty(num_labels), np.empty(num_labels)
    for i in range(ids.size):
        enter, leave = before_either[:, i], after_either[:, i + 1]
        reached, peak = -np.inf, -np.inf
        for t in range(num_frames):
            base[t] = max(reached, enter[t])
            reached = scale[t] = base[t] + highest[t]
            peak = max(peak, scale[t] + leave[t + 1])
        if peak == -np.inf:
            continue
        mass[:] = total[:] = 0.0
        for t in range(num_frames):
            if base[t] == -np.inf:
                continue
            carried = np.exp(scale[t - 1] - base[t]) if t > 0 else 0.0
            arriving, leaving = np.exp(enter[t] - base[t]), np.exp(scale[t] + leave[t + 1] - peak)
            for v in range(first, num_labels):
                mass[v] = relative[t, v] * (mass[v] * carried + arriving)
                total[v] += mass[v] * leaving
        for v in range(first, num_labels):
            after_equal = i > 0 and ids[i - 1] == v
            before_equal = i + 1 < ids.size and ids[i + 1] == v
            if not after_equal and not before_equal and total[v] > _LEAST_SUM:
                table[i, v] = np.log(total[v]) + peak
                continue
            entering = before_blank if after_equal else before_either
            leaving_to = after_blank if before_equal else after_either
            stayed, likelihood = -np.inf, -np.inf
            for t in range(num_frames):
                stayed = log_probs[t, v] + _add(stayed, entering[t, i])
                likelihood = _add(likelihood, stayed + leaving_to[t + 1, i + 1])
            table[i, v] = likelihood


def _deletions(ids: Ids, before: Passes, after: Passes) -> Floats:
    """(L,) log-likelihoods without each position: summed over the last frame of the phone before it."""
    (_, before_phone, _), (after_blank, _, after_either) = before, after
    meets_equal = np.zeros(ids.size, bool)
    meets_equal[1:-1] = ids[:-2] == ids[2:]
    rest = np.where(meets_equal, after_blank[:, 1:], after_either[:, 1:])
    likelihoods: Floats = np.logaddexp.reduce(before_phone[:, :-1] + rest, axis=0)
    likelihoods[:1] = after_either[0, 1:2]
    return likelihoods


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gop:
    """Score the canonical phones by the model's posteriors instead of transcribing.

    calibration: file of `asheard gop calibrate`; None takes the ratios as log-odds. prior: file of `asheard prior fit`;
    None: all alternatives are equally probable beforehand.
    """

    calibration: Path | None = None
    prior: Path | None = None

    @property
    def chain(self) -> str:
        """The name of the chain."""
        from asheard.evaluation.systems import GOP, GOP_PRIOR

        return GOP if self.prior is None else GOP_PRIOR

    def files(self) -> list[str | None]:
        """Digests of calibration and prior."""
        return [None if path is None else content_digest(path) for path in (self.calibration, self.prior)]

    def scorer(
        self, transcriber: Recogniser, rows: Sequence[Utterance], where: Callable[[Utterance], str]
    ) -> "GopScorer":
        """What scores utterances by what a transcriber hears in their recordings.

        Args:
            transcriber: a model of ours.
            rows: all utterances that will be scored; phones that their annotation does not tell apart are not held
                against each other.
            where: names an utterance, for messages.
        Raises:
            ModelError: the transcriber gives no posteriors, or the calibration is none.
            CorpusError: a file cannot be read, an utterance has no canonical phones, or the prior does not know its L1.
        """
        if not transcriber.gives_posteriors:
            raise ModelError(
                f"{transcriber.kind} gives no posteriors of the 40 phones to score with; give a model folder of ours "
                "(asheard train), or leave --gop out"
            )
        from asheard.corpora.coarsening import coarsening_of
        # SELF

        scorer = GopScorer.load(self.calibration, self.prior, coarsening_of(rows))
        for row in rows:
            try:
                scorer.check(row)
            except CorpusError as error:
                raise CorpusError(f"{where(row)} {error}") from None
        return scorer
