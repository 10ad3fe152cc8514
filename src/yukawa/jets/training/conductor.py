"""Decides step by step what the trainer does: write figures, validate, keep the best weights, save, stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from yukawa.interruption import Interruption
from yukawa.jets.training.checkpoints import save_best
from yukawa.runs import Run

Figures = dict[str, float]
# Called after each step with the steps made, the steps in all, and the latest figures.
Progress = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Plan:
    """When things happen, in steps.

    Attributes:
        steps: length of the training.
        epoch: steps of an epoch; None where there are no epochs.
        evaluate: steps between two validations.
        checkpoint: steps between two checkpoints.
        log: steps between two lines of figures.
        batch: jets in a step over all processes.
        best_by: the validation figure that decides.
        patience: validations without a better one before the training stops; None never stops it.
        unit: what a batch consists of, for the name of the speed.
    """

    steps: int
    epoch: int | None
    evaluate: int
    checkpoint: int
    log: int
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


class Conductor(TrainerCallback):
    """Steers one training.

    Args:
        plan: when things happen.
        standing: how far the run has come; updated.
        folder: where the best weights are kept.
        run: where figures are written; None in all processes but the first.
        progress: called after each step.
        interruption: whether somebody asked to stop.
    """

    def __init__(
        self,
        plan: Plan,
        standing: Standing,
        folder: Path,
        run: Run | None,
        progress: Progress | None,
        interruption: Interruption,
    ) -> None:
        self.plan, self.standing, self.folder, self.run = plan, standing, folder, run
        self.progress, self.interruption = progress, interruption
        self.interrupted = False
        self.figures: Figures = {}
        self._since, self._step = time.perf_counter(), 0

    @property
    def stopped_early(self) -> bool:
        """Whether the validation has not improved for too long."""
        return self.plan.patience is not None and self.standing.worse >= self.plan.patience

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin to count; give each process its own dropout."""
        if state.global_step == 0 and args.world_size > 1:
            torch.manual_seed(args.seed + args.process_index)
        self._restart(state)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask the trainer for what is due after this step."""
        step, plan = state.global_step, self.plan
        last = step >= plan.steps
        control.should_evaluate = last or step % plan.evaluate == 0
        control.should_save = last or step % plan.checkpoint == 0
        if not last and self._stop_asked(step, args.device):
            self.interrupted = control.should_save = control.should_training_stop = True
        control.should_log = control.should_evaluate or control.should_save or step % plan.log == 0
        if self.progress is not None:
            self.progress(step, plan.steps, self.figures)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the figures of the steps since the last time."""
        if not logs or "loss" not in logs:  # the trainer's closing summary
            return
        number = (state.global_step - self._step) * self.plan.batch
        rate = number / max(time.perf_counter() - self._since, 1e-9)
        figures = {"loss": logs["loss"], "learning_rate": logs["learning_rate"]}
        self._write(state, figures | {f"{self.plan.unit}_per_second": rate})
        self._restart(state)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the validation's figures, keep the weights if they are the best, stop if nothing improves."""
        figures, standing = dict(metrics or {}), self.standing
        value = figures[f"validation_{self.plan.best_by}"]
        if better(value, standing.best, self.plan.best_by):
            self.standing = Standing(value, state.global_step, figures)
            if self.run is not None:
                save_best(self.folder, state.global_step, kwargs["model"].network.state_dict())
        else:
            standing.worse += 1
        self._write(state, figures)
        if self.stopped_early:
            control.should_save = control.should_training_stop = True
        self._restart(state)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The time of a checkpoint is not the training's."""
        self._restart(state)

    def _write(self, state: TrainerState, figures: Figures) -> None:
        self.figures |= figures
        if self.run is not None:
            epoch = {} if self.plan.epoch is None else {"epoch": state.global_step / self.plan.epoch}
            self.run.log(step=state.global_step, **epoch, **figures)

    def _restart(self, state: TrainerState) -> None:
        self._since, self._step = time.perf_counter(), state.global_step

    def _stop_asked(self, step: int, device: torch.device) -> bool:
        """Whether to stop; several processes agree on it now and then, so that all stop after the same step."""
        if not distributed.is_initialized():
            return self.interruption.asked
        if step % self.plan.log:
            return False
        asked = torch.tensor(float(self.interruption.asked), device=device)
        distributed.all_reduce(asked)
        return bool(asked.item())
