"""The scoring prior: what speakers of a first language (L1) say for an English phone, by syllable position.

A substitution that the prior knows is a variant, an accent and not an error. The prior is fitted on hand-labelled
training speakers and never shared between L1s unless it is pooled. It holds the two thresholds that it classifies with.
"""

from asheard.prior.model import (
    P_MIN,
    REAL_VOICES_NOTE,
    REAL_VOICES_SOURCE,
    PositionClass,
    Prior,
    build_prior,
    classify_with_prior,
    load_prior,
    real_voices_prior,
    rows_of,
)
from asheard.prior.selection import (
    GUARD_TOLERANCE,
    MIN_TYPICAL_SHARE,
    MIN_TYPICAL_TOKENS,
    P_MIN_GRID,
    LeftOut,
    PMinChoice,
    PMinPoint,
    choose_p_min,
    fit_prior,
    leave_one_out,
    p_min_curve,
    select_p_min,
    typical_substitutions,
)
from asheard.prior.smoothing import FITTED, NUM_OUTCOMES, PriorOptions, PriorRow, Smoothing

__all__ = [
    "FITTED",
    "GUARD_TOLERANCE",
    "MIN_TYPICAL_SHARE",
    "MIN_TYPICAL_TOKENS",
    "NUM_OUTCOMES",
    "P_MIN",
    "P_MIN_GRID",
    "REAL_VOICES_NOTE",
    "REAL_VOICES_SOURCE",
    "LeftOut",
    "PMinChoice",
    "PMinPoint",
    "PositionClass",
    "Prior",
    "PriorOptions",
    "PriorRow",
    "Smoothing",
    "build_prior",
    "choose_p_min",
    "classify_with_prior",
    "fit_prior",
    "leave_one_out",
    "load_prior",
    "p_min_curve",
    "real_voices_prior",
    "rows_of",
    "select_p_min",
    "typical_substitutions",
]
