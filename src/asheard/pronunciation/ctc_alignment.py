"""Align phones with frames: the most likely CTC path, and the pronunciations that make a recording likeliest."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asheard.phones import BLANK_ID, phone_to_id
from asheard.phones.folding import Phones
from asheard.pronunciation.gop import log_likelihoods

_MOVES: Final = 3  # stay in a state, enter it from the one before, or from the phone before without the blank between

_LEAST: Final = -1e6  # log posterior of what a model rules out: such a path is taken only if there is no other


def min_frames(label_ids: NDArray[np.integer]) -> int:
    """Return the number of frames that CTC needs to write phones: one each, and a blank between equal neighbours."""
    return len(label_ids) + int((label_ids[1:] == label_ids[:-1]).sum())


def force_align(log_probs: NDArray[np.floating], label_ids: NDArray[np.integer]) -> NDArray[np.int64]:
    """Align phones with frames along the most likely path.

    Args:
        log_probs: (T, V) natural-log posteriors of one recording's frames.
        label_ids: (L,) phones, at least one.
    Returns:
        (L, 2) frames [start, end) that decided each phone; CTC decides in fewer frames than the phone lasts.
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


def best_pronunciations(log_probs: NDArray[np.floating], words: Sequence[Sequence[Phones]]) -> list[Phones]:
    """Choose a pronunciation for each word of a text, from left to right.

    What is compared is the likelihood of a word between its two neighbours, in the frames that forced alignment of the
    first pronunciations gives to the three.

    Args:
        log_probs: (T, 42) natural-log posteriors of one recording's frames.
        words: for each word one or more pronunciations in IPA.
    Returns:
        One pronunciation a word, the first of the likeliest. If the frames cannot hold the first pronunciations, these.
    """
    chosen = [first for first, *_ in words]
    label_ids = to_label_ids(chosen)
    if len(log_probs) < min_frames(label_ids):
        return chosen
    lasts = np.cumsum([len(phones) for phones in chosen]) - 1
    spans = force_align(log_probs, label_ids)
    starts, ends = [0, *spans[lasts[:-1] + 1, 0]], spans[lasts, 1]
    for index, pronunciations in enumerate(words):
        if len(pronunciations) > 1:
            start = ends[index - 2] if index > 1 else 0
            end = starts[index + 2] if index + 2 < len(words) else len(log_probs)
            before, after = chosen[max(0, index - 1) : index], chosen[index + 1 : index + 2]
            sequences = [to_label_ids([*before, phones, *after]) for phones in pronunciations]
            likelihoods = log_likelihoods(log_probs[start:end], sequences)
            chosen[index] = pronunciations[int(np.argmax(likelihoods))]
    return chosen


def to_label_ids(words: Sequence[Phones]) -> NDArray[np.int64]:
    """Return (L,) label ids of the phones of all words."""
    return np.array([phone_to_id(phone) for phones in words for phone in phones], np.int64)
