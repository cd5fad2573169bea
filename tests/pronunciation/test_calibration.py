"""Calibrations: known ones are found again, impossible ones refused."""

import json

import numpy as np
import pytest
from scipy.special import expit

from asheard.errors import CorpusError, ModelError
from asheard.pronunciation.calibration import Calibration, fit_calibration, load_calibration


@pytest.mark.parametrize(("slope", "intercept"), [(0.6, 2.5), (1.0, 0.0), (0.05, -1.0)])
def test_a_known_calibration_is_found_again(slope, intercept):
    random = np.random.default_rng(0)
    ratios = random.normal(3.0, 6.0, 40_000)
    found = fit_calibration(ratios, random.random(ratios.size) < expit(slope * ratios + intercept))
    assert found.slope == pytest.approx(slope, rel=0.05, abs=0.01)
    assert found.intercept == pytest.approx(intercept, abs=0.06)


def test_probabilities_are_right_on_average():
    """Logistic regression's own property: over the data, the mean probability is the share that was said."""
    random = np.random.default_rng(1)
    ratios = np.concatenate([random.normal(5, 2, 900), random.normal(-3, 4, 100)])
    said = np.arange(1000) < 900
    assert expit(fit_calibration(ratios, said).log_odds(ratios)).mean() == pytest.approx(0.9, abs=1e-4)


def test_ratios_without_an_error_give_a_finite_calibration():
    ratios = np.array([-4.0, -2.0, 1.0, 3.0, 100.0])
    found = fit_calibration(ratios, ratios > 0)
    assert 1 < found.slope < 3
    assert (found.log_odds(ratios) > 0).tolist() == (ratios > 0).tolist()


@pytest.mark.parametrize("said", [True, False])
def test_one_kind_of_phone_calibrates_nothing(said):
    with pytest.raises(ModelError, match="needs both"):
        fit_calibration(np.array([1.0, 2.0]), np.array([said, said]))


def test_ratios_that_fall_with_what_was_said_are_refused():
    ratios = np.linspace(-5, 5, 100)
    with pytest.raises(ModelError, match=r"do not rise .*over 100 phones"):
        fit_calibration(ratios, ratios < 0)


def test_it_is_kept_as_json(tmp_path):
    calibration = Calibration(0.7123456789, -1.5)
    calibration.save(tmp_path / "c.json")
    assert load_calibration(tmp_path / "c.json") == calibration


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds slope and intercept"),
        ({"slope": 1}, "holds slope and intercept"),
        ({"slope": "1", "intercept": 0}, "slope must be a number, not '1'"),
        ({"slope": 1, "intercept": True}, "intercept must be a number, not True"),
        ({"slope": 0, "intercept": 0}, "slope must be above 0"),
        ({"slope": 1e999, "intercept": 0}, "slope must be a number"),
    ],
)
def test_what_is_no_calibration_is_named(tmp_path, content, message):
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=f"c.json: .*{message}.*calibrate again"):
        load_calibration(tmp_path / "c.json")


def test_a_missing_calibration_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"gone\.json"):
        load_calibration(tmp_path / "gone.json")
