"""The schedule of a training: its steps, when it validates and writes checkpoints, and the learning rate of each step."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

from yukawa.runs.recipe import RunSettings

# `flat-then-decay`: the share of the steps at the full rate, and the last rate in units of the highest.
FLAT, LAST = 0.7, 0.01
BestBy = Literal["accuracy", "loss"]


@dataclass(frozen=True)
class TrainingPlan:
    """When things happen, in steps.

    Attributes:
        steps: length of the training.
        epoch: steps of a pass over the data; None where there are no passes.
        evaluate: steps between two validations; None where there is nothing to validate on.
        checkpoint: steps between two checkpoints.
        log: steps between two lines of metrics.
        batch: examples in a step over all processes.
        unit: what is counted, for the name of the speed.
        best_by: the validation metric by which the best weights are chosen and kept; None keeps the last ones.
        patience: validations without a better one before the training stops; None never stops it.
    """

    steps: int
    epoch: int | None
    evaluate: int | None
    checkpoint: int
    log: int
    batch: int = 1
    unit: str = "examples"
    best_by: BestBy | None = None
    patience: int | None = None

    @classmethod
    def of(cls, settings: RunSettings, epoch: int, unit: str, *, validated: bool = True, **more: Any) -> Self:
        """The plan of a training whose epoch has `epoch` steps; `more` are other attributes."""
        steps = steps_of_training(settings, epoch)
        every = min(settings.evaluate_every or epoch, steps)
        return cls(
            steps, epoch, every if validated else None, min(settings.checkpoint_every or every, steps),
            settings.log_every, settings.batch, unit, **more,
        )  # fmt: skip


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
