"""Many short texts on one panel, drawn as one artist.

A text of its own costs matplotlib a millisecond, whatever it says; maps with a number in every cell have hundreds. Here
each distinct text is outlined once, and all are filled together.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

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
def _outline(text: str, size: float, align: str, angle: float) -> Path:
    outline = TextPath((0, 0), text, size=size)
    left = _LEFT_OF_PLACE[align] * outline.vertices[:, 0].max()
    return outline.transformed(Affine2D().translate(-left, -_MIDDLE * size).rotate_deg(angle))
