"""Options that several commands share, and the checks of their values."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asheard.recognition.shards import MapShards

Recordings = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE|DIR]", help="Recordings, and folders of them.", show_default=False),
]
WavRoot = Annotated[Path | None, typer.Option("--wav-root", help="Folder that the manifest's wav paths start from.")]
L1Given = Annotated[
    bool, typer.Option("--l1-given/--l1-withheld", help="Give an L1-aware model the manifest's first languages.")
]
Seeds = Annotated[str, typer.Option("--seeds", help="Training seeds, separated by commas.")]
VectorsFile = Annotated[Path | None, typer.Option("--vectors", help="Phone vectors (CSV) instead of the bundled ones.")]


def check_sources(recordings: list[Path] | None, manifest: Path | None) -> None:
    """Raise `BadParameter` unless either recordings or a manifest are given."""
    if bool(recordings) == (manifest is not None):
        raise typer.BadParameter("give recordings or folders of them, or --manifest")


def map_shards(executor: str) -> "MapShards | None":
    """The function of an executor that runs shards of recordings; None runs them here."""
    if executor == "local":
        return None
    from asheard.remote.executors import map_shards_at  # needs torch

    return map_shards_at(executor)


def read_seeds(text: str) -> tuple[int, ...]:
    """The seeds of an option such as `--seeds 1,2`.

    Raises:
        BadParameter: a seed is no number, is negative, or occurs twice.
    """
    try:
        seeds = tuple(int(seed) for seed in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list such as 1,2", param_hint="--seeds") from None
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise typer.BadParameter(f"{text!r}: seeds must differ and be 0 or more", param_hint="--seeds")
    return seeds
