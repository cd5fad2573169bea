"""A small study: eight speakers of two L1s, five chains with two seeds each, and what is said beside their numbers."""

import random
from dataclasses import replace

from asheard.corpora.chains import FAITHFUL, L1_ENCODER, L1_ENCODER_UNKNOWN, L1_PRIOR, OFF_THE_SHELF
from asheard.corpora.records import Prediction, Utterance
from asheard.evaluation import ChainRun, Context, Epoch
from asheard.phones import load_vectors
from asheard.prior import PMinChoice, PMinPoint, build_prior, rows_of
from support.small_gold import L1S, PHONES, utterance

NOTE = "The embedded corpus is synthetic and proves nothing about people."
CONTEXT = Context(
    corpus="small",
    split="test-2",
    base="tiny",
    notes=(NOTE,),
    excluded={"training utterances that hold err": 7},
    num_shared_prompts=31,
    num_sharing=62,
    p_min=(PMinChoice(0.05, (PMinPoint(0.05, 0.1, 0.9), PMinPoint(1.0, 0.2, None)), 99, 8, ("LONE",)),),
    validation=(
        Epoch(chain=FAITHFUL, seed=1, epoch=1, per=0.3456),
        Epoch(chain=L1_ENCODER, seed=2, epoch=1, per=0.25, l1_accuracy=0.625),
    ),
)


def speech(num_utterances: int, seed: int) -> list[Utterance]:
    """Four Hindi speakers often say s for t, four Korean ones d for z; all substitute and delete by chance besides."""
    chance = random.Random(seed)
    habits = {"Hindi": {"t": "s"}, "Korean": {"z": "d"}}

    def said(phone: str, l1: str) -> str | None:
        if phone in habits[l1] and chance.random() < 0.5:
            return habits[l1][phone]
        return chance.choice((*PHONES, None)) if chance.random() < 0.1 else phone

    canonical = [chance.choices(PHONES, k=12) for _ in range(num_utterances)]
    return [
        replace(
            utterance(f"{l1}{index}", [(phone, said(phone, l1)) for phone in phones], l1),
            speaker=f"{l1}-{'ABCD'[index % 4]}",
        )
        for l1 in L1S
        for index, phones in enumerate(canonical)
    ]


def heard(gold: list[Utterance], collapse: float, seed: int) -> list[Prediction]:
    """What was said, but for a share of positions where the canonical is written."""
    chance = random.Random(seed)
    return [
        Prediction(
            row.utt,
            row.speaker,
            "x",
            tuple(
                phone
                for token in row.tokens
                for phone in [token.canonical if chance.random() < collapse else token.perceived]
                if phone is not None
            ),
        )
        for row in gold
    ]


TRAINING = speech(40, seed=1)
TEST = speech(40, seed=2)


def study_runs() -> list[ChainRun]:
    prior = build_prior(rows_of(TRAINING), threshold=load_vectors().threshold)
    runs = []
    for seed in (1, 2):
        faithful = heard(TEST, 0.05, seed)
        runs += [
            ChainRun(chain=OFF_THE_SHELF, seed=seed, predictions=heard(TEST, 0.6, 10 + seed)),
            ChainRun(chain=FAITHFUL, seed=seed, predictions=faithful),
            ChainRun(chain=L1_ENCODER, seed=seed, predictions=heard(TEST, 0.0, 20 + seed)),
            ChainRun(chain=L1_PRIOR, seed=seed, predictions=faithful, prior=prior),
            ChainRun(chain=L1_ENCODER_UNKNOWN, seed=seed, predictions=heard(TEST, 0.02, 30 + seed)),
        ]
    return runs
