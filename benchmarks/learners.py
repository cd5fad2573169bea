"""Utterances to measure on: 900 real ones of L2-ARCTIC if they are on disk, otherwise random ones like them."""

import os
import random
from pathlib import Path
from typing import Any, NamedTuple

from asheard.corpora.l2arctic import SPK_L1, TEST_SPK
from asheard.io.files import read_jsonl
from asheard.phones import PHONES, detect_alphabet, fold_sequence

LABELS = Path(os.environ.get("ASHEARD_DATA", "../shared")) / "l2arctic-labels"
GOLD = LABELS / "test-6-speakers-39phones.jsonl"
PREDICTIONS = LABELS / "predictions-cnn-rnn-ctc.jsonl"

NUM_PER_SPEAKER, NUM_PHONES = 150, 33  # as many as the real ones have, on average

Rows = list[dict[str, Any]]


class Learners(NamedTuple):
    """Gold rows (utt, speaker, l1, canonical, produced) and predictions (utt, speaker, phones) in the same order."""

    source: str
    gold: Rows
    predictions: Rows

    def pairs(self) -> tuple[list[list[str]], list[list[str]]]:
        """Canonical and predicted phones of each utterance, in IPA."""
        sides = [row["canonical"] for row in self.gold], [row["phones"] for row in self.predictions]
        alphabet = detect_alphabet({symbol for side in sides for sequence in side for symbol in sequence})
        canonical, predicted = ([fold_sequence(sequence, alphabet) for sequence in side] for side in sides)
        return canonical, predicted


def learners() -> Learners:
    """Return the real utterances if $ASHEARD_DATA (default ../shared) holds them, otherwise random ones."""
    if not (GOLD.is_file() and PREDICTIONS.is_file()):
        return _random_learners()
    gold = [row for _, row in read_jsonl(GOLD)]
    predicted = {(row["speaker"], row["utt"]): row for _, row in read_jsonl(PREDICTIONS)}
    return Learners("real L2-ARCTIC utterances", gold, [predicted[row["speaker"], row["utt"]] for row in gold])


def corrupt(phones: list[str], share: float, symbols: tuple[str, ...], rng: random.Random) -> list[str]:
    """Replace a share of the phones, drop half as many, and insert another one after a quarter as many."""
    changed = []
    for phone in phones:
        draw = rng.random() / share
        if not 1 <= draw < 1.5:
            changed.append(rng.choice(symbols) if draw < 1 else phone)
        if 1.5 <= draw < 1.75:
            changed.append(rng.choice(symbols))
    return changed


def _random_learners() -> Learners:
    rng = random.Random(1)
    gold, predictions = [], []
    for speaker in sorted(TEST_SPK):
        for number in range(NUM_PER_SPEAKER):
            key = {"utt": f"u{number:03d}", "speaker": speaker}
            canonical = rng.choices(PHONES, k=NUM_PHONES)
            produced = corrupt(canonical, 0.1, PHONES, rng)
            gold.append({**key, "l1": SPK_L1[speaker], "canonical": canonical, "produced": produced})
            predictions.append({**key, "phones": corrupt(produced, 0.15, PHONES, rng)})
    return Learners("random phones", gold, predictions)
