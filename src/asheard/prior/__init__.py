"""The scoring prior: what speakers of a first language (L1) are known to say for an English phone, and where.

A substitution the prior knows is a variant, an accent and not an error. The prior is fitted on hand-labelled training
speakers, never shared across L1s unless it is pooled by name, and carries the two thresholds it classifies with.
"""

from asheard.prior.model import P_MIN, PositionClass, Prior, build_prior, classify_with_prior, load_prior, rows_of
from asheard.prior.selection import (
    CONCENTRATION_GRID,
    FITTED,
    GUARD_TOLERANCE,
    MIN_TYPICAL_SHARE,
    MIN_TYPICAL_TOKENS,
    P_MIN_GRID,
    HeldOutBits,
    LeftOut,
    PMinChoice,
    PMinPoint,
    choose_concentration,
    choose_p_min,
    fit_prior,
    held_out_bits,
    leave_one_out,
    p_min_curve,
    real_voices_prior,
    select_p_min,
    typical_substitutions,
)
from asheard.prior.smoothing import NUM_OUTCOMES, PriorOptions, PriorRow, Smoothing

__all__ = [
    "CONCENTRATION_GRID",
    "FITTED",
    "GUARD_TOLERANCE",
    "MIN_TYPICAL_SHARE",
    "MIN_TYPICAL_TOKENS",
    "NUM_OUTCOMES",
    "P_MIN",
    "P_MIN_GRID",
    "HeldOutBits",
    "LeftOut",
    "PMinChoice",
    "PMinPoint",
    "PositionClass",
    "Prior",
    "PriorOptions",
    "PriorRow",
    "Smoothing",
    "build_prior",
    "choose_concentration",
    "choose_p_min",
    "classify_with_prior",
    "fit_prior",
    "held_out_bits",
    "leave_one_out",
    "load_prior",
    "p_min_curve",
    "real_voices_prior",
    "rows_of",
    "select_p_min",
    "typical_substitutions",
]
