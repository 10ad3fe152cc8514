"""How the learning rate changes from step to step, as a factor on its first value."""

from __future__ import annotations

import math
from collections.abc import Callable

FLAT, LAST = 0.7, 0.01  # share of the steps at the full rate, and the rate's last factor

SCHEDULES = ("flat-then-decay", "cosine", "constant")


def factor(schedule: str, steps: int) -> Callable[[int], float]:
    """The function that gives the factor on the learning rate after a number of finished steps.

    `flat-then-decay` stays at 1 for 70 % of the steps, then falls exponentially to 1 %. The published recipes
    (weaver-core's `flat+decay`) lower it once an epoch; ours falls at every step and meets theirs at the end of
    each of their epochs, so that short trainings see the whole curve too. `cosine` is half a cosine from 1 to 0.

    Args:
        schedule: one of `SCHEDULES`.
        steps: length of the whole training.
    """
    if schedule == "constant":
        return lambda step: 1.0
    if schedule == "cosine":
        return lambda step: 0.5 * (1.0 + math.cos(math.pi * min(step / steps, 1.0)))
    flat = FLAT * steps
    return lambda step: LAST ** min(max(0.0, (step - flat) / (steps - flat)), 1.0)
