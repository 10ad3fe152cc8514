"""The learning rate from step to step: a rise, then a fall from the highest to the last."""

import math
from collections.abc import Callable

from yukawa.runs.recipe import RunSettings

# `flat-then-decay`: the share of the steps at the full rate, and the last rate in units of the highest.
FLAT, LAST = 0.7, 0.01


def warmup_steps(settings: RunSettings, steps: int) -> int:
    """Steps in which the learning rate rises."""
    return int(settings.warmup) if settings.warmup >= 1 else math.ceil(settings.warmup * steps)


def factor(settings: RunSettings, steps: int) -> Callable[[int], float]:
    """The learning rate of each step (the first is 0) in units of the highest.

    It rises evenly to the highest. Then it stays there (`constant`), or falls along half a cosine or a line to
    `final_learning_rate`, which the step after the last one would have. `flat-then-decay` stays at the highest until
    70 % of all steps are made, then falls exponentially to 1 %. The published recipes of jet taggers (weaver-core's
    `flat+decay`) lower it once an epoch; here it falls at every step and meets theirs at the end of each of their
    epochs, so that a short training sees the whole curve too.

    Args:
        settings: name the schedule, its rise and its last rate.
        steps: length of the whole training.
    """
    rise, last = warmup_steps(settings, steps), settings.final_learning_rate / settings.learning_rate

    def at(step: int) -> float:
        """The share of the highest learning rate in a step."""
        if step < rise:
            return (step + 1) / (rise + 1)
        if settings.schedule == "constant":
            return 1.0
        if settings.schedule == "flat-then-decay":
            flat = max(FLAT * steps, rise)
            fallen = min(max(0.0, (step - flat) / max(steps - flat, 1e-9)), 1.0)
            return math.pow(LAST, fallen)
        gone = min(1.0, (step - rise) / max(1, steps - rise))
        left = (1 + math.cos(math.pi * gone)) / 2 if settings.schedule == "cosine" else 1 - gone
        return last + (1 - last) * left

    return at


def steps_of_training(settings: RunSettings, epoch: int) -> int:
    """Length of the training in steps, where an epoch has `epoch` of them."""
    return settings.steps if settings.steps is not None else epoch * (settings.epochs or 1)
