"""Markdown tables that read well as plain text, and how numbers are written in them."""

from collections.abc import Sequence

NOT_AVAILABLE = "n/a"


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


def probability(value: float | None) -> str:
    """A p value; below 0.001 as a power of ten."""
    if value is None:
        return NOT_AVAILABLE
    return f"{value:.3f}" if value >= 0.001 else "<1e-300" if value < 1e-300 else f"{value:.0e}"


def passed(value: bool | None) -> str:
    """Whether a test passes."""
    return NOT_AVAILABLE if value is None else "pass" if value else "fail"


def with_spread(mean: float | None, spread: Sequence[float] | None) -> str:
    """`mean [least-most]` in per cent; the mean alone where all seeds agree."""
    if mean is None or spread is None or spread[0] == spread[1]:
        return percent(mean)
    return f"{percent(mean)} [{percent(spread[0])}, {percent(spread[1])}]"
