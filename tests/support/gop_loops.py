"""A slow reference for `asheard.pronunciation.gop.alternatives`: one loop a position, frame and phone, by numba."""

import numpy as np
from numba import njit

from asheard.phones import BLANK_ID, LABELS

_LEAST_SUM = 1e-280  # of terms up to 1, each off by at most 5e-324: far above what underflow can change


def alternatives(log_probs, label_ids):
    """As of `asheard.pronunciation.gop.alternatives`."""
    posteriors, ids = np.ascontiguousarray(log_probs, np.float64), np.ascontiguousarray(label_ids, np.int64)
    before = _prefixes(posteriors, ids)
    reversed_after = _prefixes(np.ascontiguousarray(posteriors[::-1]), np.ascontiguousarray(ids[::-1]))
    blank, phone, either = (np.ascontiguousarray(part[::-1, ::-1]) for part in reversed_after)
    after = blank, phone, either
    table = np.full((ids.size, len(LABELS)), -np.inf)
    _substitute(posteriors, ids, before, after, table)
    table[:, BLANK_ID] = _deletions(ids, before, after)
    return table


def log_likelihood(log_probs, label_ids):
    """As of `asheard.pronunciation.gop.log_likelihood`."""
    posteriors, ids = np.ascontiguousarray(log_probs, np.float64), np.ascontiguousarray(label_ids, np.int64)
    return float(_prefixes(posteriors, ids)[2][-1, -1])


@njit(cache=True, nogil=True)
def _add(a, b):
    """log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high if low == -np.inf else high + np.log1p(np.exp(low - high))


@njit(cache=True, nogil=True)
def _prefixes(log_probs, ids):
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


@njit(cache=True, nogil=True)
def _substitute(log_probs, ids, before, after, table):
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


def _deletions(ids, before, after):
    """(L,) log-likelihoods without each position: summed over the last frame of the phone before it."""
    (_, before_phone, _), (after_blank, _, after_either) = before, after
    meets_equal = np.zeros(ids.size, bool)
    meets_equal[1:-1] = ids[:-2] == ids[2:]
    rest = np.where(meets_equal, after_blank[:, 1:], after_either[:, 1:])
    likelihoods = np.logaddexp.reduce(before_phone[:, :-1] + rest, axis=0)
    likelihoods[:1] = after_either[0, 1:2]
    return likelihoods
