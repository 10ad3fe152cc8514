"""Runs a scaling study: every cell is trained and evaluated once, one after another or side by side."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from yukawa.core.errors import InputError, StoreError, require
from yukawa.core.files import atomic_write, read_object, real, report_write_errors
from yukawa.core.processes import Progress
from yukawa.core.reports import markdown_table
from yukawa.jets.evaluation import evaluate, plots
from yukawa.jets.evaluation.metrics import tags
from yukawa.jets.evaluation.results import KINDS, kind_of, words
from yukawa.jets.io.source import MANIFEST, open_source
from yukawa.jets.scaling.recipe import Cell, Study
from yukawa.jets.training import setup, train
from yukawa.jets.training.recipe import JetsSection
from yukawa.runs.distributed import number_of_processes
from yukawa.runs.run import CARD, Run, is_run
from yukawa.runs.sweep import Outcome, Steps, Stopped, run_all

RUNS, REPORT = "runs", "report.json"
# A study that is resumed may differ in these: where the jets lie (their hashes decide), and what changes no number.
_FREE = (
    "*data.path", "*data.validation", "data.test", "*data.prefetch", "*training.checkpoints_kept", "*.report_to",
)  # fmt: skip

Message = Callable[[str], None]


@dataclass(frozen=True)
class StudyResult:
    """How far a study is.

    Attributes:
        folder: of the study.
        cells: how many trainings it has.
        rows: of the table, one for each finished training.
        failed: why a training failed, by its name.
        interrupted: whether somebody asked to stop; the same call resumes.
    """

    folder: Path
    cells: int
    rows: Sequence[Mapping[str, Any]]
    failed: Mapping[str, str]
    interrupted: bool

    @property
    def summary(self) -> list[dict[str, Any]]:
        """Means and spreads over seeds."""
        return summarise(self.rows)

    @property
    def message(self) -> str:
        """One line for people."""
        done = f"{len(self.rows)} of {self.cells} trainings are finished"
        if self.interrupted:
            return f"{done} and kept: to resume, type the same command"
        return f"{done}; the table is {self.folder / PAGE}"


def run_study(
    study: Study,
    out: Path,
    executor: Executor | None = None,
    progress: Progress | None = None,
    on_message: Message | None = None,
) -> StudyResult:
    """Do the unfinished part of a study in the folder `out`.

    Each cell is a run in `runs/`, evaluated on the test jets. The tables are written anew after each cell, the
    plots at the end. A training whose loss is NaN or infinite leaves the others going.

    Args:
        study: from `load_study`.
        out: a new folder, or one of the same study.
        executor: runs cells elsewhere, and is shut down at the end, see `yukawa.runs.sweep`; None runs one after
            another here. Cells must not share a process at the same time: they draw from its random numbers.
        progress: called with the training steps made and those of the whole study.
        on_message: called with a line for each cell that ends.

    Raises:
        InputError: the study or its data are wrong, a size is larger than there are training jets, or `out` holds
            a study of other data or another recipe.
        StoreError: the disk refuses, or the files of a finished cell are damaged.
    """
    out, test = Path(out), Path(study.data.test or study.data.path)
    if number_of_processes() > 1:
        raise InputError("a study cannot be started by torchrun", hint="start it alone, or with --ray")
    cells = list(study.cells())
    check_study(study)
    _open(study, out)
    state = _StudyState(cells, out, progress, on_message)
    tasks = [CellTask(cell, out / RUNS / cell.name, test) for cell in cells if cell.name not in state.rows]
    with closing(run_all(run_cell, tasks, executor, state.advance)) as outcomes:
        for outcome in outcomes:
            state.note(outcome)
            if state.interrupted:
                break
    rows = state.table()
    if rows and not state.interrupted:
        draw(rows, classes_of(out / RUNS / next(iter(state.rows))), out / PLOTS)
    return StudyResult(out, len(cells), rows, state.failed, state.interrupted)


@dataclass(frozen=True)
class CellTask:
    """A cell, the folder of its run, and where the test jets are."""

    cell: Cell
    folder: Path
    test: Path


def run_cell(task: CellTask, progress: Steps | None = None) -> None:
    """Train the cell's model, or resume its training, and evaluate it on the test jets.

    Args:
        task: the cell; what is finished of it is not done again.
        progress: called with the number of steps made.

    Raises:
        Stopped: somebody asked to stop the training.
    """
    cell, folder = task.cell, task.folder
    # The card is the last of what a training must write.
    if not (folder / CARD).exists():
        report = None if progress is None else (lambda step, steps, metrics: progress(step))
        if train.train(cell.recipe, folder, is_run(folder), report).asked:
            raise Stopped
    evaluate.evaluate({cell.name: folder}, task.test, out=folder / evaluate.FOLDER, force=True)


def metrics_of(cell: Cell, folder: Path) -> dict[str, Any]:
    """The row of a finished cell in the table: its metrics with their statistical errors.

    Raises:
        StoreError: its files are damaged.
    """
    path = folder / evaluate.FOLDER / REPORT
    try:
        found = read_object(path)
        (measured,) = found["models"].values()
        metrics = {**measured["figures"], "auc": measured["auc_pairs"]}
        row = {
            "model": cell.model, "mode": cell.mode, "jets": cell.jets, "seed": cell.seed,
            "steps": Run.open(folder).metrics()[-1]["step"], "test_jets": found["jets"],
        }  # fmt: skip
        of_all_classes = [name for name in ("accuracy", "mean_diagonal", "auc") if name in metrics]
        for name in dict.fromkeys([*of_all_classes, *metrics]):
            row |= {name: metrics[name]["value"], f"{name}_error": metrics[name]["error"]}
    except (InputError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path} is damaged: {error!r}", hint="delete it; the same command makes it anew"
        ) from None
    return row


def classes_of(folder: Path) -> tuple[str, ...]:
    """The classes that the model of a finished cell distinguishes."""
    (measured,) = read_object(folder / evaluate.FOLDER / REPORT)["models"].values()
    return tuple(measured["classes"])


class _StudyState:
    """How far a study is, in memory and in its tables."""

    def __init__(
        self, cells: Sequence[Cell], out: Path, progress: Progress | None, on_message: Message | None
    ) -> None:
        self.cells, self.out, self.progress, self.on_message = cells, out, progress, on_message
        self.failed: dict[str, str] = {}
        self.interrupted = False
        self.steps = sum(cell.steps for cell in cells)
        self.rows = {
            cell.name: metrics_of(cell, folder)
            for cell in cells
            if ((folder := out / RUNS / cell.name) / evaluate.FOLDER / REPORT).exists()
        }
        self.done = sum(cell.steps for cell in cells if cell.name in self.rows)
        self._write()
        self.advance(0)

    def table(self) -> list[dict[str, Any]]:
        """The rows of the finished cells in the order of the study, whatever the order they ended in."""
        return [self.rows[cell.name] for cell in self.cells if cell.name in self.rows]

    def _write(self) -> None:
        if self.rows:
            write(self.table(), len(self.cells), self.out)

    def advance(self, steps: int) -> None:
        """Say how far the study is, `steps` into the cell that runs."""
        if self.progress is not None:
            self.progress(min(self.done + steps, self.steps), self.steps)

    def note(self, outcome: Outcome[CellTask]) -> None:
        """Take up how a cell ended.

        Raises:
            YukawaError: the cell's error, if others would meet it too.
        """
        cell = outcome.cell.cell
        if outcome.interrupted:
            self.interrupted = True
            return
        if outcome.failed:
            self.failed[cell.name] = str(outcome.error)
            line = f"failed: {outcome.error}"
        else:
            row = self.rows[cell.name] = metrics_of(cell, outcome.cell.folder)
            self._write()
            line = f"accuracy {row['accuracy']:.4f}"
        self.done += cell.steps
        self.advance(0)
        if self.on_message is not None:
            ended = len(self.rows) + len(self.failed)
            self.on_message(f"{ended} of {len(self.cells)}: {cell.name}: {line}")


def check_study(study: Study) -> None:
    """See before the first training that none will fail for want of jets or for a wrong model.

    Raises:
        InputError: one would.
    """
    cells, test = list(study.cells()), Path(study.data.test or study.data.path)
    by_size = {cell.jets: cell.recipe for cell in cells}
    largest = by_size[max(by_size)]
    train_jets, _ = setup.open_jets(
        largest.data.model_copy(update={"train_jets": None}), largest.training.seed
    )
    if max(by_size) > len(train_jets):
        raise InputError(
            f"the study trains on up to {max(by_size):,} jets, {study.data.path} has {len(train_jets):,} to train on",
            hint="omit the larger sizes, or simulate more jets",
        )
    if study.data.test is None and not (test / MANIFEST).exists():
        raise InputError(f"{test} has no split of test jets", hint="name them: data.test=PATH")
    open_source(test, "test" if (test / MANIFEST).exists() else None)
    for model in study.models:
        setup.build(next(cell.recipe for cell in cells if cell.model == model))


def _open(study: Study, out: Path) -> None:
    """Begin the folder of a study, or see that it is of this study and these jets."""
    models = study.models.values()
    paths = [path for model in models for path in setup.inputs(model.data, model.model.start)]
    if study.data.test is not None:
        paths += setup.inputs(JetsSection(path=study.data.test))
    files = {real(path): path for path in paths}.values()
    run = Run.find(out, study.plain(), resume=is_run(out), free=_FREE)
    if run is None:
        Run.create(out, study.plain(), files)
    else:
        run.check_inputs(files)


Row = Mapping[str, Any]
TABLE, SUMMARY, PAGE, PLOTS = "table", "summary", "study.md", "plots"
_CELL = ("model", "mode", "jets", "seed", "steps", "test_jets")
_HEADINGS = {
    "epochs": "As many epochs for every number of jets",
    "steps": "As many steps for every number of jets",
}


def metrics(rows: Sequence[Row]) -> list[str]:
    """The names of the metrics that the rows have, in their order."""
    names = dict.fromkeys(name for row in rows for name in row if name not in _CELL)
    return [name for name in names if not name.endswith("_error")]


def summarise(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Means over seeds and standard deviations among them (None of a single seed), by model, mode and jets."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["model"], row["mode"], row["jets"]), []).append(row)
    names = metrics(rows)
    summary = []
    for (model, mode, jets), group in groups.items():
        found: dict[str, Any] = {"model": model, "mode": mode, "jets": jets, "seeds": len(group)}
        for name in names:
            values = sorted(row[name] for row in group if row.get(name) is not None)
            found[name] = fmean(values) if values else None
            found[f"{name}_spread"] = stdev(values) if len(values) > 1 else None
        summary.append(found)
    return summary


def write(rows: Sequence[Row], cells: int, folder: Path) -> None:
    """Write `table` and `summary` as Parquet and CSV, and the page `study.md`.

    Raises:
        MissingPackage: pyarrow is not installed.
        StoreError: the disk refuses.
    """
    summary = summarise(rows)
    for name, lines in ((TABLE, rows), (SUMMARY, summary)):
        atomic_write(folder / f"{name}.csv", _csv(lines))
        atomic_write(folder / f"{name}.parquet", _parquet(lines))
    atomic_write(folder / PAGE, page(summary, len(rows), cells))


def draw(rows: Sequence[Row], classes: Sequence[str], folder: Path) -> None:
    """Draw the metrics against the number of training jets, by mode, with chance as a line.

    A mode gets `overall`, `efficiency` and `flip`, with a panel for each metric that some training has.

    Raises:
        MissingPackage: matplotlib is not installed.
        StoreError: the disk refuses.
    """
    with report_write_errors(folder):
        folder.mkdir(exist_ok=True)
    for mode in dict.fromkeys(row["mode"] for row in rows):
        own = [row for row in rows if row["mode"] == mode]
        known = [name for name in metrics(own) if any(row.get(name) is not None for row in own)]
        for kind in ("", *KINDS):
            panels = [
                plots.Panel(name, words(name), chance(name, classes))
                for name in known
                if kind_of(name) == kind
            ]
            if panels:
                plots.s_curves(own, folder / f"{mode}-{kind or 'overall'}.png", panels)


def chance(metric: str, classes: Sequence[str]) -> float:
    """The value that a tagger reaches by guessing among the classes."""
    kind, _, flavour = metric.partition("_")
    if kind in ("auc", "flip"):
        return 0.5
    return (len(tags(classes)[flavour]) if kind == "efficiency" else 1) / len(classes)


def page(summary: Sequence[Row], finished: int, cells: int) -> str:
    """The page for people."""
    parts = [
        "# Scaling study",
        f"{finished} of {cells} trainings are finished. Means over seeds, ± the standard deviation among seeds; each "
        f"training with its statistical errors is in `{TABLE}.csv` and `{TABLE}.parquet`.",
    ]
    for mode in dict.fromkeys(row["mode"] for row in summary):
        own = [row for row in summary if row["mode"] == mode]
        parts.append(f"## {_HEADINGS[mode]}")
        names = [name for name in own[0] if f"{name}_spread" in own[0]]
        for kind in ("", *KINDS):
            chosen = [name for name in names if kind_of(name) == kind]
            if chosen:
                parts += ([f"### {KINDS[kind]}".capitalize()] if kind else []) + [_section(own, chosen, kind)]
    return "\n\n".join(parts) + "\n"


def _section(rows: Sequence[Row], names: Sequence[str], kind: str) -> str:
    head = ["model", "training jets", "seeds"]
    head += [name.removeprefix(f"{kind}_") if kind else words(name) for name in names]
    models = list(dict.fromkeys(row["model"] for row in rows))
    ordered = sorted(rows, key=lambda row: models.index(row["model"]))
    cells = [[_with_spread(row[name], row[f"{name}_spread"]) for name in names] for row in ordered]
    known = [[row["model"], f"{row['jets']:,}", str(row["seeds"])] for row in ordered]
    return markdown_table(head, [[*of_row, *shown] for of_row, shown in zip(known, cells, strict=True)])


def _with_spread(mean: float | None, spread: float | None) -> str:
    if mean is None:
        return "–"
    if not spread:
        return f"{mean:.4f}"
    digits = min(max(1 - math.floor(math.log10(spread)), 2), 6)
    return f"{mean:.{digits}f} ± {spread:.{digits}f}"


def _csv(rows: Sequence[Row]) -> str:
    """Numbers are written so that they are read back the same; None is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _parquet(rows: Sequence[Row]) -> bytes:
    pyarrow = require("pyarrow", "writing Parquet", "jets")
    parquet = require("pyarrow.parquet", "writing Parquet", "jets")
    text, whole = ("model", "mode"), ("jets", "seed", "seeds", "steps", "test_jets")
    kinds = {**dict.fromkeys(text, pyarrow.string()), **dict.fromkeys(whole, pyarrow.int64())}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in _columns(rows)])
    packed = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema), packed)
    return packed.getvalue()


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))
