"""Train asheard-tiny, the transcriber that ships with the package.

    python scripts/make_voice_model.py --speechocean762 FOLDER --kokoro-voices FOLDER [--work runs/voice-model]

It starts from the Conformer inside the package hama (191 labels, 2.0 M parameters) and learns produced phones from
three sources: the training speakers of speechocean762, with a hole in the target wherever the experts scored a phone as
wrong or missing; learners spoken by Kokoro's neural voices; and learners spoken by eSpeak NG. Recordings are augmented.
One training speaker in twenty is kept out for the log and for the calibration of `gop`. What was compared was
compared on the development speakers at odd places (docs/voice-model.md).

Killed, it goes on where it was. The model is left in WORK/asheard_tiny; put it in place of
`src/asheard/models/asheard_tiny` to ship it.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import kokoro_learners
from asheard.calibrate import calibrate
from asheard.corpora import Utterance, read_corpus, write_manifest
from asheard.corpora.synthetic import Speaker, SyntheticPlan, synthesise
from asheard.corpora.synthetic.learner import l1s
from asheard.corpora.synthetic.plan import BASE_VARIANTS, embedded_sentences
from asheard.errors import AsHeardError
from asheard.espeak import Voice
from asheard.models import export_hama
from asheard.phones import BLANK_ID
from asheard.training import recipes, train
from real_speech import read_scored_speech, split_held_out

SEED: Final = 5
EPOCHS: Final = 12
PEAK_LR: Final = 5e-4
BLANK_BIAS: Final = -1.0  # nats
NUM_KOKORO: Final = 1000
NUM_PER_ESPEAK_VOICE: Final = 20
SEVERITIES: Final = (0.0, 2.0, 4.0)  # odds of an error against a real learner's


def main() -> None:
    """Parse, make, and say what is wrong in one line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--speechocean762", type=Path, required=True, help="the corpus as published, or as tables")
    parser.add_argument(
        "--kokoro-voices", type=Path, required=True, help="folder `voices` of the npm package kokoro-js"
    )
    parser.add_argument("--work", type=Path, default=Path("runs/voice-model"))
    args = parser.parse_args()
    try:
        make(args.speechocean762, args.kokoro_voices, args.work)
    except AsHeardError as error:
        parser.error(str(error))


def make(speechocean762: Path, kokoro_voices: Path, work: Path) -> None:
    """Gather the corpora, train, calibrate, and leave the model to ship in `work`."""
    corpora, base = work / "corpora", work / "base"
    corpora.mkdir(parents=True, exist_ok=True)
    if not (base / "vocab.json").is_file():
        export_hama(base)
    train_rows, val_rows = scored_speech(speechocean762, corpora / "speechocean762")
    train_rows += kokoro_learners.render(corpora / "kokoro", kokoro_voices, NUM_KOKORO)
    train_rows += espeak_learners(corpora / "espeak")
    write_manifest(work / "train.jsonl", train_rows)
    write_manifest(work / "val.jsonl", val_rows)
    options = recipes.faithful(
        train=work / "train.jsonl",
        val=work / "val.jsonl",
        wav_root=corpora,
        checkpoint_dir=work / "model",
        base=str(base),
        preset="voice",
        epochs=EPOCHS,
        peak_lr=PEAK_LR,
        seed=SEED,
    )
    publish(train(options), work / "asheard_tiny", work / "val.jsonl", corpora)


def scored_speech(root: Path, link: Path) -> tuple[list[Utterance], list[Utterance]]:
    """Training and validation utterances of speechocean762, reached through `link`."""
    rows, _ = read_scored_speech(root)
    link.unlink(missing_ok=True)
    link.symlink_to(root.resolve())
    return split_held_out([replace(row, wav=f"{link.name}/{row.wav}") for row in rows])


def espeak_learners(folder: Path) -> list[Utterance]:
    """Render the learners of `espeak_plan` into `folder`; their wav paths start from its parent."""
    synthesise(folder, espeak_plan())
    utterances, _ = read_corpus(folder)
    return [replace(row, wav=f"{folder.name}/{row.wav}") for row in utterances]


def espeak_plan() -> SyntheticPlan:
    """One speaker for each voice of eSpeak NG that the embedded study does not use; a third of them native."""
    rng = np.random.default_rng(SEED)
    first_languages = l1s()
    words = kokoro_learners.vocabulary()
    sentences = {f"random_{number:04d}": " ".join(rng.choice(words, rng.integers(4, 8))) for number in range(1000)}
    speakers = tuple(
        Speaker(
            name=f"V{number:02d}",
            l1=first_languages[number % len(first_languages)],
            split="train",
            voice=Voice(f"en-us+{variant}", int(rng.integers(130, 195)), int(rng.integers(30, 71))),
            severity=SEVERITIES[number % len(SEVERITIES)],
        )
        for number, variant in enumerate(BASE_VARIANTS)
    )
    return SyntheticPlan(speakers, sentences | embedded_sentences(), NUM_PER_ESPEAK_VOICE, (15.0, 40.0), SEED)


def publish(model: Path, out: Path, val: Path, wav_root: Path) -> None:
    """Copy a model with its weights in half precision (loading makes them single again), its card and a calibration.

    The blank is made rarer by BLANK_BIAS: CTC's spikes leave out what they are unsure of.
    """
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(model, out)
    weights = out / "model.safetensors"
    halves = {name: tensor.to(torch.float16) for name, tensor in load_file(weights).items()}
    halves["lm_head.bias"][BLANK_ID] += BLANK_BIAS
    save_file(halves, weights, metadata={"format": "pt"})
    weights.chmod(0o644)
    calibrate(out, val, wav_root, out.with_name("calibration.json"))
    shutil.copy(out.with_name("calibration.json"), out)
    shutil.copy(Path(__file__).with_name("asheard_tiny.md"), out / "README.md")


if __name__ == "__main__":
    main()
