"""A sheet of panels laid out in inches, and the colours of the chains.

Panels have fixed sizes and the sheet grows with their number, so nothing has to be measured before it is drawn:
matplotlib's own layout engines draw every text twice, which took most of the time of a report.

Many short texts on one panel, drawn as one artist.

A text of its own costs matplotlib a millisecond, whatever it says; maps with a number in every cell have hundreds. Here
each distinct text is outlined once, and all are filled together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any, Final, Literal, NamedTuple

from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from asheard.evaluation.systems import FAITHFUL, GOP, GOP_PRIOR, L1_ENCODER, L1_ENCODER_UNKNOWN, L1_PRIOR, OFF_THE_SHELF
from asheard.io.files import whole_file

# Okabe and Ito's palette, which stays distinct under every common colour blindness.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GREY: Final = "#666666"
_OF_CHAINS: Final = {
    OFF_THE_SHELF: VERMILION,
    FAITHFUL: BLUE,
    L1_ENCODER: GREEN,
    L1_ENCODER_UNKNOWN: ORANGE,
    L1_PRIOR: SKY,
    GOP: PURPLE,
    GOP_PRIOR: BLACK,
}
# For chains of other names, in this order, what the named ones leave; after those, a longer palette.
_FOR_OTHERS: Final = (PURPLE, BLACK, SKY, ORANGE, GREEN, BLUE, VERMILION, YELLOW)

DPI: Final = 130
TITLE_SIZE: Final = 11
PANEL_TITLE_SIZE: Final = 10
TEXT_SIZE: Final = 9
SMALL_SIZE: Final = 8
_FOOTER_SIZE: Final = 5.5
_LINE: Final = 1.45 / 72  # inches a point of font size takes from one line to the next
_LETTER: Final = 0.62 / 72  # inches a point of font size takes from one letter to the next, on average
_MARGIN: Final = 0.12  # inches
_LEAST_WIDTH: Final = 5.0  # inches


@dataclass(frozen=True, slots=True)
class Sheet:
    """A figure, and its panels row by row."""

    figure: Figure
    panels: list[Axes]

    def write(self, path: Path, signature: str) -> None:
        """Write a PNG that carries the signature, as its footer and in its metadata (`Description`)."""
        width, height = self.figure.get_size_inches()
        letters = int((width - 2 * _MARGIN) / (0.9 * _FOOTER_SIZE * _LETTER))
        self.figure.text(
            _MARGIN / width, 0.05 / height, "\n".join(wrap(signature.replace("|", " | "), letters)),
            fontsize=_FOOTER_SIZE, color=GREY, va="bottom", linespacing=1.2,
        )  # fmt: skip
        with whole_file(path) as part:
            self.figure.savefig(
                part, format="png", dpi=DPI, metadata={"Software": None, "Description": signature},
            )  # fmt: skip


def sheet(
    num_panels: int,
    *,
    num_columns: int,
    panel: tuple[float, float],
    gap: tuple[float, float] = (0.5, 0.6),
    left: float = 0.7,
    bottom: float = 0.5,
    title: str,
    title_lines: int = 0,
    legend: Mapping[str, Artist] | None = None,
) -> Sheet:
    """Lay out panels below a title and a legend.

    Args:
        num_panels: as many panels as are made; the last row may be shorter.
        num_columns: panels in a row.
        panel: width and height of each, in inches.
        gap: space between columns and between rows, in inches.
        left: space for what stands left of the first column, in inches.
        bottom: space for what stands below the last row, in inches.
        title: of the sheet; wrapped to its width.
        title_lines: lines in the title of each panel.
        legend: what is drawn beside each name.
    Returns:
        The sheet, with room for a footer.
    """
    num_rows = ceil(num_panels / num_columns)
    body_width = num_columns * panel[0] + (num_columns - 1) * gap[0]
    body_height = num_rows * panel[1] + (num_rows - 1) * gap[1]
    width = max(left + body_width + 0.25, _LEAST_WIDTH)
    lines = wrap(title, int((width - 2 * _MARGIN) / (TITLE_SIZE * _LETTER)))
    names = list(legend or {})
    entry = 0.55 + max(map(len, names), default=0) * TEXT_SIZE * _LETTER
    legend_columns = max(1, min(len(names), int((width - 2 * _MARGIN) / entry)))
    title_height = 0.1 + len(lines) * TITLE_SIZE * _LINE
    legend_height = ceil(len(names) / legend_columns) * TEXT_SIZE * _LINE
    head = title_height + legend_height + 0.2 + title_lines * PANEL_TITLE_SIZE * _LINE
    height = head + body_height + bottom + 0.35
    figure = Figure(figsize=(width, height))
    figure.text(_MARGIN / width, 1 - 0.08 / height, "\n".join(lines), fontsize=TITLE_SIZE, va="top", linespacing=1.3)
    if legend:
        figure.legend(
            legend.values(), names, loc="upper left", bbox_to_anchor=(_MARGIN / width, 1 - title_height / height),
            ncols=legend_columns, fontsize=TEXT_SIZE, frameon=False, borderpad=0, borderaxespad=0, handlelength=1.6,
            labelspacing=0.35, columnspacing=1.4,
        )  # fmt: skip
    panels = []
    for index in range(num_panels):
        row, column = divmod(index, num_columns)
        x = left + column * (panel[0] + gap[0])
        y = height - head - (row + 1) * panel[1] - row * gap[1]
        panels.append(figure.add_axes((x / width, y / height, panel[0] / width, panel[1] / height)))
    return Sheet(figure, panels)


def bare(axes: Axes, grid: Literal["x", "y", "both"] = "y") -> None:
    """Take away the frame right and above, and draw a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=TEXT_SIZE)


def colours(chains: Sequence[str]) -> dict[str, Any]:
    """A colour for each of the chains, the same in every picture of a report."""
    named = {chain: _OF_CHAINS[chain] for chain in chains if chain in _OF_CHAINS}
    others = [chain for chain in chains if chain not in named]
    free: list[Any] = [colour for colour in _FOR_OTHERS if colour not in named.values()]
    free += map(colormaps["tab20b"], range(20))
    return named | {chain: free[index % len(free)] for index, chain in enumerate(others)}


_LEFT_OF_PLACE: Final = {"left": 0.0, "center": 0.5, "right": 1.0}  # share of the width
_MIDDLE: Final = 0.36  # of the font size, above the baseline


class Word(NamedTuple):
    """A short text, its middle at the height of (x, y) in the units of the panel; size in points, angle in degrees."""

    x: float
    y: float
    text: str
    size: float
    align: Literal["left", "center", "right"] = "center"
    colour: str = "black"
    angle: float = 0


def draw_words(axes: Axes, words: Sequence[Word]) -> None:
    """Draw the words on a panel; they may stand outside its frame."""
    points = Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans
    axes.add_collection(
        PathCollection(
            [_outline(word.text, word.size, word.align, word.angle) for word in words],
            offsets=[(word.x, word.y) for word in words],
            offset_transform=axes.transData,
            transform=points,
            facecolors=[word.colour for word in words],
            linewidths=0,
            clip_on=False,
            snap=False,
        ),
        autolim=False,
    )


@cache
def _outline(text: str, size: float, align: str, angle: float) -> Outline:
    outline = TextPath((0, 0), text, size=size)
    left = _LEFT_OF_PLACE[align] * outline.vertices[:, 0].max()
    return outline.transformed(Affine2D().translate(-left, -_MIDDLE * size).rotate_deg(angle))
