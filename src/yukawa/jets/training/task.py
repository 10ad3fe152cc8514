"""What every training run does, whatever it trains: its folder, its checkpoints, Ctrl-C, going on and the end."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from transformers import TrainingArguments

from yukawa.core.errors import InputError, MissingPackage
from yukawa.core.signals import Interruption
from yukawa.jets.models.tagger import Tagger
from yukawa.jets.training.batches import Batch, Steps
from yukawa.jets.training.callback import Conductor, Plan, Standing
from yukawa.jets.training.checkpoints import check_shapes, read_best, read_progress
from yukawa.jets.training.recipe import TrainingRecipe
from yukawa.jets.training.trainer import JetTrainer, Supervised, arguments
from yukawa.runs.callback import Progress, Result
from yukawa.runs.checkpoints import checkpoints, step_of
from yukawa.runs.run import Run

CHECKPOINTS, CARD, CURVES = "checkpoints", "card.md", "learning-curves.png"


class AnyRecipe(Protocol):
    """What a recipe of any training says."""

    @property
    def training(self) -> TrainingRecipe:
        """How to train."""

    def plain(self) -> dict[str, Any]:
        """The recipe as plain values."""


AnyRecipeT = TypeVar("AnyRecipeT", bound=AnyRecipe)


class Task(ABC, Generic[AnyRecipeT]):
    """What one kind of run is about: its model and its data.

    Making one builds the model; the data are opened by `prepare`.

    Attributes:
        recipe: as resolved.
        network: to be trained.
        free: in which values a resumed run may differ, see `Run.find`.
    """

    recipe: AnyRecipeT
    network: Tagger
    free: ClassVar[frozenset[str]]

    @abstractmethod
    def __init__(self, recipe: AnyRecipeT) -> None: ...

    @abstractmethod
    def inputs(self) -> list[Path]:
        """The files on which the run depends."""

    @abstractmethod
    def prepare(self, world: int) -> Plan:
        """Open the data, and say when things happen in a training of `world` processes."""

    @abstractmethod
    def feed(self, plan: Plan, first: int, rank: int, world: int) -> Steps:
        """The batches of one process; the `first` ones are None."""

    @abstractmethod
    def validation(self, rank: int, world: int) -> Callable[[], Iterator[Batch]]:
        """What gives the validation batches of one process, each time anew."""

    def trainer(
        self,
        settings: TrainingArguments,
        feed: Steps,
        validation: Callable[[], Iterator[Batch]],
        conductor: Conductor,
    ) -> JetTrainer:
        """What trains the network."""
        return JetTrainer(self.network, self.recipe.training, settings, feed, validation, conductor)

    @abstractmethod
    def finish(self, run: Run, conductor: Conductor) -> None:
        """Write what goes into the folder at the end; the network has its best weights."""


@dataclass(frozen=True)
class TrainResult(Result):
    """How a training ended.

    Attributes:
        best_step: the step whose weights are in `model/`; None if none was validated.
        loss: their cross entropy on the validation jets.
        accuracy: their accuracy on the validation jets; None where there is none.
        asked: somebody asked to stop, be it during the last step.
        stopped_early: the validation had not improved for too long.
    """

    best_step: int | None
    loss: float | None
    accuracy: float | None
    asked: bool
    stopped_early: bool

    @property
    def reached(self) -> tuple[Mapping[str, float | None], str]:
        """The best validation, and its step."""
        early = f"; stopped early, at step {self.steps} of {self.planned}" if self.stopped_early else ""
        return {"accuracy": self.accuracy, "loss": self.loss}, f"at step {self.best_step}{early}"


def carry_out(
    kind: type[Task[AnyRecipeT]], recipe: AnyRecipeT, out: Path, resume: bool, progress: Progress | None
) -> TrainResult:
    """Train as the recipe of a kind of run says, or go on; see `yukawa.jets.training.train.train`."""
    began, out = time.perf_counter(), Path(out)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    _check_batch(recipe.training.batch, world)
    if recipe.training.threads is not None:
        torch.set_num_threads(recipe.training.threads)
    task = kind(recipe)
    run = Run.find(out, task.recipe.plain(), resume=resume, free=kind.free) if rank == 0 else None
    if run is not None:
        run.check_inputs(task.inputs())
    plan = task.prepare(world)
    how = task.recipe.training
    settings = arguments(how, out / CHECKPOINTS, plan.steps, world)
    if rank == 0 and run is None:
        run = Run.create(out, task.recipe.plain(), task.inputs())
    checkpoint = next(reversed(checkpoints(out / CHECKPOINTS)), None) if resume else None
    feed = task.feed(plan, step_of(checkpoint) if checkpoint else 0, rank, world)
    with Interruption() as interruption:
        standing = _standing(run, checkpoint, task.network)
        told = progress if rank == 0 else None
        conductor = Conductor(plan, standing, out / CHECKPOINTS, run, told, interruption)
        trainer = task.trainer(settings, feed, task.validation(rank, world), conductor)
        steps = trainer.go_on(checkpoint)
    if run is not None and not conductor.interrupted:
        best = read_best(out / CHECKPOINTS, conductor.standing.best_step or 0)
        task.network.load_state_dict(best)
        task.finish(run, conductor)
    trainer.accelerator.wait_for_everyone()  # the first process has written its files
    return _result(out, conductor, steps, time.perf_counter() - began, interruption.asked)


def _check_batch(batch: int, world: int) -> None:
    if batch % world:
        raise InputError(
            f"a batch of {batch} cannot be shared by {world} processes",
            hint=f"make training.batch a multiple of {world}",
        )


def _standing(run: Run | None, checkpoint: Path | None, network: Tagger) -> Standing:
    """How far the run has come; figures from after the checkpoint go, they will be made again."""
    if run is not None:
        run.forget_after(step_of(checkpoint) if checkpoint else 0)
    if checkpoint is None:
        return Standing()
    check_shapes(checkpoint, Supervised(network).state_dict())
    return Standing(**read_progress(checkpoint))


def speed(run: Run, unit: str) -> float | None:
    """The median over the run's lines of figures, in jets (or what else its unit is) per second."""
    rates = [row[f"{unit}_per_second"] for row in run.metrics() if row.get(f"{unit}_per_second")]
    return median(rates) if rates else None


def draw(run: Run) -> None:
    """The learning curves, where matplotlib is installed; their figures are in `metrics.jsonl` all the same."""
    from yukawa.jets.evaluation.plots import learning_curves

    with suppress(MissingPackage):
        learning_curves(run.metrics(), run.folder / CURVES)


def _result(out: Path, conductor: Conductor, steps: int, seconds: float, asked: bool) -> TrainResult:
    standing, plan = conductor.standing, conductor.plan
    figures = standing.best_figures or {}
    return TrainResult(
        folder=out,
        steps=steps,
        planned=plan.steps,
        best_step=standing.best_step,
        loss=figures.get("validation_loss"),
        accuracy=figures.get("validation_accuracy"),
        seconds=seconds,
        asked=asked,
        interrupted=conductor.interrupted,
        stopped_early=conductor.stopped_early,
    )
