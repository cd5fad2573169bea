"""Train asheard-tiny, the transcriber that ships with the package.

    python scripts/make_voice_model.py --speechocean762 FOLDER --kokoro-voices FOLDER [--work FOLDER]

It starts from the Conformer in the package hama (191 labels, 2.0 M parameters) and trains on produced phones of three
sources: the training speakers of speechocean762, with a wildcard label for each phone that the experts scored as wrong
or missing; learners spoken by eSpeak NG; and learners spoken by the neural voices of Kokoro. Recordings are augmented.
One training speaker in twenty is held out for the log and for the calibration of `gop`. Variants of the recipe were
compared on the development speakers at odd places (docs/models.md).

The same command resumes a killed run. The model is WORK/asheard-tiny. To ship it, copy it over
`src/asheard/recognition/shipped/asheard-tiny`.
"""

# torch is imported in the functions that need it, because each voice of eSpeak NG is rendered in a process that imports
# this module.
import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

import kokoro_learners
from asheard.corpora import Utterance, read_l2arctic, write_manifest
from asheard.corpora.synthetic import Speaker, SyntheticPlan, synthesise
from asheard.corpora.synthetic.learner import l1s
from asheard.corpora.synthetic.plan import BASE_VARIANTS, embedded_sentences
from asheard.errors import AsHeardError
from asheard.phones import BLANK_ID
from asheard.phones.espeak import Voice
from asheard.recognition.registry import ASHEARD_TINY
from real_speech import read_scored_speech, split_held_out

SEED: Final = 5
EPOCHS: Final = 12
PEAK_LR: Final = 5e-4
BASE_SHARE: Final = 0.25  # of the base's encoder in the published one
BLANK_BIAS: Final = -1.5  # nats
NUM_KOKORO: Final = 1200
NUM_PER_ESPEAK_VOICE: Final = 20
SEVERITIES: Final = (0.0, 1.0, 2.0)  # odds of an error, divided by those of a real learner


def main() -> None:
    """Parse the options and make the model; an error is one line."""
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
    """Make the corpora, train, calibrate, and write the model into `work`."""
    from asheard.training import options as recipes
    from asheard.training import train
    from hama_weights import export_hama

    corpora, base = work / "corpora", work / "base"
    corpora.mkdir(parents=True, exist_ok=True)
    if not (base / "vocab.json").is_file():  # the last file that is written
        export_hama(base)
    learners, val = scored_speech(speechocean762, corpora / "speechocean762")
    learners += espeak_learners(corpora / "espeak")
    learners += kokoro_learners.render(corpora / "kokoro", kokoro_voices, NUM_KOKORO)
    write_manifest(work / "train.jsonl", learners)
    write_manifest(work / "val.jsonl", val)
    options = recipes.faithful(
        train=work / "train.jsonl",
        val=work / "val.jsonl",
        wav_root=corpora,
        checkpoint_dir=work / "model",
        base=str(base),
        preset="tiny",
        epochs=EPOCHS,
        peak_lr=PEAK_LR,
        seed=SEED,
    )
    publish(train(options), base, work / "asheard-tiny", work / "val.jsonl", corpora)


def scored_speech(root: Path, link: Path) -> tuple[list[Utterance], list[Utterance]]:
    """Training and validation utterances of speechocean762, with wav paths through the link `link`."""
    rows, _ = read_scored_speech(root)
    link.unlink(missing_ok=True)
    link.symlink_to(root.resolve())
    return split_held_out([replace(row, wav=f"{link.name}/{row.wav}") for row in rows])


def espeak_learners(folder: Path) -> list[Utterance]:
    """Render the learners of `espeak_plan` into `folder`. Wav paths start from its parent."""
    synthesise(folder, espeak_plan())
    utterances, _ = read_l2arctic(folder)
    return [replace(row, wav=f"{folder.name}/{row.wav}") for row in utterances]


def espeak_plan() -> SyntheticPlan:
    """One speaker for each voice of eSpeak NG that the embedded study does not use. A third of them are native."""
    rng = np.random.default_rng(SEED)
    first_languages = l1s()
    words, odds = kokoro_learners.vocabulary()
    sentences = {
        f"random_{number:04d}": " ".join(rng.choice(words, rng.integers(4, 9), p=odds)) for number in range(1000)
    }
    speakers = tuple(
        Speaker(
            name=f"V{number:02d}",
            l1=first_languages[number % len(first_languages)],
            split="train",
            voice=Voice(f"en-us+{variant}", int(rng.integers(130, 195)), int(rng.integers(30, 71))),
            severity=SEVERITIES[number // len(first_languages) % len(SEVERITIES)],
        )
        for number, variant in enumerate(BASE_VARIANTS)
    )
    return SyntheticPlan(speakers, sentences | embedded_sentences(), NUM_PER_ESPEAK_VOICE, (15.0, 40.0), SEED)


def publish(model: Path, base: Path, out: Path, val: Path, wav_root: Path) -> None:
    """Publish a model: weights in half precision (loading makes them single), graph, calibration, model card.

    The published encoder is a mean of the trained encoder and, with weight BASE_SHARE, of the base's, which was trained
    on more people (Wortsman et al. 2022). BLANK_BIAS makes blanks rarer, because CTC leaves out uncertain phones.
    """
    import torch
    from safetensors.torch import load_file, save_file

    from asheard.models import load_transcriber
    from asheard.models.onnx_export import write_graph
    from asheard.pronunciation.gop_chain import calibrate

    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(model, out)
    weights = out / "model.safetensors"
    before, after = load_file(base / "model.safetensors"), load_file(weights)
    for name in after.keys() - {"lm_head.weight", "lm_head.bias"}:
        after[name] = torch.lerp(after[name], before[name], BASE_SHARE)
    halves = {name: tensor.to(torch.float16) for name, tensor in after.items()}
    halves["lm_head.bias"][BLANK_ID] += BLANK_BIAS
    save_file(halves, weights, metadata={"format": "pt"})
    weights.chmod(0o644)
    write_graph(load_transcriber(out, "cpu"), out)
    calibrate(out, val, wav_root, out.with_name("calibration.json"))
    shutil.copy(out.with_name("calibration.json"), out)
    shutil.copy(ASHEARD_TINY / "README.md", out)


if __name__ == "__main__":
    main()
