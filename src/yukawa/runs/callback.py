"""Decides step by step what a trainer does: log, validate, save, stop, keep the best weights."""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import torch
from torch import distributed
from transformers import TrainerCallback

from yukawa.core.errors import InputError, MissingPackage, check_name, pip_install, require
from yukawa.core.processes import Interruption
from yukawa.runs.checkpoints import save_best
from yukawa.runs.run import Run
from yukawa.runs.schedule import BestBy, TrainingPlan

Metrics = dict[str, float]
# Called after each step with the steps made, the steps in all, and the latest metrics.
TrainingProgress = Callable[[int, int, Mapping[str, float]], None]
_LOGGED = {"loss": "loss", "learning_rate": "learning_rate", "grad_norm": "gradient"}


@dataclass
class BestSoFar:
    """The best validation of a run so far; every checkpoint holds it.

    Attributes:
        best: the best value of the metric that decides.
        best_step: the step that gave it.
        best_figures: all validation metrics of that step.
        worse: validations since then.
    """

    best: float | None = None
    best_step: int | None = None
    best_figures: Metrics | None = None
    worse: int = 0

    @classmethod
    def of(cls, progress: Mapping[str, Any]) -> Self:
        """The one in the progress of a checkpoint, which may hold more."""
        return cls(**{field.name: progress[field.name] for field in fields(cls) if field.name in progress})


def _learned(model: Any) -> Mapping[str, Any]:
    """The weights of a network, or those of a language model that are trained."""
    if hasattr(model, "network"):
        weights: Mapping[str, Any] = model.network.state_dict()
        return weights
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def better(value: float, best: float | None, metric: BestBy) -> bool:
    """Whether a validation metric beats the best one so far; NaN or infinity beats only nothing at all."""
    if best is None:
        return True
    if not math.isfinite(best) or not math.isfinite(value):
        return math.isfinite(value)
    return value > best if metric == "accuracy" else value < best


class TrainingCallback(TrainerCallback):  # type: ignore[misc]  # untyped there
    """Steers one training.

    Args:
        plan: when things happen.
        run: where metrics are written; None in all processes but the first.
        progress: called after each step.
        interruption: whether somebody asked to stop.
        best: the best validation so far; updated.
        folder: where the best weights are kept.

    Attributes:
        interrupted: whether the training was stopped before its end, with a checkpoint.
        metrics: the latest of each.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        run: Run | None,
        progress: TrainingProgress | None,
        interruption: Interruption,
        best: BestSoFar | None = None,
        folder: Path = Path(),
    ) -> None:
        self.plan, self.run, self.progress, self.interruption = plan, run, progress, interruption
        self.best, self.folder = best or BestSoFar(), folder
        self.interrupted = False
        self.metrics: Metrics = {}
        self._since, self._step, self._counted = time.perf_counter(), 0, 0.0

    @property
    def stopped_early(self) -> bool:
        """Whether the validation has not improved for too long."""
        return self.plan.patience is not None and self.best.worse >= self.plan.patience

    def resume(self, metrics: Mapping[str, float]) -> None:
        """Begin where these were the latest metrics."""
        self.metrics |= metrics
        self._counted = self.metrics.get(self.plan.unit, 0.0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin to count; give each process its own dropout."""
        if state.global_step == 0 and args.world_size > 1:
            torch.manual_seed(args.seed + args.process_index)
        self._restart(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell the trainer what is due after this step."""
        step, plan = state.global_step, self.plan
        last = step >= plan.steps
        control.should_evaluate = plan.evaluate is not None and (last or step % plan.evaluate == 0)
        control.should_save = last or step % plan.checkpoint == 0
        if not last and self._stop_requested(step, args.device):
            self.interrupted = control.should_save = control.should_training_stop = True
        control.should_log = control.should_evaluate or control.should_save or step % plan.log == 0
        if self.progress is not None:
            self.progress(step, plan.steps, self.metrics)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, float] | None = None, **kwargs: Any
    ) -> None:
        """Write the metrics of the steps since the last line."""
        if not logs or "loss" not in logs:  # the trainer's closing summary
            return
        seconds = max(time.perf_counter() - self._since, 1e-9)
        self._write(state, self.metrics_of(logs, state.global_step - self._step, seconds))
        self._restart(state)

    def metrics_of(self, logs: Mapping[str, float], steps: int, seconds: float) -> Metrics:
        """Loss, learning rate, length of the gradient, rewards of preferences, and the speed.

        Args:
            logs: of the trainer; where they count the plan's unit so far, that count is written and gives the speed.
            steps: since the last line.
            seconds: since the last line.
        """
        metrics = {ours: logs[theirs] for theirs, ours in _LOGGED.items() if theirs in logs}
        metrics |= {name.replace("/", "_"): value for name, value in logs.items() if "rewards/" in name}
        number, unit = float(steps * self.plan.batch), self.plan.unit
        if unit in logs:
            number, self._counted = logs[unit] - self._counted, logs[unit]
            metrics[unit] = logs[unit]
        return metrics | {f"{unit}_per_second": number / seconds}

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, float] | None = None, **kwargs: Any
    ) -> None:
        """Write the validation's metrics, keep the weights if they are the best, stop if nothing improves."""
        found = dict(metrics or {})
        if self.plan.best_by is not None:
            value = found[f"validation_{self.plan.best_by}"]
            if better(value, self.best.best, self.plan.best_by):
                self.best = BestSoFar(value, state.global_step, found)
                if self.run is not None:
                    save_best(self.folder, state.global_step, _learned(kwargs["model"]))
            else:
                self.best.worse += 1
        self._write(state, found)
        self._restart(state)  # its time is not the training's
        if self.stopped_early:
            control.should_save = control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave the time of a checkpoint out of the speed."""
        self._restart(state)

    def _write(self, state: Any, metrics: Metrics) -> None:
        self.metrics |= metrics
        if self.run is not None:
            epoch = {} if self.plan.epoch is None else {"epoch": state.global_step / self.plan.epoch}
            self.run.log(step=state.global_step, **epoch, **metrics)

    def _restart(self, state: Any) -> None:
        self._since, self._step = time.perf_counter(), state.global_step

    def _stop_requested(self, step: int, device: torch.device) -> bool:
        """Whether to stop; several processes agree on it now and then, so that all stop after the same step."""
        if not distributed.is_initialized():
            return self.interruption.asked
        if step % self.plan.log:
            return False
        asked = torch.tensor(float(self.interruption.asked), device=device)
        distributed.all_reduce(asked)
        return bool(asked.item())


def trackers(names: Sequence[str], folder: Path) -> list[Any]:
    """The callbacks of transformers that send metrics to trackers of experiments.

    Args:
        names: such as `tensorboard`, `mlflow`, `wandb` or `trackio`.
        folder: of the run; TensorBoard writes into its `tensorboard`, unless TENSORBOARD_LOGGING_DIR says otherwise.

    Raises:
        InputError: transformers does not know a tracker of that name, or cannot use it.
        MissingPackage: a tracker is not installed.
    """
    if not names:
        return []
    known = require("transformers.integrations.integration_utils", "training").INTEGRATION_TO_CALLBACK
    found = []
    for name in names:
        check_name("training.report_to", name, known)
        try:
            tracker = known[name]()
        except (
            RuntimeError,
            ImportError,
        ) as error:  # whose words name the package, which may be called otherwise
            purpose, named = f"training.report_to={name}", re.search(r"pip install ([\w.-]+)", str(error))
            if named is None and name != "tensorboard":
                raise InputError(f"{purpose} cannot be used: {error}") from None
            raise MissingPackage(name, pip_install(named[1] if named else name), purpose=purpose) from None
        if name == "tensorboard" and tracker.logging_dir is None:
            tracker.logging_dir = str(folder / "tensorboard")
        found.append(tracker)
    return found
