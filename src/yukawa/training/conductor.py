"""Decides step by step what the trainer does: write figures, validate, save, stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from yukawa.errors import ModelError
from yukawa.interruption import Interruption
from yukawa.runs import Run

# Called after each step with the steps made, the steps in all, and the latest figures.
Progress = Callable[[int, int, Mapping[str, float]], None]
_LOGGED = {"loss": "loss", "learning_rate": "learning_rate", "grad_norm": "gradient"}


@dataclass(frozen=True)
class Plan:
    """When things happen, in steps.

    Attributes:
        steps: length of the training.
        epoch: steps of a pass over the data.
        evaluate: steps between two validations; None where there is nothing to validate on.
        checkpoint: steps between two checkpoints.
        log: steps between two lines of figures.
    """

    steps: int
    epoch: int
    evaluate: int | None
    checkpoint: int
    log: int


class Conductor(TrainerCallback):  # type: ignore[misc]  # untyped here
    """Steers one training.

    Args:
        plan: when things happen.
        run: where figures are written; None in all processes but the first.
        progress: called after each step.
        interruption: whether somebody asked to stop.
        sharded: whether the weights must be divided among the processes.

    Attributes:
        interrupted: the training was stopped before its end, with a checkpoint.
        figures: the latest of each.
    """

    def __init__(
        self,
        plan: Plan,
        run: Run | None,
        progress: Progress | None,
        interruption: Interruption,
        sharded: bool = False,
    ) -> None:
        self.plan, self.run, self.progress, self.interruption = plan, run, progress, interruption
        self.sharded = sharded
        self.interrupted = False
        self.figures: dict[str, float] = {}
        self._since, self._tokens = time.perf_counter(), 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin to count; give each process its own dropout.

        Raises:
            ModelError: the weights should be divided and are not.
        """
        if state.global_step == 0 and args.world_size > 1:
            torch.manual_seed(args.seed + args.process_index)
        model = kwargs.get("model")
        # The trainer passes over what it cannot divide without a word.
        if self.sharded and model is not None and not any(isinstance(p, DTensor) for p in model.parameters()):
            raise ModelError(
                "training.distributed=fsdp2, but the weights were not divided among the processes"
            )
        self._since = time.perf_counter()

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
        figures = {ours: logs[theirs] for theirs, ours in _LOGGED.items() if theirs in logs}
        figures |= {name.replace("/", "_"): value for name, value in logs.items() if "rewards/" in name}
        if "tokens" in logs:
            tokens, seconds = logs["tokens"], time.perf_counter() - self._since
            figures |= {"tokens": tokens, "tokens_per_second": (tokens - self._tokens) / max(seconds, 1e-9)}
            self._tokens = tokens
        self._write(state, figures)
        self._since = time.perf_counter()

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
        self._since = time.perf_counter()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The time of a checkpoint is not the training's."""
        self._since = time.perf_counter()

    def go_on(self, figures: Mapping[str, float]) -> None:
        """Begin where these were the latest figures."""
        self.figures |= figures
        self._tokens = self.figures.get("tokens", 0.0)

    def _write(self, state: TrainerState, figures: dict[str, float]) -> None:
        self.figures |= figures
        if self.run is not None:
            self.run.log(step=state.global_step, epoch=state.global_step / self.plan.epoch, **figures)

    def _stop_asked(self, step: int, device: torch.device) -> bool:
        """Whether to stop; several processes agree on it now and then, so that all stop after the same step."""
        if not distributed.is_initialized():
            return self.interruption.asked
        if step % self.plan.log:
            return False
        asked = torch.tensor(float(self.interruption.asked), device=device)
        distributed.all_reduce(asked)
        return bool(asked.item())
