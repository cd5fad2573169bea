"""Where the texts of a figure lie: outside the page, on each other, or under the legend."""

from itertools import combinations

from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def find_misplaced_texts(figure: Figure) -> list[str]:
    """Draw a figure and describe each text that leaves the page, meets another text, or meets the legend."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    beyond = {id(label) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in _not_drawn(axis)}
    texts = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in beyond
    ]
    page = figure.bbox
    found = [f"{text!r} leaves the page" for text, box in texts if not _within(box, page)]
    found += [
        f"{one!r} meets {other!r}" for (one, first), (other, second) in combinations(texts, 2) if _meet(first, second)
    ]
    panels = [axes.get_tightbbox(renderer) for axes in figure.axes]
    for legend in figure.legends:
        box = legend.get_window_extent(renderer)
        found += ["the legend meets a panel" for panel in panels if panel is not None and _meet(box, panel)]
    return found


def _not_drawn(axis: Axis) -> list[Text]:
    """Return the labels of ticks beyond the ends of the axis."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]


def _within(box: Bbox, page: Bbox) -> bool:
    return bool(min(box.x0 - page.x0, page.x1 - box.x1, box.y0 - page.y0, page.y1 - box.y1) > -1)  # pixels


def _meet(one: Bbox, other: Bbox) -> bool:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(width > 1 and height > 1)  # pixels
