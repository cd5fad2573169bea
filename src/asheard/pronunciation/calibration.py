"""Calibration: from ratios of likelihoods to the log-odds that the canonical phone was said."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asheard.errors import ModelError
from asheard.io.files import read_json, write_json
from asheard.io.table import Limits, format_value

# Ratios are in nats, so a calibration beyond these would give 0 or 1 for almost any recording.
_LIMITS: Final = {
    "slope": Limits("a number above 0 and up to 1000", sys.float_info.min, 1000),
    "intercept": Limits("a number from -1000 to 1000", -1000, 1000),
}
_REMEDY: Final = "calibrate again (asheard calibrate)"
_MAX_STEPS: Final = 100  # of Newton's method, which needs about ten
_TOLERANCE: Final = 1e-12  # of the loss's slope in either parameter, and of a step


@dataclass(frozen=True, slots=True)
class Calibration:
    """Log-odds that the canonical phone was said = slope * ratio + intercept. By default they equal the ratio."""

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not _LIMITS[name].holds(value):
                raise ModelError(
                    f"the calibration's {name} must be {_LIMITS[name].text}, not {format_value(value)}; {_REMEDY}"
                )

    def log_odds(self, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds for ratios in nats; 0 is even odds."""
        return self.slope * ratios + self.intercept

    def save(self, path: Path | str) -> None:
        """Write the calibration as JSON."""
        write_json(path, asdict(self))


def load_calibration(path: Path | str) -> Calibration:
    """Read what `Calibration.save` wrote.

    Raises:
        CorpusError: the file is missing or is not JSON.
        ModelError: the file holds no calibration.
    """
    value: Any = read_json(path)
    if not isinstance(value, dict) or value.keys() != {"slope", "intercept"}:
        raise ModelError(f"{path}: a calibration holds slope and intercept; {_REMEDY}")
    try:
        return Calibration(**value)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def fit_calibration(ratios: NDArray[np.float64], said_canonical: NDArray[np.bool_]) -> Calibration:
    """Fit a logistic regression of what was said on the ratios.

    The slope has a normal prior of mean 1, the ratio as it is, and deviation 1. It changes nothing if there are
    thousands of positions, and keeps the fit finite if the ratios separate right from wrong without an error.

    Args:
        ratios: (N,) from `goodness`, of speakers who are not tested.
        said_canonical: (N,) whether the canonical phone was said.
    Raises:
        ModelError: all of the phones were said, or none, or the ratios do not rise with what was said.
    """
    num_said, num_not = int(said_canonical.sum()), int((~said_canonical).sum())
    if not num_said or not num_not:
        raise ModelError(
            f"{num_said} phones that were said and {num_not} that were not: a calibration needs both; "
            "give recordings with annotated errors"
        )
    slope, intercept = _newton(ratios, said_canonical)
    if slope <= 0:
        raise ModelError(
            f"the ratios do not rise with what was said (slope {slope:.3g} over {ratios.size} phones): "
            "does the model recognise these recordings, and do they belong to the manifest?"
        )
    return Calibration(slope, intercept)


def logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of log-odds, 1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(log_odds))
    probabilities: NDArray[np.float64] = np.where(log_odds >= 0, 1.0, small) / (1 + small)
    return probabilities


def _newton(ratios: NDArray[np.float64], said: NDArray[np.bool_]) -> tuple[float, float]:
    """Minimise the mean logistic loss plus (slope - 1)^2 / 2N by Newton's method; a step that does not help is halved.

    The loss is strictly convex, so the minimum is the only one.
    """

    def loss(parameters: NDArray[np.float64]) -> float:
        log_odds = parameters[0] * ratios + parameters[1]
        penalty = (parameters[0] - 1) ** 2 / (2 * ratios.size)
        return float((np.logaddexp(0, log_odds) - said * log_odds).mean() + penalty)

    parameters = np.array([1.0, 0.0])
    for _ in range(_MAX_STEPS):
        probabilities = logistic(parameters[0] * ratios + parameters[1])
        surplus, weights = probabilities - said, probabilities * (1 - probabilities)
        gradient = np.array([(surplus * ratios).mean() + (parameters[0] - 1) / ratios.size, surplus.mean()])
        if np.abs(gradient).max() <= _TOLERANCE:
            break
        mixed = (weights * ratios).mean()
        curvature = np.array([[(weights * ratios**2).mean() + 1 / ratios.size, mixed], [mixed, weights.mean()]])
        step = np.linalg.solve(curvature, gradient)
        before = loss(parameters)
        while loss(parameters - step) > before and np.abs(step).max() > _TOLERANCE:
            step /= 2
        parameters = parameters - step
    slope, intercept = parameters.tolist()
    return slope, intercept
