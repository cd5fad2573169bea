"""Train the embedded base: a small recogniser with the canonical bias of large ones.

    python scripts/make_base.py [--native-only] [--work build/base]

Large recognisers are trained on accented speech labelled with dictionary phones, so they tend to write the canonical
phones. The base is trained in the same way, on synthetic speech in noise: some native voices and many accented ones,
all labelled from the dictionary. Stage 1 teaches the sounds. In stage 2, accents are so strong that the sound alone
does not show the phone, and the context must. The voices and sentences (random words) are not those of the study. The
mix was chosen on its own held-out voices and on the training speakers of the study, never on test speakers
(docs/models.md).

The same command resumes a killed run. The finished model, an ordinary Hugging Face `Wav2Vec2ForCTC`, is
WORK/embedded-base. To ship it, copy it over `src/asheard/recognition/shipped/embedded-base`.
"""

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from asheard.corpora import Utterance, read_l2arctic, read_predictions, write_manifest
from asheard.corpora.chains import OFF_THE_SHELF
from asheard.corpora.synthetic import Speaker, SyntheticPlan, synthesise
from asheard.corpora.synthetic.learner import l1s
from asheard.corpora.synthetic.plan import BASE_VARIANTS, embedded_sentences
from asheard.evaluation import ChainRun, Context, evaluate_runs
from asheard.models import export_ctc, load_transcriber, read_card
from asheard.phones.espeak import Voice
from asheard.training import options as recipes
from asheard.training import train
from asheard.transcription import transcribe_manifest


class Stage(NamedTuple):
    """One corpus and one training. severity: odds of an error, divided by those of the average learner."""

    name: str
    severity: float
    epochs: int
    peak_lr: float


STAGES = (Stage("sounds", 4.0, 5, 1e-3), Stage("context", 8.0, 2, 7e-4))
SEED = 7
NUM_SENTENCES = 6000
NUM_PER_SPEAKER = 110  # times 47 voices = 5,170 utterances, about 3.6 hours
ACCENTED_SHARE = 0.85  # of the voices
NUM_HELD_OUT = 6  # voices of average learners, one for each L1
SNR_DB = (5.0, 30.0)
WORD_POWER = 0.75  # exponent of a word's count in the embedded sentences, so common words stay common


def base_plan(severity: float, accented_share: float) -> SyntheticPlan:
    """Sentences of random words of the embedded vocabulary; one speaker for each voice that the study does not use."""
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
            severity=1.0 if number < NUM_HELD_OUT else severity * (number in accented),
        )
        for number, variant in enumerate(BASE_VARIANTS)
    )
    return SyntheticPlan(speakers, sentences, NUM_PER_SPEAKER, SNR_DB, SEED)


def train_stage(stage: Stage, accented_share: float, base: Path | None, work: Path) -> Path:
    """Render the corpus of a stage and train on it; return the model folder."""
    folder = work / stage.name
    plan = base_plan(stage.severity, accented_share)
    synthesise(folder / "corpus", plan)
    held_out = {speaker.name for speaker in plan.speakers if speaker.split == "test"}
    utterances, _ = read_l2arctic(folder / "corpus")
    write_manifest(folder / "train.jsonl", [row for row in utterances if row.speaker not in held_out])
    write_manifest(folder / "val.jsonl", [row for row in utterances if row.speaker in held_out][::6])
    return train(
        recipes.base(
            wav_root=folder / "corpus",
            train=folder / "train.jsonl",
            val=folder / "val.jsonl",
            checkpoint_dir=folder / "model",
            base=None if base is None else str(base),
            seed=SEED,
            epochs=stage.epochs,
            peak_lr=stage.peak_lr,
        )
    )


def report(model: Path, gold: Sequence[Utterance], manifest: Path, wav_root: Path, out: Path) -> None:
    """Print PER and collapse of the model on average learners with held-out voices."""
    transcribe_manifest(model, manifest, wav_root, out / "predictions.jsonl", chain=OFF_THE_SHELF)
    run = ChainRun(chain=OFF_THE_SHELF, predictions=read_predictions(out / "predictions.jsonl"))
    context = Context(corpus="base held-out voices", split=manifest.stem, base=model.name)
    pooled = evaluate_runs(gold, [run], out=out, context=context).metrics.chains[OFF_THE_SHELF].pooled
    print(f"{model}: PER {pooled.per:.1%}, collapse {pooled.collapse:.1%} of {pooled.num_substitutions}")


def main() -> None:
    """Train the stages in order, publish the last model, and measure it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--native-only", action="store_true", help="for comparison: native voices, first stage only")
    parser.add_argument("--work", type=Path, default=Path("build/base"))
    args = parser.parse_args()
    model = None
    for stage in STAGES[:1] if args.native_only else STAGES:
        model = train_stage(stage, 0.0 if args.native_only else ACCENTED_SHARE, model, args.work)
    published = args.work / "embedded-base"
    if not published.exists():
        export_ctc(load_transcriber(model), published, read_card(model)["training"])
    corpus, manifest = args.work / STAGES[0].name / "corpus", args.work / "held-out.jsonl"
    gold = [row for row in read_l2arctic(corpus)[0] if row.speaker < f"B{NUM_HELD_OUT:02d}"]
    write_manifest(manifest, gold)
    report(published, gold, manifest, corpus, args.work / "evaluation")


if __name__ == "__main__":
    main()
