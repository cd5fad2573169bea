"""Train the embedded base: a small recogniser with the canonical bias of the large ones.

    python scripts/make_base.py [--native-only] [--work build/base]

Large recognisers learn from accented speech labelled with dictionary phones, so they come to write what a word calls
for. The base is trained the same way, on synthetic speech: many voices, some native and most of them accented, all
labelled from the dictionary, in noise that makes context worth using. Its voices and its sentences (random words)
are not the study's. The numbers of the mix were fixed on this script's own held-out voices (docs/base.md), before the
study's test speakers were looked at.

Run again after a kill, it goes on where it was. The finished model is the package folder `embedded_base`, an ordinary
Hugging Face `Wav2Vec2ForCTC`.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import numpy as np

from asheard.corpora import read_corpus, write_manifest
from asheard.corpora.synthetic import Speaker, SyntheticPlan, synthesise
from asheard.corpora.synthetic.learner import l1s
from asheard.corpora.synthetic.plan import BASE_VARIANTS, embedded_sentences
from asheard.espeak import Voice
from asheard.models import EMBEDDED_BASE, export_ctc, load_transcriber
from asheard.training import recipes, train

SEED = 7
NUM_SENTENCES = 6000
NUM_PER_SPEAKER = 110  # x 47 voices = 5,170 utterances, about 3.6 hours
NUM_HELD_OUT = 6  # voices, one an L1, average learners: what the mix was chosen on
ACCENTED_SHARE = 0.85  # of the voices
SEVERITY = 2.0  # odds of an error against the average learner's: what a base hears of accents is not picked by level
SNR_DB = (5.0, 30.0)
WORD_POWER = 0.75  # of a word's count in the embedded sentences: common words are common here too


def base_plan(accented_share: float) -> SyntheticPlan:
    """Random-word sentences over the embedded vocabulary, one speaker for each voice the study does not use."""
    rng = np.random.default_rng(SEED)
    counts = Counter(word for text in embedded_sentences().values() for word in re.findall(r"[a-z']+", text.lower()))
    words = sorted(counts)
    weights = np.array([counts[word] for word in words], float) ** WORD_POWER
    weights /= weights.sum()
    sentences = {
        f"base_{number:05d}": " ".join(rng.choice(words, size=rng.integers(4, 9), p=weights))
        for number in range(NUM_SENTENCES)
    }
    first_languages = l1s()
    num_accented = round(accented_share * len(BASE_VARIANTS))
    accented = set(rng.permutation(len(BASE_VARIANTS))[:num_accented].tolist())
    speakers = tuple(
        Speaker(
            name=f"B{number:02d}",
            l1=first_languages[number % len(first_languages)],
            split="test" if number < NUM_HELD_OUT else "train",
            voice=Voice(f"en-us+{variant}", int(rng.integers(135, 195)), int(rng.integers(30, 71))),
            severity=1.0 if number < NUM_HELD_OUT else SEVERITY * (number in accented),
        )
        for number, variant in enumerate(BASE_VARIANTS)
    )
    return SyntheticPlan(speakers, sentences, NUM_PER_SPEAKER, SNR_DB, SEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--native-only", action="store_true", help="for comparison: no accented speech at all")
    parser.add_argument("--work", type=Path, default=Path("build/base"))
    parser.add_argument("--out", type=Path, default=EMBEDDED_BASE)
    args = parser.parse_args()
    plan = base_plan(0.0 if args.native_only else ACCENTED_SHARE)
    corpus = args.work / "corpus"
    synthesise(corpus, plan)
    utterances, _ = read_corpus(corpus)
    held_out = {speaker.name for speaker in plan.speakers if speaker.split == "test"}
    for split, inside in (("train", False), ("val", True)):
        rows = [row for row in utterances if (row.speaker in held_out) == inside]
        write_manifest(args.work / f"{split}.jsonl", rows)
    model = train(
        recipes.base(
            wav_root=corpus,
            train=args.work / "train.jsonl",
            val=args.work / "val.jsonl",
            checkpoint_dir=args.work / "model",
            seed=SEED,
        )
    )
    export_ctc(load_transcriber(model), args.out)


if __name__ == "__main__":
    main()
