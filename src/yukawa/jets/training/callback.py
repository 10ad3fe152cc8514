"""What is particular to the training of taggers: the best weights are kept, and patience ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from transformers import TrainerControl, TrainerState, TrainingArguments

from yukawa.core.signals import Interruption
from yukawa.jets.training.checkpoints import save_best
from yukawa.runs import callback
from yukawa.runs.callback import Figures, Progress
from yukawa.runs.run import Run


@dataclass(frozen=True)
class Plan(callback.Plan):
    """When things happen, in steps.

    Attributes:
        batch: jets in a step over all processes.
        best_by: the validation figure that decides.
        patience: validations without a better one before the training stops; None never stops it.
        unit: what a batch consists of, for the name of the speed.
    """

    batch: int
    best_by: Literal["accuracy", "loss"]
    patience: int | None
    unit: str = "jets"


@dataclass
class Standing:
    """How far a run has come, beside its weights; kept in each checkpoint.

    Attributes:
        best: the best value so far of the figure that decides.
        best_step: the step that gave it.
        best_figures: all validation figures of that step.
        worse: validations since then.
    """

    best: float | None = None
    best_step: int | None = None
    best_figures: Figures | None = None
    worse: int = 0


def better(value: float, best: float | None, figure: Literal["accuracy", "loss"]) -> bool:
    """Whether a validation figure beats the best one so far; one that is no number beats only nothing at all."""
    if best is None:
        return True
    if not math.isfinite(best) or not math.isfinite(value):
        return math.isfinite(value)
    return value > best if figure == "accuracy" else value < best


class Conductor(callback.Conductor):
    """Steers one training.

    Args:
        standing: how far the run has come; updated.
        folder: where the best weights are kept.
        plan, run, progress, interruption: see `yukawa.runs.callback.Conductor`.
    """

    plan: Plan

    def __init__(
        self,
        plan: Plan,
        standing: Standing,
        folder: Path,
        run: Run | None,
        progress: Progress | None,
        interruption: Interruption,
    ) -> None:
        super().__init__(plan, run, progress, interruption)
        self.standing, self.folder = standing, folder

    @property
    def stopped_early(self) -> bool:
        """Whether the validation has not improved for too long."""
        return self.plan.patience is not None and self.standing.worse >= self.plan.patience

    def figures_of(self, logs: Mapping[str, float], steps: int, seconds: float) -> Figures:
        """Loss, learning rate and speed."""
        rate = steps * self.plan.batch / seconds
        figures = {"loss": logs["loss"], "learning_rate": logs["learning_rate"]}
        return figures | {f"{self.plan.unit}_per_second": rate}

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the validation's figures, keep the weights if they are the best, stop if nothing improves."""
        figures = dict(metrics or {})
        value = figures[f"validation_{self.plan.best_by}"]
        if better(value, self.standing.best, self.plan.best_by):
            self.standing = Standing(value, state.global_step, figures)
            if self.run is not None:
                save_best(self.folder, state.global_step, kwargs["model"].network.state_dict())
        else:
            self.standing.worse += 1
        super().on_evaluate(args, state, control, figures)
        if self.stopped_early:
            control.should_save = control.should_training_stop = True
