from __future__ import annotations

import os
import shutil
import signal
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from yukawa.core.errors import InputError, ModelError, StoreError
from yukawa.core.processes import Workers
from yukawa.jets.evaluation import evaluate as evaluate_module
from yukawa.jets.scaling import study as module
from yukawa.jets.scaling.cells import Ended
from yukawa.jets.scaling.study import run_study
from yukawa.jets.training import train as train_module

TABLES = ("table.csv", "table.parquet", "summary.csv", "summary.parquet", "study.md")
ONE = ("sizes=[60]", "models.wide=null")  # four cells: two seeds, two lengths
SMALL = ("sizes=[20]", "models.wide=net.yaml", "seeds=[1]")  # four cells


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
            return Ended(task.cell, error=ModelError("the loss is no number"))
        return real(task, progress)

    real = module.run_cell
    monkeypatch.setattr(module, "run_cell", run_cell)
    told = []
    result = run_study(load(*SMALL), tmp_path, tell=told.append)
    assert dict(result.failed) == {"net-epochs-20-1": "the loss is no number"}
    assert len(result.rows) == 3
    assert told[0] == "1 of 4: net-epochs-20-1: failed: the loss is no number"
    assert told[-1].startswith("4 of 4: wide-steps-20-1: accuracy 0.")
    monkeypatch.undo()


def test_an_error_that_others_would_meet_too_ends_the_study(load, tmp_path, monkeypatch):
    asked = []

    def run_cell(task, progress=None):
        asked.append(task)
        return Ended(task.cell, error=StoreError("the disk is full"))

    monkeypatch.setattr(module, "run_cell", run_cell)
    with pytest.raises(StoreError, match="the disk is full"):
        run_study(load(*SMALL), tmp_path)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("sizes=[20,81]",), "up to 81 jets, SET has 80 to train on"),
        (("data.validation_jets=41",), "41 jets are asked for"),
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


@pytest.mark.usefixtures("_quick")
def test_a_study_on_two_processes_has_the_numbers_of_one(load, tmp_path):
    changes = ("sizes=[20]", "seeds=[1, 2]", "lengths.steps=null", "models.wide=null")
    alone = run_study(load(*changes), tmp_path / "alone")
    together = run_study(load(*changes), tmp_path / "together", Workers(2))
    assert len(alone.rows) == 2
    assert together.rows == alone.rows
