"""Goodness of pronunciation (GOP) from CTC posteriors, without cutting the recording into phones.

At one position at a time the canonical phone is replaced by every other phone, or left out, and the CTC likelihoods of
these sequences are compared. A likelihood is a sum over all alignments of the phones with the frames, as in training,
so no best path and no segment borders are needed.

Source: Cao, Fan, Svendsen and Salvi 2024, "A Framework for Phoneme-Level Pronunciation Assessment Using CTC"
(alignment-free GOP over substitutions and deletions).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.phones import BLANK_ID, LABELS, PAD_ID, PHONES, id_to_phone, phone_to_id
from asheard.prior import Prior
from asheard.pronunciation.calibration import Calibration, logistic

Floats = NDArray[np.float64]
LabelIds = NDArray[np.int64]

MAX_RATIO: Final = 100.0  # nats, beyond any ratio that speech has given; ratios of likelihoods of 0 are cut to it

_FIRST: Final = BLANK_ID + 1  # the first phone's id
_BLOCK: Final = 64  # positions of one pass over the frames: their (64, 40) sums stay in the processor's cache
_PAIRS: Final = 512  # of a position and a phone that are summed in logarithms together
_LEAST_SUM: Final = 1e-280  # sums of terms up to 1 that are above it are exact: underflow changes a term by 5e-324
_NEVER: Final = -200.0  # log posterior of a phone that is folded into another; sums of it do not underflow


@dataclass(frozen=True, slots=True)
class Goodness:
    """Canonical phones compared with their best alternatives.

    ratios: (L,) log-likelihood of the canonical phone minus that of the best other alternative, in nats, cut at
    +-`MAX_RATIO`; all -`MAX_RATIO` if the frames cannot hold the canonical phones. best: (L,) that alternative, a
    phone's id or BLANK_ID for a deletion.
    """

    ratios: Floats
    best: LabelIds


def alternatives(log_probs: NDArray[np.floating], label_ids: NDArray[np.integer]) -> Floats:
    """Compute the likelihood of a phone sequence with one position altered, for every position and phone.

    The values are those of the CTC forward pass over each altered sequence. The cost is one forward and one backward
    pass, and T x L x 42 multiplications; memory grows with T x L.

    Args:
        log_probs: (T, 42) natural-log posteriors of one recording's frames.
        label_ids: (L,) canonical phones, ids 2..41.
    Returns:
        (L, 42) natural-log likelihoods: in row i position i is replaced by each phone (by itself: the canonical
        sequence), and in column BLANK_ID left out. Column PAD_ID is -inf, as is what the frames cannot hold.
    Raises:
        ValueError: the posteriors are not of 42 labels, or an id is no phone.
    Source: Graves et al. 2006 for the passes.
    """
    posteriors, ids = _checked(log_probs, label_ids)
    before_phone, before = _prefixes(posteriors, ids)
    # Suffixes are prefixes with frames and phones reversed.
    after = _prefixes(posteriors[::-1], ids[::-1])[1][::-1, ::-1]
    table = np.full((ids.size, len(LABELS)), -np.inf)
    for start in range(0, ids.size, _BLOCK):
        block = slice(start, min(start + _BLOCK, ids.size))
        table[block, BLANK_ID] = _deletions(posteriors, ids, before_phone, after, block)
        table[block, _FIRST:] = _substitutions(posteriors, before, after, block)
    _sum_in_logs(posteriors, ids, before, after, table)
    return table


def log_likelihoods(log_probs: NDArray[np.floating], sequences: Sequence[NDArray[np.integer]]) -> Floats:
    """Compute the likelihoods of phone sequences, by the CTC forward pass.

    Args:
        log_probs: (T, 42) natural-log posteriors.
        sequences: N arrays of phones' ids, of any lengths.
    Returns:
        (N,) natural-log likelihoods.
    Raises:
        ValueError: as of `alternatives`.
    Source: Graves et al. 2006.
    """
    lengths = np.array([len(ids) for ids in sequences])
    # What follows a sequence changes none of its prefixes, so any phone fills up the shorter ones.
    padded = np.full((len(sequences), lengths.max(initial=0)), _FIRST)
    posteriors = _checked(log_probs, padded[:0].ravel())[0]
    for row, ids in zip(padded, sequences, strict=True):
        row[: len(ids)] = _checked(log_probs, ids)[1]
    likelihoods: Floats = _prefixes(posteriors, padded)[1][-1, np.arange(len(sequences)), lengths]
    return likelihoods


def goodness(alternatives: Floats, label_ids: NDArray[np.integer], log_prior: Floats | None = None) -> Goodness:
    """Compare the canonical phone of each position with the best of the others.

    Args:
        alternatives: (L, 42) from `alternatives`.
        label_ids: (L,) canonical phones.
        log_prior: (L, 42) natural log of P(produced | canonical, L1, position), of a deletion in column BLANK_ID; added
            to the likelihoods. None: all outcomes are equally probable.
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


@dataclass(frozen=True, slots=True)
class GopScores:
    """The scores of the canonical phones of one recording.

    scores: log-odds that each canonical phone was said. heard: the canonical phone, or the best alternative if its
    score is below 0; None for a deletion.
    """

    scores: tuple[float, ...]
    heard: tuple[str | None, ...]

    @property
    def phones(self) -> tuple[str, ...]:
        """What was heard, without the deletions."""
        return tuple(phone for phone in self.heard if phone is not None)

    @property
    def confidences(self) -> tuple[float, ...]:
        """For each of `phones`, the probability that deciding for the canonical phone, or against it, was right."""
        kept = [abs(score) for score, phone in zip(self.scores, self.heard, strict=True) if phone is not None]
        return tuple(logistic(np.array(kept)).tolist())


@dataclass(frozen=True, slots=True)
class GopScorer:
    """Scores canonical phones by posteriors.

    calibration: turns ratios into log-odds; the default leaves them as they are. prior: what speakers of an L1 are
    known to say; None if all alternatives are equally probable.
    """

    calibration: Calibration = field(default_factory=Calibration)
    prior: Prior | None = None
    _rows: dict[tuple[str, str | None, str], Floats] = field(default_factory=dict, repr=False, compare=False)

    def score(
        self,
        log_probs: NDArray[np.floating],
        canonical: Sequence[str],
        positions: Sequence[str | None],
        l1: str | None = None,
        merges: Mapping[str, str] | None = None,
    ) -> GopScores:
        """Score the canonical phones of one recording.

        Args:
            log_probs: (T, 42) natural-log posteriors.
            canonical: L IPA phones.
            positions: for each phone the onset, nucleus or coda of its syllable; None if not known.
            l1: the speaker's first language, for the prior.
            merges: phones that the annotation never tells from others, with these: their posteriors are added.
        """
        label_ids = np.array([phone_to_id(phone) for phone in canonical], np.int64)
        log_prior = None
        if self.prior is not None:
            known = l1 if l1 in self.prior.tokens_per_l1 else ""  # all others have the same probabilities
            rows = [self._log_outcomes(*place, known or "") for place in zip(canonical, positions, strict=True)]
            log_prior = np.array(rows).reshape(len(rows), len(LABELS))
        found = goodness(alternatives(fold_posteriors(log_probs, merges or {}), label_ids), label_ids, log_prior)
        scores = self.calibration.log_odds(found.ratios)
        heard = np.where(scores < 0, found.best, label_ids).tolist()
        phones = (None if label_id == BLANK_ID else id_to_phone(label_id) for label_id in heard)
        return GopScores(tuple(scores.tolist()), tuple(phones))

    def _log_outcomes(self, canonical: str, position: str | None, l1: str) -> Floats:
        """(42,) log P(produced | canonical, L1, position) by label id; of a deletion at BLANK_ID."""
        key = canonical, position, l1
        if key not in self._rows:
            assert self.prior is not None
            outcomes: Sequence[str | None] = (None, *PHONES)
            row = np.full(len(LABELS), -np.inf)
            row[BLANK_ID:] = np.log([self.prior.probability(canonical, outcome, position, l1) for outcome in outcomes])
            self._rows[key] = row
        return self._rows[key]


def fold_posteriors(log_probs: NDArray[np.floating], merges: Mapping[str, str]) -> NDArray[np.floating]:
    """Return posteriors in which those of merged phones are added to those of the phones they merge with.

    Args:
        log_probs: (T, 42) natural-log posteriors; they stay unchanged.
        merges: phones that an annotation never tells from others, with these.
    """
    log_probs = log_probs.copy() if merges else log_probs
    for phone, other in merges.items():
        merged, kept = phone_to_id(phone), phone_to_id(other)
        log_probs[:, kept] = np.logaddexp(log_probs[:, kept], log_probs[:, merged])
        log_probs[:, merged] = _NEVER
    return log_probs


def _checked(log_probs: NDArray[np.floating], label_ids: NDArray[np.integer]) -> tuple[Floats, LabelIds]:
    posteriors, ids = np.asarray(log_probs, np.float64), np.asarray(label_ids, np.int64)
    if posteriors.ndim != 2 or posteriors.shape[1] != len(LABELS):
        raise ValueError(f"posteriors of shape {posteriors.shape}, not (frames, {len(LABELS)})")
    if ids.ndim != 1 or not ((ids > BLANK_ID) & (ids < len(LABELS))).all():
        raise ValueError(f"label ids must be phones ({_FIRST}..{len(LABELS) - 1}), one a position")
    return posteriors, ids


def _prefixes(log_probs: Floats, ids: LabelIds) -> tuple[Floats, Floats]:
    """Run the CTC forward pass over all phones at once.

    Args:
        log_probs: (T, 42).
        ids: (..., L) one phone sequence, or several of one length.
    Returns:
        Two arrays (T + 1, ..., L + 1) of log-likelihoods that the first t frames wrote the first j phones: with a last
        frame that belongs to phone j - 1, and with any last frame.
    """
    shape = (len(log_probs) + 1, *ids.shape[:-1], ids.shape[-1] + 1)
    phone, either = np.full(shape, -np.inf), np.full(shape, -np.inf)
    either[0, ..., 0] = 0.0
    blank = either[0]  # the last frame is a blank, or there is no frame
    repeated = np.zeros(ids.shape, bool)
    repeated[..., 1:] = ids[..., 1:] == ids[..., :-1]  # such a phone is entered from a blank only
    any_repeated = bool(repeated.any())
    for t, frame in enumerate(log_probs, start=1):
        entered = either[t - 1, ..., :-1]
        if any_repeated:
            entered = np.where(repeated, blank[..., :-1], entered)
        blank = either[t - 1] + frame[BLANK_ID]
        now = phone[t, ..., 1:]
        np.logaddexp(phone[t - 1, ..., 1:], entered, out=now)
        now += frame[ids]
        np.logaddexp(blank, phone[t], out=either[t])
    return phone, either


def _substitutions(log_probs: Floats, before: Floats, after: Floats, block: slice) -> Floats:
    """Sum over all stays of every phone at each position of a block.

    A phone that stays from frame s to frame t adds before[s] + its log posteriors + after[t + 1]. The sum runs over
    all positions and phones at once and without logarithms, relative to a scale that no phone can exceed.

    Args:
        log_probs: (T, 42).
        before: (T + 1, L + 1) from `_prefixes`.
        after: (T + 1, L + 1) log-likelihoods that the frames from t on write the phones from j on.
        block: of B positions.
    Returns:
        (B, 40) natural-log likelihoods; NaN for sums too far below the scale, which underflow may have changed.
    """
    num_frames = len(log_probs)
    enter, leave = before[:-1, block], after[1:, block.start + 1 : block.stop + 1]
    highest = log_probs[:, _FIRST:].max(1)
    highest[np.isneginf(highest)] = 0.0
    relative = np.exp(log_probs[:, _FIRST:] - highest[:, None])
    base = np.empty(enter.shape)
    reached = np.full(enter.shape[1], -np.inf)
    for t in range(num_frames):
        np.maximum(reached, enter[t], out=base[t])
        np.add(base[t], highest[t], out=reached)
    scale = base + highest[:, None]
    ends = scale + leave
    peak = ends.max(0, initial=-np.inf)
    begun = np.isfinite(base)  # before that no stay has begun
    with np.errstate(invalid="ignore"):
        arriving = np.where(begun, np.exp(enter - base), 0.0)
        leaving = np.where(begun & np.isfinite(peak), np.exp(ends - peak), 0.0)
        carried = np.zeros(base.shape)
        carried[1:] = np.where(begun[1:], np.exp(scale[:-1] - base[1:]), 0.0)
    mass = np.zeros((enter.shape[1], relative.shape[1]))
    total, share = np.zeros(mass.shape), np.empty(mass.shape)
    for t in range(num_frames):
        mass *= carried[t, :, None]
        mass += arriving[t, :, None]
        mass *= relative[t]
        np.multiply(mass, leaving[t, :, None], out=share)
        total += share
    likelihoods = np.full(total.shape, np.nan)
    np.log(total, out=likelihoods, where=total > _LEAST_SUM)
    likelihoods += peak[:, None]
    likelihoods[np.isneginf(peak)] = -np.inf
    return likelihoods


def _sum_in_logs(log_probs: Floats, ids: LabelIds, before: Floats, after: Floats, table: Floats) -> None:
    """Fill in, by sums in logarithms, what `_substitutions` cannot.

    That is NaN, and phones equal to a neighbour, which need a blank between.

    Args: as of `_substitutions`; `table` is (L, 42).
    """
    to_sum = np.isnan(table)
    positions = np.arange(len(ids))
    to_sum[positions[1:], ids[:-1]] = to_sum[positions[:-1], ids[1:]] = True
    rows, phones = np.nonzero(to_sum)
    for start in range(0, len(rows), _PAIRS):
        row, phone = rows[start : start + _PAIRS], phones[start : start + _PAIRS]
        after_equal = (row > 0) & (ids[row - 1] == phone)
        before_equal = (row + 1 < len(ids)) & (ids[np.minimum(row + 1, len(ids) - 1)] == phone)
        stay = before[:-1, row]
        stay[1:, after_equal] = before[:-2, row[after_equal]] + log_probs[:-1, BLANK_ID, None]
        stay[:1, after_equal] = -np.inf
        leave = after[1:, row + 1]
        leave[:-1, before_equal] = after[2:, row[before_equal] + 1] + log_probs[1:, BLANK_ID, None]
        leave[-1:, before_equal] = -np.inf
        stayed = np.full(len(row), -np.inf)
        for t, frame in enumerate(log_probs):
            np.logaddexp(stayed, stay[t], out=stayed)
            stayed += frame[phone]
            stay[t] = stayed
        stay += leave
        table[row, phone] = np.logaddexp.reduce(stay, axis=0)


def _deletions(log_probs: Floats, ids: LabelIds, before_phone: Floats, after: Floats, block: slice) -> Floats:
    """(B,) log-likelihoods without each position of a block: summed over the last frame of the phone before it."""
    rest = after[:, block.start + 1 : block.stop + 1].copy()
    positions = np.arange(block.start, block.stop)
    inner = (positions > 0) & (positions + 1 < len(ids))
    meets_equal = inner & (ids[positions - 1] == ids[np.minimum(positions + 1, len(ids) - 1)])
    rest[:-1, meets_equal] = after[1:, positions[meets_equal] + 1] + log_probs[:, BLANK_ID, None]
    rest[-1:, meets_equal] = -np.inf
    likelihoods: Floats = np.logaddexp.reduce(before_phone[:, block] + rest, axis=0)
    if block.start == 0:
        likelihoods[0] = after[0, 1]
    return likelihoods
