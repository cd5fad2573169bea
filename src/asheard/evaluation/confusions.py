"""What was said in place of a phone, and what a chain wrote there."""

from typing import Final

import polars as pl

NUM_CANONICAL: Final = 8  # canonical phones shown for each L1


def substitutions_of(rows: pl.DataFrame, chain: str) -> pl.DataFrame:
    """The token rows of a chain's named substitutions."""
    return rows.filter(pl.col("collapsed").is_not_null(), chain=chain)


def most_frequent(phones: pl.Series, number: int) -> dict[str, int]:
    """The phones with the most rows, and how many; ties by name."""
    name = phones.name
    counts = phones.value_counts().sort(["count", name], descending=[True, False]).head(number)
    return dict(counts.iter_rows())
