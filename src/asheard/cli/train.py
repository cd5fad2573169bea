"""`asheard train KIND`: train a transcriber from manifests; and the options that other commands share with it."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from asheard.cli.entry import Commands
from asheard.cli.output import echo

if TYPE_CHECKING:
    from asheard.training import TrainingOptions

_KINDS: Final = {
    "faithful": "Train on the phones that the speakers produced.",
    "l1-aware": "Train on the phones that the speakers produced, with the speaker's L1 in the model.",
    "base": "Train on canonical phones, front end included, from random weights or from --base.",
}


class TrainingPresetChoice(StrEnum):
    """full: a large model on a GPU. tiny: asheard-tiny, two cores. embedded: the embedded base; quick: one epoch."""

    FULL = "full"
    TINY = "tiny"
    EMBEDDED = "embedded"
    QUICK = "quick"


class UnknownPhonesChoice(StrEnum):
    """The target label of a phone that is only known not to be the canonical one."""

    WILDCARD = "wildcard"
    LEFT_OUT = "left-out"
    CANONICAL = "canonical"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFiles:
    """The options that decide which files a training run reads."""

    wav_root: Annotated[Path, typer.Option("--wav-root", help="Folder that the manifests' wav paths start from.")]
    train: Annotated[Path, typer.Option("--train", help="Training manifest (JSONL).")]
    val: Annotated[Path, typer.Option("--val", help="Validation manifest (JSONL), measured after each epoch.")]
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="PATH_OR_ID",
            help="Encoder to start from: a folder or a hub id.",
            show_default="preset's: a large wav2vec2, asheard-tiny, or the embedded base",
        ),
    ] = None
    preset: Annotated[
        TrainingPresetChoice | None,
        typer.Option("--preset", help="Recipe, for faithful and l1-aware.", show_default="full"),
    ] = None

    def training_options(self, kind: str, checkpoint_dir: Path, *, seed: int, audio_cache: Path) -> "TrainingOptions":
        """The options of one run of `kind`. Options that were not given come from the recipe.

        Raises:
            BadParameter: `kind` is base, which has no presets, and a preset was given.
        """
        from asheard.training.options import RECIPES

        if kind == "base" and self.preset is not None:
            raise typer.BadParameter("applies to faithful and l1-aware only", param_hint="--preset")
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        if kind != "l1-aware":
            given.pop("lambda_l1", None)
        plain = {name: str(value) if isinstance(value, StrEnum) else value for name, value in given.items()}
        known = {name: value for name, value in plain.items() if value is not None}
        return RECIPES[kind](checkpoint_dir=checkpoint_dir, seed=seed, audio_cache=audio_cache, **known)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingParameters(TrainingFiles):
    """The options that `asheard train` and `asheard remote train` share."""

    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Passes over the training set.", show_default="preset's")
    ] = None
    pilot: Annotated[
        int, typer.Option("--pilot", min=0, help="Steps of a pilot run that must pass the gates first; 0: no pilot.")
    ] = 0
    pilot_train: Annotated[int, typer.Option("--pilot-train", min=1, help="Utterances that the pilot trains on.")] = 256
    checkpoint_every: Annotated[
        int, typer.Option("--checkpoint-every", min=1, help="Optimizer steps between checkpoints.")
    ] = 200
    unknown_phones: Annotated[
        UnknownPhonesChoice,
        typer.Option("--unknown-phones", help="Target label of a phone only known not to be the canonical one."),
    ] = UnknownPhonesChoice.WILDCARD
    lambda_l1: Annotated[
        float | None,
        typer.Option("--lambda-l1", min=0.0, help="l1-aware only: weight of the L1 loss.", show_default="0.3"),
    ] = None
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out recordings that cannot be read, and count them.")
    ] = False


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take a dataclass of options as one parameter. Typer sees its fields as options of the command."""
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if is_dataclass(parameter.annotation) and isinstance(parameter.annotation, type):
            groups[parameter.name] = parameter.annotation
            hints = get_type_hints(parameter.annotation, include_extras=True)
            parameters += [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if field.default is MISSING else field.default,
                    annotation=hints[field.name],
                )
                for field in fields(parameter.annotation)
            ]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def run(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


app = Commands(help="Train a transcriber. The same command resumes a killed run.")


def _add_command(kind: str, summary: str) -> None:
    @app.command(kind, help=summary)
    @with_options
    def run(
        parameters: TrainingParameters,
        checkpoint_dir: Annotated[
            Path,
            typer.Option("--checkpoint-dir", help="Folder for checkpoints, log and the finished model (final/)."),
        ],
        seed: Annotated[int, typer.Option("--seed", min=0, help="Decides all randomness of the run.")] = 1,
    ) -> None:
        if kind != "l1-aware" and parameters.lambda_l1 is not None:
            raise typer.BadParameter("applies to l1-aware only", param_hint="--lambda-l1")
        audio_cache = checkpoint_dir.parent / "audio-16khz"
        _train(parameters.training_options(kind, checkpoint_dir, seed=seed, audio_cache=audio_cache))


for _kind, _summary in _KINDS.items():
    _add_command(_kind, _summary)


@app.command()
def options(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON; relative paths start from the current folder.")],
) -> None:
    """Train with the options of a JSON file."""
    from asheard.training import read_options

    _train(read_options(file))


def _train(options: "TrainingOptions") -> None:
    """Train, and print the run's results from the model's card."""
    from asheard.models import read_card
    from asheard.models.folder import CARD
    from asheard.training import train

    finished = options.final.is_dir()
    final = train(options)
    card = read_card(final)["training"]
    echo(f"{final}: {'already trained' if finished else 'trained'} on {card['num_train']} utterances")
    for name, reasons in card["excluded"].items():
        for reason, utterances in reasons.items():
            echo(f"left out of {name}: {len(utterances)} ({reason}), named in {final / CARD}")
    for row in card["epochs"]:
        accuracy = "" if row["val_l1_accuracy"] is None else f", L1 accuracy {row['val_l1_accuracy']:.1%}"
        echo(f"epoch {row['epoch']}: val PER {row['val_per']:.1%}{accuracy}")
