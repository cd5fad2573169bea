"""What is not heard: the phones and positions that collapse most, and the errors missed most often.

Missed means collapsed: the chain wrote the canonical at an error, so nothing behind the transcript can find it.

What was said in place of a phone, and what a chain wrote there.
"""

from typing import Final

import polars as pl
from scipy.special import ndtri

MIN_SUBSTITUTIONS: Final = 20  # behind a rate that is shown: with fewer, its interval may span more than 40 points
NUM_MISSED: Final = 10  # errors named for each L1
UNNAMED_SOUND: Final = "err"
NOTHING: Final = "nothing"

_LEVEL: Final = 0.95
_Z: Final = float(ndtri((1 + _LEVEL) / 2))


def collapse_by(rows: pl.DataFrame, group: str) -> pl.DataFrame:
    """Collapse for each canonical phone or each syllable position, the highest first.

    The interval is Wilson's. It takes tokens as independent, which those of one speaker are not.

    Args:
        rows: token rows of one chain; several seeds count as one, with their mean.
        group: "canonical" or "position". Rows where it is null are left out.
    Returns:
        Columns `group`, num_substitutions, collapse, low, high; only groups of at least MIN_SUBSTITUTIONS.
    Source: Wilson 1927.
    """
    num_seeds = rows["seed"].n_unique()
    rates = (
        rows.filter(pl.col("collapsed").is_not_null(), pl.col(group).is_not_null())
        .group_by(group)
        .agg(num_substitutions=pl.len() // num_seeds, collapse=pl.col("collapsed").mean())
        .filter(pl.col("num_substitutions") >= MIN_SUBSTITUTIONS)
    )
    p, n = pl.col("collapse"), pl.col("num_substitutions")
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * (p * (1 - p) / n + _Z**2 / (4 * n**2)).sqrt() / (1 + _Z**2 / n)
    return rates.with_columns(low=centre - half, high=centre + half).sort(
        ["collapse", "num_substitutions", group], descending=[True, True, False]
    )


def most_missed(rows: pl.DataFrame, l1: str) -> pl.DataFrame:
    """The errors of one L1 at which the chain most often wrote the canonical.

    Substitutions, deletions (said: NOTHING) and sounds the annotator could not name (said: UNNAMED_SOUND) alike.

    Args:
        rows: token rows of one chain; several seeds count as one, with their mean.
        l1: first language.
    Returns:
        Columns canonical, said, num_missed (a mean over seeds), num_made; up to NUM_MISSED rows, the most missed first.
    """
    num_seeds = rows["seed"].n_unique()
    unheard = pl.when(error_type="d").then(pl.lit(NOTHING)).otherwise(pl.lit(UNNAMED_SOUND))
    return (
        rows.filter(pl.col("error_type") != "ok", l1=l1)
        .group_by("canonical", said=pl.col("perceived").fill_null(unheard))
        .agg(
            num_missed=(pl.col("predicted") == pl.col("canonical")).sum() / num_seeds,
            num_made=pl.len() // num_seeds,
        )
        .filter(pl.col("num_missed") > 0)
        .sort(["num_missed", "num_made", "canonical", "said"], descending=[True, True, False, False])
        .head(NUM_MISSED)
    )


NUM_CANONICAL: Final = 8  # canonical phones shown for each L1


def substitutions_of(rows: pl.DataFrame, chain: str) -> pl.DataFrame:
    """The token rows of a chain's named substitutions."""
    return rows.filter(pl.col("collapsed").is_not_null(), chain=chain)


def most_frequent(phones: pl.Series, number: int) -> dict[str, int]:
    """The phones with the most rows, and how many; ties by name."""
    name = phones.name
    counts = phones.value_counts().sort(["count", name], descending=[True, False]).head(number)
    return dict(counts.iter_rows())
