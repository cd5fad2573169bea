"""The calibration: the pair list, its statistics against brute force, and the stored threshold."""

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest

import asheard.phones
from asheard.phones import PHONES, cos_dist, load_vectors

SCRIPT = Path(__file__).parents[2] / "scripts" / "calibrate_threshold.py"
STORED = Path(asheard.phones.__file__).with_name("vectors.json")


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("calibrate_threshold", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pairs(calibration):
    return calibration.read_pairs()


def test_pairs_are_sourced_and_listed_once(pairs):
    kinds = [pair.kind for pair in pairs]
    assert kinds.count("variant") >= 25
    assert kinds.count("error") >= 25
    assert set(kinds) == {"variant", "error"}
    assert len({frozenset((pair.a, pair.b)) for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert pair.a != pair.b
        assert {pair.a, pair.b} <= set(PHONES)
        assert pair.process
        assert any(year in pair.source for year in ("1982", "1987", "2000", "2011", "2014", "2017"))


def test_stored_report_is_what_the_script_computes(calibration, pairs):
    assert json.loads(STORED.read_text(encoding="utf-8")) == calibration.calibrate(load_vectors(), pairs)


def test_auc_is_the_share_of_rightly_ordered_pairs(pairs):
    report = json.loads(STORED.read_text(encoding="utf-8"))
    distances = {kind: [round(cos_dist(p.a, p.b), 9) for p in pairs if p.kind == kind] for kind in ("variant", "error")}
    wins = sum(
        (error > variant) + (error == variant) / 2 for error in distances["error"] for variant in distances["variant"]
    )
    assert report["mann_whitney_u"] == wins
    assert report["auc"] == pytest.approx(wins / len(distances["error"]) / len(distances["variant"]), abs=1e-4)
    assert report["auc"] > 0.75
    assert report["p_value"] < 0.001


def test_threshold_maximises_the_youden_index(calibration, pairs):
    variants = np.array([cos_dist(p.a, p.b) for p in pairs if p.kind == "variant"])
    errors = np.array([cos_dist(p.a, p.b) for p in pairs if p.kind == "error"])
    grid = np.linspace(0, 1, 10_001)
    best = max((variants < t).mean() + (errors >= t).mean() - 1 for t in grid)
    threshold = load_vectors().threshold
    assert (variants < threshold).mean() + (errors >= threshold).mean() - 1 == pytest.approx(best)
    assert min(abs(threshold - d) for d in [*variants, *errors]) > 1e-4  # no pair lies on the threshold


def test_youden_threshold_by_hand(calibration):
    assert calibration.youden_threshold([0.1, 0.2, 0.3], [0.4, 0.5]) == (pytest.approx(0.35), 1.0)
    threshold, index = calibration.youden_threshold([0.1, 0.3], [0.2, 0.4])  # 0.15 and 0.35 tie: the lower
    assert threshold == pytest.approx(0.15)
    assert math.isclose(index, 0.5)
