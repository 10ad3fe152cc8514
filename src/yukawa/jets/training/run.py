"""A recipe becomes a run: a folder with the model, its figures, and all that is needed to go on or do it again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from yukawa.errors import InputError, MissingPackage
from yukawa.files import atomic_write, write_jsonl
from yukawa.jets.encoded import Encoder
from yukawa.jets.loading import Loader
from yukawa.jets.models.interface import Tagger
from yukawa.jets.training.building import build_model, inputs, load, open_jets, resolve, save
from yukawa.jets.training.card import card
from yukawa.jets.training.checkpoints import check_shapes, checkpoints, read_best, read_progress, step_of
from yukawa.jets.training.conductor import Conductor, Interruption, Progress, Standing
from yukawa.jets.training.describe import plan_of
from yukawa.jets.training.feed import Batch, Feed, labelled, steps_of_an_epoch
from yukawa.jets.training.recipe import Recipe, parse_recipe
from yukawa.jets.training.trainer import JetTrainer, Supervised, arguments
from yukawa.runs import METRICS, RECIPE, Run

CHECKPOINTS, MODEL, CARD, CURVES = "checkpoints", "model", "card.md", "learning-curves.png"
# A resumed run may differ in these: where the jets lie (their hashes decide) and what changes no number.
_FREE = {"data.path", "data.validation", "data.prefetch", "training.checkpoints_kept"}


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes:
        folder: the run.
        steps: steps made, those before a resume too.
        planned: steps of the whole training.
        best_step: the step whose weights are in `model/`; None if none was validated.
        loss: their cross entropy on the validation jets.
        accuracy: their accuracy on the validation jets.
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
        figures = f"accuracy {self.accuracy:.4f}, loss {self.loss:.4f} at step {self.best_step}"
        early = f"; stopped early, at step {self.steps} of {self.planned}" if self.stopped_early else ""
        return f"the model is in {self.folder / MODEL}: {figures}{early}"


def train(recipe: Recipe, out: Path, resume: bool = False, progress: Progress | None = None) -> TrainResult:
    """Train as the recipe says; the run is the folder `out`.

    Ctrl-C lets the step end, writes a checkpoint and returns. A resumed run gives the weights of an unbroken one
    (on a GPU up to the rounding of its sums, whose order varies). Started by torchrun, all processes share each
    batch.

    Args:
        recipe: from `load_recipe`.
        out: a new folder; with `resume`, a run of this recipe.
        resume: go on from the last checkpoint.
        progress: called after each step with the steps made, the steps in all, and the latest figures; in the
            first process only.

    Raises:
        InputError: the recipe or the data are wrong, `out` holds a run already, or (with `resume`) the recipe,
            the data or the network are not the run's.
        NotFound: `out` holds no run to resume.
        ModelError: the loss is no number; the batch and the checkpoints are kept.
        StoreError: the disk refuses; the last checkpoint stands.
    """
    began, out = time.perf_counter(), Path(out)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    _check_batch(recipe.training.batch, world)
    if recipe.training.threads is not None:
        torch.set_num_threads(recipe.training.threads)
    encoder, network = build_model(recipe)
    recipe = resolve(recipe, network)
    run = _check(recipe, out, resume) if rank == 0 else None
    train_source, validation_source = open_jets(recipe)
    jets = load(train_source, encoder, recipe.data, recipe.training.jets_per_epoch)
    validation = load(validation_source, encoder, recipe.data)
    plan = plan_of(recipe.training, steps_of_an_epoch(jets, recipe.training.batch, world))
    settings = arguments(recipe.training, out / CHECKPOINTS, plan.steps, world)
    if rank == 0 and run is None:
        run = Run.create(out, recipe.plain(), inputs(recipe.data))
    checkpoint = next(reversed(checkpoints(out / CHECKPOINTS)), None) if resume else None
    first = step_of(checkpoint) if checkpoint else 0
    options = {"first": first, "rank": rank, "world": world, "prefetch": recipe.data.prefetch}
    feed = Feed(jets, plan.batch, plan.steps, recipe.training.seed, **options)
    with Interruption() as interruption:
        standing = _standing(run, checkpoint, network)
        told = progress if rank == 0 else None
        conductor = Conductor(plan, standing, out / CHECKPOINTS, run, told, interruption)
        validate = _Validation(validation, recipe.training.batch, rank, world)
        trainer = JetTrainer(network, recipe.training, settings, feed, validate, conductor)
        steps = trainer.go_on(checkpoint)
    if run is not None and not conductor.interrupted:
        _finish(run, encoder, network, conductor, recipe, (jets, validation))
    trainer.accelerator.wait_for_everyone()  # the first process has written its files
    return _result(out, conductor, steps, time.perf_counter() - began, interruption.asked)


def recipe_of(out: Path) -> Recipe:
    """The recipe of a run, as resolved.

    Raises:
        NotFound: `out` holds no run.
        InputError: its recipe is not one of a training.
    """
    return parse_recipe(Run.open(out).recipe, str(Path(out) / RECIPE))


class _Validation:
    """Gives the validation batches of one process."""

    def __init__(self, loader: Loader, batch: int, rank: int, world: int) -> None:
        self.loader, self.batch, self.rank, self.world = loader, batch, rank, world

    def __call__(self) -> Iterator[Batch]:
        return map(
            labelled,
            self.loader.batches(self.batch, seed=0, epoch=0, shuffle=False, rank=self.rank, world=self.world),
        )


def _check(recipe: Recipe, out: Path, resume: bool) -> Run | None:
    """The run to resume, if its recipe and data are the same; None if there is none and none is asked for."""
    if not resume:
        if (out / RECIPE).exists():
            raise InputError(f"{out} already holds a run", hint="add --resume or choose another folder")
        return None
    run = Run.open(out)
    for name, (old, new) in _differences(run.recipe, recipe.plain()).items():
        if name not in _FREE:
            raise InputError(
                f"{out} was begun with {name} {old!r}, not {new!r}",
                hint="resume with its own recipe, or begin a new run in another folder",
            )
    run.check_inputs(inputs(recipe.data))
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
            f"a batch of {batch} jets cannot be shared by {world} processes",
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


def _finish(
    run: Run,
    encoder: Encoder,
    network: Tagger,
    conductor: Conductor,
    recipe: Recipe,
    loaders: tuple[Loader, Loader],
) -> None:
    """Write the best model, its card and its learning curves."""
    standing = conductor.standing
    network.load_state_dict(read_best(run.folder / CHECKPOINTS, standing.best_step or 0))
    save(run.folder / MODEL, encoder, network)
    page = card(
        recipe,
        conductor.plan,
        standing,
        parameters=sum(weight.numel() for weight in network.parameters()),
        classes=encoder.classes,
        jets=(len(loaders[0]), len(loaders[1])),
        truncated=loaders[0].truncated,
        jets_per_second=_speed(run),
    )
    atomic_write(run.folder / CARD, page)
    _draw(run)


def _speed(run: Run) -> float | None:
    """The median over the run's lines of figures, in jets per second."""
    rates = [row["jets_per_second"] for row in run.metrics() if row.get("jets_per_second")]
    return median(rates) if rates else None


def _draw(run: Run) -> None:
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
