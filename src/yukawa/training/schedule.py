"""The learning rate from step to step: a rise, then a fall from the highest to the last."""

from __future__ import annotations

import math
from collections.abc import Callable

from yukawa.training.recipe import TrainingRecipe


def warmup_steps(recipe: TrainingRecipe, steps: int) -> int:
    """Steps in which the learning rate rises."""
    return int(recipe.warmup) if recipe.warmup >= 1 else math.ceil(recipe.warmup * steps)


def factor(recipe: TrainingRecipe, steps: int) -> Callable[[int], float]:
    """The learning rate of each step (the first is 0) in units of the highest.

    It rises evenly to the highest, and falls along half a cosine or a line to the last, which the step after the
    last one would have.
    """
    rise, last = warmup_steps(recipe, steps), recipe.final_learning_rate / recipe.learning_rate

    def at(step: int) -> float:
        """The share of the highest learning rate in a step."""
        if step < rise:
            return (step + 1) / (rise + 1)
        if recipe.schedule == "constant":
            return 1.0
        gone = min(1.0, (step - rise) / max(1, steps - rise))
        left = (1 + math.cos(math.pi * gone)) / 2 if recipe.schedule == "cosine" else 1 - gone
        return last + (1 - last) * left

    return at
