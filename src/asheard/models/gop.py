"""Goodness of pronunciation (GOP) from CTC posteriors, without cutting the recording into phones.

Every way of laying the canonical phones over the frames counts, as in training. At one position at a time the canonical
phone is replaced by every other, or left out, and the likelihoods are compared: no best path, and no segment borders.

Source: Cao, Fan, Svendsen and Salvi 2024, "A Framework for Phoneme-Level Pronunciation Assessment Using CTC"
(alignment-free GOP over substitutions and deletions).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asheard.phones import BLANK_ID, LABELS, PAD_ID

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
