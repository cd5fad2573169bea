"""What all figures share: size, fonts, colours of the chains, and how a figure is written.

A figure is 8 inches wide and readable at 800 pixels. matplotlib's constrained layout places everything. It measures
each text, so texts inside the axes stay out of the layout (`set_in_layout(False)`): measuring hundreds of them is slow.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from textwrap import wrap
from typing import Any, Final, Literal

from matplotlib import colormaps, rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asheard.corpora.chains import FAITHFUL, GOP, GOP_PRIOR, L1_ENCODER, L1_ENCODER_UNKNOWN, L1_PRIOR, OFF_THE_SHELF
from asheard.io.files import whole_file

WIDTH: Final = 8.0  # inches
DPI: Final = 130
SMALL_SIZE: Final = 8  # points
TITLE_SIZE: Final = 11  # points
_TEXT_SIZE: Final = 9  # points
_FOOTER_SIZE: Final = 6  # points
_LINE: Final = 1.6 / 72  # inches from one line to the next, for each point of the font size
_FOOT: Final = 0.4  # inches
_TITLE_LETTERS: Final = 88  # letters of TITLE_SIZE in a line of WIDTH
_FOOTER_LETTERS: Final = 175  # letters of _FOOTER_SIZE in a line of WIDTH
_LEGEND_LETTERS: Final = 105  # letters of a legend in a line of WIDTH
_HANDLE_LETTERS: Final = 8  # letters that the sample and the gap of one legend entry take

# The palette of Okabe and Ito. Its colours differ for every common kind of colour blindness.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GREY: Final = "#666666"
_NAMED_COLOURS: Final = {
    OFF_THE_SHELF: VERMILION,
    FAITHFUL: BLUE,
    L1_ENCODER: GREEN,
    L1_ENCODER_UNKNOWN: ORANGE,
    L1_PRIOR: SKY,
    GOP: PURPLE,
    GOP_PRIOR: BLACK,
}
# Other chains take the colours that the named chains leave, in this order. Then follows a longer palette.
_OTHER_COLOURS: Final = (PURPLE, BLACK, SKY, ORANGE, GREEN, BLUE, VERMILION, YELLOW)
_MARKERS: Final = "osD^vPXph*"
_RC: Final[Any] = {
    "text.parse_math": False,  # a chain may be called `$x`
    "font.size": _TEXT_SIZE,
    "axes.titlesize": 10,
    "axes.titley": 1.0,  # otherwise each title is measured against the tick labels
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def figure_style() -> AbstractContextManager[None]:
    """Set matplotlib's defaults for figures of a report, and restore them at the end."""
    return rc_context(_RC)


def new_figure(height: float, title: str, *, legend: Mapping[str, Artist] | None = None) -> Figure:
    """Start a figure.

    Args:
        height: of the panels with their labels, in inches. Title, legend and footer come on top of it.
        title: wrapped to the width.
        legend: the sample of each name. The title is the legend's title then, because matplotlib places a figure's
            title and a legend outside the axes on each other.
    Returns:
        A figure without axes.
    """
    lines = wrap(title, _TITLE_LETTERS)
    longest = max(map(len, legend or {}), default=0) + _HANDLE_LETTERS
    num_columns = max(1, min(len(legend or {}), _LEGEND_LETTERS // longest))
    num_rows = -(-len(legend or {}) // num_columns)
    head = _LINE * (TITLE_SIZE * len(lines) + _TEXT_SIZE * num_rows)
    figure = Figure(figsize=(WIDTH, height + head + _FOOT), layout="constrained")
    if not legend:
        figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=TITLE_SIZE)
        return figure
    figure.legend(
        list(legend.values()), list(legend), title="\n".join(lines), title_fontsize=TITLE_SIZE, alignment="left",
        loc="outside upper left", borderaxespad=0.2, borderpad=0.2, handlelength=1.6, ncols=num_columns,
    )  # fmt: skip
    return figure


def grid(axes: Axes, axis: Literal["x", "y", "both"]) -> None:
    """Draw a faint grid."""
    axes.grid(axis=axis)


def write_figure(figure: Figure, path: Path, signature: str) -> None:
    """Write a PNG with the signature in its footer and in its metadata (`Description`)."""
    footer = "\n".join(wrap(signature.replace("|", " | "), _FOOTER_LETTERS, break_on_hyphens=False))
    figure.supxlabel(footer, x=0.01, ha="left", fontsize=_FOOTER_SIZE, color=GREY)
    with whole_file(path) as part:
        figure.savefig(part, format="png", dpi=DPI, metadata={"Software": None, "Description": signature})


def chain_colours(chains: Sequence[str]) -> dict[str, Any]:
    """Return a colour for each chain. A chain of ours has the same colour in every figure."""
    named = {chain: _NAMED_COLOURS[chain] for chain in chains if chain in _NAMED_COLOURS}
    others = [chain for chain in chains if chain not in named]
    free: list[Any] = [colour for colour in _OTHER_COLOURS if colour not in named.values()]
    free += map(colormaps["tab20b"], range(20))
    return named | {chain: free[index % len(free)] for index, chain in enumerate(others)}


def chain_markers(chains: Sequence[str]) -> dict[str, str]:
    """Return a marker for each chain, so that colour is not the only difference."""
    return {chain: _MARKERS[index % len(_MARKERS)] for index, chain in enumerate(chains)}
