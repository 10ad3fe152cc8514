"""The one way from a recipe to a run: its folder, its checkpoints, Ctrl-C, resuming and the end."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Generic, TypeVar

import torch

from yukawa.core.errors import InputError, MissingPackage
from yukawa.core.files import atomic_write
from yukawa.core.processes import Interruption
from yukawa.runs.callback import BestSoFar, TrainingCallback, TrainingProgress
from yukawa.runs.checkpoints import last_checkpoint, read_progress, step_of
from yukawa.runs.distributed import Machine, check_machine, this_machine
from yukawa.runs.model_card import CURVES, learning_curves
from yukawa.runs.recipe import RunSettings, TrainingRecipe
from yukawa.runs.run import CARD, CHECKPOINTS, MODEL, Run
from yukawa.runs.schedule import TrainingPlan
from yukawa.runs.trainer import RunTrainer

# In which values any resumed run may differ, since they change no number.
_FREE = ("training.checkpoints_kept", "training.report_to")


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes:
        folder: the run.
        steps: steps made, those before a resume too.
        planned: steps of the whole training.
        seconds: time of this call.
        interrupted: somebody asked to stop before the end; the run can be resumed.
        asked: somebody asked to stop, even during the last step.
        loss: the loss that was reached; see the kind of training.
    """

    folder: Path
    steps: int
    planned: int
    seconds: float
    interrupted: bool
    asked: bool
    loss: float | None

    @property
    def message(self) -> str:
        """One line for people, with what to do next."""
        if self.interrupted:
            return (
                f"stopped after step {self.steps} of {self.planned}; everything is kept: "
                f"to resume, type the same command with --resume"
            )
        reached, when = self.reached
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in reached.items() if value is not None)
        return f"the model is in {self.folder / MODEL}: {metrics} {when}"

    @property
    def reached(self) -> tuple[Mapping[str, float | None], str]:
        """The metrics of the message, and when they were reached."""
        return {"loss": self.loss}, f"after {self.steps} steps"


RecipeT = TypeVar("RecipeT", bound=TrainingRecipe)
ResultT = TypeVar("ResultT", bound=TrainResult)


class Task(ABC, Generic[RecipeT, ResultT]):
    """What one kind of training is about: its model and its data.

    `execute` calls the methods in the order in which they are defined here.

    Attributes:
        recipe: of the run; as resolved after `resolve`.
        free: in which values, by dotted name, a resumed run may differ, such as where data lie (their hashes
            decide); * stands for any name.
        loss_unit: unit of the loss, for the plot.
    """

    recipe: RecipeT
    free: ClassVar[tuple[str, ...]]
    loss_unit: str = "cross entropy"

    def __init__(self, recipe: RecipeT) -> None:
        self.recipe = recipe

    @property
    def settings(self) -> RunSettings:
        """How to train."""
        return self.recipe.training

    def check(self, machine: Machine) -> None:
        """Refuse what this machine cannot carry out."""
        check_machine(self.settings, machine)

    def resolve(self) -> None:
        """Write out in the recipe what follows from it."""

    def prepare(self, folder: Path, machine: Machine) -> None:
        """Find the files; `folder` is that of the run."""

    @abstractmethod
    def inputs(self) -> list[Path]:
        """The files on which the run depends."""

    @abstractmethod
    def plan(self, machine: Machine) -> TrainingPlan:
        """Open the data, and say when things happen."""

    def describe_data(self, run: Run) -> None:
        """Write into a new run what its data are."""

    @abstractmethod
    def build_trainer(
        self,
        plan: TrainingPlan,
        callback: TrainingCallback,
        machine: Machine,
        folder: Path,
        checkpoint: Path | None,
    ) -> RunTrainer:
        """What trains the model; checkpoints go to `folder`, and `checkpoint` is the one to resume from."""

    @abstractmethod
    def save(self, trainer: RunTrainer, folder: Path) -> None:
        """Write the trained model; all processes call it, since each may hold a part of the weights."""

    @abstractmethod
    def card(self, run: Run, trainer: RunTrainer) -> str:
        """The model card."""

    @abstractmethod
    def result(self, trainer: RunTrainer, common: Mapping[str, Any]) -> ResultT:
        """How the training ended; `common` are the values of `TrainResult` but the loss."""


def execute(
    task: Task[RecipeT, ResultT], out: Path, resume: bool, progress: TrainingProgress | None
) -> ResultT:
    """Train as the task's recipe says; the run is the folder `out`.

    Ctrl-C lets the step end, writes a checkpoint and returns. A resumed run gives the weights of an unbroken one
    (on a GPU up to the rounding of its sums, whose order varies). Started by torchrun, all processes share each batch.

    Args:
        task: what is trained.
        out: a new folder; with `resume`, a run of this recipe.
        resume: whether to resume from the last checkpoint.
        progress: called after each step with the steps made, the steps in all, and the latest metrics; in the first
            process only.

    Raises:
        InputError: the recipe, the machine or the data are wrong, `out` holds a run already, or (with `resume`) the
            recipe, the data or the model are not the run's.
        NotFound: `out` holds no run to resume.
        ModelError: the base cannot be loaded, or the loss is NaN or infinite; the batch and the checkpoints are kept.
        StoreError: the disk refuses; the last checkpoint is kept.
    """
    began, out = time.perf_counter(), Path(out)
    machine = this_machine(task.settings)
    task.recipe = task.recipe.with_precision(bf16=machine.bf16)
    task.check(machine)
    if task.settings.threads is not None:
        torch.set_num_threads(task.settings.threads)
    task.resolve()
    values, free = task.recipe.plain(), (*task.free, *_FREE)
    run = Run.find(out, values, resume=resume, free=free) if machine.first else None
    task.prepare(out, machine)
    if run is not None:
        run.check_inputs(task.inputs())
    plan = task.plan(machine)
    if machine.first and run is None:
        run = Run.create(out, values, task.inputs())
        task.describe_data(run)
    folder = out / CHECKPOINTS
    checkpoint = last_checkpoint(folder) if resume else None
    if run is not None:
        run.forget_after(step_of(checkpoint))
    done = {} if checkpoint is None else read_progress(checkpoint)
    with Interruption() as interruption:
        shown = progress if machine.first else None
        callback = TrainingCallback(plan, run, shown, interruption, BestSoFar.of(done), folder)
        if run is not None:
            callback.resume(run.latest_metrics())
        trainer = task.build_trainer(plan, callback, machine, folder, checkpoint)
        steps = trainer.begin(checkpoint, done)
    if not callback.interrupted:
        _keep(task, trainer, run, out)
    trainer.accelerator.wait_for_everyone()  # the first process has written its files
    common = {
        "folder": out, "steps": steps, "planned": plan.steps, "seconds": time.perf_counter() - began,
        "interrupted": callback.interrupted, "asked": interruption.asked,
    }  # fmt: skip
    return task.result(trainer, common)


def _keep(task: Task[Any, Any], trainer: RunTrainer, run: Run | None, out: Path) -> None:
    """Write the model; the first process, which has the run, also writes its card and its curves."""
    task.save(trainer, out / MODEL)
    if run is not None:
        atomic_write(out / CARD, task.card(run, trainer))
        with suppress(MissingPackage, InputError):  # their numbers are in metrics.jsonl all the same
            learning_curves(run.metrics(), out / CURVES, task.loss_unit)


def median_speed(run: Run, unit: str) -> float | None:
    """The median over the run's lines of metrics, in jets (or another unit) per second."""
    rates = [row[f"{unit}_per_second"] for row in run.metrics() if row.get(f"{unit}_per_second")]
    return median(rates) if rates else None
