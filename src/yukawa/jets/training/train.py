"""A recipe becomes a run: a folder with the model, its figures, and all that is needed to go on or do it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from yukawa.core.files import atomic_write
from yukawa.jets.training.batches import Batch, Feed, labelled, steps_of_an_epoch
from yukawa.jets.training.callback import Conductor, Plan
from yukawa.jets.training.card import card
from yukawa.jets.training.dry_run import plan_of
from yukawa.jets.training.recipe import Recipe, parse_recipe
from yukawa.jets.training.setup import build_model, inputs, load, open_jets, resolve, save
from yukawa.jets.training.task import CARD, CHECKPOINTS, CURVES, Task, TrainResult, carry_out, draw, speed
from yukawa.runs.callback import Progress
from yukawa.runs.run import MODEL, RECIPE, Run

__all__ = ["CARD", "CHECKPOINTS", "CURVES", "TrainResult", "recipe_of", "train"]


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
    return carry_out(_Training, recipe, out, resume, progress)


def recipe_of(out: Path) -> Recipe:
    """The recipe of a run, as resolved.

    Raises:
        NotFound: `out` holds no run.
        InputError: its recipe is not one of a training.
    """
    return parse_recipe(Run.open(out).recipe, str(Path(out) / RECIPE))


class _Training(Task[Recipe]):
    """A tagger that learns from jets."""

    free: ClassVar[frozenset[str]] = frozenset({
        "data.path", "data.validation", "data.prefetch", "model.start", "training.checkpoints_kept",
    })  # fmt: skip

    def __init__(self, recipe: Recipe) -> None:
        self.encoder, self.network = build_model(recipe)
        self.recipe = resolve(recipe, self.network)

    def inputs(self) -> list[Path]:
        return inputs(self.recipe.data, self.recipe.model.start)

    def prepare(self, world: int) -> Plan:
        train_source, validation_source = open_jets(self.recipe)
        how = self.recipe.training
        self.jets = load(train_source, self.encoder, self.recipe.data, how.jets_per_epoch)
        self.validation_jets = load(validation_source, self.encoder, self.recipe.data)
        return plan_of(how, steps_of_an_epoch(self.jets, how.batch, world))

    def feed(self, plan: Plan, first: int, rank: int, world: int) -> Feed:
        prefetch = self.recipe.data.prefetch
        return Feed(
            self.jets, plan.batch, plan.steps, self.recipe.training.seed,
            first=first, rank=rank, world=world, prefetch=prefetch,
        )  # fmt: skip

    def validation(self, rank: int, world: int) -> Callable[[], Iterator[Batch]]:
        jets, batch = self.validation_jets, self.recipe.training.batch
        return lambda: map(
            labelled, jets.batches(batch, seed=0, epoch=0, shuffle=False, rank=rank, world=world)
        )

    def finish(self, run: Run, conductor: Conductor) -> None:
        """Write the best model, its card and its learning curves."""
        save(run.folder / MODEL, self.encoder, self.network)
        page = card(
            self.recipe,
            conductor.plan,
            conductor.standing,
            parameters=sum(weight.numel() for weight in self.network.parameters()),
            classes=self.encoder.classes,
            jets=(len(self.jets), len(self.validation_jets)),
            truncated=self.jets.truncated,
            jets_per_second=speed(run, conductor.plan.unit),
        )
        atomic_write(run.folder / CARD, page)
        draw(run)
