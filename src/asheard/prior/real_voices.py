"""The prior that ships for real voices: what people labelled by hand, of 18 speakers of six first languages."""

import csv
from functools import cache
from importlib.resources import files
from typing import Final

from asheard.prior.choice import FITTED
from asheard.prior.contexts import PriorRow
from asheard.prior.estimate import Prior

SOURCE: Final = (
    "counts of the hand annotation of L2-ARCTIC v5, 18 training speakers of six first languages (Zhao et al. 2018)"
)
NOTE: Final = (
    "On six other speakers it called fewer right phones an error (by 2.5 points [0.8, 4.3]) and let more true errors "
    "through (1.2 points [0.3, 2.0])."
)


@cache
def real_voices_prior() -> Prior:
    """P(produced | canonical, L1, position) from the table of counts that comes with the package.

    The counts are those that the embedded corpus draws its learners from; the prior is smoothed as `fit_prior` does.
    """
    table = files("asheard.corpora.synthetic").joinpath("rates.csv")
    with table.open(encoding="utf-8") as lines:
        counts = {
            PriorRow(row["l1"], row["canonical"], row["produced"] or None, row["position"] or None): int(row["count"])
            for row in csv.DictReader(lines)
        }
    return Prior(counts, options=FITTED)
