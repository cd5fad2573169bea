"""What is particular to each first language, in two sentences."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from asheard.evaluation.chains import FAITHFUL, L1_ENCODER, L1_PRIOR
from asheard.evaluation.metrics import RATES
from asheard.evaluation.ranking import reference_chain
from asheard.evaluation.tables import percent

_NUM_FREQUENT = 4  # substitutions named


def l1_notes(rows: pl.DataFrame, chains: Mapping[str, Any]) -> list[str]:
    """Say for each L1 what its speakers substitute, how that was heard, and what knowing the L1 changed.

    Args:
        rows: token rows of every chain and seed.
        chains: what `metrics.summarise` returns for them.
    Returns:
        One paragraph of Markdown for each L1, in alphabetical order.
    """
    reference = reference_chain(chains)
    heard = rows.filter(pl.col("chain") == reference)
    notes = []
    for (l1,), here in sorted(heard.partition_by("l1", as_dict=True).items()):
        speakers = ", ".join(sorted(here["speaker"].unique()))
        notes.append(f"**{l1}** ({speakers}): {_said_and_heard(here, reference)}{_l1_known(chains, l1)}")
    return notes


def _said_and_heard(rows: pl.DataFrame, chain: str) -> str:
    num_seeds = rows["seed"].n_unique()
    substituted = rows.filter((pl.col("error_type") == "s") & pl.col("perceived").is_not_null())
    if substituted.is_empty():
        return "no substitutions."
    frequent = (
        substituted.group_by("canonical", "perceived")
        .len()
        .sort(["len", "canonical", "perceived"], descending=[True, False, False])
        .head(_NUM_FREQUENT)
    )
    named = ", ".join(f"{a} said {b} ({count // num_seeds})" for a, b, count in frequent.iter_rows())
    shares = substituted.select(
        typical=pl.col("l1_typical").mean(),
        right=(pl.col("predicted") == pl.col("perceived")).fill_null(False).mean(),
        collapsed=pl.col("collapsed").mean(),
    ).row(0, named=True)
    return (
        f"{substituted.height // num_seeds} substitutions, {percent(shares['typical'])}% L1-typical; "
        f"most often {named}. {chain} wrote the phone that was said at {percent(shares['right'])}% of them "
        f"and the canonical at {percent(shares['collapsed'])}%."
    )


def _l1_known(chains: Mapping[str, Any], l1: str) -> str:
    """How the chains that know the L1 differ from the faithful one."""
    if FAITHFUL not in chains:
        return ""
    faithful = chains[FAITHFUL]["per_l1"][l1]
    sentences = []
    if L1_ENCODER in chains:
        encoder = chains[L1_ENCODER]["per_l1"][l1]
        sentences.append(f" The L1 encoder moves {_moved(faithful, encoder, 'collapse', 'per', 'frr_class')}.")
    if L1_PRIOR in chains:
        prior = chains[L1_PRIOR]["per_l1"][l1]
        sentences.append(f" The L1 prior moves {_moved(faithful, prior, 'frr_class', 'atypical_errors_caught')}.")
    return "".join(sentences)


def _moved(before: dict[str, Any], after: dict[str, Any], *names: str) -> str:
    labels = {path: label for label, path in RATES.items()}
    return ", ".join(f"{labels[name]} {percent(before[name])} to {percent(after[name])}" for name in names)
