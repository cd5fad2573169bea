"""Markdown tables that read well as plain text, and how numbers are written in them."""

from collections.abc import Callable, Sequence

NOT_AVAILABLE = "n/a"
COEFFICIENTS = ("auc", "pcc")  # numbers that tables of rates show as they are


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out cells with padded columns: the first column to the left, the others to the right."""
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


def percent(value: float | None) -> str:
    """A rate in per cent, two decimals."""
    return NOT_AVAILABLE if value is None else f"{100 * value:.2f}"


def number(value: float | None) -> str:
    """A distance or coefficient, three decimals."""
    return NOT_AVAILABLE if value is None else f"{value:.3f}"


def notation(path: str) -> Callable[[float | None], str]:
    """How the number of this path is written in a table of rates."""
    return number if path in COEFFICIENTS else percent


def probability(value: float | None) -> str:
    """A p value; below 0.001 as a power of ten."""
    if value is None:
        return NOT_AVAILABLE
    return f"{value:.3f}" if value >= 0.001 else "<1e-300" if value < 1e-300 else f"{value:.0e}"


def passed(value: bool | None) -> str:
    """Whether a test passes."""
    return NOT_AVAILABLE if value is None else "pass" if value else "fail"


def with_interval(
    value: float | None, interval: Sequence[float] | None, written: Callable[[float | None], str] = percent
) -> str:
    """`value [low, high]`; the value alone where it has no interval."""
    if value is None or interval is None:
        return written(value)
    return f"{written(value)} [{written(interval[0])}, {written(interval[1])}]"


def spread(ends: Sequence[float] | None, written: Callable[[float | None], str] = percent) -> str:
    """`least to most` over seeds; written otherwise than an interval, for it is none."""
    return NOT_AVAILABLE if ends is None else f"{written(ends[0])} to {written(ends[1])}"


def points(
    difference: float | None, interval: Sequence[float | None] = (None, None), *, coefficients: bool = False
) -> str:
    """A difference of two rates in percentage points, or of two coefficients, with its sign and interval."""
    factor, decimals = (1, 3) if coefficients else (100, 2)
    ends = [None if end is None else f"{factor * end:+.{decimals}f}" for end in (difference, *interval)]
    value, low, high = ends
    if value is None:
        return NOT_AVAILABLE
    return value if low is None or high is None else f"{value} [{low}, {high}]"
