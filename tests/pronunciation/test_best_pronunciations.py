"""The pronunciations chosen word by word against every combination."""

from itertools import product

import numpy as np
import pytest

from asheard.phones import BLANK_ID, LABELS
from asheard.pronunciation.compare import closest_pronunciations
from asheard.pronunciation.ctc_alignment import best_pronunciations, to_label_ids
from asheard.pronunciation.gop import log_likelihoods
from asheard.pronunciation.target import target_of_text

WORDS = [
    [("ð", "ʌ"), ("ð", "ə"), ("ð", "i")],
    [("ɑ", "ɹ", "ɪ", "n", "dʒ"), ("ɔ", "ɹ", "ə", "n", "dʒ")],
    [("ɔ", "f", "ə", "n"), ("ɔ", "f", "t", "ə", "n")],
    [("s", "i")],
    [("ɹ", "u", "t"), ("ɹ", "aʊ", "t")],
    [("ɹ", "ʌ", "n")],
]


def posteriors_of(words, random):
    """Each phone in one frame or two, mostly with a blank after it; doubtful, yet likeliest."""
    path = []
    for label_id in to_label_ids(words):
        path += [label_id] * random.integers(1, 3) + [BLANK_ID] * random.integers(1, 3)
    logits = random.normal(0, 1, (len(path), len(LABELS)))
    logits[np.arange(len(path)), path] += 6
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(10))
def test_best_pronunciations_are_the_likeliest_of_all_texts(seed):
    random = np.random.default_rng(seed)
    said = [variants[random.integers(len(variants))] for variants in WORDS]
    log_probs = posteriors_of(said, random)
    texts = list(product(*WORDS))
    likelihoods = log_likelihoods(log_probs, [to_label_ids(text) for text in texts])
    assert best_pronunciations(log_probs, WORDS) == list(texts[int(np.argmax(likelihoods))])
    assert best_pronunciations(log_probs, WORDS) == said


def test_best_pronunciations_longer_one_may_need_frames_of_its_neighbours():
    """The first variant leaves the word one frame; between its neighbours the other one takes three."""
    variants = [[("s",)], [("i",), ("t", "i", "t")], [("n",)]]
    log_probs = np.full((5, len(LABELS)), -8.0)
    for frame, phone in enumerate("stitn"):
        log_probs[frame, to_label_ids([(phone,)])] = -0.1
    assert best_pronunciations(log_probs, variants) == [("s",), ("t", "i", "t"), ("n",)]


def test_best_pronunciations_are_the_first_if_nothing_tells_or_fits():
    flat = np.full((30, len(LABELS)), -np.log(len(LABELS)))
    assert best_pronunciations(flat, [[("ð", "ʌ"), ("ð", "i")]]) == [("ð", "ʌ")]
    assert best_pronunciations(flat[:1], [[("ð", "ʌ"), ("i",)]]) == [("ð", "ʌ")]


@pytest.mark.parametrize("number", ["1984", "$5.50", "3/4", "24/7", "12/25/2024", "911", "1,234", "3:05pm"])
def test_best_pronunciations_find_the_reading_of_a_number(number):
    """Readings of one number have very different lengths."""
    target = target_of_text(f"it was {number} we think")
    before, variants, after = target.first[:2], target.pronunciations[2], target.first[3:]
    for seed, variant in enumerate(variants):
        said = [*before, variant, *after]
        log_probs = posteriors_of(said, np.random.default_rng(seed))
        assert best_pronunciations(log_probs, target.pronunciations) == said
        assert closest_pronunciations(target, [phone for phones in said for phone in phones]) == said
