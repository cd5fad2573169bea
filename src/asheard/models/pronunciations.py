"""Which of the ways to say a word was meant: the one that makes the recording likeliest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asheard.models.forced_alignment import force_align, min_frames
from asheard.models.gop import log_likelihood
from asheard.phones import phone_to_id

Phones = tuple[str, ...]


def best_pronunciations(log_probs: NDArray[np.floating], words: Sequence[Sequence[Phones]]) -> list[Phones]:
    """Choose a pronunciation for each word of a text.

    Words take their turn from left to right. What is compared is the likelihood of a word between its two neighbours,
    in the frames of the three where forced alignment lays the first pronunciations.

    Args:
        log_probs: (T, 42) natural-log posteriors of one recording's frames.
        words: the pronunciations of each word in IPA, at least one.
    Returns:
        One pronunciation a word: the first of the likeliest, or of all where the first ones do not fit into the frames.
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
            likelihoods = [
                log_likelihood(log_probs[start:end], to_label_ids([*before, phones, *after]))
                for phones in pronunciations
            ]
            chosen[index] = pronunciations[int(np.argmax(likelihoods))]
    return chosen


def to_label_ids(words: Sequence[Phones]) -> NDArray[np.int64]:
    """(L,) label ids of the phones of all words."""
    return np.array([phone_to_id(phone) for phones in words for phone in phones], np.int64)
