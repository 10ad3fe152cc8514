"""A dry run of a pre-training: what of each source is there, the size of the network, its steps, and all that is missing."""

from dataclasses import dataclass

import torch

from yukawa.core.errors import Problems
from yukawa.jets.pretraining.sources import text_files
from yukawa.jets.pretraining.train import PretrainingRecipe, PretrainingTask, SourceSection
from yukawa.jets.training import setup
from yukawa.jets.training.train import COPIES
from yukawa.runs.distributed import check_machine, this_machine
from yukawa.runs.recipe import check_given


@dataclass(frozen=True)
class PretrainingDryRun:
    """What a recipe would do; what cannot be known on this machine is None, and `problems` says why.

    Attributes:
        recipe: as resolved.
        parameters: of the network.
        sources: what there is of each source, in words.
        steps: length of the training.
        weights_memory: bytes of weights, gradients and the optimiser's state.
        problems: everything that keeps it from running here, a line each.
    """

    recipe: PretrainingRecipe
    parameters: int | None
    sources: dict[str, str | None]
    steps: int
    weights_memory: int | None
    problems: tuple[str, ...]


def describe_pretraining(recipe: PretrainingRecipe) -> PretrainingDryRun:
    """Say what the recipe would do; the sources are looked at, nothing is written.

    Machine, network and each source are described each by itself.
    """
    how, problems, machine = recipe.training, Problems(), this_machine(recipe.training)
    problems.attempt(lambda: check_machine(how, machine))
    sources = {
        name: problems.attempt(lambda name=name, source=source: _found(recipe, name, source))  # type: ignore[misc]
        for name, source in recipe.mixture.items()
    }
    task = problems.attempt(lambda: _resolved(recipe))
    parameters = None if task is None else sum(weight.numel() for weight in task.network.parameters())
    return PretrainingDryRun(
        task.recipe if task else recipe, parameters, sources, how.steps or 0,
        None if parameters is None else 4 * parameters * COPIES[how.optimiser], problems.lines,
    )  # fmt: skip


def _resolved(recipe: PretrainingRecipe) -> PretrainingTask:
    task = PretrainingTask(recipe)
    # The sizes alone are wanted: drawing the numbers of a large model takes seconds.
    with torch.device("cpu" if recipe.model.start else "meta"):
        task.resolve()
    return task


def _found(recipe: PretrainingRecipe, name: str, source: SourceSection) -> str:
    """What there is of a source."""
    check_given(source.path, f"mixture.{name}.path")
    if source.kind == "text":
        files = text_files(source.path)
        size = sum(path.stat().st_size for path in files)
        return f"{len(files):,} files, {size / 1e6:,.1f} MB"
    train, validation = setup.open_jets(recipe.jets_of(source), recipe.training.seed)
    return f"{len(train):,} jets to train on, {len(validation):,} to validate on"
