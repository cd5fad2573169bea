"""Seeds of training on the command line."""

from typing import Annotated

import typer

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
