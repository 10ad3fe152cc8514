"""Runs a scaling study: every cell is trained and evaluated once, one after another or side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, ModelError
from yukawa.jets.io.manifest import MANIFEST
from yukawa.jets.io.source import open_source
from yukawa.jets.scaling import table
from yukawa.jets.scaling.cells import Ended, Task, classes_of, figures_of, is_finished, run_cell
from yukawa.jets.scaling.recipe import Cell, Study
from yukawa.jets.training.recipe import DataRecipe
from yukawa.jets.training.setup import build_model, inputs, open_jets
from yukawa.runs.run import RECIPE, Run

RUNS = "runs"
# A study that goes on may differ in these: where the jets lie (their hashes decide) and what changes no number.
_FREE = ("data.path", "data.validation", "data.test", "data.prefetch", "training.checkpoints_kept")

Progress = Callable[[int, int], None]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class StudyResult:
    """How a study stands.

    Attributes:
        folder: of the study.
        cells: how many trainings it has.
        rows: of the table, one a finished training.
        failed: why a training failed, by its name.
        interrupted: somebody asked to stop; the same call continues.
    """

    folder: Path
    cells: int
    rows: Sequence[Mapping[str, Any]]
    failed: Mapping[str, str]
    interrupted: bool

    @property
    def summary(self) -> list[dict[str, Any]]:
        """Means and spreads over seeds."""
        return table.summarise(self.rows)

    @property
    def message(self) -> str:
        """One line for people."""
        done = f"{len(self.rows)} of {self.cells} trainings are finished"
        if self.interrupted:
            return f"{done} and kept: to go on, type the same command"
        return f"{done}; the table is {self.folder / table.PAGE}"


def run_study(
    study: Study,
    out: Path,
    executor: Executor | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> StudyResult:
    """Do what is not yet done of a study in the folder `out`.

    Each cell is a run in `runs/`, evaluated on the test jets. The tables are written anew after each cell, the
    plots at the end. A training whose loss is no number leaves the others going.

    Args:
        study: from `load_study`.
        out: a new folder, or one of the same study.
        executor: runs cells elsewhere, such as `RayExecutor`, and is shut down at the end; None runs one after
            another here, where Ctrl-C lets the step end and writes a checkpoint. Cells must not share a process at
            the same time: they draw from its random numbers.
        progress: called with the training steps made and those of the whole study.
        tell: called with a line for each cell that ends.

    Raises:
        InputError: the study or its data are wrong, a size is larger than there are training jets, or `out` holds
            a study of other data or another recipe.
        StoreError: the disk refuses, or the files of a finished cell are damaged.
    """
    out, test = Path(out), Path(study.data.test or study.data.path)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("a study cannot be started by torchrun", hint="start it alone, or with --ray")
    cells = list(study.cells())
    _check(study, cells, test)
    _open(study, out)
    standing = _Standing(cells, out, progress, tell)
    todo = [Task(cell, out / RUNS / cell.name, test) for cell in cells if cell.name not in standing.rows]
    ends = _here(todo, standing) if executor is None else _elsewhere(todo, executor)
    with closing(ends):
        for ended in ends:
            standing.note(ended)
            if ended.interrupted:
                break
    rows = standing.table()
    if rows and not standing.interrupted:
        table.draw(rows, classes_of(out / RUNS / next(iter(standing.rows))), out / table.PLOTS)
    return StudyResult(out, len(cells), rows, standing.failed, standing.interrupted)


class _Standing:
    """How far a study is, in memory and in its tables."""

    def __init__(
        self, cells: Sequence[Cell], out: Path, progress: Progress | None, tell: Tell | None
    ) -> None:
        self.cells, self.out, self.progress, self.tell = cells, out, progress, tell
        self.failed: dict[str, str] = {}
        self.interrupted = False
        self.steps = sum(cell.steps for cell in cells)
        self.rows = {
            cell.name: figures_of(cell, out / RUNS / cell.name)
            for cell in cells
            if is_finished(out / RUNS / cell.name)
        }
        self.done = sum(cell.steps for cell in cells if cell.name in self.rows)
        self._write()
        self.advance(0)

    def table(self) -> list[dict[str, Any]]:
        """The rows of the finished cells in the order of the study, whatever the order they ended in."""
        return [self.rows[cell.name] for cell in self.cells if cell.name in self.rows]

    def _write(self) -> None:
        if self.rows:
            table.write(self.table(), len(self.cells), self.out)

    def advance(self, steps: int) -> None:
        """Tell how far the study is, `steps` into the cell that runs."""
        if self.progress is not None:
            self.progress(min(self.done + steps, self.steps), self.steps)

    def note(self, ended: Ended) -> None:
        """Take up how a cell ended.

        Raises:
            YukawaError: the cell's error, if others would meet it too.
        """
        cell = ended.cell
        if ended.interrupted:
            self.interrupted = True
            return
        if ended.error is not None and not isinstance(ended.error, ModelError):
            raise ended.error
        if ended.error is not None:
            self.failed[cell.name] = str(ended.error)
            line = f"failed: {ended.error}"
        else:
            row = self.rows[cell.name] = figures_of(cell, self.out / RUNS / cell.name)
            self._write()
            line = f"accuracy {row['accuracy']:.4f}"
        self.done += cell.steps
        self.advance(0)
        if self.tell is not None:
            self.tell(f"{len(self.rows) + len(self.failed)} of {len(self.cells)}: {cell.name}: {line}")


def _here(tasks: Sequence[Task], standing: _Standing) -> Generator[Ended, None, None]:
    """Run cells in this process, one after another."""
    for task in tasks:
        yield run_cell(task, standing.advance)


def _elsewhere(tasks: Sequence[Task], executor: Executor) -> Generator[Ended, None, None]:
    """Run cells by an executor, and give them as they end; what still runs is stopped when nobody wants it."""
    ended = False
    try:
        for future in as_completed([executor.submit(run_cell, task) for task in tasks]):
            yield future.result()
        ended = True
    finally:
        executor.shutdown(wait=True, cancel_futures=not ended)


def _check(study: Study, cells: Sequence[Cell], test: Path) -> None:
    """See before the first training that none will fail for want of jets or for a wrong model."""
    by_size = {cell.jets: cell.recipe for cell in cells}
    whole = by_size[max(by_size)]
    everything = whole.model_copy(update={"data": whole.data.model_copy(update={"train_jets": None})})
    train, _ = open_jets(everything)
    if max(by_size) > len(train):
        raise InputError(
            f"the study trains on up to {max(by_size):,} jets, {study.data.path} has {len(train):,} to train on",
            hint="leave the larger sizes out, or simulate more jets",
        )
    if study.data.test is None and not (test / MANIFEST).exists():
        raise InputError(f"{test} has no split of test jets", hint="name them: data.test=PATH")
    open_source(test, "test" if (test / MANIFEST).exists() else None)
    for model in study.models:
        build_model(next(cell.recipe for cell in cells if cell.model == model))


def _open(study: Study, out: Path) -> None:
    """Begin the folder of a study, or see that it is of this study and these jets."""
    files = {
        path.resolve(): path
        for recipe in study.models.values()
        for path in inputs(recipe.data, recipe.model.start)
    }
    if study.data.test is not None:
        files |= {path.resolve(): path for path in inputs(DataRecipe(path=study.data.test))}
    if not (out / RECIPE).exists():
        Run.create(out, study.plain(), list(files.values()))
        return
    run = Run.open(out)
    old, new = dict(_flat(run.recipe)), dict(_flat(study.plain()))
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) != new.get(name) and not name.endswith(_FREE):
            raise InputError(
                f"{out} was begun with {name} {old.get(name)!r}, not {new.get(name)!r}",
                hint="go on with its own recipe, or begin a new study in another folder",
            )
    run.check_inputs(files.values())


def _flat(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """The values by their dotted names."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value
