from __future__ import annotations

import csv
import math
import os
import pickle
import random
import shutil
import signal
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pyarrow.parquet
import pytest

from yukawa.core.errors import InputError, MissingPackage, ModelError, StoreError, YukawaError
from yukawa.core.processes import Workers
from yukawa.jets.evaluation import evaluate as evaluate_module
from yukawa.jets.evaluation.evaluate import FOLDER
from yukawa.jets.evaluation.metrics import Confusion
from yukawa.jets.scaling import study
from yukawa.jets.scaling.study import REPORT, CellTask, classes_of, metrics_of, run_cell, run_study
from yukawa.jets.table import JET_ORIGIN
from yukawa.jets.training import train as train_module
from yukawa.runs.sweep import Stopped, attempt

TABLES = ("table.csv", "table.parquet", "summary.csv", "summary.parquet", "study.md")
ONE = ("sizes=[60]", "models.wide=null")  # four cells: two seeds, two lengths
SMALL = ("sizes=[20]", "models.wide=net.yaml", "seeds=[1]")  # four cells
TWO = ("sizes=[20]", "seeds=[1, 2]", "lengths.steps=null", "models.wide=null")


def tables(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in TABLES]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("whole") / "study"


@pytest.fixture
def whole(place, load):
    """The study of one model, one size, two seeds and two lengths, run once."""
    if not place.exists():
        run_study(load(*ONE), place)
    return place


@pytest.fixture
def same(load):
    return load(*ONE)


def refuse(*given, **named):
    raise AssertionError("nothing is to be done")


def test_a_study_leaves_one_table_and_its_curves(whole, same):
    result = run_study(same, whole)
    names = {cell.name for cell in same.cells()}
    assert {path.name for path in (whole / "runs").iterdir()} == names
    assert len(result.rows) == result.cells == len(names)
    assert [row["seeds"] for row in result.summary] == [2] * (len(names) // 2)
    drawn = {path.name for path in (whole / "plots").iterdir()}
    assert drawn == {
        f"{mode}-{kind}.png" for mode in ("epochs", "steps") for kind in ("overall", "efficiency", "flip")
    }
    assert f"{len(names)} of {len(names)} trainings are finished" in result.message
    assert f"{len(names)} of {len(names)}" in (whole / "study.md").read_text()


def test_what_is_finished_is_not_done_again(whole, same, monkeypatch):
    before = tables(whole)
    monkeypatch.setattr(train_module, "train", refuse)
    monkeypatch.setattr(evaluate_module, "evaluate", refuse)
    seen = []
    run_study(same, whole, progress=lambda done, total: seen.append((done, total)))
    assert tables(whole) == before
    total = sum(cell.steps for cell in same.cells())
    assert set(seen) == {(total, total)}


class Backwards(Executor):
    """Does the last that was asked for first."""

    def __init__(self):
        self.asked = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.asked.insert(0, (future, fn, args))
        if len(self.asked) == self.expected:
            for future_, fn_, args_ in self.asked:
                future_.set_result(fn_(*args_))
        return future


def test_neither_the_order_of_cells_nor_who_runs_them_changes_the_table(whole, same, tmp_path):
    backwards = Backwards()
    backwards.expected = len(list(same.cells()))
    run_study(same, tmp_path / "backwards", backwards)
    assert tables(tmp_path / "backwards") == tables(whole)
    # The same draw and weights from a thread, from which no Ctrl-C could be noted.
    few = same.model_copy(update={"seeds": [2], "lengths": same.lengths.model_copy(update={"epochs": None})})
    result = run_study(few, tmp_path / "threads", ThreadPoolExecutor(1))
    assert all(row in run_study(same, whole).rows for row in result.rows)


def test_a_study_interrupted_anywhere_gives_the_same_table(whole, same, tmp_path, monkeypatch):
    # In the first step of the first, second and third training (of 6, 6, 3 and 3 steps), and while measuring.
    stops = iter((1, 7, 13))
    wanted = [next(stops)]

    def stop(done, _):
        if done == wanted[0]:
            wanted[0] = next(stops, -1)
            os.kill(os.getpid(), signal.SIGINT)

    evaluate = evaluate_module.evaluate

    def once(*given, **named):
        monkeypatch.setattr(evaluate_module, "evaluate", evaluate)
        raise KeyboardInterrupt

    for finished in range(3):
        result = run_study(same, tmp_path, progress=stop)
        assert result.interrupted
        assert (len(result.rows), result.cells) == (finished, 4)
        assert "type the same command" in result.message
        assert not finished or f"{finished} of 4" in (tmp_path / "study.md").read_text()
    monkeypatch.setattr(evaluate_module, "evaluate", once)
    with pytest.raises(KeyboardInterrupt):
        run_study(same, tmp_path)
    assert not run_study(same, tmp_path).interrupted
    assert tables(tmp_path) == tables(whole)


def test_ctrl_c_stops_what_an_executor_still_runs(load, tmp_path):
    class Interrupted(Executor):
        shut = None

        def submit(self, fn, /, *args, **kwargs):
            future = Future()
            future.set_exception(KeyboardInterrupt())
            return future

        def shutdown(self, wait=True, *, cancel_futures=False):
            self.shut = (wait, cancel_futures)

    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run_study(load(*SMALL), tmp_path, executor)
    assert executor.shut == (True, True)


def test_a_training_that_fails_leaves_the_others_going(load, tmp_path, monkeypatch):
    def run_cell(task, progress=None):
        if task.cell.model == "net" and task.cell.mode == "epochs":
            raise ModelError("the loss is no number")
        real(task, progress)

    real = study.run_cell
    monkeypatch.setattr(study, "run_cell", run_cell)
    told = []
    result = run_study(load(*SMALL), tmp_path, on_message=told.append)
    assert dict(result.failed) == {"net-epochs-20-1": "the loss is no number"}
    assert len(result.rows) == 3
    assert told[0] == "1 of 4: net-epochs-20-1: failed: the loss is no number"
    assert told[-1].startswith("4 of 4: wide-steps-20-1: accuracy 0.")
    monkeypatch.undo()


def test_an_error_that_others_would_meet_too_ends_the_study(load, tmp_path, monkeypatch):
    asked = []

    def run_cell(task, progress=None):
        asked.append(task)
        raise StoreError("the disk is full")

    monkeypatch.setattr(study, "run_cell", run_cell)
    with pytest.raises(StoreError, match="the disk is full"):
        run_study(load(*SMALL), tmp_path)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("sizes=[20,81]",), "up to 81 jets, SET has 80 to train on"),
        (("data.validation_jets=41",), "41 jets are wanted"),
        (("data.path=no-such",), "no-such"),
        (("data.path=SET/train", "data.validation=SET/validation"), "no split of test jets (name them: data.test=PATH)"),
        (("data.test=no-such",), "no-such"),
        (("models.net.model={architecture: particle-nut}",), "particle-nut"),
        (("models.wide.model.blocks=[[0, [4]]]",), "blocks"),
        (("models.wide.data.config=no-such",), "no-such"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_before_anything_starts(load, data, tmp_path, changes, said):
    with pytest.raises(InputError) as caught:
        run_study(load(*(change.replace("SET", str(data)) for change in changes)), tmp_path / "study")
    assert said.replace("SET", str(data)) in str(caught.value)
    assert not (tmp_path / "study").exists()


def test_torchrun_is_refused(load, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="torchrun"):
        run_study(load(), tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sizes=[60,80]", "sizes [60], not [60, 80]"),
        ("lengths.steps=4", "lengths.steps 3, not 4"),
        ("models.net.training.batch=10", "models.net.training.batch 20, not 10"),
        ("models.more=net.yaml", "models.more"),
    ],
)
def test_another_recipe_is_refused(whole, load, change, said, monkeypatch):
    monkeypatch.setattr(train_module, "train", refuse)
    with pytest.raises(InputError) as caught:
        run_study(load(*ONE, change), whole)
    assert said in str(caught.value)


def test_jets_may_move_but_not_change(whole, same, data, load, tmp_path, monkeypatch):
    monkeypatch.setattr(train_module, "train", refuse)
    shutil.copytree(data, tmp_path / "moved")
    moved = load(*ONE, f"data.path={tmp_path / 'moved'}")
    assert len(run_study(moved, whole).rows) == 4
    manifest = tmp_path / "moved/manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(InputError, match="differs from"):
        run_study(moved, whole)


def test_jets_without_a_manifest_are_named_one_by_one(load, data, tmp_path):
    paths = [f"data.path={data}/train", f"data.validation={data}/validation", f"data.test={data}/test"]
    result = run_study(load(*SMALL, "lengths.epochs=null", *paths), tmp_path)
    assert [row["test_jets"] for row in result.rows] == [50, 50]
    with pytest.raises(InputError, match=r"test/3\.parquet is missing"):
        run_study(load(*SMALL, "lengths.epochs=null", *paths[:2], f"data.test={data}/validation"), tmp_path)


@pytest.fixture
def task(load, tmp_path, data):
    cell = next(cell for cell in load().cells() if cell.name == "net-steps-60-1")
    return CellTask(cell, tmp_path / cell.name, data)


def test_a_cell_is_trained_and_measured_once(task, monkeypatch):
    steps = []
    run_cell(task, steps.append)
    assert steps == [1, 2, 3]
    assert (task.folder / FOLDER / REPORT).exists()
    row = metrics_of(task.cell, task.folder)
    assert list(row)[:6] == ["model", "mode", "jets", "seed", "steps", "test_jets"]
    assert (row["model"], row["mode"], row["jets"], row["seed"]) == ("net", "steps", 60, 1)
    assert (row["steps"], row["test_jets"]) == (3, 50)
    assert {"accuracy", "mean_diagonal", "auc", "efficiency_b", "flip_b", "flip_b_error"} <= set(row)
    assert classes_of(task.folder) == ("b", "bbar", "g")
    # Done again without its report, it is measured again and not trained.
    (task.folder / "evaluation/report.json").unlink()
    monkeypatch.setattr("yukawa.jets.training.train.train", None)
    run_cell(task)
    assert metrics_of(task.cell, task.folder) == row


def test_an_interrupted_cell_goes_on_to_the_same_figures(task, tmp_path, data):
    def stop(step):
        if step == 1:  # noticed after the next one
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped):
        run_cell(task, stop)
    assert not (task.folder / FOLDER / REPORT).exists()
    steps = []
    run_cell(task, steps.append)
    assert steps == [3]
    run_cell(CellTask(task.cell, tmp_path / "unbroken", data))
    assert metrics_of(task.cell, task.folder) == metrics_of(task.cell, tmp_path / "unbroken")


def test_a_task_and_its_end_travel(task):
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301
    assert pickle.loads(pickle.dumps(run_cell)) is run_cell  # noqa: S301


@pytest.mark.parametrize(
    ("raised", "arrives"),
    [
        (MissingPackage("torch", "pip install it", purpose="training"), MissingPackage),
        (ModelError("no number", hint="look"), ModelError),
        (StoreError("disk full"), StoreError),
        (YukawaError("something"), YukawaError),
    ],
)
def test_an_error_travels_with_its_family_and_hint(task, monkeypatch, raised, arrives):
    def train(*given):
        raise raised

    monkeypatch.setattr("yukawa.jets.training.train.train", train)
    error = pickle.loads(pickle.dumps(attempt(run_cell, task))).error  # noqa: S301
    assert type(error) is arrives
    assert str(error) == str(raised)
    assert error.exit_code == raised.exit_code


@pytest.mark.parametrize("content", ["", "{}", '{"models": {}}', '{"models": {"x": 1}, "jets": 1}'])
def test_a_damaged_report_is_named(task, content):
    path = task.folder / "evaluation" / study.REPORT
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(StoreError, match=r"report\.json is damaged"):
        metrics_of(task.cell, task.folder)


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
def test_a_study_on_two_processes_has_the_numbers_of_one(load, tmp_path):
    alone = run_study(load(*TWO), tmp_path / "alone")
    together = run_study(load(*TWO), tmp_path / "together", Workers(2))
    assert len(alone.rows) == 2
    assert together.rows == alone.rows


CELL = {"mode": "epochs", "steps": 3, "test_jets": 50}


def row(model="net", jets=100, seed=1, accuracy=0.5, flip=None, **more):
    own = {"accuracy": accuracy, "accuracy_error": 0.01, "flip_b": flip, "flip_b_error": None}
    return {"model": model, **CELL, "jets": jets, "seed": seed, **own, **more}


def test_means_and_spreads_are_those_over_seeds():
    values = [0.5, 0.6, 0.9]
    (found,) = study.summarise([row(seed=k, accuracy=value) for k, value in enumerate(values)])
    assert found["seeds"] == 3
    assert found["accuracy"] == pytest.approx(mean(values))
    assert found["accuracy_spread"] == pytest.approx(stdev(values))
    assert "accuracy_error" not in found


def test_the_order_of_seeds_does_not_matter_to_the_last_bit():
    rows = [row(seed=k, accuracy=random.Random(k).random()) for k in range(9)]
    assert study.summarise(rows) == study.summarise(rows[::-1])


def test_one_seed_has_no_spread_and_an_unknown_figure_no_mean():
    (found,) = study.summarise([row()])
    assert (found["accuracy"], found["accuracy_spread"]) == (0.5, None)
    assert (found["flip_b"], found["flip_b_spread"]) == (None, None)
    (partly,) = study.summarise([row(), row(seed=2, flip=0.25)])
    assert (partly["flip_b"], partly["flip_b_spread"]) == (0.25, None)


def test_both_formats_hold_the_same_numbers_bit_for_bit(tmp_path):
    rows = [row(seed=k, accuracy=1 / (k + 3)) for k in range(3)]
    study.write(rows, 5, tmp_path)
    assert pyarrow.parquet.read_table(tmp_path / "table.parquet").to_pylist() == rows
    with open(tmp_path / "table.csv", newline="") as handle:
        read = list(csv.DictReader(handle))
    assert [float(one["accuracy"]) for one in read] == [one["accuracy"] for one in rows]
    assert {one["flip_b"] for one in read} == {""}
    (summary,) = pyarrow.parquet.read_table(tmp_path / "summary.parquet").to_pylist()
    assert summary == study.summarise(rows)[0]
    # A column without a number keeps its type, so that tables of several studies can be joined.
    assert pyarrow.parquet.read_schema(tmp_path / "table.parquet").field("flip_b").type == pyarrow.float64()


def test_the_page_has_means_with_spreads_by_mode_and_model():
    rows = [
        row(seed=1),
        row(seed=2, accuracy=0.52),
        row(model="other", flip=0.125),
        row(mode="steps", jets=10_000),
    ]
    page = study.page(study.summarise(rows), 4, 9)
    assert "4 of 9 trainings" in page
    assert "| net | 100 | 2 | 0.510 ± 0.014 |" in page
    assert "| other | 100 | 1 | 0.1250 |" in page
    assert (
        page.index("As many epochs")
        < page.index("As many steps")
        < page.index("| net | 10,000 | 1 | 0.5000 |")
    )
    assert "None" not in page
    assert "nan" not in page


def test_a_guessing_tagger_reaches_chance():
    classes = JET_ORIGIN
    flat = np.full((11, 11), 1 / 11)
    for name, estimate in Confusion(flat, np.full(len(classes), 100.0), classes).figures.items():
        assert study.chance(name, classes) == pytest.approx(estimate.value), name
    assert study.chance("auc", classes) == 0.5


def test_each_known_figure_of_each_mode_is_drawn(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        "yukawa.jets.evaluation.plots.s_curves",
        lambda rows, path, panels: drawn.update({path.name: [panel.metric for panel in panels]}),
    )
    study.draw([row(), row(mode="steps", flip=0.5)], ("b", "bbar"), tmp_path / "plots")
    assert drawn == {
        "epochs-overall.png": ["accuracy"], "steps-overall.png": ["accuracy"], "steps-flip.png": ["flip_b"],
    }  # fmt: skip


def test_curves_are_drawn_with_bars_and_chance(tmp_path, monkeypatch, real_curves):
    monkeypatch.setattr("yukawa.jets.evaluation.plots.s_curves", real_curves)
    study.draw([row(), row(seed=2, accuracy=0.6), row(jets=1000)], ("b", "bbar"), tmp_path)
    assert (tmp_path / "epochs-overall.png").stat().st_size > 5000
    assert "chance" in (tmp_path / "epochs-overall.svg").read_text()


def test_a_missing_pyarrow_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackage, match=r"pip install .*\[jets\]"):
        study.write([row()], 1, tmp_path)


def test_spreads_keep_their_digits():
    assert math.isclose(float(study._with_spread(0.5, 0.00123).split(" ± ")[1]), 0.0012)
