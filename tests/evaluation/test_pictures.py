"""The pictures say whose numbers they are, tell chains apart, and keep every text on the sheet."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from asheard.evaluation import CHAINS, GOP, GOP_PRIOR, L1_PRIOR, ChainRun, Context, evaluate_runs
from asheard.evaluation.report.distance_figures import draw_detection, draw_distances
from asheard.evaluation.report.error_figures import draw_confusions, draw_missed, draw_phones
from asheard.evaluation.report.figure_layout import Sheet, colours
from asheard.evaluation.report.figures import draw_plots
from asheard.evaluation.report.rate_figures import draw_collapse
from asheard.phones import load_vectors
from asheard.prior import build_prior
from support.small_gold import L1S, PHONES, run, utterance

LONG = "a-recogniser-with-a-name-that-says-everything-about-it"
GOLD = [
    utterance(f"{l1}{index}", [(phone, PHONES[(place + 1) % 6] if (place + index) % 3 else phone)
              for place, phone in enumerate(PHONES)], l1)
    for l1 in L1S for index in range(24)
]  # fmt: skip
WRITTEN = [" ".join(PHONES) if index % 2 else " ".join(row.produced) for index, row in enumerate(GOLD)]


def evaluated(out: Path, *names: str) -> tuple[pl.DataFrame, Mapping[str, Any]]:
    prior = build_prior([], threshold=load_vectors().threshold)
    runs: list[ChainRun] = [run(GOLD, WRITTEN, name) for name in names]
    runs = [replace(one, prior=prior) if one.chain == L1_PRIOR else one for one in runs]
    evaluation = evaluate_runs(GOLD, runs, out=out, context=Context(corpus="small", split="s"))
    return evaluation.rows, evaluation.metrics


def figures(rows: pl.DataFrame, chains: Mapping[str, Any]) -> dict[str, Sheet]:
    chain = next(iter(chains))
    return {
        "collapse": draw_collapse(chains),
        "confusions": draw_confusions(rows, chain),
        "detection": draw_detection(rows, chains),
        "distances": draw_distances(rows, chains),
        "missed": draw_missed(rows, chain),
        "phones": draw_phones(rows, chains),
    }


def test_every_picture_carries_the_signature(tmp_path: Path) -> None:
    rows, metrics = evaluated(tmp_path, "x")
    draw_plots(tmp_path / "plots", rows, metrics)
    pictures = sorted((tmp_path / "plots").glob("*.png"))
    assert len(pictures) == 6
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.text["Description"] == metrics["signature"]


def texts(sheet: Sheet, renderer: RendererBase) -> Iterator[tuple[str, Bbox]]:
    """Every text of a sheet, those drawn together too, with the pixels it covers."""
    for text in sheet.figure.findobj(Text):
        if text.get_visible() and text.get_text():
            yield text.get_text(), text.get_window_extent(renderer)
    for words in sheet.figure.findobj(PathCollection):
        places = words.get_offset_transform().transform(words.get_offsets())
        for outline, place in zip(words.get_paths(), places, strict=True):
            yield "a word", outline.get_extents(words.get_transform()).translated(*place)


@pytest.mark.parametrize("names", [("x",), CHAINS, (LONG, "a", "b", "c", "d", "e", "f", "g", "h")])
def test_no_text_leaves_the_sheet_or_meets_the_legend(tmp_path: Path, names: tuple[str, ...]) -> None:
    rows, metrics = evaluated(tmp_path, *names)
    for name, sheet in figures(rows, metrics["chains"]).items():
        renderer = FigureCanvasAgg(sheet.figure).get_renderer()
        sheet.figure.draw(renderer)
        page = sheet.figure.bbox
        for text, box in texts(sheet, renderer):
            outside = max(page.x0 - box.x0, box.x1 - page.x1, page.y0 - box.y0, box.y1 - page.y1)  # pixels
            assert outside < 1, (name, text)
        panels = [panel.get_tightbbox(renderer) for panel in sheet.panels]
        for legend in sheet.figure.legends:
            assert not any(legend.get_window_extent(renderer).overlaps(box) for box in panels), name


def test_chains_have_colours_of_their_own() -> None:
    names = [*CHAINS, GOP, GOP_PRIOR, *(f"other{number}" for number in range(20))]
    assert len({str(colour) for colour in colours(names).values()}) == len(names)
    for own in (*CHAINS, GOP, GOP_PRIOR):
        assert colours(["a", own])[own] == colours([own, "b"])[own]
