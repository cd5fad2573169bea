"""Seeds of training on the command line.

`asheard train`: a faithful or an L1-aware transcriber from manifests.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from asheard.training import TrainingOptions

Seeds = Annotated[str, typer.Option("--seeds", help="Training seeds, joined by commas.")]


def read_seeds(text: str) -> tuple[int, ...]:
    """The seeds that `Seeds` holds."""
    try:
        seeds = tuple(int(seed) for seed in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list such as 1,2", param_hint="--seeds") from None
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise typer.BadParameter(f"{text!r}: seeds must differ and be 0 or more", param_hint="--seeds")
    return seeds


app = typer.Typer(help="Train transcribers; killed, the same command goes on.", no_args_is_help=True)


class Preset(StrEnum):
    """Recipes: a large model on a GPU, asheard-tiny on two cores, the embedded base there, one epoch of that."""

    FULL = "full"
    TINY = "tiny"
    EMBEDDED = "embedded"
    QUICK = "quick"


class UnknownPhones(StrEnum):
    """What stands in the target for a sound of which only is known that it was not the canonical one."""

    WILDCARD = "wildcard"
    LEFT_OUT = "left-out"
    CANONICAL = "canonical"


WavRoot = Annotated[Path, typer.Option("--wav-root", help="Folder the manifests' wav paths start from.")]
Train = Annotated[Path, typer.Option("--train", help="Manifest to learn from (JSONL).")]
Val = Annotated[Path, typer.Option("--val", help="Manifest that is measured on after each epoch.")]
CheckpointDir = Annotated[
    Path, typer.Option("--checkpoint-dir", help="Checkpoint, log and, at the end, final/ go here.")
]
CheckpointEvery = Annotated[int, typer.Option("--checkpoint-every", min=1, help="Optimizer steps between checkpoints.")]
Epochs = Annotated[
    int | None, typer.Option("--epochs", min=1, help="Passes over the training set.", show_default="preset's")
]
Seed = Annotated[int, typer.Option("--seed", min=0)]
Pilot = Annotated[
    int, typer.Option("--pilot", min=0, help="Steps of a pilot run that must pass the gates first; 0: none.")
]
PilotTrain = Annotated[int, typer.Option("--pilot-train", min=1, help="Utterances the pilot trains on.")]
Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="PATH_OR_ID",
        help="Encoder to start from: a folder or a hub id.",
        show_default="preset's: facebook/wav2vec2-lv-60-espeak-cv-ft, asheard-tiny, or the embedded base",
    ),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out recordings that cannot be read, and count them.")]
UnknownPhonesOption = Annotated[
    UnknownPhones, typer.Option("--unknown-phones", help="The target where only is known that a phone was wrong.")
]
PresetOption = Annotated[Preset, typer.Option("--preset", help="Recipe.")]


@app.command()
def faithful(
    wav_root: WavRoot,
    train: Train,
    val: Val,
    checkpoint_dir: CheckpointDir,
    checkpoint_every: CheckpointEvery = 200,
    epochs: Epochs = None,
    seed: Seed = 1,
    pilot: Pilot = 0,
    pilot_train: PilotTrain = 256,
    skip_bad: SkipBad = False,
    unknown_phones: UnknownPhonesOption = UnknownPhones.WILDCARD,
    base: Base = None,
    preset: PresetOption = Preset.FULL,
) -> None:
    """Train on the phones that were said."""
    from asheard.training import faithful as recipe

    _train(
        recipe,
        wav_root=wav_root,
        train=train,
        val=val,
        checkpoint_dir=checkpoint_dir,
        checkpoint_every=checkpoint_every,
        epochs=epochs,
        seed=seed,
        pilot=pilot,
        pilot_train=pilot_train,
        skip_bad=skip_bad,
        unknown_phones=unknown_phones.value,
        base=base,
        preset=preset,
    )


@app.command("l1-aware")
def l1_aware(
    wav_root: WavRoot,
    train: Train,
    val: Val,
    checkpoint_dir: CheckpointDir,
    checkpoint_every: CheckpointEvery = 200,
    epochs: Epochs = None,
    seed: Seed = 1,
    pilot: Pilot = 0,
    pilot_train: PilotTrain = 256,
    lambda_l1: Annotated[
        float, typer.Option("--lambda-l1", min=0.0, help="Weight of the L1 loss beside the CTC loss.")
    ] = 0.3,
    skip_bad: SkipBad = False,
    unknown_phones: UnknownPhonesOption = UnknownPhones.WILDCARD,
    base: Base = None,
    preset: PresetOption = Preset.FULL,
) -> None:
    """Train on the phones that were said, with the speaker's L1 in the model."""
    from asheard.training import l1_aware as recipe

    _train(
        recipe,
        wav_root=wav_root,
        train=train,
        val=val,
        checkpoint_dir=checkpoint_dir,
        checkpoint_every=checkpoint_every,
        epochs=epochs,
        seed=seed,
        pilot=pilot,
        pilot_train=pilot_train,
        skip_bad=skip_bad,
        lambda_l1=lambda_l1,
        unknown_phones=unknown_phones.value,
        base=base,
        preset=preset,
    )


@app.command()
def options(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON; relative paths start from the current folder.")],
) -> None:
    """Train as a file of options says."""
    from asheard.training import read_options

    _train_by(read_options(file))


def _train(recipe: "Callable[..., TrainingOptions]", *, checkpoint_dir: Path, preset: Preset, **given: Any) -> None:
    """Train by a recipe; what is None is left to the preset."""
    _train_by(
        recipe(
            checkpoint_dir=checkpoint_dir,
            preset=preset.value,
            audio_cache=checkpoint_dir.parent / "audio-16khz",
            **{name: value for name, value in given.items() if value is not None},
        )
    )


def _train_by(options: "TrainingOptions") -> None:
    from rich.console import Console

    from asheard.models import read_card
    from asheard.models.folder import CARD
    from asheard.training import train

    already = options.final.is_dir()
    final = train(options)
    card = read_card(final)["training"]
    console = Console()
    console.print(f"{final}: {'already trained' if already else 'trained'} on {card['num_train']} utterances")
    for name, reasons in card["excluded"].items():
        for reason, utterances in reasons.items():
            console.print(f"left out of {name}: {len(utterances)} ({reason}), named in {final / CARD}")
    for row in card["epochs"]:
        accuracy = "" if row["val_l1_accuracy"] is None else f", L1 accuracy {row['val_l1_accuracy']:.1%}"
        console.print(f"epoch {row['epoch']}: val PER {row['val_per']:.1%}{accuracy}")
