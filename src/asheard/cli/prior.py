"""`asheard prior`: fit the scoring prior on a training manifest."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asheard.cli.entry import Commands
from asheard.cli.options import VectorsFile
from asheard.cli.output import Table, echo, print_tables

if TYPE_CHECKING:
    from asheard.prior import PMinChoice, Prior

app = Commands(help="Fit the scoring prior: what each L1 is known to say.")

NUM_SHOWN = 10  # substitutions in a row of the table


@app.callback()
def _group() -> None:
    """Keep `fit` a subcommand although it is the only one."""


@app.command()
def fit(
    train: Annotated[Path, typer.Option("--train", help="Manifest or table of the training speakers.")],
    out: Annotated[Path, typer.Option("--out", help="The prior (JSON).")],
    pooled: Annotated[bool, typer.Option("--pooled", help="Count all first languages as one.")] = False,
    vectors: VectorsFile = None,
) -> None:
    """Choose p_min by leaving one training speaker out, fit the prior on all of them, and write it."""
    from asheard.corpora.table import read_gold
    from asheard.phones import load_vectors
    from asheard.prior import FITTED, fit_prior

    distances = load_vectors(vectors)
    prior, choice = fit_prior(read_gold(train, distances), distances, replace(FITTED, pooled=pooled))
    prior.save(out)
    print_tables([_prior_table(prior), *_choice_table(choice)])
    echo(f"wrote {out}: {prior.options}, p_min {prior.p_min}, threshold {prior.threshold}")


def _prior_table(prior: "Prior") -> Table:
    probable = f"the {NUM_SHOWN} most probable substitutions"
    table = Table(
        ("L1", "tokens", probable), left=("L1", probable), title="What speakers of each L1 say:", wrapped=True
    )
    for l1, num_tokens in prior.tokens_per_l1.items():
        strongest = prior.strongest_substitutions(l1)[:NUM_SHOWN]
        shown = "  ".join(f"{canonical}→{produced} {share:.0%}" for canonical, produced, share in strongest)
        table.add(l1, f"{num_tokens:,}", shown)
    return table


def _choice_table(choice: "PMinChoice") -> Iterator[Table | str]:
    table = Table(
        ("p_min", "FRR by class", "atypical errors caught"),
        title=f"p_min, one training speaker left out at a time ({choice.num_acceptable:,} ok or L1-typical tokens, "
        f"{choice.num_errors:,} L1-atypical errors):",
    )
    without_prior = choice.curve[-1]
    for point in choice.curve:
        if point.p_min in (choice.p_min, without_prior.p_min):
            name = f"{point.p_min} (chosen)" if point.p_min == choice.p_min else "no prior"
            caught = "-" if point.guard is None else f"{point.guard:.2%}"
            table.add(name, f"{point.frr_class:.2%}", caught)
    yield table
    if choice.left_out:
        yield f"alone in their L1, so not tried: {', '.join(choice.left_out)}"
