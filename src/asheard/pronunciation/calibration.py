"""From a ratio of likelihoods to the odds that the canonical phone was said."""

from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from asheard.errors import ModelError
from asheard.io.files import read_json, write_json

_AGAIN: Final = "calibrate again (asheard gop calibrate)"


@dataclass(frozen=True, slots=True)
class Calibration:
    """log-odds that the canonical phone was said = slope * ratio + intercept; as it is, the ratio itself."""

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if type(value) not in (int, float) or not isfinite(value):
                raise ModelError(f"the calibration's {name} must be a number, not {value!r}; {_AGAIN}")
        if self.slope <= 0:
            raise ModelError(f"the calibration's slope must be above 0, not {self.slope:g}; {_AGAIN}")

    def log_odds(self, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds for ratios in nats; 0 is even odds."""
        return self.slope * ratios + self.intercept

    def save(self, path: Path | str) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))


def load_calibration(path: Path | str) -> Calibration:
    """Read what `Calibration.save` wrote.

    Raises:
        CorpusError: no such file, or not JSON.
        ModelError: it holds no calibration; naming the file.
    """
    value: Any = read_json(path)
    if not isinstance(value, dict) or value.keys() != {"slope", "intercept"}:
        raise ModelError(f"{path}: a calibration holds slope and intercept; {_AGAIN}")
    try:
        return Calibration(**value)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def fit_calibration(ratios: NDArray[np.float64], said_canonical: NDArray[np.bool_]) -> Calibration:
    """Logistic regression of what was said on the ratios.

    The slope has a normal prior of mean 1, the ratio as it is, and deviation 1: nothing beside thousands of positions,
    and a finite fit where the ratios tell the two apart without an error.

    Args:
        ratios: (N,) of `goodness`, over positions of speakers who are not tested.
        said_canonical: (N,) whether the canonical phone was said there.
    Raises:
        ModelError: all of the phones were said, or none, or the ratios do not rise with what was said.
    """
    num_said, num_not = int(said_canonical.sum()), int((~said_canonical).sum())
    if not num_said or not num_not:
        raise ModelError(
            f"{num_said} phones that were said and {num_not} that were not: a calibration needs both; "
            "give recordings with annotated errors"
        )

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, intercept = parameters
        log_odds = slope * ratios + intercept
        surplus = expit(log_odds) - said_canonical
        value = (np.logaddexp(0, log_odds) - said_canonical * log_odds).mean() + (slope - 1) ** 2 / (2 * ratios.size)
        return float(value), np.array([(surplus * ratios).mean() + (slope - 1) / ratios.size, surplus.mean()])

    slope, intercept = minimize(loss, [1.0, 0.0], jac=True, method="BFGS", options={"gtol": 1e-8}).x.tolist()
    if slope <= 0:
        raise ModelError(
            f"the ratios do not rise with what was said (slope {slope:.3g} over {ratios.size} phones): "
            "has the model learned to hear these recordings, and do they belong to the manifest?"
        )
    return Calibration(slope, intercept)
