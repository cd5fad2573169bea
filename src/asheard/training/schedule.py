"""Learning rates as pure functions of the step, so that a resumed run needs no scheduler state."""

import math

from asheard.training.options import Schedule

_START_SHARE = 1 / 25  # of the peak, where one-cycle begins
_END_SHARE = 1e-5  # of the peak, where one-cycle ends


def learning_rate(step: int, num_steps: int, peak: float, warmup_share: float, schedule: Schedule) -> float:
    """Rate of optimizer step `step` (from 0) of `num_steps`.

    linear: straight up to `peak` over the warm-up, straight down to 0 after the last step. one-cycle: both ways along a
    cosine, from peak / 25 and down to peak * 1e-5 (Smith and Topin 2018).
    """
    warmup = max(1, round(warmup_share * num_steps))
    if step < warmup:
        rise = (step + 1) / warmup
        return peak * (rise if schedule == "linear" else _cosine(_START_SHARE, 1.0, rise))
    if schedule == "linear":
        return peak * (num_steps - step) / (num_steps - warmup + 1)
    return peak * _cosine(1.0, _END_SHARE, (step + 1 - warmup) / (num_steps - warmup))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
