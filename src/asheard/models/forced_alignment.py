"""Where in a recording given phones lie: the most likely CTC path that writes them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.phones import BLANK_ID

_MOVES: Final = 3  # stay in a state, enter it from the one before, or from the phone before over a blank left out

_LEAST: Final = -1e6  # log posterior of what a model rules out: still a path, if there is no other


def min_frames(label_ids: NDArray[np.integer]) -> int:
    """How many frames CTC needs to write phones: one each, and a blank between equal neighbours."""
    return len(label_ids) + int((label_ids[1:] == label_ids[:-1]).sum())


def force_align(log_probs: NDArray[np.floating], label_ids: NDArray[np.integer]) -> NDArray[np.int64]:
    """Lay phones over frames along the most likely path.

    Args:
        log_probs: (T, V) natural-log posteriors of one recording's frames.
        label_ids: (L,) phones, at least one.
    Returns:
        (L, 2) frames [start, end) of each phone; as CTC spikes, where it was decided and not its extent.
    Raises:
        ValueError: T is less than `min_frames`.
    Source: Viterbi 1967 over the states of Graves et al. 2006: a blank before, between and after the phones.
    """
    if len(log_probs) < min_frames(label_ids):
        raise ValueError(f"{len(log_probs)} frames cannot hold {len(label_ids)} phones")
    states = np.full(2 * len(label_ids) + 1, BLANK_ID)
    states[1::2] = label_ids
    may_skip = np.zeros(len(states), bool)
    may_skip[3::2] = label_ids[1:] != label_ids[:-1]
    emissions = np.maximum(log_probs[:, states], _LEAST, dtype=np.float64)
    moves = np.zeros(emissions.shape, np.int8)
    reached = np.full((_MOVES, len(states)), -np.inf)  # best log-likelihood of each state, by the move that led there
    best = np.where(np.arange(len(states)) < 2, emissions[0], -np.inf)  # a path begins with the blank or a phone
    for frame in range(1, len(emissions)):
        reached[0] = best
        reached[1, 1:] = best[:-1]
        reached[2, 2:] = np.where(may_skip[2:], best[:-2], -np.inf)
        moves[frame] = reached.argmax(0)
        best = reached.max(0) + emissions[frame]
    path = np.empty(len(emissions), np.int64)
    path[-1] = len(states) - 2 + best[-2:].argmax()  # and ends with either
    for frame in range(len(emissions) - 1, 0, -1):
        path[frame - 1] = path[frame] - moves[frame, path[frame]]
    phones = 2 * np.arange(len(label_ids)) + 1
    spans: NDArray[np.int64] = np.stack([path.searchsorted(phones), path.searchsorted(phones, "right")], axis=1)
    return spans
