"""The prior that ships for real voices: hand labels of 18 speakers of six first languages."""

import csv
from functools import cache
from importlib.resources import files
from typing import Final

from asheard.prior.model import Prior
from asheard.prior.selection import FITTED
from asheard.prior.smoothing import PriorRow

REAL_VOICES_SOURCE: Final = (
    "counts of the hand annotation of L2-ARCTIC v5, 18 training speakers of six first languages (Zhao et al. 2018)"
)
REAL_VOICES_NOTE: Final = (
    "On six other speakers it called fewer right phones an error (by 2.5 points [0.8, 4.3]) and let more true errors "
    "through (1.2 points [0.3, 2.0])."
)


@cache
def real_voices_prior() -> Prior:
    """Return P(produced | canonical, L1, position) from the table of counts that ships with the package.

    The embedded corpus draws its learners' errors from the same counts. They are smoothed as `fit_prior` does.
    """
    table = files("asheard.corpora").joinpath("synthetic", "rates.csv")
    with table.open(encoding="utf-8") as lines:
        counts = {
            PriorRow(row["l1"], row["canonical"], row["produced"] or None, row["position"] or None): int(row["count"])
            for row in csv.DictReader(lines)
        }
    return Prior(counts, options=FITTED)
