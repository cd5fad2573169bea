"""Tables: Markdown that reads well as plain text, CSV files, and how numbers are written in both."""

import csv
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from asheard.evaluation.metrics import ChainSummary, Metric
from asheard.io.files import whole_file

NOT_AVAILABLE = "n/a"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out cells in padded columns: the first column aligned left, the others right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = (
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "| " + " | ".join([first, *others]) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + ":" if index else ":" + "-" * (width + 1) for index, width in enumerate(widths)
    )
    return "\n".join([line(header), rule + "|", *map(line, rows)])


def bullets(items: Iterable[str]) -> str:
    """Write a Markdown list."""
    return "\n".join(f"- {item}" for item in items)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file (UTF-8, comma). An undefined number is an empty cell."""
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(["" if cell == NOT_AVAILABLE else cell for cell in row] for row in rows)


def percent(value: float | None) -> str:
    """Write a rate in per cent with two decimals."""
    return NOT_AVAILABLE if value is None else f"{100 * value:.2f}"


def number(value: float | None) -> str:
    """Write a distance or a coefficient with three decimals."""
    return NOT_AVAILABLE if value is None else f"{value:.3f}"


def written(metric: Metric[Any], value: float | None) -> str:
    """Write a value of a metric: in per cent, or as it is."""
    return percent(value) if metric.percent else number(value)


def probability(value: float | None) -> str:
    """Write a p value; below 0.001 as a power of ten."""
    if value is None:
        return NOT_AVAILABLE
    return f"{value:.3f}" if value >= 0.001 else "<1e-300" if value < 1e-300 else f"{value:.0e}"


def passed(value: bool | None) -> str:
    """Write whether a test passes."""
    return NOT_AVAILABLE if value is None else "pass" if value else "fail"


def with_interval(
    value: float | None, interval: Sequence[float] | None, write: Callable[[float | None], str] = percent
) -> str:
    """Write `value [low, high]`, or the value alone if it has no interval."""
    if value is None or interval is None:
        return write(value)
    return f"{write(value)} [{write(interval[0])}, {write(interval[1])}]"


def spread(ends: Sequence[float] | None, write: Callable[[float | None], str] = percent) -> str:
    """Write `least to most` over seeds. The form differs from an interval because a spread is none."""
    return NOT_AVAILABLE if ends is None else f"{write(ends[0])} to {write(ends[1])}"


def signed(difference: float | None, *, coefficient: bool = False) -> str:
    """Write a difference with its sign: of two rates in percentage points, of two coefficients as it is."""
    factor, decimals = (1, 3) if coefficient else (100, 2)
    return NOT_AVAILABLE if difference is None else f"{factor * difference:+.{decimals}f}"


def points(
    difference: float | None, interval: Sequence[float | None] = (None, None), *, coefficients: bool = False
) -> str:
    """Write a difference as `signed` does, with its interval if it has one."""
    value, low, high = (signed(end, coefficient=coefficients) for end in (difference, *interval))
    return value if NOT_AVAILABLE in (value, low, high) else f"{value} [{low}, {high}]"


def pooled_cell(summary: ChainSummary[Any], metric: Metric[Any]) -> str:
    """Write a metric of one chain over all speakers, with its interval."""
    interval = summary.intervals.pooled.values[metric]
    return with_interval(metric.of(summary.pooled), interval, partial(written, metric))


def l1_cell(summary: ChainSummary[Any], l1: str, metric: Metric[Any]) -> str:
    """Write a metric of one chain for one first language, with its interval."""
    interval = summary.intervals.per_l1[l1].values[metric]
    return with_interval(metric.of(summary.per_l1[l1]), interval, partial(written, metric))
