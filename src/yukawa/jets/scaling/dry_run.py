"""A dry run of a scaling study: its trainings and their steps, the size of each model, and all that is missing."""

from dataclasses import dataclass

from yukawa.core.errors import Problems
from yukawa.jets.scaling.recipe import Study
from yukawa.jets.scaling.study import check_study
from yukawa.jets.training.train import JetDryRun, describe


@dataclass(frozen=True)
class StudyDryRun:
    """What a study would do; what cannot be known on this machine is None, and `problems` says why.

    Attributes:
        study: as read.
        trainings: their number.
        steps: of all of them.
        jets: to train on, of the largest training.
        parameters: of each model.
        weights_memory: bytes of weights, gradients and the optimiser's state of each model.
        problems: everything that keeps it from running here, a line each.
    """

    study: Study
    trainings: int
    steps: int
    jets: int
    parameters: dict[str, int | None]
    weights_memory: dict[str, int | None]
    problems: tuple[str, ...]


def describe_study(study: Study) -> StudyDryRun:
    """Say what the study would do; the jets are looked at, nothing is written. Each model is described by itself."""
    cells, problems = list(study.cells()), Problems()
    largest = {cell.model: cell.recipe for cell in cells}  # the cells of few jets come first
    found: dict[str, JetDryRun] = {name: describe(recipe) for name, recipe in largest.items()}
    if all(one.train_jets is not None for one in found.values()):
        problems.attempt(lambda: check_study(study))
    said = (line for one in found.values() for line in one.problems)
    return StudyDryRun(
        study, len(cells), sum(cell.steps for cell in cells), max(study.sizes),
        {name: one.parameters for name, one in found.items()},
        {name: one.weights_memory for name, one in found.items()},
        tuple(dict.fromkeys([*said, *problems.lines])),
    )  # fmt: skip
