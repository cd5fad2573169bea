"""Figures carry the signature, give each chain its own colour, and keep every text readable."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from asheard.corpora.chains import CHAINS, GOP, GOP_PRIOR, L1_PRIOR
from asheard.evaluation import ChainRun, Context, evaluate_runs
from asheard.evaluation.metrics import Metrics
from asheard.evaluation.report.figures import draw_figures, write_figures
from asheard.evaluation.report.style import DPI, WIDTH, chain_colours, figure_style
from asheard.phones import load_vectors
from asheard.prior import build_prior
from support.figures import find_misplaced_texts
from support.small_gold import L1S, PHONES, run, utterance

LONG = "a-recogniser-with-a-name-that-says-everything-about-it"
GOLD = [
    utterance(f"{l1}{index}", [(phone, PHONES[(place + 1) % 6] if (place + index) % 3 else phone)
              for place, phone in enumerate(PHONES)], l1)
    for l1 in L1S for index in range(24)
]  # fmt: skip
WRITTEN = [" ".join(PHONES) if index % 2 else " ".join(row.produced) for index, row in enumerate(GOLD)]


def evaluated(out: Path, *names: str) -> tuple[pl.DataFrame, Metrics[Any]]:
    prior = build_prior([], threshold=load_vectors().threshold)
    runs: list[ChainRun] = [run(GOLD, WRITTEN, name) for name in names]
    runs = [replace(one, prior=prior) if one.chain == L1_PRIOR else one for one in runs]
    evaluation = evaluate_runs(GOLD, runs, out=out, context=Context(corpus="small", split="s"))
    return evaluation.rows, evaluation.metrics


def test_figures_carry_the_signature_and_fit_a_page(tmp_path: Path) -> None:
    rows, metrics = evaluated(tmp_path, "x")
    write_figures(tmp_path / "plots", rows, metrics)
    paths = sorted((tmp_path / "plots").glob("*.png"))
    assert [path.stem for path in paths] == [
        "collapse-by-phone", "collapse", "confusions", "detection", "distances", "missed"
    ]  # fmt: skip
    for path in paths:
        with Image.open(path) as image:
            assert image.text["Description"] == metrics.signature
            assert image.width == DPI * WIDTH
            assert 2 * DPI < image.height < 14 * DPI


@pytest.mark.parametrize("names", [("x",), CHAINS, (LONG, "a", "b", "c", "d", "e", "f", "g", "h")])
def test_figures_keep_texts_apart(tmp_path: Path, names: tuple[str, ...]) -> None:
    rows, metrics = evaluated(tmp_path, *names)
    with figure_style():
        misplaced = {name: find_misplaced_texts(figure) for name, figure in draw_figures(rows, metrics).items()}
    assert not any(misplaced.values()), misplaced


def test_chain_colours_are_distinct_and_stable() -> None:
    names = [*CHAINS, GOP, GOP_PRIOR, *(f"other{number}" for number in range(20))]
    assert len({str(colour) for colour in chain_colours(names).values()}) == len(names)
    for own in (*CHAINS, GOP, GOP_PRIOR):
        assert chain_colours(["a", own])[own] == chain_colours([own, "b"])[own]
