"""Calibrations: known ones are found, impossible ones refused."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from asheard.errors import CorpusError, ModelError
from asheard.pronunciation.calibration import Calibration, fit_calibration, load_calibration, logistic


@pytest.mark.parametrize(("slope", "intercept"), [(0.6, 2.5), (1.0, 0.0), (0.05, -1.0)])
def test_fit_calibration_finds_a_known_one(slope, intercept):
    random = np.random.default_rng(0)
    ratios = random.normal(3.0, 6.0, 40_000)
    found = fit_calibration(ratios, random.random(ratios.size) < expit(slope * ratios + intercept))
    assert found.slope == pytest.approx(slope, rel=0.05, abs=0.01)
    assert found.intercept == pytest.approx(intercept, abs=0.06)


def test_fit_calibration_is_right_on_average():
    """Logistic regression's own property: over the data, the mean probability is the share that was said."""
    random = np.random.default_rng(1)
    ratios = np.concatenate([random.normal(5, 2, 900), random.normal(-3, 4, 100)])
    said = np.arange(1000) < 900
    assert expit(fit_calibration(ratios, said).log_odds(ratios)).mean() == pytest.approx(0.9, abs=1e-4)


def test_fit_calibration_is_finite_without_an_error():
    ratios = np.array([-4.0, -2.0, 1.0, 3.0, 100.0])
    found = fit_calibration(ratios, ratios > 0)
    assert 1 < found.slope < 3
    assert (found.log_odds(ratios) > 0).tolist() == (ratios > 0).tolist()


@pytest.mark.parametrize("said", [True, False])
def test_fit_calibration_needs_both_kinds(said):
    with pytest.raises(ModelError, match="needs both"):
        fit_calibration(np.array([1.0, 2.0]), np.array([said, said]))


def test_fit_calibration_refuses_ratios_that_fall():
    ratios = np.linspace(-5, 5, 100)
    with pytest.raises(ModelError, match=r"do not rise .*over 100 phones"):
        fit_calibration(ratios, ratios < 0)


def test_calibration_is_saved_and_loaded(tmp_path):
    calibration = Calibration(0.7123456789, -1.5)
    calibration.save(tmp_path / "c.json")
    assert load_calibration(tmp_path / "c.json") == calibration


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds slope and intercept"),
        ({"slope": 1}, "holds slope and intercept"),
        ({"slope": "1", "intercept": 0}, "slope must be a number .*, not '1'"),
        ({"slope": 1, "intercept": True}, "intercept must be a number .*, not True"),
        ({"slope": 0, "intercept": 0}, "slope must be a number above 0"),
        ({"slope": 1e999, "intercept": 0}, "slope must be a number"),
    ],
)
def test_load_calibration_names_what_is_wrong(tmp_path, content, message):
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=f"c.json: .*{message}.*calibrate again"):
        load_calibration(tmp_path / "c.json")


def test_load_calibration_names_a_missing_file(tmp_path):
    with pytest.raises(CorpusError, match=r"gone\.json"):
        load_calibration(tmp_path / "gone.json")


def test_fit_calibration_equals_a_general_minimiser():
    """Newton's method against BFGS of scipy on the same loss, as first published figures were made."""
    random = np.random.default_rng(2)
    ratios = random.normal(4, 6, 3_000).clip(-100, 100)
    said = random.random(ratios.size) < expit(0.7 * ratios + 1)

    def loss(parameters):
        log_odds = parameters[0] * ratios + parameters[1]
        return (np.logaddexp(0, log_odds) - said * log_odds).mean() + (parameters[0] - 1) ** 2 / (2 * ratios.size)

    found = fit_calibration(ratios, said)
    assert [found.slope, found.intercept] == pytest.approx(minimize(loss, [1.0, 0.0], tol=1e-9).x, abs=1e-5)


def test_logistic_does_not_overflow():
    log_odds = np.array([-1000.0, -2.0, 0.0, 3.0, 1000.0])
    with np.errstate(all="raise", under="ignore"):
        assert logistic(log_odds) == pytest.approx(expit(log_odds), rel=1e-15)
