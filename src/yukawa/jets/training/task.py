"""What every training run does, whatever it trains: its folder, its checkpoints, Ctrl-C, going on and the end."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from transformers import TrainingArguments

from yukawa.checkpoints import checkpoints, step_of
from yukawa.errors import InputError, MissingPackage
from yukawa.files import write_jsonl
from yukawa.interruption import Interruption
from yukawa.jets.models.interface import Tagger
from yukawa.jets.models.saving import MODEL
from yukawa.jets.training.checkpoints import check_shapes, read_best, read_progress
from yukawa.jets.training.conductor import Conductor, Plan, Progress, Standing
from yukawa.jets.training.feed import Batch, Steps
from yukawa.jets.training.recipe import TrainingRecipe
from yukawa.jets.training.trainer import JetTrainer, Supervised, arguments
from yukawa.runs import METRICS, RECIPE, Run

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
        free: in which values a resumed run may differ, such as where data lie (their hashes decide) and what changes
            no number; * stands for any name.
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
class TrainResult:
    """How a training ended.

    Attributes:
        folder: the run.
        steps: steps made, those before a resume too.
        planned: steps of the whole training.
        best_step: the step whose weights are in `model/`; None if none was validated.
        loss: their cross entropy on the validation jets.
        accuracy: their accuracy on the validation jets; None where there is none.
        seconds: time of this call.
        asked: somebody asked to stop, be it during the last step.
        interrupted: and so it did before the end; the run can be resumed.
        stopped_early: the validation had not improved for too long.
    """

    folder: Path
    steps: int
    planned: int
    best_step: int | None
    loss: float | None
    accuracy: float | None
    seconds: float
    asked: bool
    interrupted: bool
    stopped_early: bool

    @property
    def message(self) -> str:
        """One line for people, with what to do next."""
        if self.interrupted:
            return (
                f"stopped after step {self.steps} of {self.planned}; all is kept: "
                f"to go on, type the same command with --resume"
            )
        reached = {"accuracy": self.accuracy, "loss": self.loss}
        figures = ", ".join(f"{name} {value:.4f}" for name, value in reached.items() if value is not None)
        early = f"; stopped early, at step {self.steps} of {self.planned}" if self.stopped_early else ""
        return f"the model is in {self.folder / MODEL}: {figures} at step {self.best_step}{early}"


def carry_out(
    kind: type[Task[AnyRecipeT]], recipe: AnyRecipeT, out: Path, resume: bool, progress: Progress | None
) -> TrainResult:
    """Train as the recipe of a kind of run says, or go on; see `yukawa.jets.training.run.train`."""
    began, out = time.perf_counter(), Path(out)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    _check_batch(recipe.training.batch, world)
    if recipe.training.threads is not None:
        torch.set_num_threads(recipe.training.threads)
    task = kind(recipe)
    run = _check(task, out, resume) if rank == 0 else None
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


def _check(task: Task[Any], out: Path, resume: bool) -> Run | None:
    """The run to resume, if its recipe and data are the same; None if there is none and none is asked for."""
    if not resume:
        if (out / RECIPE).exists():
            raise InputError(f"{out} already holds a run", hint="add --resume or choose another folder")
        return None
    run = Run.open(out)
    for name, (old, new) in _differences(run.recipe, task.recipe.plain()).items():
        if not any(fnmatchcase(name, pattern) for pattern in task.free):
            raise InputError(
                f"{out} was begun with {name} {old!r}, not {new!r}",
                hint="resume with its own recipe, or begin a new run in another folder",
            )
    run.check_inputs(task.inputs())
    return run


def _differences(
    old: Mapping[str, Any], new: Mapping[str, Any], place: str = ""
) -> dict[str, tuple[Any, Any]]:
    """The values that differ, by dotted name."""
    found: dict[str, tuple[Any, Any]] = {}
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found |= _differences(before, after, f"{place}{key}.")
        elif before != after:
            found[f"{place}{key}"] = (before, after)
    return found


def _check_batch(batch: int, world: int) -> None:
    if batch % world:
        raise InputError(
            f"a batch of {batch} cannot be shared by {world} processes",
            hint=f"make training.batch a multiple of {world}",
        )


def _standing(run: Run | None, checkpoint: Path | None, network: Tagger) -> Standing:
    """How far the run has come; figures from after the checkpoint go, they will be made again."""
    first = step_of(checkpoint) if checkpoint else 0
    if run is not None and (run.folder / METRICS).exists():
        write_jsonl(run.folder / METRICS, [row for row in run.metrics() if row["step"] <= first])
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
    try:
        from yukawa.jets.evaluation.plots import learning_curves

        learning_curves(run.metrics(), run.folder / CURVES)
    except MissingPackage:
        return


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
