"""One cell of a study: train or go on, evaluate, and tell how it ended; a plain function that any machine can run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, ModelError, StoreError, YukawaError
from yukawa.jets.evaluation import evaluate
from yukawa.jets.scaling.recipe import Cell
from yukawa.jets.training import train
from yukawa.runs.run import RECIPE, Run

REPORT = "report.json"
Figures = dict[str, float | None]


@dataclass(frozen=True)
class Task:
    """What a machine needs to know to do a cell.

    Attributes:
        cell: the training.
        folder: of its run.
        test: where the test jets are.
    """

    cell: Cell
    folder: Path
    test: Path


@dataclass(frozen=True)
class Ended:
    """How a cell ended.

    Attributes:
        cell: which one.
        interrupted: somebody asked to stop; the same task continues.
        error: why it could not be done.
    """

    cell: Cell
    interrupted: bool = False
    error: YukawaError | None = None


def run_cell(task: Task, progress: Callable[[int], None] | None = None) -> Ended:
    """Train the cell's model, or go on with it, and evaluate it on the test jets.

    Args:
        task: what to do; what is done already is not done again.
        progress: called with the number of steps made.
    """
    cell, folder = task.cell, task.folder
    try:
        # The card is the last of what a training must write.
        if not (folder / train.CARD).exists():
            told = None if progress is None else (lambda step, steps, figures: progress(step))
            if train.train(cell.recipe, folder, (folder / RECIPE).exists(), told).asked:
                return Ended(cell, interrupted=True)
        evaluate.evaluate({cell.name: folder}, task.test, out=folder / evaluate.FOLDER)
    except YukawaError as error:
        return Ended(cell, error=_portable(error))
    return Ended(cell)


def is_finished(folder: Path) -> bool:
    """Whether the cell in `folder` is trained and evaluated."""
    return (folder / evaluate.FOLDER / REPORT).exists()


def figures_of(cell: Cell, folder: Path) -> dict[str, Any]:
    """What was measured in a finished cell: the row of the table, figures with their statistical errors.

    Raises:
        StoreError: its files are damaged.
    """
    path = folder / evaluate.FOLDER / REPORT
    try:
        found = json.loads(path.read_bytes())
        (measured,) = found["models"].values()
        figures = {**measured["figures"], "auc": measured["auc_pairs"]}
        row = {
            "model": cell.model, "mode": cell.mode, "jets": cell.jets, "seed": cell.seed,
            "steps": Run.open(folder).metrics()[-1]["step"], "test_jets": found["jets"],
        }  # fmt: skip
        for name in _ordered(figures):
            row |= {name: figures[name]["value"], f"{name}_error": figures[name]["error"]}
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path} is damaged: {error!r}", hint="delete it; the same command makes it anew"
        ) from None
    return row


def classes_of(folder: Path) -> tuple[str, ...]:
    """The classes that a finished cell tells apart."""
    (measured,) = json.loads((folder / evaluate.FOLDER / REPORT).read_bytes())["models"].values()
    return tuple(measured["classes"])


def _ordered(figures: dict[str, Any]) -> list[str]:
    """The AUC beside the other figures of all classes."""
    whole = [name for name in ("accuracy", "mean_diagonal", "auc") if name in figures]
    return whole + [name for name in figures if name not in whole]


def _portable(error: YukawaError) -> YukawaError:
    """The same error, of a family that pickle can carry from another machine."""
    for family in (InputError, StoreError, ModelError):
        if isinstance(error, family):
            return family(error.message, hint=error.hint)
    return YukawaError(error.message, hint=error.hint)
