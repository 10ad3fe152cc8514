"""Decides step by step what a trainer does: write figures, validate, save, stop."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from yukawa.core.signals import Interruption
from yukawa.runs.run import MODEL, Run

Figures = dict[str, float]
# Called after each step with the steps made, the steps in all, and the latest figures.
Progress = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Plan:
    """When things happen, in steps.

    Attributes:
        steps: length of the training.
        epoch: steps of a pass over the data; None where there are no passes.
        evaluate: steps between two validations; None where there is nothing to validate on.
        checkpoint: steps between two checkpoints.
        log: steps between two lines of figures.
    """

    steps: int
    epoch: int | None
    evaluate: int | None
    checkpoint: int
    log: int


@dataclass(frozen=True)
class Result(ABC):
    """How a training ended.

    Attributes:
        folder: the run.
        steps: steps made, those before a resume too.
        planned: steps of the whole training.
        seconds: time of this call.
        interrupted: somebody asked to stop before the end; the run can be resumed.
    """

    folder: Path
    steps: int
    planned: int
    seconds: float
    interrupted: bool

    @property
    def message(self) -> str:
        """One line for people, with what to do next."""
        if self.interrupted:
            return (
                f"stopped after step {self.steps} of {self.planned}; all is kept: "
                f"to go on, type the same command with --resume"
            )
        reached, when = self.reached
        figures = ", ".join(f"{name} {value:.4f}" for name, value in reached.items() if value is not None)
        return f"the model is in {self.folder / MODEL}: {figures} {when}"

    @property
    @abstractmethod
    def reached(self) -> tuple[Mapping[str, float | None], str]:
        """The figures that people are told, and when they were reached."""


class Conductor(TrainerCallback, ABC):  # type: ignore[misc]  # untyped here
    """Steers one training.

    Args:
        plan: when things happen.
        run: where figures are written; None in all processes but the first.
        progress: called after each step.
        interruption: whether somebody asked to stop.

    Attributes:
        interrupted: the training was stopped before its end, with a checkpoint.
        figures: the latest of each.
    """

    def __init__(
        self, plan: Plan, run: Run | None, progress: Progress | None, interruption: Interruption
    ) -> None:
        self.plan, self.run, self.progress, self.interruption = plan, run, progress, interruption
        self.interrupted = False
        self.figures: Figures = {}
        self._since, self._step = time.perf_counter(), 0

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
        control.should_evaluate = plan.evaluate is not None and (last or step % plan.evaluate == 0)
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
        seconds = max(time.perf_counter() - self._since, 1e-9)
        self._write(state, self.figures_of(logs, state.global_step - self._step, seconds))
        self._restart(state)

    @abstractmethod
    def figures_of(self, logs: Mapping[str, float], steps: int, seconds: float) -> Figures:
        """What is written of the trainer's figures, `steps` and `seconds` after the last time."""

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the validation's figures; its time is not the training's."""
        self._write(state, dict(metrics or {}))
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
