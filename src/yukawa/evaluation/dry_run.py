"""A dry run of an evaluation: the size of each model, the documents of each test set, and all that is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from yukawa.core.errors import Problems
from yukawa.core.settings import ModelSettings
from yukawa.evaluation.completions import read_completion_files
from yukawa.evaluation.recipe import EvaluationRecipe
from yukawa.evaluation.report import find_rows
from yukawa.evaluation.runner import ModelSpec, read_documents
from yukawa.llm.folders import check_places, fetch_model, find_places
from yukawa.llm.loading import empty_model
from yukawa.runs.run import Run


@dataclass(frozen=True)
class EvaluationDryRun:
    """What an evaluation would do; what cannot be known on this machine is None, and `problems` says why.

    Attributes:
        recipe: as read.
        parameters: of each model, without adapters.
        documents: of each test set.
        problems: everything that keeps it from running here, a line each.
    """

    recipe: EvaluationRecipe
    parameters: dict[str, int | None]
    documents: dict[str, int | None]
    problems: tuple[str, ...]


def describe(
    recipe: EvaluationRecipe, services: Mapping[str, ModelSettings] | None = None
) -> EvaluationDryRun:
    """Say what the evaluation would do; no weights are read and nothing is written.

    Models, services, test sets, completions and runs are looked at each by itself.

    Args:
        recipe: the models, the test sets and the options.
        services: the rows of `yukawa.toml`.
    """
    problems = Problems()
    parameters = {
        name: problems.attempt(partial(_parameters, ModelSpec.parse(f"{name}={place}")))
        for name, place in recipe.models.items()
    }
    for row in recipe.services:
        problems.attempt(partial(find_rows, [row], services or {}))
    documents = {
        name: problems.attempt(partial(_documents, recipe, Path(place)))
        for name, place in recipe.tests.items()
    }
    for file in recipe.completions:
        problems.attempt(partial(read_completion_files, [Path(file)]))
    for run in recipe.runs.values():
        problems.attempt(partial(Run.open, Path(run)))
    return EvaluationDryRun(recipe, parameters, documents, problems.lines)


def _parameters(model: ModelSpec) -> int:
    check_places(model.source, model.adapter)
    base, _ = find_places(model.source, model.adapter)
    return sum(weight.numel() for weight in empty_model(fetch_model(base, weights=False)).parameters())


def _documents(recipe: EvaluationRecipe, path: Path) -> int:
    return len(read_documents(path, split=recipe.split, limit=None if recipe.by_archive else recipe.limit))
